"""The generator in JavaScript, run by Node: the same numbers as in MindSpore, and the same
pictures."""

import json
import shutil
import subprocess
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from helpers import random_weights, with_exact_tanh

from cyclegan_lessons import (
    DetailGenerator,
    LessonConfig,
    ResNetGenerator,
    load_generator,
    render_orchard,
    translate,
)
from cyclegan_lessons.checkpoint import read_checkpoint
from cyclegan_lessons.export import WEB
from cyclegan_lessons.images import to_tensor
from cyclegan_lessons.inference import SHIPPED_MODEL

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None, reason="the program node, which runs JavaScript, is not installed"
)
CYCLEGAN = WEB / "cyclegan.js"
# reads what `run_node` wrote, and writes the numbers of `result`
HEAD = """
const fs = require("fs"), page = require(process.argv[1]), folder = process.argv[2];
const { config, shape } = JSON.parse(fs.readFileSync(folder + "/facts.json"));
const floats = (name) => new Float32Array(new Uint8Array(fs.readFileSync(folder + name)).buffer);
const bytes = (name) => new Uint8ClampedArray(fs.readFileSync(folder + name));
"""
GENERATE = """
const layers = page.makeLayers(floats("/weights"), config), parts = [];
const [channels, height, width] = shape;
const x = { channels, height, width, data: floats("/input") };
const result = page.generate(x, layers, (part) => parts.push(part)).data;
if (parts.length !== config.n_layers + 6 || parts.at(-1) !== 1) throw new Error("progress");
"""
TRANSLATE = """
const layers = page.makeLayers(floats("/weights"), config), [height, width] = shape;
const result = page.translate({ height, width, data: bytes("/input") }, layers).data;
"""
TAIL = '\nfs.writeFileSync(folder + "/result", result);'


def run_node(folder: Path, program: str, weights=(), given=b"", **facts) -> bytes:
    """Run a program under Node with weights and an input from files, and return its result."""
    (folder / "facts.json").write_text(json.dumps({"config": {}, "shape": [], **facts}))
    (folder / "weights").write_bytes(np.asarray(weights, np.float32).tobytes())
    (folder / "input").write_bytes(bytes(given))
    command = ["node", "-e", HEAD + program + TAIL, str(CYCLEGAN), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (folder / "result").read_bytes()


def flat_weights(generator) -> np.ndarray:
    return np.concatenate([p.asnumpy().ravel() for p in generator.get_parameters()])


def generate(folder, generator, image: np.ndarray, **config) -> np.ndarray:
    """What the JavaScript makes of one float32 image 3×H×W."""
    result = run_node(
        folder,
        GENERATE,
        flat_weights(generator),
        image.tobytes(),
        config=config,
        shape=image.shape,
    )
    return np.frombuffer(result, np.float32).reshape(image.shape)


def shipped_config() -> dict:
    config = LessonConfig(**read_checkpoint(SHIPPED_MODEL)[1]["config"])
    return {name: getattr(config, name) for name in ("base_channels", "n_layers", "detail")}


# channels that are no multiple of four too, as four products are added at once
@pytest.mark.parametrize(("base_channels", "n_layers"), [(16, 3), (4, 2), (3, 1), (1, 0)])
@pytest.mark.parametrize("size", [(8, 8), (40, 52)])
@pytest.mark.parametrize("detail", [False, True])
def test_random_weights_give_the_numbers_of_mindspore(
    tmp_path, base_channels, n_layers, size, detail
):
    rng = np.random.default_rng(base_channels)
    sizes = {"base_channels": base_channels, "n_layers": n_layers}
    kind = DetailGenerator if detail else ResNetGenerator
    generator = random_weights(kind(**sizes), rng)
    image = rng.uniform(-1, 1, (3, *size)).astype(np.float32)
    result = generate(tmp_path, generator, image, **sizes, detail=detail)
    np.testing.assert_allclose(
        result, with_exact_tanh(generator, ms.Tensor(image[None]))[0], rtol=0, atol=1e-4
    )
    assert result.std() > 0.1  # not a constant picture


@pytest.mark.parametrize(("direction", "domain"), [("x2y", "x"), ("y2x", "y")])
def test_the_model_in_the_package_gives_the_numbers_of_mindspore(tmp_path, direction, domain):
    generator = load_generator(direction=direction)
    image = to_tensor(render_orchard(1, 64, domain, seed=5).images).asnumpy()[0]
    result = generate(tmp_path, generator, image, **shipped_config())
    np.testing.assert_allclose(
        result, with_exact_tanh(generator, ms.Tensor(image[None]))[0], rtol=0, atol=1e-4
    )


# less than 4 rows are mirrored several times
@pytest.mark.parametrize("shape", [(37, 50), (5, 3), (2, 30), (64, 64)])
def test_pictures_of_any_size_are_those_of_translate(tmp_path, shape):
    generator = load_generator()
    image = render_orchard(1, 64, "x", seed=6).images[0][-shape[0] :, : shape[1]]
    with_alpha = np.dstack([image, np.full(shape, 255, np.uint8)])
    result = run_node(
        tmp_path,
        TRANSLATE,
        flat_weights(generator),
        with_alpha.tobytes(),
        config=shipped_config(),
        shape=shape,
    )
    picture = np.frombuffer(result, np.uint8).reshape(*shape, 4)
    difference = abs(picture[..., :3].astype(int) - translate(generator, image))
    # a number between two levels may be rounded the other way
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01
    assert (picture[..., 3] == 255).all()


def test_float16_weights_are_read_exactly(tmp_path):
    """Every finite float16 number, subnormal ones and both zeros too."""
    import base64

    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)]
    program = 'const result = page.decodeWeights(fs.readFileSync(folder + "/input", "latin1"));'
    result = run_node(tmp_path, program, given=base64.b64encode(every.tobytes()))
    assert result == every.astype(np.float32).tobytes()


@pytest.mark.parametrize(("direction", "domain"), [("x2y", "x"), ("y2x", "y")])
def test_float16_weights_change_a_picture_by_less_than_a_person_sees(tmp_path, direction, domain):
    """Measured with the model of 8,800 steps: on average 0.004 of 255 levels, at most 1."""
    generator = load_generator(direction=direction)
    image = render_orchard(1, 64, domain, seed=7).images[0]
    result = run_node(
        tmp_path,
        TRANSLATE,
        flat_weights(generator).astype(np.float16),
        np.dstack([image, np.zeros((64, 64), np.uint8)]).tobytes(),
        config=shipped_config(),
        shape=(64, 64),
    )
    picture = np.frombuffer(result, np.uint8).reshape(64, 64, 4)[..., :3].astype(int)
    difference = abs(picture - translate(generator, image))
    assert difference.mean() < 0.05 and difference.max() <= 2


@pytest.mark.parametrize(("n_layers", "missing"), [(2, 1168), (0, -1168)])
def test_weights_of_another_network_are_refused(tmp_path, n_layers, missing):
    weights = flat_weights(ResNetGenerator(base_channels=2, n_layers=1))
    program = """
    let result = "accepted";
    try { page.makeLayers(floats("/weights"), config); } catch (error) { result = error.message; }
    """
    config = {"base_channels": 2, "n_layers": n_layers}
    said = run_node(tmp_path, program, weights, config=config).decode()
    n = len(weights)
    assert said == f"the network has {n + missing} weights, but {n} were given"
