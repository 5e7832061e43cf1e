"""Write the exercises into the book's notebooks, or compare: the registry is their one source.

``write`` puts the cells of every exercise into the notebook of its chapter and leaves all other
cells as they are; ``compare`` says which cells differ from the registry. The cells of an exercise
have the ids ``task-NAME``, ``stub-NAME``, ``check-NAME`` and ``answer-NAME``. An exercise that the
chapter states already (``after`` is the id of that cell) has a stub and a check alone.
"""

import argparse
import json
import sys
from pathlib import Path

from cyclegan_lessons.exercises.exercise import Exercise
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES, exercises_of

BOOK = Path(__file__).resolve().parent.parent / "book"
KINDS = ("task", "stub", "check", "answer")
LAST = "remember"  # the id of the cell that the exercises come before
TITLE = """## Build it yourself

Here you write the pieces of this chapter. Put your code in the place of the three dots, run the
cell, and run the check below it. `hint("{name}")` gives a hint, one more each time, and
`solution("{name}")` shows one way to do it. Nothing is sent anywhere."""
IMPORTS = """from cyclegan_lessons.classroom.notebook import check_in
from cyclegan_lessons.exercises import check, hint, solution"""
CHECK_IN = """## Check in

At the end of the day, put a nickname in the place of the three dots. You get a card, a post to fill
in, and a code of one line for your group's chat."""


def markdown(name: str, source: str) -> dict:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": lines_of(source)}


def code(name: str, source: str) -> dict:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": lines_of(source),
    }


def lines_of(source: str) -> list[str]:
    """A source as notebooks keep it: a list of lines, the last without its end."""
    return source.rstrip("\n").splitlines(keepends=True)


def cells_of(exercise: Exercise) -> list[dict]:
    """The cells of one exercise in their order."""
    name = exercise.name
    check = [
        code(f"stub-{name}", exercise.stub),
        code(f"check-{name}", f'check("{name}")'),
    ]
    if exercise.after:
        return check
    task = f"```{{exercise}} {exercise.title}\n:label: ex-own-{name}\n\n{exercise.task}\n```"
    answer = (
        f"<details>\n<summary>One way to do it: {exercise.title}</summary>\n\n"
        f"```python\n{exercise.solution.rstrip()}\n```\n\n</details>"
    )
    return [markdown(f"task-{name}", task), *check, markdown(f"answer-{name}", answer)]


def sections(subject: str) -> dict[str, list[dict]]:
    """For a chapter, the cells to insert: before `LAST`, and after the cells of other ids."""
    inserted = {exercise.after: cells_of(exercise) for exercise in exercises_of(subject)}
    inserted.pop("", None)
    own = [exercise for exercise in exercises_of(subject) if not exercise.after]
    inserted[LAST] = [
        markdown("build-title", TITLE.format(name=own[0].name)),
        *(cell for exercise in own for cell in cells_of(exercise)),
        markdown("check-in-title", CHECK_IN),
        code("check-in", f'check_in("{subject}", name=...)'),
    ]
    first = next(iter(inserted))  # the imports come with the first of these cells
    inserted[first].insert(int(first == LAST), code("build-import", IMPORTS))
    return inserted


def is_ours(cell: dict) -> bool:
    kind, _, name = cell["id"].partition("-")
    ours = ("build-title", "build-import", "check-in-title", "check-in")
    return cell["id"] in ours or (kind in KINDS and name in EXERCISES)


def with_exercises(cells: list[dict], subject: str) -> list[dict]:
    """The cells of a notebook with those of the registry in their places; outputs of cells that
    have not changed are kept. Raises `KeyError` for a place that the notebook does not have."""
    before = {cell["id"]: cell for cell in cells}
    others = [cell for cell in cells if not is_ours(cell)]
    places = sections(subject)
    missing = set(places) - {cell["id"] for cell in others}
    if missing:
        raise KeyError(f"there is no cell {', '.join(sorted(missing))}")
    result = []
    for cell in others:
        new = [same_or_new(before.get(new["id"]), new) for new in places.get(cell["id"], [])]
        result += [*new, cell] if cell["id"] == LAST else [cell, *new]
    return result


def same_or_new(before: dict | None, new: dict) -> dict:
    return before if before and before["source"] == new["source"] else new


def solved(cells: list[dict]) -> list[dict]:
    """The cells of a notebook with the solutions in the place of the stubs."""
    solutions = {f"stub-{name}": exercise.solution for name, exercise in EXERCISES.items()}
    return [
        code(cell["id"], solutions[cell["id"]]) if cell["id"] in solutions else cell
        for cell in cells
    ]


def differences(path: Path, subject: str) -> list[str]:
    """The ids of the cells of a notebook that are not as the registry has them."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    try:
        wanted = with_exercises(cells, subject)
    except KeyError as error:
        return [f"{path.name}: {error.args[0]}"]
    if [cell["id"] for cell in cells] != [cell["id"] for cell in wanted]:
        there, here = ({cell["id"] for cell in part} for part in (cells, wanted))
        names = sorted(there ^ here) or ["the order of the cells"]
        return [f"{path.name}: {name} is missing, left over or moved" for name in names]
    pairs = zip(cells, wanted)
    return [f"{path.name}: {a['id']} differs" for a, b in pairs if a["source"] != b["source"]]


def write(path: Path, subject: str):
    """Bring one notebook to what the registry says."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"] = with_exercises(notebook["cells"], subject)
    text = json.dumps(notebook, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("write", "compare"))
    parser.add_argument("--book", type=Path, default=BOOK)
    options = parser.parse_args(arguments)
    paths = {s: options.book / f"{notebook}.ipynb" for s, (*_, notebook) in CHAPTERS.items()}
    there = {subject: path for subject, path in paths.items() if path.exists()}
    for subject in set(paths) - set(there):
        print(f"{paths[subject].name} is not there yet, so its exercises are in no notebook")
    found = []
    for subject, path in there.items():
        if options.action == "write":
            write(path, subject)
        found += differences(path, subject)
    if found:
        sys.exit("\n".join([*found, "Run `python tools/exercises.py write`."]))


if __name__ == "__main__":
    main()
