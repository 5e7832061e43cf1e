"""The language of what the course says: English, or the one that an environment variable names.

The translations are in locale/LANGUAGE.json, English to translated; `tools/translations.py update`
writes them from translations/LANGUAGE/package.po. The code holds the English alone.
"""

import json
import os
import re
from functools import lru_cache
from pathlib import Path

VARIABLE = "CYCLEGAN_LESSONS_LANGUAGE"
LOCALE = Path(__file__).parent / "locale"
PLACE = re.compile(r"\\\{\d+\\\}")  # of a value in a sentence, after `re.escape`


def language() -> str:
    """The language that ``$CYCLEGAN_LESSONS_LANGUAGE`` names: "en", "zh_CN"; "en" where there is no
    translation into it."""
    name = os.environ.get(VARIABLE, "").partition(".")[0].replace("-", "_")
    return name if name and (LOCALE / f"{name}.json").is_file() else "en"


@lru_cache
def table(name: str) -> dict[str, str]:
    """The translations into one language, by the English."""
    return json.loads((LOCALE / f"{name}.json").read_text(encoding="utf-8"))


@lru_cache
def patterns(name: str) -> list[tuple[re.Pattern, str]]:
    """Sentences with values, as in "there is no preset {0}": what finds the values, and the
    translation. Those with the most words come first."""
    found = []
    for english, translated in table(name).items():
        literal = PLACE.split(re.escape(english))
        if len(literal) > 1 and re.search(r"\w\w", "".join(literal)):
            found.append((re.compile("(.*)".join(literal), re.DOTALL), translated))
    return sorted(found, key=lambda pair: -len(pair[0].pattern))


def in_language(text: str, name: str | None = None) -> str:
    """A text of the course in the chosen language, or in the one called ``name``; as it is when it
    has no translation.

    A sentence that holds values already is found by its words: "there is no preset 'quik'". A value
    of several words may be a text of the course itself, as the reason of an error is.
    """
    name = name or language()
    if name == "en" or not (LOCALE / f"{name}.json").is_file():
        return text
    if text in table(name):
        return table(name)[text]
    for pattern, translated in patterns(name):
        match = pattern.fullmatch(text)
        if match:
            values = [in_language(v, name) if " " in v else v for v in match.groups()]
            return re.sub(r"\{(\d+)\}", lambda place: values[int(place[1])], translated)
    return text
