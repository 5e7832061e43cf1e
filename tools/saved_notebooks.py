"""What a saved notebook of the book holds, and what it must not hold."""

import json
import re
import sys
from pathlib import Path

import nbformat

DEFAULTS = {"dataset": "orchard", "preset": "quick", "device_target": "auto"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
KEPT_CELL_METADATA = ("mystnb", "tags")
PAPERMILL_TAGS = ("injected-parameters", "papermill-error-cell-tag")


def normalised(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Strip what differs from run to run: timings, papermill's marks, kernel versions, the chunks
    of printed text."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
        )
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        outputs = []
        for output in cell.outputs:
            if "metadata" in output:  # the size in which a sharp picture is shown stays
                sizes = {kind: size for kind, size in output.metadata.items() if "image/" in kind}
                output.metadata = nbformat.from_dict(sizes)
            if "execution_count" in output:
                output.execution_count = count
            last = outputs[-1] if outputs else None
            if (
                last
                and output.output_type == last.output_type == "stream"
                and output.name == last.name
            ):
                last.text += output.text
            else:
                outputs.append(output)
        cell.outputs = outputs
    return notebook


def save(notebook: nbformat.NotebookNode, path: Path):
    """Write a notebook as Jupyter does: one space of indent, a line feed at the end."""
    path.write_text(nbformat.writes(notebook, version=4) + "\n", encoding="utf-8")


def problems(path: Path) -> list[str]:
    """What must not be in a saved notebook of the book, one sentence a finding."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
    found = []
    ids = [
        cell.get("id") for cell in json.loads(text)["cells"]
    ]  # nbformat repairs them as it reads
    if None in ids or len(set(ids)) < len(ids):
        found.append("a cell has no id, or the id of another cell")
    parameters = [
        cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    ]
    if parameters != ["\n".join(f'{name} = "{value}"' for name, value in DEFAULTS.items())]:
        found.append(
            "there is not exactly one cell tagged 'parameters' that sets dataset, preset and "
            "device_target"
        )
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"!\[\s*\]\(", cell.source):
            found.append(f"cell {cell.get('id')}: an image without alt text")
        if cell.cell_type == "code":
            found += [f"cell {cell.get('id')}: {text}" for text in cell_problems(cell)]
    if not found and nbformat.writes(normalised(notebook), version=4) + "\n" != text:
        found.append(
            "there are timings, kernel versions, other metadata or another order of execution; "
            "run `make notebooks`"
        )
    return [f"{path.name}: {finding}" for finding in found]


def cell_problems(cell: nbformat.NotebookNode) -> list[str]:
    """The findings in one code cell and its outputs."""
    found = []
    if cell.execution_count is None and cell.source.strip():
        found.append("it was not executed")
    if re.search(r";\s*(#[^\n]*)?\Z", cell.source):
        found.append(
            "it ends with a semicolon, which nbval does not see; end with an assignment or with "
            "plt.show()"
        )
    if set(PAPERMILL_TAGS) & set(cell.metadata.get("tags", [])):
        found.append("papermill put it there")
    for output in cell.outputs:
        data = output.get("data", {})
        text = "".join(
            [
                output.get("text", ""),
                *(value for kind, value in data.items() if kind.startswith("text/")),
            ]
        )
        if output.output_type == "error":
            found.append(f"it raised {output.ename}: {output.evalue}")
        if output.get("name") == "stderr":
            found.append(f"it wrote to stderr: {text.strip()[:80]}")
        if re.search(r"(?<![\w.:/])/(root|home|Users|work|tmp|opt|usr|var|mnt)/|\b[A-Z]:\\", text):
            found.append("an output holds a path of one machine")
        if re.search(r"\b0x[0-9a-f]{6,}", text):
            found.append("an output holds a memory address")
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if any(kind.startswith("image/") for kind in data) and not alt.strip():
            found.append(
                'a figure has no alt text in the cell\'s metadata, {"mystnb": {"image": '
                '{"alt": "…"}}}'
            )
    return found


def check(paths: list[Path]):
    """Exit with all findings when a saved notebook holds what it must not."""
    found = [text for path in paths for text in problems(path)]
    if found:
        sys.exit("\n".join(found))
