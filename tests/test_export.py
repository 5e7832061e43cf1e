"""Both generators outside of MindSpore: ONNX files that onnxruntime runs, and one page; and one
sentence where they cannot be made."""

import base64
import json
import re
import sys
from dataclasses import asdict

import mindspore as ms
import numpy as np
import pytest
from helpers import random_weights, with_exact_tanh

from cyclegan_lessons import (
    DetailGenerator,
    LessonConfig,
    LessonError,
    load_generator,
    render_orchard,
)
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.export import (
    WEB,
    export,
    onnx_model,
    read_words,
    web_model,
    web_page,
    web_words,
)
from cyclegan_lessons.images import to_tensor
from cyclegan_lessons.inference import DIRECTIONS, SHIPPED_MODEL
from cyclegan_lessons.training import CycleGAN

CONFIG = LessonConfig(image_size=32, base_channels=3, n_layers=2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint of a small network with random weights and biases."""
    networks, rng = CycleGAN(CONFIG), np.random.default_rng(0)
    tensors = {
        name: ms.Tensor(rng.normal(0, 0.1, parameter.shape).astype(np.float32))
        for name, parameter in networks.parameters_and_names()
    }
    path = tmp_path_factory.mktemp("run") / "checkpoints" / "step_0000002.ckpt"
    write_checkpoint(path, tensors, {"config": asdict(CONFIG), "step": 2})
    return path


def run_onnx(model: bytes, images: np.ndarray) -> np.ndarray:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_onnx_gives_the_numbers_of_mindspore_at_any_size(checkpoint, tmp_path, direction):
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    paths = export(checkpoint.parents[1], tmp_path, "onnx")
    assert [path.name for path in paths] == ["G.onnx", "F.onnx"]
    generator = load_generator(checkpoint, direction)
    rng = np.random.default_rng(1)
    for shape in ((1, 3, 32, 32), (2, 3, 8, 8), (3, 3, 20, 44)):
        images = rng.uniform(-1, 1, shape).astype(np.float32)
        model = (tmp_path / f"{DIRECTIONS[direction]}.onnx").read_bytes()
        result = run_onnx(model, images)
        right = with_exact_tanh(generator, ms.Tensor(images))
        np.testing.assert_allclose(result, right, rtol=0, atol=1e-4)
        assert result.std() > 0.1  # not a constant picture


def test_onnx_of_the_generator_that_keeps_details():
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    rng = np.random.default_rng(2)
    generator = random_weights(DetailGenerator(base_channels=3, n_layers=1), rng)
    model = onnx_model(generator).SerializeToString()
    for shape in ((1, 3, 8, 8), (2, 3, 20, 44)):
        images = rng.uniform(-1, 1, shape).astype(np.float32)
        right = with_exact_tanh(generator, ms.Tensor(images))
        np.testing.assert_allclose(run_onnx(model, images), right, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("direction", "domain"), [("x2y", "x"), ("y2x", "y")])
def test_the_model_in_the_package_translates_scenes_in_onnxruntime(direction, domain):
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    generator = load_generator(direction=direction)
    images = to_tensor(render_orchard(2, 64, domain, seed=5).images)
    result = run_onnx(onnx_model(generator).SerializeToString(), images.asnumpy())
    np.testing.assert_allclose(result, with_exact_tanh(generator, images), rtol=0, atol=1e-4)


def test_a_model_that_is_not_whole_is_refused_by_the_checker(monkeypatch):
    """The checker runs on what is written: a padding without its sides does not pass."""
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    make_node = onnx.helper.make_node

    def forgetful(operator, inputs, *others, **attributes):
        inputs = inputs[:1] if operator == "Conv" else inputs
        return make_node(operator, inputs, *others, **attributes)

    monkeypatch.setattr(onnx.helper, "make_node", forgetful)
    with pytest.raises(onnx.checker.ValidationError):
        onnx_model(load_generator())


def test_the_page_holds_the_weights_of_both_directions(checkpoint):
    script = web_model(checkpoint)
    model = json.loads(re.fullmatch(r"window.cycleganModel = (.*);\n", script)[1])
    expected = {"image_size": 32, "base_channels": 3, "n_layers": 2, "detail": False}
    assert {name: model[name] for name in expected} == expected
    for direction, name in DIRECTIONS.items():
        weights = load_generator(checkpoint, direction).get_parameters()
        weights = np.concatenate([p.asnumpy().ravel() for p in weights]).astype(np.float16)
        assert base64.b64decode(model[name]) == weights.tobytes()


def test_the_page_is_one_file_that_loads_nothing(checkpoint, tmp_path):
    (path,) = export(checkpoint, tmp_path / "new" / "folder", "web")
    page = path.read_text(encoding="utf-8")
    assert path.name == "translate.html" and page == web_page(checkpoint)
    outside = page.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.findall(r"<link|<img|\bsrc=|@import|url\(|https?://|<!-- ", outside)
    assert page.count("<script>") == page.count("</script>") == 5
    assert 'data-widget="translate"' in page and "cycleganModel" in page


def test_every_text_of_the_scripts_has_its_words():
    words = json.loads((WEB / "words.json").read_text(encoding="utf-8"))
    used = {
        name
        for path in WEB.glob("*.js")
        for name in re.findall(r'say\(\s*"([^"]+)"', path.read_text())
    }
    assert len(used) > 30 and used <= words.keys()
    assert all(isinstance(text, str) and text for text in words.values())


def test_a_translation_takes_the_place_of_the_words_that_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr("cyclegan_lessons.export.WEB", tmp_path)
    (tmp_path / "words.json").write_text('{"yes": "yes", "no": "no"}')
    (tmp_path / "words.zh_CN.json").write_text('{"yes": "是"}', encoding="utf-8")
    assert read_words() == {"yes": "yes", "no": "no"}
    assert web_words("zh_CN") == 'window.cycleganWords = {"yes": "是", "no": "no"};\n'
    assert read_words("fr") == read_words()


def test_an_installed_package_has_all_files_of_the_page():
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project = tomllib.loads((WEB.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["cyclegan_lessons"]
    packed = {path for pattern in patterns for path in WEB.parent.glob(pattern)}
    assert set(WEB.iterdir()) <= packed


def test_the_newest_checkpoint_of_a_run_is_taken(checkpoint, tmp_path):
    import shutil

    shutil.copytree(checkpoint.parents[1], tmp_path / "run")
    shutil.copy(SHIPPED_MODEL, tmp_path / "run" / "checkpoints" / "step_0000010.ckpt")
    (path,) = export(tmp_path / "run", tmp_path / "page", "web")
    assert path.read_text(encoding="utf-8") == web_page(SHIPPED_MODEL)


@pytest.mark.parametrize("kind", ["onnx", "web"])
def test_nothing_is_overwritten_unless_asked_for(checkpoint, tmp_path, kind):
    if kind == "onnx":
        pytest.importorskip("onnx", reason="the package onnx is not installed")
    name = {"onnx": "F.onnx", "web": "translate.html"}[kind]
    (tmp_path / name).write_text("mine")
    with pytest.raises(LessonError, match=f"{name} is there already; choose .* --overwrite"):
        export(checkpoint, tmp_path, kind)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
    export(checkpoint, tmp_path, kind, overwrite=True)
    assert (tmp_path / name).stat().st_size > 1000


def test_a_missing_onnx_is_one_sentence(checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)  # import then raises ImportError
    assert main(["export", str(checkpoint), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said == (
        "error: the package onnx is needed to write ONNX files, but it is not installed; "
        "run: pip install onnx\n"
    )
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_said_in_one_sentence(checkpoint, tmp_path):
    with pytest.raises(LessonError, match="should be a run folder with a checkpoint, but it has"):
        export(tmp_path, tmp_path / "out", "web")
    with pytest.raises(LessonError, match="a checkpoint was expected at .*none.ckpt"):
        export(tmp_path / "none.ckpt", tmp_path / "out", "web")
    with pytest.raises(LessonError, match="kind must be onnx or web, but it is 'pdf'"):
        export(checkpoint, tmp_path / "out", "pdf")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    with pytest.raises(LessonError, match="cannot be written .*choose another folder"):
        export(checkpoint, tmp_path / "file" / "out", "web")


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    networks = CycleGAN(CONFIG)
    tensors = dict(networks.parameters_and_names())
    tensors["F.decoder.7.bias"] = ms.Tensor(np.array([0, np.nan, 0], np.float32))
    path = tmp_path / "failed.ckpt"
    write_checkpoint(path, tensors, {"config": asdict(CONFIG), "step": 2})
    with pytest.raises(LessonError, match="failed.ckpt.*F.decoder.7.bias"):
        web_model(path)


def test_the_command_says_what_it_has_written(checkpoint, tmp_path, capsys):
    command = ["export", str(checkpoint.parents[1]), "--format", "web", "--out", str(tmp_path)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"Written: {tmp_path / 'translate.html'}\n"
    assert main(command) == 1
    assert "is there already" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
