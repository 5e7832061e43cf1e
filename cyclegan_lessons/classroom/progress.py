"""The learner's progress as a table."""

from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES


def progress_table(entries: list[dict]) -> str:
    """One line for each exercise, by chapter; what was right first, then how it came."""
    summary = log.summary(entries)
    width = max(len(name) for name in EXERCISES) + 2
    lines = []
    for subject, (number, title, _) in CHAPTERS.items():
        exercises = [exercise for exercise in EXERCISES.values() if exercise.subject == subject]
        done = sum(summary.get(e.name, {}).get("right", False) for e in exercises)
        lines.append(f"{number:>2}  {title}: {done} of {len(exercises)}")
        lines += [f"    {line_of(e.name, summary.get(e.name), width)}" for e in exercises]
    right = sum(state["right"] for name, state in summary.items() if name in EXERCISES)
    lines.append(f"{right} of {len(EXERCISES)} exercises are right.")
    return "\n".join(lines)


def line_of(name: str, state: dict | None, width: int) -> str:
    if state is None or not state["tries"]:
        return f"○ {name}"
    parts = [f"{state['tries']} {'try' if state['tries'] == 1 else 'tries'}"]
    if state["hints"]:
        parts.append(f"{state['hints']} {'hint' if state['hints'] == 1 else 'hints'}")
    if state["solution"]:
        parts.append("solution seen")
    return f"{'✓' if state['right'] else '✗'} {name:{width}}{', '.join(parts)}"
