"""A Sphinx extension for editions in other languages: the words of the themes, and a search that
finds Chinese.

Chinese is written without blanks between words. So the index holds each letter and each pair of
neighbours, and a query is cut into pairs in the same way: any run of letters is found, also in the
middle of a sentence, and no dictionary of words is needed.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # as in the script below
RUNS = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")
SPLITTER = r"""
var splitQuery = (query) => {
  const runs = query.match(/[HAN]+|(?:(?![HAN])[\p{Letter}\p{Number}_\p{Emoji_Presentation}])+/gu) || [];
  const isChinese = (run) => /^[HAN]{2}/.test(run);
  const pairs = (run) => [...run.slice(1)].map((letter, i) => run[i] + letter);
  return runs.flatMap((run) => isChinese(run) ? pairs(run) : [run]);
};
""".replace("HAN", r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff")  # noqa: E501


def pairs(run: str) -> list[str]:
    """The letters of a run and their pairs: 生成器 gives 生, 成, 器, 生成, 成器."""
    return [*run, *(run[i : i + 2] for i in range(len(run) - 1))]


class SearchChinese(SearchEnglish):
    """Pairs of Chinese letters; English words as in the English edition."""

    lang, language_name = "zh", "Chinese"
    js_splitter_code = SPLITTER

    def split(self, text: str) -> list[str]:
        found = []
        for run in RUNS.findall(text):
            found += pairs(run) if re.match(f"[{HAN}]", run) else [run]
        return found

    def stem(self, word: str) -> str:
        return word if re.match(f"[{HAN}]", word) else super().stem(word.lower())


def setup(app: Sphinx) -> dict:
    app.add_search_language(SearchChinese)
    for folder in app.config.locale_dirs:  # before the themes, so that these words come first
        for path in Path(app.srcdir, folder).glob(f"{app.config.language}/LC_MESSAGES/*.mo"):
            app.add_message_catalog(path.stem, str(Path(app.srcdir, folder)))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
