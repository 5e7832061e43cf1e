"""What the pages for maintainers say about the tests is true."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAULTS = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
MUTATION = (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8")
#: What a Chinese page keeps: code, the targets of links, numbered rows, list entries.
KINDS = (
    r"(?<!`)`([^`\n]+)`",
    r"\]\(([^()#]+)\)",
    r"^(\| \d+) ",
    r"^- (?:`(\w+)`|\*\*)",
)
#: Links of an English page that lead elsewhere in the Chinese one.
ENGLISH_ONLY = (
    "https://www.mindspore.cn/en",
    "README.zh.md",
    "docs/teachers.md",
    "teachers.zh.md",
)


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


@pytest.mark.parametrize(("name", "kinds"), [("README", KINDS), ("docs/teachers", KINDS[:3])])
def test_a_chinese_page_has_all_that_the_english_has(name, kinds):
    """Code, commands, links and sections; a comment behind a command is translated."""
    pages = [ROOT / f"{name}.md", ROOT / f"{name}.zh.md"]
    english, chinese = (page.read_text(encoding="utf-8") for page in pages)
    blocks = [re.findall(r"^```sh\n(.*?)^```", page, re.S | re.M) for page in (english, chinese)]
    commands = [
        [line.partition("   #")[0].strip() for line in "".join(b).split("\n")] for b in blocks
    ]
    assert len(commands[0]) > 10
    assert [c.partition(" #")[0] for c in commands[0]] == [
        c.partition(" #")[0] for c in commands[1]
    ]
    for pattern in kinds:
        wanted, found = (Counter(re.findall(pattern, p, re.M)) for p in (english, chinese))
        wanted -= Counter(ENGLISH_ONLY)
        assert wanted and not wanted - found, wanted - found
    heads = [re.findall("^##? ", page, re.M) for page in (english, chinese)]
    assert heads[0] == heads[1]
    assert f"]({pages[0].name})" in chinese and f"]({pages[1].name})" in english
