"""The report of a run: everything on one page that needs nothing else, and one sentence where it
cannot be made."""

import base64
import io
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan_lessons import LessonConfig, LessonError
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.plotting import CURVES
from cyclegan_lessons.report import POINTS, SAMPLES, write_report
from cyclegan_lessons.runs import RunFolder
from cyclegan_lessons.training import LOSS_NAMES


def make_run(path, steps: int, samples: int = 3, sample_shape=(60, 40, 3)) -> RunFolder:
    """A run folder as training leaves it, with losses that fall from 1 towards 0."""
    run = RunFolder(path, LessonConfig(seed=7))
    for step in range(1, steps + 1):
        run.record({"step": step, "epoch": 0, "rate": 2e-4, **dict.fromkeys(LOSS_NAMES, 1 / step)})
    for i in range(samples):
        run.save_sample(np.full(sample_shape, 10 + i, np.uint8), 10 * (i + 1))
    (path / "checkpoints" / "step_0000020.ckpt").touch()
    return run


class ReportPage(HTMLParser):
    """What a page holds: its tables as rows of cells, its images, its text, and whatever it would
    fetch."""

    def __init__(self, text: str):
        super().__init__()
        self.rows, self.images, self.fetched, self.count, self.text = [], [], [], {}, ""
        self.feed(text)
        self.fetched += re.findall(r"url\((?!#)[^)]*\)|@import.*", text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "img":
            assert attributes["alt"]
            self.images.append(
                Image.open(io.BytesIO(base64.b64decode(attributes["src"].split(";base64,")[1])))
            )
        links = [
            value
            for name, value in attributes.items()
            if name in ("src", "href", "xlink:href", "srcset")
        ]
        self.fetched += [value for value in links if not value.startswith(("data:image/", "#"))]

    def handle_data(self, data):
        self.text += data
        if self.lasttag in ("td", "th") and data.strip():
            self.rows[-1][-1] += data


CHANGED = "history.csv should hold the numbers of each step .* but it was changed; put back"
ODD_METRICS = ['{"x": 1}', '{"x": null}', '{"x": {"a": "b"}}', '{"x": {"a": null}}', "[1]", '"a"']
ODD_METRICS += ['{"x": {"a": 1, "interval": []}}', '{"x": {"a": 1, "interval": {"a": [1]}}}']
ODD_METRICS += [f'{{"x": {{"a": 1{400 * "0"}}}}}', '{"x": {"a": 1, "interval": {"a": "bc"}}}']


def rewrite(path, old: bytes, new: bytes):
    """Change a file as another program would."""
    before = path.read_bytes()
    assert old in before
    path.write_bytes(before.replace(old, new))


def folder_for(path):
    """Put a folder in the place of a file."""
    path.unlink()
    path.mkdir()


def test_the_page_holds_curves_samples_numbers_and_configuration(tmp_path):
    make_run(tmp_path / "my <run>", 30)  # which is in use at the same time
    path = write_report(tmp_path / "my <run>")
    assert path == tmp_path / "my <run>" / "report.html"
    page = ReportPage(path.read_text(encoding="utf-8"))
    assert page.fetched == [] and "script" not in page.count and "link" not in page.count
    assert page.count["svg"] == len(CURVES) and page.count["img"] == 3
    assert [np.asarray(image).flat[0] for image in page.images] == [10, 11, 12]
    assert (
        "Training run my <run>" in page.text
        and "Step 30, epoch 0, learning rate 0.0002." in page.text
    )
    assert "step_0000020.ckpt" in page.text and "step 20" in page.text
    assert "damaged" not in page.text
    for title, names in CURVES.items():
        assert title in page.text and all(name in page.text for name in names)
    for name in LOSS_NAMES:
        assert [name, "1.0000", "0.0333", "0.0333", "30"] in page.rows
    assert ["seed", "7"] in page.rows and ["adversarial", '"lsgan"'] in page.rows
    assert not [name for name in os.listdir(path.parent) if name.startswith(".")]


def test_the_curves_take_the_colour_of_the_page(tmp_path):
    make_run(tmp_path, 3)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    svgs = re.findall(r"<svg .*?</svg>", text, flags=re.DOTALL)
    assert all(
        "currentColor" in svg and "#000000" not in svg and "#ffffff" not in svg for svg in svgs
    )
    assert "prefers-color-scheme: dark" in text


def test_a_long_run_still_makes_a_small_page(tmp_path):
    """Of 3001 steps the curves show means over 4; large samples are made smaller, and a few of many
    are shown."""
    make_run(tmp_path, 3 * POINTS + 1, samples=14, sample_shape=(975, 650, 3))
    path = write_report(tmp_path, tmp_path / "elsewhere.html")
    page = ReportPage(path.read_text(encoding="utf-8"))
    assert "means over 4 steps" in page.text and f"{SAMPLES} of 14 sample grids" in page.text
    assert len(page.images) == SAMPLES and all(image.size == (640, 960) for image in page.images)
    assert "step 10" in page.text and "step 140" in page.text  # the first and the last
    assert ["total", f"{np.mean(1 / np.arange(1, 61)):.4f}"] == next(
        row[:2] for row in page.rows if row[0] == "total"
    )
    assert path.stat().st_size < 2_000_000


def test_metrics_that_were_kept_are_shown(tmp_path):
    make_run(tmp_path, 3)
    metrics = {
        "x2y": {"images": 60, "ssim": 0.875, "interval": {"ssim": [0.8, 0.9]}},
        "y2x": {"images": 60, "ssim": 0.75},
    }
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    rows = ReportPage(write_report(tmp_path).read_text(encoding="utf-8")).rows
    assert (
        ["metric", "x2y", "y2x"] in rows
        and ["ssim", "0.875 (0.8 to 0.9)", "0.75"] in rows
        and ["images", "60", "60"] in rows
    )


def test_a_run_without_samples_and_checkpoints_has_a_page(tmp_path):
    run = RunFolder(tmp_path, LessonConfig())
    run.record({"step": 1, "epoch": 0, "rate": 2e-4, **dict.fromkeys(LOSS_NAMES, 0.5)})
    page = ReportPage(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "There is no checkpoint yet." in page.text and "0 of 0 sample grids" in page.text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda run: (run / "config.json").unlink(),
            "config.json should be there, but it cannot be read .*; give the folder",
        ),
        (
            lambda run: (run / "config.json").write_text("{"),
            "config.json should hold a JSON object, but it is damaged",
        ),
        (
            lambda run: (run / "config.json").write_text("[]"),
            "config.json should hold a JSON object, but it is damaged",
        ),
        (
            lambda run: (run / "history.csv").unlink(),
            "should hold a history of at least one step, but it has none yet; train",
        ),
        (
            lambda run: (run / "history.csv").write_text("step,epoch,rate,G\n"),
            "should hold a history of at least one step",
        ),
        (lambda run: (run / "history.csv").write_text("a,b\n1,2\n"), CHANGED),
        (lambda run: (run / "history.csv").write_bytes(b"\xff\xfe\n"), CHANGED),
        (lambda run: rewrite(run / "history.csv", b",", b";"), CHANGED),
        (lambda run: rewrite(run / "history.csv", b"step,", b"\xef\xbb\xbfstep,"), CHANGED),
        (lambda run: rewrite(run / "history.csv", b"0.0002", b"inf"), CHANGED),
        (
            lambda run: rewrite(run / "history.csv", b"\n1,0,", b"\n1,1" + 400 * b"0" + b","),
            CHANGED,
        ),
        (
            lambda run: rewrite(run / "history.csv", b"\n1,", b"\n1" + 11_000_000 * b"0" + b","),
            CHANGED,
        ),
        (lambda run: folder_for(run / "history.csv"), "history.csv should be a file that can be"),
        (
            lambda run: (run / "samples/step_0000010.png").write_text("no"),
            "step_0000010.png should be a sample of the run",
        ),
        (
            lambda run: Image.new("1", (6000, 6000)).save(run / "samples/step_0000010.png"),
            "step_0000010.png should be a sample of the run",
        ),
        (
            lambda run: Image.new("1", (14000, 14000)).save(run / "samples/step_0000010.png"),
            "step_0000010.png should be a sample of the run",
        ),
        (
            lambda run: rewrite(run / "samples/step_0000010.png", b"IDAT", b"\xff\xff\xff\xff"),
            "step_0000010.png should be a sample of the run",
        ),
        (
            lambda run: (run / "metrics.json").write_text("no"),
            "metrics.json should hold .* damaged; write it again",
        ),
        *(
            (
                lambda run, text=text: (run / "metrics.json").write_text(text),
                "metrics.json should hold .* damaged; write it again",
            )
            for text in ODD_METRICS
        ),
        (
            lambda run: (run / "config.json").write_text("[" * 100_000),
            "config.json should hold a JSON object, but it is damaged",
        ),
        (
            lambda run: (run / "report.html").mkdir(),
            "the page should be a file, but .*report.html is none; choose another file with --out",
        ),
    ],
)
def test_what_is_not_a_run_is_said_in_one_sentence(change, sentence, tmp_path, capsys):
    make_run(tmp_path, 2)
    change(tmp_path)
    with pytest.raises(LessonError, match=sentence):
        write_report(tmp_path)
    assert main(["report", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_page_is_replaced_and_nothing_else(tmp_path):
    run, mine = tmp_path / "run", tmp_path / "notes.html"
    make_run(run, 2)
    first = write_report(run, tmp_path / "page.html").read_bytes()
    rewrite(run / "history.csv", b"0.0002", b"0.0004")
    assert write_report(run, tmp_path / "page.html").read_bytes() != first
    mine.write_text("my notes")
    with pytest.raises(LessonError, match="notes.html holds something that .* --overwrite"):
        write_report(run, mine)
    assert main(["report", str(run), "--out", str(mine)]) == 1
    assert mine.read_text() == "my notes"
    assert main(["report", str(run), "--out", str(mine), "--overwrite"]) == 0
    assert "Training run" in mine.read_text()


@pytest.mark.parametrize("name", ["history.csv", "config.json", "checkpoints/step_0000020.ckpt"])
def test_a_file_of_the_run_is_never_overwritten(name, tmp_path):
    make_run(tmp_path / "run", 2)
    path = tmp_path / "run" / name
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for out in (path, tmp_path / "link" / name, tmp_path / "run" / "samples" / ".." / name):
        with pytest.raises(LessonError, match="is a file of the run; choose another file"):
            write_report(tmp_path / "run", out, overwrite=True)
    assert path.read_bytes() == before


def test_a_device_and_a_pipe_stay_what_they_are(tmp_path):
    make_run(tmp_path / "run", 2)
    os.mkfifo(tmp_path / "pipe")
    for out in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(LessonError, match="the page should be a file, but .* is none"):
            write_report(tmp_path / "run", out, overwrite=True)
    assert (tmp_path / "pipe").is_fifo()
    assert Path("/dev/null").is_char_device()


def test_a_link_to_a_page_stays_a_link(tmp_path):
    make_run(tmp_path / "run", 2)
    (tmp_path / "link.html").symlink_to(tmp_path / "page.html")
    write_report(tmp_path / "run", tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert "Training run" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("name", ["step_best", "step_0000004 (1)", "step_", "best", "step_1_good"])
def test_samples_and_checkpoints_of_other_names_are_left_out(name, tmp_path):
    run = make_run(tmp_path, 2, samples=2)
    (run.path / "samples" / f"{name}.png").write_text("not a picture")
    (run.path / "checkpoints" / f"{name}.ckpt").touch()
    page = ReportPage(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "2 of 2 sample grids" in page.text
    assert "The last checkpoint is step_0000020.ckpt." in page.text


def test_rows_that_are_damaged_are_left_out_and_named(tmp_path):
    make_run(tmp_path, 24)
    rewrite(tmp_path / "history.csv", b"\n3,0,", b"\n3,x,")
    text = ReportPage(write_report(tmp_path).read_text(encoding="utf-8")).text
    assert "Step 2, epoch 0" in text
    assert "The rows of history.csv after that step are damaged and left out." in text


def test_nothing_from_a_stranger_becomes_a_part_of_the_page(tmp_path):
    """Names and values are words of the page, never elements; and no browser would run a script."""
    evil = "<img src=x onerror=alert(1)>"
    run = make_run(tmp_path / evil, 2, samples=1).path
    (run / "checkpoints" / f"step_9{evil}.ckpt").touch()
    (run / "samples" / f"step_9{evil}.png").touch()
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {evil: evil}))
    (run / "metrics.json").write_text(json.dumps({evil: {evil: 1}}))
    text = write_report(run).read_text(encoding="utf-8")
    page = ReportPage(text)
    assert page.count["img"] == 1
    assert "script" not in page.count
    assert page.text.count(evil) >= 4
    (policy,) = re.findall(r'Content-Security-Policy"\s+content="([^"]*)"', text)
    assert "default-src 'none'" in policy and "script-src" not in policy


def test_a_name_that_is_not_unicode_has_a_page(tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/run-\xff")
    make_run(Path(folder), 2)
    assert "Training run run-?" in write_report(folder).read_text(encoding="utf-8")


def test_the_command_says_where_the_page_is(tmp_path, capsys):
    make_run(tmp_path / "run", 2)
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"The report is in {tmp_path / 'page.html'}.\n"
    assert main(["report", str(tmp_path / "none")]) == 1
    assert not (tmp_path / "none").exists()
