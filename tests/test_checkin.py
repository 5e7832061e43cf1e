"""Check-in: card, post, picture, code; the class overview; progress."""

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cyclegan_lessons import CycleGANTrainer, LessonConfig, LessonError
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.classroom import checkin, codes, notebook
from cyclegan_lessons.classroom.checkin import check_in, clean_name, rows_of, scene_of
from cyclegan_lessons.classroom.codes import CheckIn, Row, encode, find_codes
from cyclegan_lessons.classroom.overview import read_class
from cyclegan_lessons.classroom.page import write_overview
from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES, exercises_of
from cyclegan_lessons.history import as_csv
from cyclegan_lessons.training import LOSS_NAMES

ROOT = Path(__file__).resolve().parent.parent
NAMES = {
    "a short one": "Ada",
    "40 Chinese letters": "苹果园" * 14,
    "markup": "<script>alert('x')</script>",
    "an end of the page": "</text></svg></main>&amp;\"'",
    "Markdown": "*a*_b_[c](d)|e|`f`",
    "Arabic": "مرحبا بالعالم",
    "Hindi": "नमस्ते दुनिया",
    "emoji": "👩‍🔬🍎",
    "wide letters": "W" * 200,
    "control characters": "a\nb\tc\x00\x1b[31m\u202ed",
    "braces": "{0} {name} %s $HOME",
    "a formula": "=1+1",
}
ANY_NAME = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(tmp_path / "log" / "progress.jsonl"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def pool_log():
    """A learner who forgot the store first, asked for a hint, and then had it right."""
    wrong = EXERCISES["pool"].wrong[0].sentence
    log.append(exercise="pool", event="wrong", finding=f"{wrong}: and so on")
    log.append(exercise="pool", event="hint", number=1)
    log.append(exercise="pool", event="wrong", finding="something that nobody foresaw")
    log.append(exercise="pool", event="right")
    log.append(exercise="pool", event="wrong", finding="tried again later")


def a_checkin(
    name: str = "Ada", subject: str = "pool", right: bool = True, day: int = 1
) -> CheckIn:
    row = Row(exercises_of(subject)[0].name, 2, 1, False, right, (0,))
    return CheckIn(name, subject, date(2026, 11, day), (row,))


# --- codes ----------------------------------------------------------------------------------------


@ANY_NAME
def test_a_code_comes_back_from_a_chat(name):
    sent = a_checkin(clean_name(name))
    chat = f"[09:12] {name}: 打卡! {encode(sent)}👍\n[09:13] teacher: CGL is great"
    assert find_codes(chat) == ([sent], [])


def test_any_single_change_of_a_code_is_noticed():
    code = encode(a_checkin())
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    rng = random.Random(0)
    for i in range(len("CGL1-"), len(code)):
        for letter in rng.sample(letters, 4):
            if letter != code[i] and code[i] != "-":
                found, damaged = find_codes(code[:i] + letter + code[i + 1 :])
                # the last letter of a part has bits that belong to no byte
                assert (found, len(damaged)) == ([], 1) or found == [a_checkin()]
    assert sum(find_codes(code[:i])[0] == [] for i in range(len(code))) == len(code)


@pytest.mark.parametrize("junk", ["", "CGL1-", "CGL1-AAAA-BBBBBBB", "CGL1", "CGL1--", "CGL2-A-B"])
def test_no_code_and_a_torn_code_are_no_crash(junk):
    found, damaged = find_codes(f"x {junk} y {encode(a_checkin())} z")
    assert found == [a_checkin()] and len(damaged) == junk.startswith("CGL1")


def test_a_code_may_be_broken_by_line_ends_and_invisible_marks():
    code = encode(a_checkin("Zoë"))
    broken = "\n".join(code[i : i + 30] for i in range(0, len(code), 30)).replace("Q", "Q\u200b")
    assert find_codes(broken)[0] == [a_checkin("Zoë")]


def test_a_code_with_other_contents_is_damaged():
    other = a_checkin()
    for strange in (
        CheckIn(other.name, "nothing", other.day, other.rows),
        CheckIn(other.name, "pool", other.day, (Row("nothing", 1, 0, False, True, ()),)),
        CheckIn("x" * 30_000, "pool", other.day, ()),
    ):
        found, damaged = find_codes(encode(strange))
        assert found == [] and len(damaged) == 1


# --- the files of a check-in ----------------------------------------------------------------------


@ANY_NAME
def test_card_post_picture_and_code(name, tmp_path):
    pool_log()
    written = check_in(name, "pool")
    assert written.folder == Path("checkins/05_image_pool") and not written.untouched
    page = (written.folder / "card.html").read_text(encoding="utf-8")
    svg = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + len("</svg>")])
    texts = ["".join(element.itertext()) for element in svg.iter() if element.tag.endswith("text")]
    shown = clean_name(name)
    assert len(shown) <= 40 and shown in texts and written.code in page
    assert "1 of 3 exercises right" in texts and "3 tries, 1 hint" in texts
    assert page.count("<script>") == 1 and "http" not in page.replace("http://www.w3.org", "")
    post = (written.folder / "post.md").read_text(encoding="utf-8")
    assert (
        "<script>" not in post
        and written.code in post
        and "| The image pool | yes | 3 | 1 |" in post
    )
    assert (written.folder / "code.txt").read_text() == f"{written.code}\n"
    (found,), damaged = find_codes(post)
    assert found.name == shown and found.rows[0].mistakes == (0, -1) and not damaged


@pytest.mark.parametrize("name", ["", "  ", "\n\t", "\u200d", "\u202e"])
def test_a_name_that_cannot_be_seen_is_refused(name):
    with pytest.raises(LessonError, match="nickname needs"):
        check_in(name, "pool")
    assert not Path("checkins").exists()


@pytest.mark.parametrize("chapter", ["nothing", 0, 99, "", "pool ball"])
def test_an_unknown_chapter_is_refused(chapter):
    with pytest.raises(LessonError, match="there is no chapter"):
        check_in("Ada", chapter)


def test_the_scene_belongs_to_name_and_chapter():
    scenes = [scene_of(*who) for who in (("Ada", "pool"), ("Ada", "losses"), ("Bob", "pool"))]
    assert all((scene_of("Ada", "pool") == scenes[0]).all() for _ in range(2))
    assert len({scene.tobytes() for scene in scenes}) == 3


def train_briefly(folder: Path, seed: int) -> CycleGANTrainer:
    """A run folder as training leaves it, with weights that are those of no training."""
    trainer = CycleGANTrainer(LessonConfig(base_channels=2, n_layers=0, image_size=24, seed=seed))
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    row = {"epoch": 0, "rate": 0.1} | dict.fromkeys(LOSS_NAMES, 2.5)
    (folder / "history.csv").write_text(as_csv([row | {"step": step} for step in (1, 2)]))
    trainer.save(folder / "checkpoints" / "step_0000002.ckpt")
    return trainer


def test_the_newest_model_of_the_learner_draws_the_picture():
    before = check_in("Ada", "pool")
    course = np.asarray(Image.open(before.folder / "picture.png"))
    assert course.shape == (64, 132, 3)
    for seed, name in enumerate(("first", "second")):
        train_briefly(Path("runs") / name, seed)
        path = Path("runs") / name / "checkpoints" / "step_0000002.ckpt"
        os.utime(path, (1000 + seed, 1000 + seed))
    pictures = {}
    for run in (None, Path("runs/first"), Path("runs/second")):
        written = check_in("Ada", "pool", run=run)
        pictures[run and run.name] = np.asarray(Image.open(written.folder / "picture.png"))
        assert "2 steps of my own training" in (written.folder / "card.html").read_text()
    assert (pictures[None] == pictures["second"]).all()
    assert (pictures["first"] != pictures["second"]).any()
    assert all((picture[:, :64] == course[:, :64]).all() for picture in pictures.values())


def test_a_folder_that_cannot_be_written_is_said():
    Path("file").write_text("")
    with pytest.raises(LessonError, match="must be a folder that can be written"):
        check_in("Ada", "pool", out=Path("file/inside"))


@pytest.mark.parametrize("zone, locale", [("Pacific/Kiritimati", "C"), ("America/Adak", "tr_TR")])
def test_any_clock_and_locale(zone, locale, tmp_path):
    pool_log()
    system = {"TZ": zone, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for arguments in (["progress"], ["check-in", "5", "--name", "小明"]):
        command = [sys.executable, "-m", "cyclegan_lessons", *arguments]
        environment = os.environ | system | {"PYTHONPATH": str(ROOT)}
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
    (found,), _ = find_codes(Path("checkins/05_image_pool/code.txt").read_text())
    assert found.name == "小明" and abs((found.day - date.today()).days) <= 1


@pytest.mark.parametrize("day", [date(1970, 1, 1), date(9999, 12, 31)])
def test_a_wrong_clock_does_no_harm(day, monkeypatch):
    class Clock(date):
        @classmethod
        def today(cls):
            return day

    monkeypatch.setattr(checkin, "date", Clock)
    (found,), _ = find_codes(check_in("Ada", "pool").code)
    assert found.day == day


def test_the_button_saves_a_png(tmp_path):
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    pool_log()
    written = check_in("W" * 40, "pool")
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url[:60]))
        page.goto((written.folder / "card.html").resolve().as_uri())
        problems.clear()
        with page.expect_download() as waiting:
            page.click("#save")
        waiting.value.save_as(tmp_path / "card.png")
        wide = page.evaluate(
            "[...document.querySelectorAll('text[data-room]')].filter("
            "t => t.getBBox().width > 1.01 * t.dataset.room).length"
        )
        browser.close()
    assert [p for p in problems if not p.startswith(("data:", "blob:"))] == [] and wide == 0
    picture = Image.open(tmp_path / "card.png").convert("RGB")
    assert picture.width == 1600
    ours = Image.open(written.folder / "picture.png").convert("RGB").resize((776, 376))
    shown = picture.crop((80, 244, 80 + 776, 244 + 376))
    assert np.abs(np.asarray(shown, float) - np.asarray(ours, float)).mean() < 12


# --- in a notebook, and on the command line -------------------------------------------------------


def test_a_notebook_without_a_name_makes_nothing(capsys):
    notebook.check_in("pool")
    assert capsys.readouterr().out.startswith("Put a nickname") and not Path("checkins").exists()
    notebook.check_in("nothing", "Ada")
    assert capsys.readouterr().out.startswith("there is no chapter")


def test_a_notebook_shows_the_card(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("cyclegan_lessons.classroom.notebook.display", shown.append)
    notebook.check_in("pool", "<b>Ada</b>")
    (frame,) = shown
    assert "<iframe srcdoc=" in frame.data and "<svg" not in frame.data and "&lt;svg" in frame.data
    assert find_codes(capsys.readouterr().out)[0][0].name == "<b>Ada</b>"


def test_progress_is_the_same_in_both_places(capsys):
    pool_log()
    assert main(["progress"]) == 0
    table = capsys.readouterr().out
    notebook.progress()
    assert capsys.readouterr().out == table
    assert f"1 of {len(EXERCISES)} exercises are right." in table
    (line,) = (line for line in table.splitlines() if "pool " in line and "✓" in line)
    assert line.split() == ["✓", "pool", "3", "tries,", "1", "hint"]


# --- the class ------------------------------------------------------------------------------------


def test_the_newest_check_in_of_a_name_counts(tmp_path):
    chat = [a_checkin(day=2), a_checkin(right=False, day=1), a_checkin("Bob", right=False)]
    Path("chat.txt").write_text("\n".join(map(encode, chat)), encoding="utf-8")
    found = read_class(Path("chat.txt"))
    assert found.checkins == {("Ada", "pool"): chat[0], ("Bob", "pool"): chat[2]}


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_chat_export_in_any_coding(coding):
    Path("chat.txt").write_text(f"小明 {encode(a_checkin('小明'))}", encoding=coding)
    assert list(read_class(Path("chat.txt")).checkins) == [("小明", "pool")]


def test_a_folder_of_logs_and_chats(tmp_path):
    pool_log()
    for place in ("Ada.jsonl", "小明/progress.jsonl"):
        Path("class", place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(log.log_file(), Path("class", place))
    Path("class/chat.txt").write_text(f"{encode(a_checkin('Bob'))} CGL1-TORN-", encoding="utf-8")
    Path("class/photo.png").write_bytes(bytes(range(256)))
    found = read_class(Path("class"))
    assert sorted(found.checkins) == [("Ada", "pool"), ("Bob", "pool"), ("小明", "pool")]
    assert found.checkins["Ada", "pool"].rows == rows_of("pool", log.read())
    assert len(found.damaged) == 1 and found.damaged[0].startswith("chat.txt: CGL1-TORN-")


def test_a_log_of_a_class_that_cannot_be_read_is_named(monkeypatch):
    pool_log()
    log.log_file().rename("Ada.jsonl")
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: os.open("/", os.O_WRONLY))
    found = read_class(Path("Ada.jsonl"))
    assert found.damaged == ["Ada.jsonl: the system says Is a directory"]


@ANY_NAME
def test_the_page_and_the_table_of_a_class(name, capsys):
    shown = clean_name(name)
    torn = encode(a_checkin("Eve"))[:-3]
    chat = f"{encode(a_checkin(shown))}\n{encode(a_checkin('Bob', right=False))}\n{torn}"
    Path("chat.txt").write_text(chat, encoding="utf-8")
    Path("names.txt").write_text(f"Zoë\n\n{shown}\n", encoding="utf-8")
    arguments = ["class", "chat.txt", "--out", "out/class.html", "--names", "names.txt"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == (
        "2 check-ins of 2 learners; the page is out/class.html.\n"
        "1 codes or files could not be read; the page lists them.\n"
    )
    page = Path("out/class.html").read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page
    assert "<td>The" not in page and "<td>2</td><td>50%</td><td>0%</td>" in page
    mistake = (
        "your pool hands back what it was just given: is it still filled at the next call, and"
    )
    assert mistake in page and "(2×)" in page
    assert "<dt>5. The image pool: 1</dt><dd><bdi>Zoë</bdi></dd>" in page
    assert page.count("checksum does not fit") + page.count("it is cut off") == 1
    table = Path("out/class.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [row["name"].lstrip("'") for row in rows] == [shown, "Bob"]
    assert not any(row["name"].startswith("=") for row in rows)
    assert [row["right"] for row in rows] == ["1", "0"]


def test_a_class_of_a_thousand():
    rng = random.Random(0)
    subjects = list(CHAPTERS)
    codes = [encode(a_checkin(f"learner {i}", rng.choice(subjects))) for i in range(1000)]
    rng.shuffle(codes)
    Path("chat.txt").write_text("\n".join(codes), encoding="utf-8")
    found = write_overview(Path("chat.txt"), Path("class.html"))
    assert len(found.checkins) == 1000 and not found.damaged


def test_what_cannot_be_read_or_written_is_a_sentence(capsys):
    Path("chat.txt").write_text("")
    Path("file").write_text("")
    for arguments in (
        ["class", "nowhere", "--out", "class.html"],
        ["class", "chat.txt", "--out", "class.html", "--names", "nowhere"],
        ["class", "chat.txt", "--out", "file/class.html"],
        ["check-in", "5", "--name", " "],
        ["check-in", "77", "--name", "Ada"],
    ):
        assert main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1, error


# --- nothing of a learner's or a teacher's is lost ------------------------------------------------


def test_a_post_that_was_filled_in_is_kept():
    first = check_in("Ada", "pool")
    assert check_in("Ada", "pool").post == "post.md"  # nobody has changed it
    mine = (first.folder / "post.md").read_text(encoding="utf-8").replace("…", "That it works.")
    (first.folder / "post.md").write_text(mine, encoding="utf-8")
    pool_log()
    again = check_in("Ada", "pool")
    assert again.post == "post-2.md" and again.code in (again.folder / again.post).read_text()
    assert check_in("Ada", "pool").post == "post-2.md"
    assert (first.folder / "post.md").read_text(encoding="utf-8") == mine


@pytest.mark.parametrize("name", ["picture.png", "card.html", "code.txt"])
def test_files_of_ones_own_are_not_replaced(tmp_path, name):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_bytes(b"of my own")
    with pytest.raises(LessonError, match=f"{name} was not made by a check-in"):
        check_in("Ada", "pool", tmp_path / "mine")
    assert [path.read_bytes() for path in (tmp_path / "mine").iterdir()] == [b"of my own"]


@pytest.mark.parametrize("mine", ["chat.txt", "chat.csv", "class.html"])
def test_an_overview_replaces_only_overviews(tmp_path, mine):
    chat, out = tmp_path / "chat.txt", tmp_path / "class.html"
    chat.write_text(encode(a_checkin()))
    (tmp_path / mine).exists() or (tmp_path / mine).write_text("of my own")
    before = {path: path.read_bytes() for path in tmp_path.glob("c*")}
    with pytest.raises(LessonError, match="is no class overview; choose another name"):
        write_overview(chat, out if mine == "class.html" else tmp_path / mine)
    assert {path: path.read_bytes() for path in tmp_path.glob("c*")} == before
    (tmp_path / "new").mkdir()
    for _ in range(2):  # its own page is replaced
        assert len(write_overview(chat, tmp_path / "new" / "class.html").checkins) == 1


def test_what_a_log_or_a_code_can_hold_is_no_crash(tmp_path, monkeypatch):
    """Anybody can write such a file, and a teacher reads it."""
    good = {"time": "2026-11-24T10:00:00", "exercise": "pool", "event": "wrong"}
    bad = [("exercise", ["pool"]), ("time", 3), ("event", None), ("finding", {}), ("number", "x")]
    lines = [json.dumps(good | {name: value}) for name, value in bad] + ["[" * 100_000]
    (tmp_path / "Ada.jsonl").write_text("\n".join([*lines, json.dumps(good)]))
    ((checkin,)) = read_class(tmp_path / "Ada.jsonl").checkins.values()
    assert sum(row.tries for row in checkin.rows) == 1
    row = checkin.rows[0]
    as_ascii = partial(json.dumps, ensure_ascii=True)  # half a letter, written as an escape
    monkeypatch.setattr(codes.json, "dumps", lambda content, **_: as_ascii(content))
    for odd in (
        a_checkin(name="A\ud800"),
        CheckIn("B", "pool", checkin.day, (replace(row, tries=float("inf")),)),
    ):
        (tmp_path / "chat.txt").write_text(encode(odd))
        found = write_overview(tmp_path / "chat.txt", tmp_path / "odd.html")
        assert len(found.checkins) + len(found.damaged) == 1


def test_a_run_without_a_model_is_one_sentence(tmp_path, capsys):
    for run in ("none", str(tmp_path)):
        assert main(["check-in", "pool", "--name", "Ada", "--run", run]) == 1
    assert "a checkpoint" in capsys.readouterr().err


def test_a_folder_in_the_place_of_the_page_is_one_sentence(tmp_path, capsys):
    (tmp_path / "chat.txt").write_text(encode(a_checkin()))
    assert main(["class", str(tmp_path / "chat.txt"), "--out", "."]) == 1
    assert "is a folder; name a file in it" in capsys.readouterr().err


def test_the_log_of_a_user_who_does_not_exist(monkeypatch, capsys):
    monkeypatch.setenv("CYCLEGAN_LESSONS_PROGRESS", "~nosuchuser/log")
    assert main(["progress"]) == 1
    assert "nosuchuser" in capsys.readouterr().err
    assert not log.append(exercise="pool", event="right")  # a check in a notebook goes on
