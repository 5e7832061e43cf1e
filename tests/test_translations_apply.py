"""An edition made from PO files, and the check that keeps it complete."""

import json
import shutil

import pytest
import translations_apply
import translations_sources
import yaml
from translations_files import read, write

import translations

ROOT = translations.ROOT


def translate(message) -> str:
    """A translation that keeps everything that the rules compare."""
    return message.id + ("\n\n译" if "\n" in message.id else " 译")


@pytest.fixture
def folder(tmp_path):
    """A folder of a language whose chapter 1 and pages have made-up translations."""
    folder = tmp_path / "translations" / "zh_CN"
    (tmp_path / "web").mkdir()
    translations.update(folder, tmp_path)
    for name in ("01_dataset", "book"):
        messages = read(folder / f"{name}.po")
        for message in messages:
            message.string = translate(message)
        write(folder / f"{name}.po", messages)
    (folder / translations.COMPLETE).write_text("# done\n01_dataset  # all of it\n")
    return folder


def check(folder):
    return translations.check(folder, folder.parents[1])


@pytest.fixture
def english(monkeypatch):
    """Change the English texts of a file: english("01_dataset", "cell", "new text")."""
    texts = translations_sources.all_texts()

    def change(name, context, new):
        texts[name] = [t._replace(english=new) if t.context == context else t for t in texts[name]]

    monkeypatch.setattr(translations, "all_texts", lambda: texts)
    return change


def test_a_changed_english_cell_turns_the_check_red_and_is_named(folder, english):
    assert check(folder) == []
    english("01_dataset", "setup-text", "Something new.")
    (finding,) = check(folder)
    assert finding == "01_dataset.po: setup-text: its English has changed"
    english("book", "learners:check-in", "Something new, too.")
    assert check(folder) == [finding], "book.po is not said to be complete"


def test_a_missing_message_turns_the_check_red(folder):
    messages = read(folder / "01_dataset.po")
    messages[3].string = ""
    write(folder / "01_dataset.po", messages)
    (finding,) = check(folder)
    assert finding == f"01_dataset.po: {messages[3].context}: it is not translated"
    (folder / translations.COMPLETE).write_text("")
    assert check(folder) == []


def test_a_broken_rule_counts_in_every_file(folder):
    messages = read(folder / "book.po")
    part = next(message for message in messages if message.context == "settings:search")
    part.string = "搜索 `book`"
    write(folder / "book.po", messages)
    found = check(folder)
    assert found == ["book.po: settings:search: code: only the translation has 'book'"]


def test_a_name_of_no_file_is_no_complete_file(folder):
    (folder / translations.COMPLETE).write_text("01_datasets\n")
    (finding,) = check(folder)
    assert finding.startswith("complete.txt: there is no file 01_datasets; choose from 01_dataset,")


def test_the_table_counts(folder, english):
    english("01_dataset", "setup-text", "Something new.")
    rows = {line.split()[0]: line.split() for line in translations.status(folder).splitlines()}
    n = len(read(folder / "01_dataset.po"))
    assert rows["01_dataset"] == ["01_dataset", str(n), str(n - 1), "1", "0", "yes"]
    n = len(read(folder / "02_generator.po"))
    assert rows["02_generator"] == ["02_generator", str(n), "0", "0", str(n)]


def test_an_edition_is_built_when_a_file_is_complete(folder):
    assert translations.languages(folder.parent) == ["zh_CN"]
    (folder / translations.COMPLETE).write_text("# nothing yet\n")
    assert translations.languages(folder.parent) == []


@pytest.fixture
def edition(folder, tmp_path):
    out = tmp_path / "edition"
    translations_apply.apply("zh_CN", out, folder=folder.parent)
    return out


def test_code_cells_and_outputs_are_those_of_the_english_edition(edition):
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        text, chinese = path.read_text("utf-8"), (edition / "book" / path.name).read_text("utf-8")
        assert (text == chinese) == (path.stem != "01_dataset")
        pairs = list(zip(json.loads(text)["cells"], json.loads(chinese)["cells"], strict=True))
        assert [a["id"] for a, _ in pairs] == [b["id"] for _, b in pairs]
        for a, b in pairs:
            if a["cell_type"] == "code":
                for cell in (a, b):
                    cell["metadata"].pop("mystnb", None)
                assert json.dumps(a) == json.dumps(b)


def test_every_markdown_cell_caption_and_alt_text_is_translated(edition):
    cells = json.loads((edition / "book" / "01_dataset.ipynb").read_text("utf-8"))["cells"]
    texts = translations_sources.notebook_texts(cells)
    assert len(texts) == len(translations_sources.all_texts()["01_dataset"])
    assert all(text.english.endswith("译") for text in texts)
    assert {text.context.partition(":")[2] for text in texts} == {"", "alt", "caption"}


def test_what_is_missing_or_fuzzy_stays_english(folder, tmp_path):
    messages = {message.context: message for message in read(folder / "01_dataset.po")}
    messages["setup-text"].flags.add("fuzzy")
    messages["title"].string = ""
    write(folder / "01_dataset.po", list(messages.values()))
    translations_apply.apply("zh_CN", tmp_path / "out", folder=folder.parent)
    cells = json.loads((tmp_path / "out/book/01_dataset.ipynb").read_text("utf-8"))["cells"]
    shown = {cell["id"]: "".join(cell["source"]) for cell in cells}
    for name in ("setup-text", "title"):
        assert shown[name] == messages[name].id
    assert shown["domains-idea"] == messages["domains-idea"].string


def test_pages_and_settings_are_translated(edition):
    for name in translations_sources.PAGES:
        english = (ROOT / "book" / f"{name}.md").read_text("utf-8")
        chinese = (edition / "book" / f"{name}.md").read_text("utf-8")
        assert chinese != english and chinese.count("\n## ") == english.count("\n## ")
        names = [part for part, _ in translations_sources.sections(chinese)]
        assert len(names) == len(translations_sources.sections(english))
    settings = yaml.safe_load((edition / "_config.yml").read_text("utf-8"))
    english = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert settings["title"] == english["title"] + " 译"
    assert settings["sphinx"]["config"]["language"] == "zh_CN"
    assert settings["parse"] == english["parse"]
    assert yaml.safe_load((edition / "_toc.yml").read_text("utf-8")) == yaml.safe_load(
        (ROOT / "_toc.yml").read_text("utf-8")
    )


def test_an_earlier_edition_is_replaced(edition, folder):
    (edition / "book" / "old.md").write_text("old")
    shutil.rmtree(edition / "book" / "figures")
    translations_apply.apply("zh_CN", edition, folder=folder.parent)
    assert not (edition / "book" / "old.md").exists() and (edition / "book/figures").is_dir()
