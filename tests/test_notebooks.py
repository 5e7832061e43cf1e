"""Every notebook through papermill on photographs, and the tool that runs, refreshes and checks
notebooks."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import copies
import nbformat
import notebooks
import pytest
import saved_notebooks
from helpers import serving
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = 'dataset = "orchard"\npreset = "quick"\ndevice_target = "auto"'


def figures(path: Path) -> list[str]:
    """The ids of the cells that show a picture."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        c.id
        for c in cells
        if any(
            {"image/png", "image/jpeg"} & {*output.get("data", {})}
            for output in c.get("outputs", [])
        )
    ]


@pytest.fixture(scope="session")
def served_photographs(photo_archive):
    """A server of the archive of photographs; ``.url`` is the address of the archive."""
    with serving(photo_archive.parent) as server:
        server.url += f"/{photo_archive.name}"
        yield server


@pytest.mark.parametrize(
    "notebook", notebooks.notebooks_in(notebooks.BOOK), ids=lambda path: path.stem
)
def test_notebook_runs_on_photographs(notebook, served_photographs, tmp_path, monkeypatch):
    """`make test` passes DATASET, PRESET and DEVICE on; the default orchard is what nbval runs, so
    here it is photographs."""
    # the kernel fetches it from there
    monkeypatch.setenv("CYCLEGAN_LESSONS_URL", served_photographs.url)
    chosen = os.environ.get("LESSONS_DATASET", "orchard")
    parameters = {
        "dataset": "apple2orange" if chosen == "orchard" else notebooks.resolved(chosen),
        "preset": os.environ.get("LESSONS_PRESET", "quick"),
        "device_target": os.environ.get("LESSONS_DEVICE", "auto"),
    }
    notebooks.execute(notebook, tmp_path / notebook.name, parameters)
    executed = nbformat.read(tmp_path / notebook.name, as_version=4)
    assert any("injected-parameters" in cell.metadata.get("tags", []) for cell in executed.cells)
    errors = [
        output
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
    ]
    assert not errors
    assert figures(tmp_path / notebook.name) == figures(notebook)
    if notebook.stem == "01_dataset" and parameters["dataset"] == "apple2orange":
        assert served_photographs.requests, "the photographs were not fetched"


@pytest.mark.parametrize(
    "notebook", notebooks.notebooks_in(notebooks.BOOK), ids=lambda path: path.stem
)
def test_saved_notebook_is_clean(notebook):
    assert saved_notebooks.problems(notebook) == []


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook with the parameters cell and then one code cell for each source."""
    cells = [new_markdown_cell("# A title", id="title")]
    cells.append(new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}))
    cells += [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": saved_notebooks.KERNEL}), path)
    return path


GREY_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
)
FIGURE = f"""from IPython.display import Image, display
import base64
display(Image(base64.b64decode('{GREY_PIXEL}==')))"""


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    """A book of one small notebook, refreshed: it prints in two steps, has a value, and shows a
    picture."""
    book = tmp_path_factory.mktemp("small") / "book"
    path = write_notebook(
        book / "01_small.ipynb", 'print("apples:", 995)\nprint(f"{2 / 3:.3f}")', "1 + 1", FIGURE
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].metadata = {
        "mystnb": {"image": {"alt": "one grey pixel"}},
        "collapsed": False,
    }
    nbformat.write(notebook, path)
    notebooks.refresh(book)
    return book


def test_refresh_gives_the_same_bytes_twice_and_nothing_volatile(small_book):
    path = small_book / "01_small.ipynb"
    first = path.read_bytes()
    notebooks.refresh(small_book)
    assert path.read_bytes() == first
    saved = json.loads(first)
    assert (
        set(saved["metadata"]) == {"kernelspec", "language_info"}
        and "version" not in saved["metadata"]["language_info"]
    )
    assert [cell["id"] for cell in saved["cells"]] == [
        "title",
        "parameters",
        "cell-0",
        "cell-1",
        "cell-2",
    ]
    assert [cell["execution_count"] for cell in saved["cells"][1:]] == [1, 2, 3, 4]
    assert [cell["metadata"] for cell in saved["cells"]] == [
        {},
        {"tags": ["parameters"]},
        {},
        {},
        {"mystnb": {"image": {"alt": "one grey pixel"}}},
    ]
    (printed,) = saved["cells"][2]["outputs"]
    assert "".join(printed["text"]) == "apples: 995\n0.667\n"
    assert saved_notebooks.problems(path) == []


def no_ids(nb):
    for cell in nb.cells:
        del cell["id"]
    nb.nbformat_minor = 4


def duplicate_id(nb):
    nb.cells[3].id = nb.cells[2].id


def an_error(nb):
    nb.cells[2].outputs = [
        nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
    ]


def on_stderr(nb):
    nb.cells[2].outputs = [nbformat.v4.new_output("stream", name="stderr", text="[WARNING] slow\n")]


def machine_path(nb):
    nb.cells[2].outputs[0].text = "saved in /home/ada/run\n"


def memory_address(nb):
    nb.cells[3].outputs[0].data["text/plain"] = "<object at 0x7f3c2a1b>"


def no_alt_text(nb):
    del nb.cells[4].metadata["mystnb"]


def no_alt_in_text(nb):
    nb.cells[0].source = "![](_static/logo.svg)"


def not_executed(nb):
    nb.cells[3].execution_count = None


def no_parameters(nb):
    nb.cells[1].metadata.tags = []


def other_parameters(nb):
    nb.cells[1].source = nb.cells[1].source.replace("quick", "demo")


def injected(nb):
    nb.cells[3].metadata.tags = ["injected-parameters"]


def semicolon(nb):
    nb.cells[3].source += ";  # two"


def timing(nb):
    nb.cells[3].metadata.execution = {"iopub.execute_input": "2026-01-01T00:00:00Z"}


def papermill_metadata(nb):
    nb.metadata.papermill = {"duration": 3.2}


def kernel_version(nb):
    nb.metadata.language_info.version = "3.11.7"


def out_of_order(nb):
    nb.cells[3].execution_count = 17


@pytest.mark.filterwarnings("ignore:Non-unique cell id")
@pytest.mark.parametrize(
    "damage, message",
    [
        (no_ids, "no id"),
        (duplicate_id, "the id of another"),
        (an_error, "it raised ValueError: no"),
        (on_stderr, "wrote to stderr"),
        (machine_path, "path of one machine"),
        (memory_address, "memory address"),
        (no_alt_text, "a figure has no alt text"),
        (no_alt_in_text, "an image without alt text"),
        (not_executed, "cell-1: it was not executed"),
        (no_parameters, "tagged 'parameters'"),
        (other_parameters, "tagged 'parameters'"),
        (injected, "papermill put it there"),
        (semicolon, "cell-1: it ends with a semicolon"),
        (timing, "run `make notebooks`"),
        (papermill_metadata, "run `make notebooks`"),
        (kernel_version, "run `make notebooks`"),
        (out_of_order, "run `make notebooks`"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_check_finds(small_book, tmp_path, damage, message):
    notebook = nbformat.read(small_book / "01_small.ipynb", as_version=4)
    damage(notebook)
    path = tmp_path / "damaged.ipynb"
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=re.escape(message)):
        saved_notebooks.check([path])


def test_nbval_sees_a_changed_number_a_changed_text_and_a_line_on_stderr(small_book, tmp_path):
    saved = (small_book / "01_small.ipynb").read_text()
    (tmp_path / "same.ipynb").write_text(saved)
    (tmp_path / "number.ipynb").write_text(saved.replace("0.667\\n", "0.668\\n"))
    (tmp_path / "value.ipynb").write_text(saved.replace('"2"', '"3"'))
    (tmp_path / "text.ipynb").write_text(saved.replace("apples: 995\\n", "oranges: 995\\n"))
    notebook = nbformat.reads(saved, as_version=4)
    # its saved output has no stderr
    notebook.cells[3].source = "import sys; print('careful', file=sys.stderr)\n1 + 1"
    nbformat.write(notebook, tmp_path / "stderr.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-rA",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    failed = set(re.findall(r"^FAILED (\w+)\.ipynb", result.stdout, flags=re.MULTILINE))
    passed = set(re.findall(r"^PASSED (\w+)\.ipynb", result.stdout, flags=re.MULTILINE))
    assert failed == {"number", "value", "text", "stderr"}, result.stdout
    assert "same" in passed and result.returncode == 1


def test_a_cell_that_raises_is_named_and_nothing_is_saved(tmp_path):
    book = tmp_path / "book"
    path = write_notebook(book / "01_bad.ipynb", "print('fine')", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(SystemExit) as stop:
        notebooks.refresh(book)
    assert (
        str(stop.value.code).splitlines()[-1]
        == "01_bad.ipynb: cell cell-1 raised ZeroDivisionError: division by zero"
    )
    assert path.read_bytes() == before


def test_run_works_on_a_copy_with_the_parameters(tmp_path, capsys):
    book = tmp_path / "book"
    path = write_notebook(book / "01_small.ipynb", "print(dataset, preset, device_target)")
    before = path.read_bytes()
    (book / "intro.md").write_text("# Hello\n")
    notebooks.run(
        tmp_path / "out", {"dataset": "orchard", "preset": "demo", "device_target": "CPU"}, book
    )
    assert path.read_bytes() == before and (tmp_path / "out" / "intro.md").exists()
    outputs = nbformat.read(tmp_path / "out" / "01_small.ipynb", as_version=4).cells[-1].outputs
    assert outputs[0].text == "orchard demo CPU\n"
    assert re.fullmatch(r"01_small.ipynb … \d+ s\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--dataset", "pears"], ("dataset must be", "pears")),
        (["--preset", "huge"], ("preset must be one of quick, demo, photos, paper", "huge")),
        (["--device", "TPU"], ("device_target must be", "TPU")),
    ],
    ids=["dataset", "preset", "device"],
)
@pytest.mark.parametrize("action", ["run", "prepare", "parameters"])
def test_wrong_parameters_get_one_sentence_before_anything_runs(
    tmp_path, monkeypatch, action, arguments, words
):
    out = ["--out", str(tmp_path / "out")] if action != "parameters" else []
    monkeypatch.setattr(sys, "argv", ["notebooks.py", action, *out, *arguments])
    with pytest.raises(SystemExit) as stop:
        notebooks.main()
    message = stop.value.code
    assert isinstance(message, str) and "\n" not in message
    assert all(word in message for word in words)
    assert not (tmp_path / "out").exists()


DEMO = {"dataset": "orchard", "preset": "demo", "device_target": "auto"}


@pytest.fixture
def two_chapters(tmp_path):
    """A book of two notebooks and a picture, and the folder for a copy of it."""
    book = tmp_path / "book"
    for i in (1, 2):
        write_notebook(book / f"0{i}_small.ipynb", "print(preset)")
    (book / "figures").mkdir()
    (book / "figures" / "a.svg").write_text("<svg/>")
    return book, tmp_path / "build" / "lab"


def source_of(path: Path) -> str:
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


def test_what_somebody_changed_in_a_copy_is_kept_and_named(two_chapters, capsys):
    """`make lab` twice: one notebook was edited, another one, a picture and a folder are new."""
    book, lab = two_chapters
    notebooks.prepare(lab, DEMO, book)
    assert capsys.readouterr().out == ""
    edited = (lab / "01_small.ipynb").read_text().replace("print(preset)", "print('my answer')")
    (lab / "01_small.ipynb").write_text(edited)
    (lab / "mine.ipynb").write_text("{}")
    (book / "figures" / "a.svg").write_text("<svg>new</svg>")
    notebooks.prepare(lab, DEMO | {"preset": "paper"}, book)
    said = capsys.readouterr().out
    assert "Kept as you changed them" in said and "01_small.ipynb" in said
    assert "02_small.ipynb" not in said
    assert (lab / "01_small.ipynb").read_text() == edited
    assert (lab / "mine.ipynb").read_text() == "{}"
    assert 'preset = "paper"' in source_of(lab / "02_small.ipynb")
    assert (lab / "figures" / "a.svg").read_text() == "<svg>new</svg>"
    notebooks.prepare(lab, DEMO, book)  # and the third time
    assert (lab / "01_small.ipynb").read_text() == edited
    assert 'preset = "demo"' in source_of(lab / "02_small.ipynb")


def test_a_notebook_that_was_removed_comes_anew(two_chapters, capsys):
    book, lab = two_chapters
    notebooks.prepare(lab, DEMO, book)
    (lab / "01_small.ipynb").unlink()
    notebooks.prepare(lab, DEMO, book)
    assert 'preset = "demo"' in source_of(lab / "01_small.ipynb")
    assert capsys.readouterr().out == ""


def contents(folder: Path) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("fill", [notebooks.run, notebooks.prepare])
@pytest.mark.parametrize("place", ["book", "book/inside", ".", "mine", "file"])
def test_a_copy_goes_nowhere_else(two_chapters, fill, place):
    book, _ = two_chapters
    (book.parent / "mine").mkdir()
    (book.parent / "mine" / "letter.txt").write_text("dear")
    (book.parent / "file").write_text("mine")
    before = contents(book.parent)
    with pytest.raises(SystemExit, match="^--out must be .*choose another"):
        fill((book.parent / place).resolve(), DEMO, book)
    assert contents(book.parent) == before


@pytest.mark.parametrize("action", ["run", "prepare"])
def test_the_commands_refuse_the_book_itself(action):
    command = [sys.executable, notebooks.__file__, action, "--out", "book"]
    before = contents(notebooks.BOOK)
    result = subprocess.run(command, cwd=notebooks.ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("--out must be a folder outside the book")
    assert contents(notebooks.BOOK) == before


def test_a_run_replaces_its_own_copy_but_no_work_in_it(two_chapters):
    book, _ = two_chapters
    out = book.parent / "out"
    out.mkdir()  # an empty one will do
    notebooks.run(out, DEMO, book)
    notebooks.run(out, DEMO | {"preset": "paper"}, book)
    assert 'preset = "paper"' in source_of(out / "01_small.ipynb")
    (out / "figures" / "a.svg").write_text("<svg>my own</svg>")
    before = contents(out)
    with pytest.raises(SystemExit, match=r"changed or added: figures/a.svg; move them elsewhere"):
        notebooks.run(out, DEMO, book)
    assert contents(out) == before


def test_a_run_that_failed_can_be_repeated(tmp_path):
    book, out = tmp_path / "book", tmp_path / "out"
    write_notebook(book / "01_bad.ipynb", "1 / 0")
    for _ in range(2):
        with pytest.raises(SystemExit, match="cell-0 raised ZeroDivisionError"):
            notebooks.run(out, DEMO, book)
    copies.write_list(out, {})  # as after kill -9
    (out / "01_bad.ipynb").write_text("half of i")
    with pytest.raises(SystemExit, match="cell-0 raised ZeroDivisionError"):
        notebooks.run(out, DEMO, book)


def test_each_action_takes_its_own_options_only(capsys):
    for arguments in (["check", "--preset", "demo"], ["refresh", "--out", "x"], ["run"], []):
        with pytest.raises(SystemExit) as stop:
            notebooks.parse_arguments(arguments)
        assert stop.value.code == 2
