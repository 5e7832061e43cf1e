"""Two editions of a small book, built for real: the link between them, the words of the themes, and
the search for Chinese from a file."""

import json
import re
import shutil

import build_html
import pytest
from book_language import SearchChinese, pairs
from build_pdf import find_chromium
from editions import chinese_marks, link_editions
from translations_files import updated, write
from translations_sources import all_texts, notebook_texts, page_texts

import translations

CHROMIUM = find_chromium()
ROOT = translations.ROOT
INTRO = """# Two networks

The generator {cite:p}`zhu2017` paints.

## The first part

One.

(named)=
## The second part

Two long words: generator network.
"""
CHINESE = {
    "intro:two-networks": "# 两个网络\n\n生成器 {cite:p}`zhu2017` 作画，它学习循环一致性损失。",
    "intro:the-first-part": "## 第一部分\n\n一。",
    "intro:the-second-part": "## 第二部分\n\n判别器给出分数，使用 GAN 的感受野，图像池旧图。",
    "settings:title": "CycleGAN 课程",
    "settings:search": "搜索本书",
}
CELLS = [
    {
        "cell_type": "markdown",
        "id": "title",
        "metadata": {},
        "source": ["# A chapter\n", "\n", "Go."],
    },
    {
        "cell_type": "code",
        "execution_count": 1,
        "id": "sum",
        "metadata": {},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": ["2\n"]}],
        "source": ["print(1 + 1)  # a comment"],
    },
]


def fill(path, texts: list, chinese: dict):
    messages, _ = updated(texts, [])
    for message in messages:
        message.string = chinese.get(message.context or message.id, "")
    write(path, messages)


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The pages of a small book in English and, below them, in Chinese."""
    work = tmp_path_factory.mktemp("editions")
    book, folder = work / "book", work / "translations" / "zh_CN"
    shutil.copytree(ROOT / "book" / "_static", book / "_static")
    for name in ("references.bib", "bibliography.md"):
        shutil.copy(ROOT / "book" / name, book / name)
    (book / "intro.md").write_text(INTRO)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": CELLS, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (book / "01_one.ipynb").write_text(json.dumps(notebook))
    (work / "toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: 01_one\n  - file: bibliography\n"
    )
    shutil.copytree(translations.TRANSLATIONS / "zh_CN" / "theme", folder / "theme")
    settings = [text for text in all_texts()["book"] if text.context.startswith("settings:")]
    fill(folder / "book.po", page_texts("intro", INTRO) + settings, CHINESE)
    fill(folder / "01_one.po", notebook_texts(CELLS), {"title": "# 一章\n\n走。"})
    config, toc = ROOT / "_config.yml", work / "toc.yml"
    build_html.build(book, config, toc, work)
    build_html.build_edition("zh_CN", book, config, toc, work, work / "translations")
    return work / "html"


def test_the_edition_is_chinese_and_says_so(html):
    english = (html / "intro.html").read_text(encoding="utf-8")
    chinese = (html / "zh_CN" / "intro.html").read_text(encoding="utf-8")
    assert '<html lang="en"' in english and '<html lang="zh-CN"' in chinese
    assert "<h1>两个网络" in chinese and "CycleGAN 课程" in chinese
    chapter = (html / "zh_CN" / "01_one.html").read_text(encoding="utf-8")
    assert "<h1>一章" in chapter and "# a comment" in chapter


def test_the_words_of_the_themes_are_chinese(html):
    """What a reader or a screen reader meets on a page that is nobody's text."""
    text = (html / "zh_CN" / "intro.html").read_text(encoding="utf-8")
    words = ("跳到正文", "目录", "下一页", "搜索本书", "打印为 PDF", "点击显示", "链接到此标题")
    words += ("打开或收起左侧栏", "打开或收起右侧栏", "全书目录")
    assert [word for word in words if word not in text] == []
    shown = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    for word in (
        "Skip to main",
        "On this page",
        "next",
        "Print to PDF",
        "Back to top",
        "Link to",
        "Toggle",
        "Main",
    ):
        assert not re.search(rf">\s*{word}|(?:title|aria-label)=\"{word}", shown), word


def test_no_link_without_an_edition(html, tmp_path):
    (tmp_path / "intro.html").write_text("<head></head>")
    link_editions(tmp_path, "zh_CN")
    assert (tmp_path / "intro.html").read_text() == "<head></head>"


def test_chinese_marks():
    title = (
        '<p class="admonition-title"><span class="caption-number">练习 7 </span> (卷积 f(x))</p>'
    )
    wanted = (
        '<p class="admonition-title"><span class="caption-number">练习 7</span>（卷积 f(x)）</p>'
    )
    assert chinese_marks(title) == wanted
    link = '<p class="admonition-title">解答<a href="#a"> 练习 7 (大小)</a></p>'
    assert chinese_marks(link) == link.replace(" (大小)", "（大小）")
    assert chinese_marks("Isola <em>et al.</em> [1]") == "Isola 等人 [1]"
    assert chinese_marks("the paper’s “图”") == "the paper's “图”"


needs_chromium = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium was found; install one, on Debian with `apt-get install chromium`",
)


@pytest.fixture(scope="module")
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@needs_chromium
def test_the_link_keeps_page_and_section(html, page):
    def follow(address: str) -> str:
        page.goto(f"{html.as_uri()}/{address}")
        page.click(".language-switch")
        page.wait_for_load_state()
        return page.url.removeprefix(f"{html.as_uri()}/")

    first = follow("intro.html#the-first-part")
    name, _, section = first.partition("#")
    assert name == "zh_CN/intro.html" and section
    assert page.locator(f"section[id='{section}'] h2").inner_text().startswith("第一部分")
    assert follow(first) == "intro.html#the-first-part"
    assert follow("intro.html#named") == "zh_CN/intro.html#named"  # a label is the same in both
    assert follow("zh_CN/01_one.html") == "01_one.html"
    assert follow("zh_CN/search.html") == "search.html"


@needs_chromium
@pytest.mark.parametrize(
    "query, found",
    [
        ("生成器", ["两个网络"]),
        ("一致性", ["两个网络"]),  # in the middle of a run
        ("循环一致性损失", ["两个网络"]),
        ("分", ["两个网络"]),
        ("使用 GAN 的感受野", ["两个网络"]),
        ("GAN", ["两个网络"]),
        ("image comment", []),
        ("comment", ["一章"]),
        ("生成图", []),  # each letter is there, and no such run
    ],
)
def test_the_search_finds_chinese_from_a_file(html, page, query, found):
    page.goto(f"{html.as_uri()}/zh_CN/search.html?q={query}")
    page.wait_for_function(
        "Search.output && !document.querySelector('#search-results h2 span')?.textContent"
    )
    page.wait_for_function("/[\\d没]/.test(Search.status.innerText)")
    titles = page.locator("ul.search li > a").all_inner_texts()
    assert bool(titles) == bool(found), titles
    assert set(found) <= set(titles)


@needs_chromium
def test_a_found_phrase_is_marked_and_has_an_excerpt(html, page):
    page.goto(f"{html.as_uri()}/zh_CN/search.html?q=循环一致性损失")
    page.wait_for_selector("ul.search li p.context")
    assert "循环一致性损失" in page.locator("ul.search li p.context").first.inner_text()
    page.locator("ul.search li a").first.click()
    page.wait_for_selector(".highlighted")
    assert page.locator(".highlighted").all_inner_texts() == ["循环一致性损失"]


@needs_chromium
def test_the_script_splits_as_the_index_does(page):
    from book_language import SPLITTER

    page.goto("about:blank")
    for text in ("生成器 generator", "用GAN的图", "8×8 patches，感受野！", "a_b 一", "Zürich 卷积"):
        words = page.evaluate(f"(text) => {{ {SPLITTER} return splitQuery(text); }}", text)
        assert words and set(words) <= set(SearchChinese({}).split(text)), text


def test_pairs():
    assert pairs("生成器") == ["生", "成", "器", "生成", "成器"] and pairs("一") == ["一"]
