"""The progress bar: who sees it, and how it moves."""

import re
import sys
from pathlib import Path

import pytest

from cyclegan_lessons.progress import progress

PACKAGE = Path(__file__).parents[1] / "cyclegan_lessons"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_sees_it_at_once_and_nothing_of_it_stays(terminal, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    items = iter(progress([1, 2], "counting"))
    assert next(items) == 1
    assert ("counting:   0%|" in capsys.readouterr().err) == terminal
    assert list(items) == [2]
    assert not capsys.readouterr().err.split("\r")[-1].strip()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("shown", [True, False])
def test_it_can_be_asked_for_or_refused(terminal, shown, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with progress(None, "training", 8, unit="step", first=5, shown=shown) as bar:
        bar.update(3)
    said = capsys.readouterr().err
    assert ("training:  62%" in said) == ("8/8" in said) == shown


def test_there_is_no_other_bar():
    makers = [path.stem for path in PACKAGE.rglob("*.py") if re.search(r"tqdm\(", path.read_text())]
    assert makers == ["progress"]
