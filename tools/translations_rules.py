"""The rules of a translation: what it must have in common with the English, and how it is written.

Each rule takes the English and the translated text of one message and returns sentences about what
is wrong.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import book_package
from babel.dates import get_month_names

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WIDE = f"{HAN}，。、；：？！（）《》“”‘’…—"  # Chinese letters and punctuation
FENCE = re.compile(r"^ *(`{3,}|:{3,}|~{3,})(.*)$", re.MULTILINE)
FORMULA = re.compile(r"\$\$.+?\$\$|(?<!\\)\$[^$]+?(?<!\\)\$", re.DOTALL)
ROLE = re.compile(r"\{([\w:.+-]+)\}`([^`]+)`")
SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)  # ``` are a fence
LINK = re.compile(r"\]\(([^()\s]+(?:\([^()]*\))?[^()\s]*)\)")
URL = re.compile(r"https?://[^\s)>\]`，。；）]+")
LABEL = re.compile(r"^\(([\w-]+)\)=", re.MULTILINE)
OPTION = re.compile(r"^ *:(?!alt\b)([\w-]+): *(.*)$", re.MULTILINE)  # of a directive, but alt texts
DIRECTIVE = re.compile(r"^ *(?:`{3,}|:{3,}|~{3,})\{([\w:-]+)\} *(.*)$", re.MULTILINE)
LITERAL = ("code-block", "eval-rst", "math")  # directives whose body is code
TARGETED = ("figure", "image", "widget", "bibliography")  # their argument is no text for a reader
TARGETED += ("solution", "solution-start", "solution-end")
TAG = re.compile(r"</?([a-zA-Z][\w-]*)[^<>]*>")
PLACE = re.compile(r"\{[\w.]*(?:![rs])?(?::[^{}]*)?\}|%\(\w+\)s")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
ENGLISH_MONTHS = {name: number for number, name in get_month_names("wide", locale="en").items()}
HAN_MONTHS = {name: number for number, name in get_month_names("wide", locale="zh").items()}
MONTH = re.compile(rf"\b(?:{'|'.join(ENGLISH_MONTHS)})\b|{'|'.join(HAN_MONTHS)}")
MONTHS = ENGLISH_MONTHS | HAN_MONTHS
UNITS = {"thousand": 3, "million": 6, "billion": 9, "万": 4, "百万": 6, "千万": 7, "亿": 8}
AMOUNT = re.compile(rf"(\d[\d,]*(?:\.\d+)?)[ -]?({'|'.join(UNITS)})")


def role(match: re.Match) -> str:
    """A role with its target; the words that stand for the target are translated."""
    target = re.search(r"<([^<>]+)>$", match[2])
    return f"{{{match[1]}}} of {target[1] if target else match[2]}"


def split(text: str) -> tuple[list[str], str]:
    """The code blocks of a text, and the text without them; a directive is text, with its body."""
    blocks, rest, code, directives = [], [], [], []
    for line in text.split("\n"):
        fence = FENCE.match(line)
        mark, more = (fence[1], fence[2].strip()) if fence else (" ", "")
        name = DIRECTIVE.match(line)
        if code:
            code.append(line)
            if mark.startswith(FENCE.match(code[0])[1]) and not more:
                blocks.append("\n".join(code))
                code, rest = [], [*rest, ""]
            continue
        if name and name[1] not in LITERAL:
            directives.append(mark)
        elif directives and mark.startswith(directives[-1]) and not more:
            directives.pop()
        elif fence and mark[0] != ":" and "`" not in more:
            code = [line]
            continue
        rest.append(line)
    return blocks, "\n".join([*rest, *code])


def no_code(text: str) -> str:
    """A text without code blocks, roles and code spans."""
    return SPAN.sub("", ROLE.sub("", split(text)[1]))


def numbers(text: str) -> list[str]:
    """The numbers in the words: "November 2026" is 11 and 2026, "100 million" is 100000000."""
    text = MONTH.sub(lambda match: str(MONTHS[match[0]]), prose(text))
    text = AMOUNT.sub(lambda m: f"{Decimal(m[1].replace(',', '')).scaleb(UNITS[m[2]]):f}", text)
    return [number.replace(",", "") for number in NUMBER.findall(text)]


def directives(text: str) -> list[str]:
    """The names of directives, with their argument where that is no text for a reader."""
    found = DIRECTIVE.findall(split(text)[1])
    return [f"{name} {more.strip()}" if name in TARGETED else name for name, more in found]


def options(text: str) -> list[str]:
    text = split(text)[1]
    text = text if DIRECTIVE.search(text) else ""
    return [f":{name}: {value}" for name, value in OPTION.findall(text)]


def prose(text: str) -> str:
    """The words of a text: code, formulas, roles, targets and tags are left out or become `X`."""
    text = split(text)[1]
    text = FORMULA.sub("X", SPAN.sub("X", ROLE.sub("X", text)))
    text = URL.sub("X", LINK.sub("]", LABEL.sub("", text)))
    text = OPTION.sub("", DIRECTIVE.sub(lambda m: "" if m[1] in TARGETED else m[2], text))
    return PLACE.sub("X", TAG.sub("", text.replace("](", "] ("))).replace("[", "").replace("]", "")


# what must be the same in both, wherever it stands: name of the rule, what to look at
SAME: dict[str, Callable[[str], list[str]]] = {
    "code block": lambda text: split(text)[0],
    "code": lambda text: [m[2] for m in SPAN.finditer(ROLE.sub("", split(text)[1]))],
    "formula": lambda text: ["".join(part.split()) for part in FORMULA.findall(no_code(text))],
    "role": lambda text: [role(m) for m in ROLE.finditer(split(text)[1])],
    "link": lambda text: LINK.findall(text) + [url.rstrip(".,") for url in URL.findall(text)],
    "directive": directives,
    "option": options,
    "label": LABEL.findall,
    "fence": lambda text: [m[1] for m in FENCE.finditer(text)],
    "heading": lambda text: re.findall(r"^#+(?= )", split(text)[1], re.MULTILINE),
    "tag": lambda text: TAG.findall(no_code(text)),
    "names": lambda text: re.findall(re.escape(book_package.PLACE), text),
    "place": lambda text: PLACE.findall(FORMULA.sub("", no_code(text))),
    "number": numbers,
}


def differences(english: str, chinese: str) -> list[str]:
    """What is in one of the two texts and not, or less often, in the other."""
    found = []
    for name, look in SAME.items():
        a, b = Counter(look(english)), Counter(look(chinese))
        found += [f"{name}: only the English has {part!r}" for part in (a - b)]
        found += [f"{name}: only the translation has {part!r}" for part in (b - a)]
    return found


def punctuation(chinese: str) -> list[str]:
    """Half-width marks in a Chinese sentence."""
    text = prose(chinese)
    patterns = (rf"[{WIDE}][,.;:!?](?=[{WIDE}\s]|$)", rf"[{WIDE}]?\([^()\n]*[{HAN}][^()\n]*\)")
    patterns += (rf"\"[^\"\n]*[{HAN}][^\"\n]*\"",)
    found = [m[0] for pattern in patterns for m in re.finditer(pattern, text)]
    return [f"half-width punctuation: {part!r}" for part in found]


def line_breaks(chinese: str) -> list[str]:
    """Line breaks inside a Chinese sentence: a browser shows a blank in their place."""
    lines = split(chinese)[1].splitlines()
    return [
        f"a line break that shows as a blank: {before[-6:]!r}, {after.strip()[:6]!r}"
        for before, after in zip(lines, lines[1:])
        if not before.lstrip().startswith(("#", ":", "`", "(", "|"))
        if re.search(rf"[{WIDE}]$", before) and re.match(rf"[ >]*[{WIDE}]", after)
    ]


def untranslated(english: str, chinese: str) -> list[str]:
    """An English sentence that was copied."""
    words = re.findall(r"[A-Za-z]{2,}", prose(english).replace("CycleGAN Lessons", ""))
    copied = len(words) > 2 and not re.search(f"[{HAN}]", chinese)
    return ["it has no Chinese letter"] if copied else []


def read_glossary(path: Path) -> list[dict[str, str]]:
    """The terms: English, Chinese (several with |), renderings that are wrong, required or not."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def terms(english: str, chinese: str, glossary: list[dict[str, str]]) -> list[str]:
    """Terms of the glossary that are rendered in another way."""
    english, chinese = prose(english).lower(), prose(chinese)
    found = []
    for term in sorted(glossary, key=lambda term: -len(term["english"])):
        pattern = rf"\b{re.escape(term['english'].lower())}(?:e?s)?\b"
        if not re.search(pattern, english):
            continue
        english = re.sub(pattern, " ", english)  # "cycle-consistency loss" is no "loss"
        wanted = term["chinese"].split("|")
        wrong = [word for word in term["other"].split("|") if word and word in chinese]
        if wrong or (term["required"] and not any(word in chinese for word in wanted)):
            came = f", not {wrong[0]}" if wrong else ""
            found.append(f"term: {term['english']} is {' or '.join(wanted)}{came}")
    return found


def findings(english: str, chinese: str, glossary: list[dict[str, str]]) -> list[str]:
    """Everything that is wrong with one translated text."""
    found = differences(english, chinese) + punctuation(chinese) + line_breaks(chinese)
    return found + untranslated(english, chinese) + terms(english, chinese, glossary)
