"""What the package says in another language, and that no sentence of it is forgotten."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import translations_package
from translations_files import read, write

import translations
from cyclegan_lessons import LessonError, get_preset, language
from cyclegan_lessons.exercises import check, hint
from cyclegan_lessons.exercises.registry import EXERCISES
from cyclegan_lessons.history import COLUMNS, as_csv
from cyclegan_lessons.language import in_language

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = [text.english for text in translations_package.package_texts(ROOT)]
TABLE = {
    "preset must be one of {0}, but it is {1}; choose one of these.": "没有预设 {1}，请选 {0}。",
    "{what} has the shape {came}, but {wanted} is needed: look at it with print(x.shape).": (
        "{what}的形状是 {came}，应为 {wanted}。"
    ),
    "the answer of query": "query 的返回值",
    "What does instance norm do to z / 2?": "实例归一化对 z / 2 做了什么？",
    "Save as PNG": "存为 PNG",
    "yes": "是",
    "not yet": "还没有",
    "The image pool": "图像池",
    "{n} tries": "{n} 次尝试",
    "{0} of {1} exercises right": "{1} 题中对了 {0} 题",
    "Class overview": "全班概览",
    "show this help message and exit": "显示帮助",
    "others will see it": "别人会看到",
    "usage: ": "用法：",
    "options": "选项",
    "argument {option}: {what}": "参数 {option}：{what}",
    "a whole number from 1 on is expected, not {0}": "应为正整数，不是 {0}",
    "invalid choice: {0} (choose from {1})": "不能是 {0}，可选 {1}",
    "the following arguments are required: {0}": "缺少 {0}",
    "{0} should be there, but it cannot be read ({1}); {2}.": "{0} 无法读取（{1}）；{2}。",
    "No such file or directory": "没有这个文件",
    "give the folder that --out of the train command named": "请给出运行文件夹",
    "can be used: {0} cores, {1}": "可用：{0} 核，{1}",
    "apple2orange cannot be fetched ({0}); {1}.": "无法下载（{0}）；{1}。",
    "there is no such file": "没有此文件",
    "Training run {0}": "训练 {0}",
    "Losses": "损失",
    "step": "步",
    "step {step}": "第 {step} 步",
    "Means over {0} steps.": "{0} 步的平均值。",
}


@pytest.fixture
def chinese(tmp_path, monkeypatch):
    """The table above as the translation of the package into zh_CN, chosen by the variable."""
    (tmp_path / "zh_CN.json").write_text(json.dumps(TABLE), encoding="utf-8")
    monkeypatch.setattr(language, "LOCALE", tmp_path)
    monkeypatch.setenv(language.VARIABLE, "zh_CN")
    for function in (language.table, language.patterns):
        function.cache_clear()
    yield
    for function in (language.table, language.patterns):
        function.cache_clear()


@pytest.mark.parametrize(
    "given, wanted",
    [("zh_CN", "zh_CN"), ("zh-CN", "zh_CN"), ("zh_CN.UTF-8", "zh_CN"), ("fr", "en"), ("", "en")],
)
def test_the_variable_names_a_language_that_is_there(chinese, monkeypatch, given, wanted):
    monkeypatch.setenv(language.VARIABLE, given)
    assert language.language() == wanted


def test_english_is_the_default(chinese, monkeypatch):
    monkeypatch.delenv(language.VARIABLE)
    assert in_language("yes") == "yes"
    with pytest.raises(LessonError, match="preset must be one of"):
        get_preset("quik")


def test_the_tests_themselves_run_in_english():
    assert language.language() == "en"


def test_an_error_is_translated_with_its_values(chinese):
    with pytest.raises(LessonError) as error:
        get_preset("quik")
    assert str(error.value).startswith("没有预设 'quik'，请选 quick, ")


def test_what_has_no_translation_stays_english(chinese):
    assert in_language("no such sentence") == "no such sentence"
    assert str(LessonError("no such sentence")) == "no such sentence"


@pytest.mark.parametrize(
    "reason, wanted",
    [("No such file or directory", "没有这个文件"), ("Losses", "Losses"), ("no idea", "no idea")],
)
def test_a_value_of_several_words_is_translated_too(chinese, reason, wanted):
    """One word may be the name of a file."""
    sentence = f"run/x should be there, but it cannot be read ({reason}); wait."
    assert in_language(sentence) == f"run/x 无法读取（{wanted}）；wait。"


def test_a_reason_is_translated_before_it_is_joined(chinese, tmp_path):
    from cyclegan_lessons.fetch import fetch_apple2orange

    with pytest.raises(LessonError) as error:
        fetch_apple2orange(str(tmp_path / "x.zip"), tmp_path)
    assert str(error.value).startswith(f"无法下载（{tmp_path}/x.zip: 没有此文件）；")


class Flat:
    def __init__(self, size, seed):
        pass

    def query(self, images):
        return images.ravel()


def test_a_check_answers_in_the_language(chinese, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setitem(globals(), "MyPool", Flat)
    check("pool")
    assert capsys.readouterr().out.startswith("✗ pool: query 的返回值的形状是 ")
    logged = json.loads((tmp_path / "progress.jsonl").read_text())
    assert logged["finding"].startswith("{what} has the shape")  # the teacher's page counts these
    name = next(name for name, e in EXERCISES.items() if e.hints[0].startswith("What does inst"))
    hint(name)
    assert capsys.readouterr().out == f"? {name}: 实例归一化对 z / 2 做了什么？\n"


@pytest.fixture
def command(tmp_path):
    """Call the package with the real translations in the place of which the table above stands."""
    package = tmp_path / "cyclegan_lessons"
    shutil.copytree(ROOT / "cyclegan_lessons", package)
    text = json.dumps(TABLE, ensure_ascii=False)
    (package / "locale" / "zh_CN.json").write_text(text, encoding="utf-8")

    def call(*arguments: str) -> str:
        environment = os.environ | {language.VARIABLE: "zh_CN", "PYTHONUTF8": "1"}
        environment["CYCLEGAN_LESSONS_PROGRESS"] = str(tmp_path / "progress.jsonl")
        call = [sys.executable, "-m", "cyclegan_lessons", *arguments]
        done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done.stdout + done.stderr

    return call


def test_help_and_errors_of_the_commands(command):
    text = command("check-in", "--help")
    assert "显示帮助" in text and "别人会看到" in text
    text = command("train", "--preset", "quik", "--out", "run")
    assert text.startswith("error: 没有预设 'quik'，请选 quick, ")


def test_what_argparse_says_by_itself(command):
    text = command("train", "--help")
    assert text.startswith("用法：python -m cyclegan_lessons train [-h]") and "\n选项:\n" in text
    text = command("train", "--steps", "0", "--out", "run")
    assert text.endswith("error: 参数 --steps：应为正整数，不是 '0'\n")
    text = command("export", "--format", "x", "--out", "y")
    assert text.endswith("error: 参数 --format：不能是 'x'，可选 'onnx', 'web'\n")
    assert command("train").endswith("error: 缺少 --out\n")


def test_argparse_says_these_sentences(tmp_path):
    """As this Python words them; a sentence that it does not say has no translation."""
    from cyclegan_lessons.arguments import make_parser
    from cyclegan_lessons.commands import COMMANDS

    parser, said = make_parser(COMMANDS), set()
    lines = ["", "x", "train --out", "train --s 1", "train --steps 1 --epochs 2", "train --seed a"]
    lines += ["train --amp=1", "translate --out x", "devices more"]
    for line in lines:
        with pytest.raises(SystemExit), pytest.MonkeyPatch.context() as patch:
            patch.setattr(parser.__class__.__mro__[1], "error", lambda self, text: exit(text))
            try:
                parser.parse_args(line.split())
            except SystemExit as error:
                said.add(re.sub(r"^argument \S+: ", "", str(error)))
                raise
    known = [re.escape(text) for text in translations_package.OF_ARGPARSE]
    known = [re.sub(r"\\{\d\\}", ".*", text) for text in known]
    assert len(said) == len(lines)
    for text in said:
        assert any(re.fullmatch(pattern, text) for pattern in known), text


def test_devices_and_a_report(command, tmp_path):
    assert "CPU     可用：" in command("devices")
    text = command("report", "nowhere")
    assert text == "error: nowhere/config.json 无法读取（没有这个文件）；请给出运行文件夹。\n"
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    row = dict.fromkeys(COLUMNS, 0.5) | {"step": 1, "epoch": 0}
    (run / "history.csv").write_text(as_csv([row]))
    command("report", "run")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page and "<title>训练 run</title>" in page
    assert "<h2>损失</h2>" in page and ">步</text>" in page and "1 步的平均值。" in page


def test_card_post_and_overview(command, tmp_path):
    command("check-in", "pool", "--name", "小明", "--out", "out")
    card = (tmp_path / "out" / "card.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in card and "存为 PNG" in card and "1 题中对了 0 题" not in card
    n = len([e for e in EXERCISES.values() if e.subject == "pool"])
    assert f"{n} 题中对了 0 题" in card and "小明" in card
    post = (tmp_path / "out" / "post.md").read_text(encoding="utf-8")
    assert "| 图像池 | 还没有 | 0 |" in post
    command("class", "out/code.txt", "--out", "class.html")
    page = (tmp_path / "class.html").read_text(encoding="utf-8")
    assert "<h1>全班概览</h1>" in page and "5. 图像池" in page and '<html lang="zh-CN">' in page


def test_the_page_that_translates_says_its_language(chinese, monkeypatch):
    from cyclegan_lessons.export import web_page
    from cyclegan_lessons.inference import SHIPPED_MODEL

    assert '<html lang="zh-CN">' in web_page(SHIPPED_MODEL)
    monkeypatch.delenv(language.VARIABLE)
    assert '<html lang="en">' in web_page(SHIPPED_MODEL)


def test_every_sentence_of_an_exercise_is_a_message():
    for exercise in EXERCISES.values():
        assert {exercise.title, exercise.right, *exercise.hints} <= set(MESSAGES)
        for wrong in exercise.wrong:
            found = any(message.startswith(wrong.sentence) for message in MESSAGES)
            assert found, f"{exercise.name}: {wrong.sentence}"


def test_every_error_is_a_message():
    """But the launcher's last words of a worker, which are another process's."""
    found = []
    for path in sorted((ROOT / "cyclegan_lessons").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if translations_package.called(node) in translations_package.ERRORS:
                text = translations_package.template(node.args[0])
                found.append(path.name if text is None else text)
    assert len(found) > 90
    assert set(found) - set(MESSAGES) == {"launcher.py"}


def test_a_text_that_stands_for_a_value_is_a_message():
    for text in ("holds only folders", "an unknown number", "one or more", "is damaged"):
        assert text in MESSAGES
    assert "start a new run with a smaller learning rate or another seed" in MESSAGES


def test_a_sentence_with_values_has_words_to_know_it_by():
    for message in MESSAGES:
        if re.search(r"\{\d+\}", message):
            assert len(re.findall(r"[a-z]{2,}", re.sub(r"\{\d+\}", " ", message))) >= 2, message


def test_no_message_is_taken_for_another():
    """Every sentence, filled with values, is found as itself among all of them."""
    table = {message: f"<{i}>" for i, message in enumerate(MESSAGES)}
    language.table.cache_clear()
    found = language.patterns.__wrapped__
    original, language.table = language.table, lambda name: table
    try:
        patterns = found("zh_CN")
    finally:
        language.table = original
    for message, number in table.items():
        if re.search(r"\{\d+\}", message):
            filled = re.sub(r"\{\d+\}", "value", message)
            first = next(text for pattern, text in patterns if pattern.fullmatch(filled))
            assert first == number, (message, MESSAGES[int(first[1:-1])])


def test_the_tables_of_the_package_are_what_the_po_files_say(tmp_path):
    folder, package = tmp_path / "zh_CN", tmp_path / "package"
    (package / "web").mkdir(parents=True)
    translations.update(folder, package)
    messages = read(folder / "package.po")
    messages[0].string, messages[1].string = "数据集", "生成器"
    messages[1].flags.add("fuzzy")
    write(folder / "package.po", messages)
    assert translations.check(folder, package) == [
        "zh_CN.json is not what the PO files say; run `make translate`"
    ]
    translations.update(folder, package)
    assert translations.check(folder, package) == []
    text = (package / "locale" / "zh_CN.json").read_text(encoding="utf-8")
    assert json.loads(text) == {messages[0].id: "数据集"}


def test_a_message_that_changed_a_little_keeps_its_translation(tmp_path):
    folder, package = tmp_path / "zh_CN", tmp_path / "package"
    (package / "web").mkdir(parents=True)
    translations.update(folder, package)
    messages = read(folder / "package.po")
    english, messages[0].id = messages[0].id, "The dataset."
    messages[0].string = "数据集"
    write(folder / "package.po", messages)
    translations.update(folder, package)
    message = read(folder / "package.po")[0]
    assert message.id == english and message.fuzzy and message.previous_id == ["The dataset."]
