"""The Chinese edition of the complete book, from a folder on the disk: what a search finds, and
what axe says about its pages."""

from pathlib import Path

import pytest
from build_pdf import find_chromium
from test_pages import axe, go, measure

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium was found; install one, on Debian with `apt-get install chromium`",
)
FIRST = 3  # pages among which the wanted one must be
# as the page of the search ranks them: names of pages, the best first, each once
SEARCH = """(query) => {
  const found = Search._performSearch(...Search._parseQuery(query)).reverse();
  return [...new Set(found.map((result) => result[0]))];
}"""
WANTED = {
    "生成器": "02_generator",
    "判别器": "03_discriminator",
    "感受野": "03_discriminator",
    "循环一致性损失": "04_losses",
    "身份损失": "04_losses",
    "对抗损失": "04_losses",
    "图像池": "05_image_pool",
    "实例归一化": "02_generator",
    "反射填充": "02_generator",
    "转置卷积": "02_generator",
    "残差块": "02_generator",
    "最小二乘": "04_losses",
    "学习率": "06_training",
    "孪生图": "08_evaluation",
    "核距离": "08_evaluation",
    "置信区间": "08_evaluation",
    "对比损失": "11_after",
    "数据增强": "01_dataset",
    "打卡": "learners",
    "一致性": "04_losses",  # these are in the middle of a run of letters
    "致性损": "04_losses",
    "例归一": "02_generator",
    "器生判": None,  # a run that is nowhere, of letters that are there
    "receptive field": "03_discriminator",
    "MindRecord": "01_dataset",
    "ImagePool": "05_image_pool",
    "Wilson": "10_experiments",
    "float16": "12_cluster",
}


@pytest.fixture(scope="module")
def chinese(html) -> Path:
    """The pages of the Chinese edition."""
    return html / "zh_CN"


@pytest.fixture(scope="module")
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light")
        opened.set_default_timeout(120_000)
        yield opened
        browser.close()


def test_a_search_finds_the_page_that_is_about_it(chinese, page):
    page.goto((chinese / "search.html").as_uri())
    page.wait_for_function("Search.hasIndex()")
    found = {query: page.evaluate(SEARCH, query)[:FIRST] for query in WANTED}
    missed = {
        query: pages
        for query, pages in found.items()
        if (WANTED[query] not in pages if WANTED[query] else pages)
    }
    assert missed == {}


@pytest.mark.parametrize("name", ["intro", "03_discriminator", "05_image_pool"])
def test_axe_finds_nothing_that_is_ours_in_chinese(chinese, page, name):
    from axe_playwright_python.base import AXE_SCRIPT

    go(page, chinese / f"{name}.html")
    assert page.locator("a.language-switch").inner_text() == "English"
    page.evaluate(AXE_SCRIPT)
    measure(page, "simplify")
    assert axe(page, name, {}) == []
