"""The PO files of a translation: what a change of the English does to them."""

import json

import pytest
from translations_files import Text, read, strings, updated, write
from translations_sources import notebook_texts, page_texts, sections

import translations

TEXTS = [Text("a", "One apple.\n\n$x$ in 50% of"), Text("a:alt", "A picture"), Text("b", "Two.")]
CHINESE = {"a": "一个苹果。\n\n$x$ 占 50%", "a:alt": "一幅图", "b": "两个。"}


@pytest.fixture
def path(tmp_path):
    """A PO file with every text translated."""
    path = tmp_path / "zh_CN" / "chapter.po"
    messages, _ = updated(TEXTS, [])
    for message in messages:
        message.string = CHINESE[message.context]
    write(path, messages)
    return path


def update(path, texts):
    write(path, *updated(texts, read(path)))
    return {message.context: message for message in read(path)}


def test_an_update_without_a_change_changes_no_byte(path):
    before = path.read_bytes()
    messages = update(path, TEXTS)
    assert path.read_bytes() == before and strings(path) == CHINESE
    assert not any(message.flags for message in messages.values())
    assert b"python-format" not in before


def test_a_new_text_is_empty(path):
    messages = update(path, [*TEXTS, Text("c", "Three.")])
    assert messages["c"].string == "" and strings(path) == CHINESE


def test_a_changed_text_is_fuzzy_with_the_english_before(path):
    changed = [TEXTS[0]._replace(english='One "red" apple.\n\n$x$'), *TEXTS[1:]]
    for _ in range(2):  # a second update keeps what the first one said
        message = update(path, changed)["a"]
        assert message.fuzzy and message.string == CHINESE["a"]
        assert message.previous_id == [TEXTS[0].english]
    assert "a" not in strings(path) and strings(path, fuzzy=True) == CHINESE
    again = [TEXTS[0]._replace(english="One green apple."), *TEXTS[1:]]
    assert update(path, again)["a"].previous_id == [TEXTS[0].english]
    assert not update(path, TEXTS)["a"].fuzzy  # the English is again what it was
    assert strings(path) == CHINESE


def test_a_text_that_is_gone_is_obsolete_and_can_come_back(path):
    update(path, TEXTS[1:])
    text = path.read_text(encoding="utf-8")
    assert '#~ msgctxt "a"' in text and "a" not in {m.context for m in read(path)[:2]}
    update(path, TEXTS[1:])
    assert path.read_text(encoding="utf-8") == text
    update(path, TEXTS)
    assert strings(path) == CHINESE and "#~" not in path.read_text(encoding="utf-8")


def test_an_unfinished_text_that_is_gone_leaves_nothing(path):
    update(path, [*TEXTS, Text("c", "Three.")])
    update(path, TEXTS)
    assert "Three" not in path.read_text(encoding="utf-8")


def test_the_texts_of_a_notebook():
    figure = {"figure": {"name": "fig-a", "caption": "Apples"}, "image": {"alt": "Three apples"}}
    cells = [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# A\n", "b"]},
        {"cell_type": "code", "id": "c", "metadata": {"mystnb": figure}, "source": ["x = 1"]},
        {"cell_type": "markdown", "id": "e", "metadata": {}, "source": []},
    ]
    wanted = [Text("m", "# A\nb"), Text("c:alt", "Three apples"), Text("c:caption", "Apples")]
    assert notebook_texts(cells) == wanted


PAGE = "# Start\n\nA\n\n```sh\n# no heading\n```\n\n## Part: one\n\nB\n\n## Part one\nC\n"


def test_the_parts_of_a_page():
    assert [name for name, _ in sections(PAGE)] == ["start", "part-one", "part-one~2"]
    assert "".join(part for _, part in sections(PAGE)) == PAGE
    assert page_texts("p", PAGE)[1] == Text("p:part-one", "## Part: one\n\nB")


def test_update_writes_a_file_for_each_chapter(tmp_path):
    (tmp_path / "web").mkdir()
    translations.update(tmp_path / "zh_CN", tmp_path)
    names = {path.stem for path in (tmp_path / "zh_CN").iterdir()}
    notebooks = list((translations.TRANSLATIONS.parent / "book").glob("*.ipynb"))
    assert names >= {path.stem for path in notebooks} | {"book", "words"}
    cells = json.loads(notebooks[0].read_text(encoding="utf-8"))["cells"]
    messages = {m.context: m.id for m in read(tmp_path / "zh_CN" / f"{notebooks[0].stem}.po")}
    assert messages == dict(notebook_texts(cells))
    assert "".join(cells[0]["source"]) == messages[cells[0]["id"]]
