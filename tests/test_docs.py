"""What the pages for maintainers say about the tests is true."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAULTS = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
MUTATION = (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8")


def rows_of(page: str) -> list[list[str]]:
    """The cells of every row of the tables in a page, without the heads."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] not in ("fault", "module")]


def named_tests(cell: str) -> list[tuple[str, str]]:
    """The tests that a cell names, each with the file that stands before it."""
    found, file = [], None
    for name in re.findall(r"`(test_\w+(?:\.py)?)`", cell):
        if name.endswith(".py"):
            file = name
        else:
            found.append((file, name))
    return found


def test_the_tables_of_faults_name_tests_that_exist():
    rows = rows_of(FAULTS)
    assert len(rows) > 25
    for fault, _, tests in rows:
        named = named_tests(tests)
        assert named or tests == "`make soak`", f"no test for: {fault}"
        for file, name in named:
            source = (ROOT / "tests" / file).read_text(encoding="utf-8")
            assert f"def {name}(" in source, f"{file} has no {name}"


def test_the_mutations_add_up():
    rows = rows_of(MUTATION)
    changes, noticed = (sum(int(row[i]) for row in rows) for i in (1, 2))
    share = round(100 * noticed / changes)
    assert f"Together {noticed} of {changes}, {share} in 100" in MUTATION
    for row in rows:
        assert (ROOT / "cyclegan_lessons" / row[0].strip("`")).exists(), row[0]


def test_links_between_the_pages_lead_somewhere():
    for page in (
        ROOT / "CONTRIBUTING.md",
        ROOT / "README.md",
        ROOT / "README.zh.md",
        *(ROOT / "docs").glob("*.md"),
    ):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
