"""The exercises in the notebooks are those of the registry; the finale takes the learner's code."""

import json
import shutil
from pathlib import Path

import exercises as tool
import nbformat
import numpy as np
import papermill
import pytest
from notebooks import BOOK, QUIET_KERNEL

from cyclegan_lessons import exercises
from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.finale import PIECES, finale, gather
from cyclegan_lessons.exercises.pieces import piece_file
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES

THERE = [s for s, (*_, name) in CHAPTERS.items() if (BOOK / f"{name}.ipynb").exists()]


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(tmp_path / "log" / "progress.jsonl"))


def written(subject: str, folder: Path) -> Path:
    path = folder / f"{CHAPTERS[subject][2]}.ipynb"
    shutil.copy(BOOK / path.name, path)
    tool.write(path, subject)
    return path


@pytest.mark.parametrize("subject", THERE)
def test_writing_adds_the_cells_once_and_changes_no_other(subject, tmp_path):
    path = written(subject, tmp_path)
    first = path.read_bytes()
    tool.write(path, subject)
    assert path.read_bytes() == first and tool.differences(path, subject) == []
    cells = json.loads(first)["cells"]
    before = json.loads((BOOK / path.name).read_text(encoding="utf-8"))["cells"]
    assert [c for c in cells if not tool.is_ours(c)] == [c for c in before if not tool.is_ours(c)]
    assert len({cell["id"] for cell in cells}) == len(cells)
    nbformat.validate(nbformat.reads(first.decode(), as_version=4))


def drop(cells):
    del cells[[cell["id"] for cell in cells].index("check-pool")]


def edit(cells):
    cell = cells[[cell["id"] for cell in cells].index("stub-pool")]
    cell["source"] = [line.replace("query", "ask") for line in cell["source"]]


def move(cells):
    cells.insert(3, cells.pop([cell["id"] for cell in cells].index("answer-pool")))


def no_place(cells):
    cells[[cell["id"] for cell in cells].index("exercise-size")]["id"] = "another"


@pytest.mark.parametrize("change", [drop, edit, move, no_place])
def test_drift_is_noticed(change, tmp_path, capsys):
    path = written("pool", tmp_path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook["cells"])
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(SystemExit, match="05_image_pool.ipynb: "):
        tool.main(["compare", "--book", str(tmp_path)])


def run_all(cells: list[dict], folder: Path) -> list[str]:
    """What the checks print in a kernel."""
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    nbformat.write(nbformat.from_dict(notebook), folder / "all.ipynb")
    done = papermill.execute_notebook(
        folder / "all.ipynb",
        folder / "done.ipynb",
        kernel_name="python3",
        progress_bar=False,
        config=QUIET_KERNEL,
    )
    checks = [cell for cell in done.cells if cell.id.startswith("check-") and cell.id != "check-in"]
    assert {output.name for cell in checks for output in cell.outputs} == {"stdout"}
    return ["".join(output.text for output in cell.outputs) for cell in checks]  # it may be cut


def test_an_unsolved_notebook_runs_and_a_solved_one_passes(tmp_path):
    cells = [tool.code("build-import", tool.IMPORTS)]
    for exercise in EXERCISES.values():
        cells += [cell for cell in tool.cells_of(exercise) if cell["cell_type"] == "code"]
    unsolved = run_all(cells, tmp_path)
    assert len(unsolved) == len(EXERCISES) and all(t.startswith("○") for t in unsolved)
    assert not log.log_file().exists()
    solved = run_all(tool.solved(cells), tmp_path)
    assert all(text.startswith("✓") and text.count("\n") == 1 for text in solved), solved
    assert all(piece_file(name).exists() for name in PIECES)


# --- the finale -----------------------------------------------------------------------------------


def test_the_finale_without_pieces_trains_nothing(capsys):
    exec("build_your_own()", {"build_your_own": exercises.build_your_own})
    assert capsys.readouterr().out.startswith("○ build_your_own: not tried yet.")


def test_the_finale_names_the_piece_that_is_wrong(capsys):
    pool = EXERCISES["pool"]
    scope = {"build_your_own": exercises.build_your_own}
    exec(f"{pool.wrong[0].code(pool.solution)}\nbuild_your_own()", scope)
    assert capsys.readouterr().out.startswith("✗ pool: your pool hands back what it was just")


def test_a_kept_piece_that_was_edited_is_named(tmp_path):
    piece_file("pool").parent.mkdir(parents=True)
    piece_file("pool").write_text("this is no Python", encoding="utf-8")
    _, own, wrong = gather({}, tmp_path)
    assert own == ["pool"] and list(wrong) == ["pool"]


def test_the_finale_trains_with_a_piece_of_the_learners(monkeypatch):
    """Out of time at once: one epoch at the constant rate, and two that decay."""
    monkeypatch.setattr("cyclegan_lessons.exercises.finale.SCENES", 30)
    cycle = EXERCISES["cycle"]
    piece_file("cycle").parent.mkdir(parents=True)
    piece_file("cycle").write_text(cycle.solution, encoding="utf-8")
    own, wrong, (rows, share) = finale({}, seconds=0)
    assert own == ["cycle"] and not wrong
    assert [images.shape for images in rows.values()] == [(8, 32, 32, 3)] * 2
    assert 0.2 < share < 3 and np.ptp(rows["G(x)"]) > 0
