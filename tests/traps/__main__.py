"""Print every trap with what it does and the ordinary test that catches it; exit with 1 when a trap
survives."""

import sys
import textwrap

from traps.variants import TRAPS, load_tests, trapped

COLUMNS = (28, 11, 46, 0)  # characters


def print_row(*cells: str):
    """Print one row; the last cell is broken already."""
    wrapped = [textwrap.wrap(cell, width) for cell, width in zip(cells[:-1], COLUMNS)] + [
        cells[-1].split("\n")
    ]
    for i in range(max(map(len, wrapped))):
        line = [
            (lines[i] if i < len(lines) else "").ljust(width)
            for lines, width in zip(wrapped, COLUMNS)
        ]
        print("  ".join(line).rstrip())
    print(flush=True)


def main() -> int:
    load_tests()
    survived = 0
    print_row("TRAP", "SEEN IN", "WHAT IT DOES", "CAUGHT BY")
    for name, trap in TRAPS.items():
        right = trap.effect()
        with trapped(name):
            bad = trap.effect()
            caught = [check.name for check in trap.checks if check.failure()]
        survived += len(caught) < len(trap.checks)
        tests = "\n".join(caught).replace(".", ".py::\n") or "NOTHING"
        print_row(trap.title, trap.seen_in, trap.does.format(bad=bad, right=right), tests)
    print(f"{len(TRAPS)} traps, {survived} survived.")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
