"""Chapter 7: take the generators out of MindSpore: as ONNX files, or as one HTML page that computes
by itself."""

import base64
import json
from html import escape
from pathlib import Path

import numpy as np
from mindspore import nn

from cyclegan_lessons.detail import DetailGenerator, RepeatPixels
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.files import write_whole
from cyclegan_lessons.generator import ResidualBlock, ResNetGenerator
from cyclegan_lessons.inference import SHIPPED_MODEL, load_generators
from cyclegan_lessons.language import language
from cyclegan_lessons.layers import InstanceNorm2d
from cyclegan_lessons.runs import checkpoints_in

WEB = Path(__file__).parent / "web"  # the scripts, the style and the words of the page
OPSET, IR_VERSION = 17, 8  # of 2021, so that older programs read the file too


def export(
    source: Path | None, out: Path, kind: str = "onnx", overwrite: bool = False
) -> list[Path]:
    """Write both generators of a checkpoint, or of a run folder's newest one, and return the files.

    ``kind`` ``"onnx"`` writes ``out/G.onnx`` and ``out/F.onnx`` (see `onnx_model`), ``"web"``
    ``out/translate.html``, a page that needs no other file and no network. Without ``source`` it
    is the model in the package. Raises `LessonError` when there is no whole checkpoint, the package
    onnx is missing, a file is there already and ``overwrite`` is not set, or ``out`` cannot be
    written; then nothing is written.
    """
    checkpoint, out = find_checkpoint(source), Path(out)
    if kind == "onnx":
        G, F, _ = load_generators(checkpoint)
        files = {
            f"{name}.onnx": onnx_model(generator).SerializeToString()
            for name, generator in (("G", G), ("F", F))
        }
    elif kind == "web":
        files = {"translate.html": web_page(checkpoint).encode()}
    else:
        raise LessonError(f"kind must be onnx or web, but it is {kind!r}; choose one of the two.")
    paths = [out / name for name in files]
    for path in paths:
        if path.exists() and not overwrite:
            raise LessonError(
                f"{path} is there already; choose another folder, or add --overwrite to replace it."
            )
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, files.values()):
            write_whole(path, content)
    except OSError as error:
        raise LessonError(
            f"{out} cannot be written ({error.strerror}); choose another folder."
        ) from error
    return paths


def find_checkpoint(source: Path | None) -> Path:
    """The checkpoint itself, the newest of a run folder, or the model in the package; raises
    `LessonError` when a folder holds none."""
    source = Path(source or SHIPPED_MODEL)
    if not source.is_dir():
        return source
    checkpoints = checkpoints_in(source)
    if not checkpoints:
        raise LessonError(
            f"{source} should be a run folder with a checkpoint, but it has none; give the folder "
            "that --out of the train command named, or a .ckpt file."
        )
    return checkpoints[-1]


def onnx_model(generator: ResNetGenerator):
    """The generator as an ``onnx.ModelProto``: ``image``, float32 N×3×H×W in [-1, 1], to
    ``translation`` of the same shape; any H and W from 8 on that are divisible by 4.

    Built layer by layer, since MindSpore's own export has no reflection padding. Raises
    `LessonError` when the package onnx is not installed.
    """
    try:
        import onnx
        from onnx import helper
    except ImportError as error:
        raise LessonError(
            "the package onnx is needed to write ONNX files, but it is not installed; "
            "run: pip install onnx"
        ) from error
    graph = Graph()
    result = "image"
    for part in (generator.encoder, generator.blocks, generator.decoder):
        result = graph.chain(part, result)
    if isinstance(generator, DetailGenerator):
        both = graph.node("Concat", result, "image", axis=1)
        result = graph.chain(generator.output, both)
    graph.nodes.append(helper.make_node("Identity", [result], ["translation"]))
    shape = ["N", 3, "height", "width"]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name in ("image", "translation")
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "generator", ends[:1], ends[1:], graph.tensors),
        producer_name="cyclegan_lessons",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


class Graph:
    """ONNX nodes in order, and the tensors that they take; each value is known by its name."""

    def __init__(self):
        self.nodes, self.tensors = [], []

    def tensor(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"tensor{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes) -> str:
        from onnx import helper

        name = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def chain(self, cells: nn.Cell, x: str) -> str:
        """Add cells one after the other; ``x`` names the input, and the output's name comes
        back."""
        channels = 0
        for cell in cells:
            if isinstance(cell, ResidualBlock):
                x = self.node("Add", x, self.chain(cell.body, x))
            elif isinstance(cell, InstanceNorm2d):
                scale, bias = (self.tensor(f((channels,), np.float32)) for f in (np.ones, np.zeros))
                x = self.node(
                    "InstanceNormalization", x, scale, bias, epsilon=cell.batch_norm.epsilon
                )
            elif isinstance(cell, nn.Conv2d | nn.Conv2dTranspose):
                channels, x = cell.out_channels, self.convolution(cell, x)
            elif isinstance(cell, RepeatPixels):
                factors = self.tensor(np.array([1, 1, 2, 2], np.float32))
                x = self.node(
                    "Resize",
                    x,
                    "",
                    factors,
                    mode="nearest",
                    nearest_mode="floor",
                    coordinate_transformation_mode="asymmetric",
                )
            elif isinstance(cell, nn.ReflectionPad2d):
                n = cell.padding[0][0]
                sides = self.tensor(np.array([0, 0, n, n, 0, 0, n, n]))
                x = self.node("Pad", x, sides, mode="reflect")
            else:
                x = self.node({nn.ReLU: "Relu", nn.Tanh: "Tanh"}[type(cell)], x)
        return x

    def convolution(self, cell: nn.Conv2d | nn.Conv2dTranspose, x: str) -> str:
        weights = [self.tensor(values.asnumpy()) for values in (cell.weight, cell.bias)]
        padding = cell.padding
        top, bottom, left, right = (padding,) * 4 if isinstance(padding, int) else padding
        operator = "ConvTranspose" if isinstance(cell, nn.Conv2dTranspose) else "Conv"
        pads = [top, left, bottom, right]
        return self.node(operator, x, *weights, strides=list(cell.stride), pads=pads)


def web_model(checkpoint: Path) -> str:
    """A script for a page: both generators' weights as base64 of float16, in the order of their
    layers, and what is needed to build the network."""
    G, F, config = load_generators(checkpoint)
    model = {"image_size": config.picture_size}
    model |= {name: getattr(config, name) for name in ("base_channels", "n_layers", "detail")}
    for name, generator in (("G", G), ("F", F)):
        weights = [parameter.asnumpy().ravel() for parameter in generator.get_parameters()]
        half = np.concatenate(weights).astype("<f2")
        model[name] = base64.b64encode(half.tobytes()).decode()
    return f"window.cycleganModel = {json.dumps(model)};\n"


def read_words(language: str = "en") -> dict[str, str]:
    """Every text that the page's scripts show, by name: web/words.json, and in its place what
    web/words.LANGUAGE.json has, where there is one."""
    files = (WEB / "words.json", WEB / f"words.{language}.json")
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in files if path.exists()]
    return {name: text for table in tables for name, text in table.items()}


def web_words(language: str = "en") -> str:
    """The same as a script for a page."""
    return f"window.cycleganWords = {json.dumps(read_words(language), ensure_ascii=False)};\n"


def web_page(checkpoint: Path) -> str:
    """The page that translates pictures with this model: everything in one text."""
    texts = {
        name: (WEB / name).read_text(encoding="utf-8")
        for name in ("page.html", "widgets.css", "widgets.js", "cyclegan.js", "translate.js")
    }
    spoken = language()
    words = read_words(spoken)
    programs = [texts[name] for name in texts if name.endswith("js")]
    scripts = [web_words(spoken), web_model(checkpoint), *programs]
    parts = {
        "language": spoken.replace("_", "-"),
        "title": escape(words["page.title"]),
        "text": escape(words["page.text"]),
        "style": texts["widgets.css"],
        "scripts": "\n".join(f"<script>\n{script}</script>" for script in scripts),
    }
    page = texts["page.html"]
    for name, part in parts.items():
        page = page.replace(f"<!-- {name} -->", part)
    return page
