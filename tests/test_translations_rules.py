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
    ],
)
def test_more_broken_translations(english, chinese, finding):
    assert findings(english, chinese, GLOSSARY)[0] == finding
