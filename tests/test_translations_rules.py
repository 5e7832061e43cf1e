"""Every rule of a translation, broken once."""

import pytest
from translations_rules import findings

GLOSSARY = [
    {"english": "generator", "chinese": "生成器", "other": "产生器", "required": "yes"},
    {"english": "cycle loss", "chinese": "循环损失|循环项", "other": "", "required": "yes"},
    {"english": "step", "chinese": "步", "other": "步伐", "required": ""},
]
ENGLISH = """(cycle)=
## The cycle

The generator $G$ is trained for 1,000 steps of `Adam` {cite:p}`zhu2017`, see
[chapter 4](04_losses.ipynb), {ref}`there <cycle>` and https://example.org/a. It
costs $$a = b$$ <b>much</b>, about 2.5.

```{figure} figures/a.svg
:name: fig-a
:alt: An apple
A caption.
```

```python
x = 1  # one
```"""
CHINESE = """(cycle)=
## 循环

生成器 $G$ 用 `Adam` 训练 1000 步 {cite:p}`zhu2017`，参见[第 4 章](04_losses.ipynb)、{ref}`那里
<cycle>` 和 https://example.org/a 。代价 $$a = b$$ <b>很大</b>，约 2.5。

```{figure} figures/a.svg
:name: fig-a
:alt: 一个苹果
图题。
```

```python
x = 1  # one
```"""


def test_a_good_translation_has_no_findings():
    assert findings(ENGLISH, CHINESE, GLOSSARY) == []
    assert findings("the **cycle loss**, 50% of it", "**循环项**，占其中 50%", GLOSSARY) == []
    assert (
        findings("A table\n\n| a | $x_1$ |\n|---|---|", "表\n\n| 甲 | $x_1$ |\n|---|---|", []) == []
    )


DIRECTIVES = """```{exercise} A larger λ
:label: ex-larger-lambda

The generator has 9 blocks with $n$ weights each ({eq}`total`); what is $2n$ in `steps`?
```

```python
x = 1  # one
```

````{admonition} Two fences
```{note}
The generator again.
```
```
y = 2
```
````

```
z = 3
```

```{math}
:label: total
a = b
```

```{solution-start} ex-generator
```"""
SAME_IN_CHINESE = {
    "A larger λ": "更大的 λ",
    "The generator has 9 blocks with $n$ weights each ({eq}`total`); what is $2n$ in `steps`?": (
        "生成器有 9 个块，每块 $n$ 个权重（{eq}`total`）；`steps` 中的 $2n$ 是多少？"
    ),
    "Two fences": "两层围栏",
    "The generator again.": "还是生成器。",
}


def in_directives(old: str = "", new: str = "") -> list[str]:
    """What is found in the Chinese of DIRECTIVES after one change to it."""
    chinese = DIRECTIVES
    for english, translated in SAME_IN_CHINESE.items():
        chinese = chinese.replace(english, translated)
    assert not old or chinese.count(old) == 1
    return findings(DIRECTIVES, chinese.replace(old, new), GLOSSARY)


def test_directives_are_text_and_their_labels_hold_no_terms():
    assert in_directives() == []
    label = "```{solution-start} ex-generator\n```"
    assert findings(label, label, GLOSSARY) == []


@pytest.mark.parametrize(
    "old, new, finding",
    [
        ("9 个块", "8 个块", "number: only the English has '9'"),
        ("生成器有", "产生器有", "term: generator is 生成器, not 产生器"),
        ("的 $2n$", "的 $3n$", "formula: only the English has '$2n$'"),
        ("`steps` 中", "`step` 中", "code: only the English has 'steps'"),
        ("{eq}`total`", "{eq}`sum`", "role: only the English has '{eq} of total'"),
        ("个块，", "个块,", "half-width punctuation: '块,'"),
        ("个块，", "个块，\n", "a line break that shows as a blank: ' 9 个块，', '每块 $n$'"),
        ("还是生成器。", "还是生成器.", "half-width punctuation: '器.'"),
        ("x = 1", "x = 2", "code block: only the English has '```python\\nx = 1  # one\\n```'"),
        ("y = 2", "y = 3", "code block: only the English has '```\\ny = 2\\n```'"),
        ("z = 3", "z = 4", "code block: only the English has '```\\nz = 3\\n```'"),
        ("a = b", "a = c", "code block: only the English has '```{math}"),
        ("```{note}", "```{tip}", "directive: only the English has 'note'"),
        ("ex-larger", "ex-smaller", "option: only the English has ':label: ex-larger-lambda'"),
        (
            "ex-generator",
            "ex-network",
            "directive: only the English has 'solution-start ex-generator'",
        ),
    ],
)
def test_a_directive_hides_nothing(old, new, finding):
    found = in_directives(old, new)
    assert any(text.startswith(finding) for text in found), found


def test_a_code_block_without_an_end_is_found_and_hides_nothing():
    assert "fence: only the English has '```'" in findings("```text\nx\n```", "```text\nx", [])
    assert "number: only the English has '5'" in findings("```text\n5", "```text\n6", [])


@pytest.mark.parametrize(
    "english, chinese, found",
    [
        ("Read in November 2026.", "2026 年 11 月阅读。", []),
        ("Read on 24 November 2026.", "2026 年十一月 24 日阅读。", []),
        ("Read in November 2026.", "2026 年 10 月阅读。", ["11", "10"]),
        ("less than 100 million", "不到 1 亿", []),
        ("11.4 million weights", "1140 万个权重", []),
        ("11.4 million weights", "11.4 百万个权重", []),
        ("less than 100 million", "不到 100 万", ["100000000", "1000000"]),
        ("10,000 pairs", "1 万对", []),
    ],
)
def test_numbers_with_words(english, chinese, found):
    sides = ("number: only the English has", "number: only the translation has")
    wanted = [f"{side} {number!r}" for side, number in zip(sides, found)]
    assert findings(english, chinese, []) == wanted


BROKEN = {
    "formula: only the English has '$G$'": ("$G$", "$F$"),
    "formula: only the translation has '$$a=c$$'": ("$$a = b$$", "$$a = c$$"),
    "code: only the English has 'Adam'": ("`Adam`", "Adam"),
    "code block: only the English": ("x = 1  # one", "x = 1  # 一"),
    "role: only the English has '{cite:p} of zhu2017'": ("zhu2017", "zhu2018"),
    "role: only the English has '{ref} of cycle'": ("<cycle>`", "<circle>`"),
    "link: only the English has '04_losses.ipynb'": ("04_losses.ipynb", "05_losses.ipynb"),
    "link: only the English has 'https://example.org/a'": ("example.org/a", "example.org/b"),
    "directive: only the English has 'figure figures/a.svg'": ("a.svg", "b.svg"),
    "directive: only the translation has 'image figures/a.svg'": ("{figure}", "{image}"),
    "option: only the English has ':name: fig-a'": ("fig-a", "fig-b"),
    "label: only the English has 'cycle'": ("(cycle)=", "(circle)="),
    "fence: only the English has '```'": ("```\n\n```python", "\n```python"),
    "heading: only the English has '##'": ("## 循环", "### 循环"),
    "tag: only the English has 'b'": ("<b>很大</b>", "很大"),
    "number: only the English has '1000'": ("1000", "100"),
    "number: only the translation has '2.6'": ("2.5", "2.6"),
    "half-width punctuation: '环,'": ("## 循环", "## 循环,环"),
    "half-width punctuation: '题.'": ("图题。", "图题."),
    "half-width punctuation: '(图)'": ("图题。", "(图)题。"),
    "half-width punctuation: '\"图\"'": ("图题。", '"图"题。'),
    "a line break that shows as a blank: '图', '题。'": ("图题。", "图\n题。"),
    "a line break that shows as a blank: '图，', '题。'": ("图题。", "图，\n题。"),
    "term: generator is 生成器, not 产生器": ("生成器", "产生器"),
    "term: generator is 生成器": ("生成器", "网络"),
    "term: step is 步, not 步伐": ("1000 步", "1000 步伐"),
}


@pytest.mark.parametrize("finding", BROKEN)
def test_a_broken_translation_has_this_finding(finding):
    old, new = BROKEN[finding]
    assert CHINESE.count(old) == 1
    found = findings(ENGLISH, CHINESE.replace(old, new), GLOSSARY)
    assert any(text.startswith(finding) for text in found), found


@pytest.mark.parametrize(
    "english, chinese, finding",
    [
        ("{n} of {total:.0%} are right", "{n} 个正确", "place: only the English has '{total:.0%}'"),
        (
            "default: %(default)s",
            "默认值：%(defaults)s",
            "place: only the English has '%(default)s'",
        ),
        ("(the public names)", "（公开名称）", "names: only the English has '(the public names)'"),
        ("Three apples on a table", "Three apples on a table", "it has no Chinese letter"),
        ("the cycle loss", "循环代价", "term: cycle loss is 循环损失 or 循环项"),
        ("both cycle losses", "两个循环代价", "term: cycle loss is 循环损失 or 循环项"),
    ],
)
def test_more_broken_translations(english, chinese, finding):
    assert findings(english, chinese, GLOSSARY)[0] == finding
