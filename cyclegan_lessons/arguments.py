"""The options of the commands, and what is wrong with a mistyped one."""

import argparse
import inspect
import re
from collections.abc import Callable
from pathlib import Path

from cyclegan_lessons.language import in_language


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is expected, not {text!r}")
    return int(text)


def place(text: str) -> str:
    """A file, folder, name or address that is not empty; ``~`` becomes the home folder."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"a name or a path is expected, not {text!r}")
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError as error:  # no such user, or no home folder
        raise argparse.ArgumentTypeError(
            f"the home folder at the start of {text!r} is not known here; write the path in full"
        ) from error


def path(text: str) -> Path:
    """A file or folder."""
    return Path(place(text))


class Usage(argparse.HelpFormatter):
    """How a command is called, in the language of the course."""

    def add_usage(self, usage, actions, groups, prefix=None):
        prefix = in_language("usage: ") if prefix is None else prefix  # none, inside of a name
        super().add_usage(usage, actions, groups, prefix)


class Parser(argparse.ArgumentParser):
    """A parser that speaks the language of the course."""

    def __init__(self, **settings):
        super().__init__(formatter_class=Usage, **settings)
        for group in self._action_groups:
            group.title = in_language(group.title)

    def error(self, message: str):
        found = re.fullmatch(r"argument (\S+): (.*)", message, re.DOTALL)
        if found:
            whole = in_language("argument {option}: {what}")
            super().error(whole.format(option=found[1], what=in_language(found[2])))
        super().error(in_language(message))


DATASET = {
    "type": place,
    "default": "orchard",
    "metavar": "NAME_OR_FOLDER",
    "help": "orchard, apple2orange, or a folder with trainA trainB testA testB "
    "(default: %(default)s)",
}
CHECKPOINT = {
    "type": path,
    "metavar": "FILE_OR_RUN_FOLDER",
    "help": "a .ckpt file, or a run folder, for its newest one (default: the model in the package)",
}
DEVICE = {
    "default": "auto",
    "metavar": "NAME",
    "help": "auto, CPU, GPU or Ascend (default: %(default)s)",
}


def add_fetch_options(fetch: argparse.ArgumentParser):
    fetch.add_argument("--dataset", **DATASET | {"default": "apple2orange"})
    fetch.add_argument(
        "--url",
        type=place,
        metavar="URL_OR_FILE",
        help="where the archive is (default: the known addresses in turn)",
    )
    fetch.add_argument(
        "--out", type=path, metavar="FOLDER", help="where to keep the data (default: the cache)"
    )


def add_train_options(train: argparse.ArgumentParser):
    train.add_argument("--dataset", **DATASET)
    train.add_argument(
        "--preset",
        default="quick",
        metavar="NAME",
        help="quick, demo, photos or paper (default: %(default)s)",
    )
    train.add_argument("--device", **DEVICE)
    train.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="start of all randomness (default: %(default)s)",
    )
    train.add_argument(
        "--workers",
        type=count,
        default=1,
        metavar="N",
        help="train in N processes (default: %(default)s)",
    )
    train.add_argument(
        "--amp", action="store_true", help="convolve in float16, faster on GPU and Ascend"
    )
    length = train.add_mutually_exclusive_group()
    length.add_argument("--steps", type=count, metavar="N", help="stop after N steps")
    length.add_argument(
        "--epochs",
        type=count,
        metavar="N",
        help="N epochs, the rate constant for half, then decaying",
    )
    train.add_argument(
        "--save-every", type=count, default=500, metavar="STEPS", help="default: %(default)s"
    )
    train.add_argument("--resume", action="store_true", help="continue the run in the folder")
    train.add_argument("--out", type=path, required=True, metavar="RUN_FOLDER")


def add_report_options(report: argparse.ArgumentParser):
    report.add_argument(
        "run",
        type=path,
        metavar="RUN_FOLDER",
        help="its metrics.json (from evaluate --json) is shown too",
    )
    report.add_argument(
        "--out",
        type=path,
        metavar="FILE",
        help="where the page goes (default: report.html in the run folder)",
    )
    report.add_argument(
        "--overwrite",
        action="store_true",
        help="write the page over a file that is no page of this command",
    )


def add_translate_options(translate: argparse.ArgumentParser):
    translate.add_argument("images", nargs="+", type=path, metavar="IMAGE_OR_FOLDER")
    translate.add_argument("--checkpoint", **CHECKPOINT)
    translate.add_argument(
        "--direction",
        choices=("x2y", "y2x"),
        default="x2y",
        help="default: %(default)s, apples to oranges",
    )
    translate.add_argument("--device", **DEVICE)
    translate.add_argument(
        "--overwrite", action="store_true", help="replace pictures that are in the folder already"
    )
    translate.add_argument("--out", type=path, required=True, metavar="FOLDER")


def add_evaluate_options(evaluate: argparse.ArgumentParser):
    evaluate.add_argument("--checkpoint", **CHECKPOINT)
    evaluate.add_argument("--dataset", **DATASET)
    evaluate.add_argument("--device", **DEVICE)
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_export_options(export: argparse.ArgumentParser):
    export.add_argument(
        "source",
        nargs="?",
        type=path,
        metavar="RUN_OR_CHECKPOINT",
        help="a run folder or a .ckpt file (default: the model in the package)",
    )
    export.add_argument(
        "--format", choices=("onnx", "web"), default="onnx", help="default: %(default)s"
    )
    export.add_argument(
        "--overwrite", action="store_true", help="replace files that are there already"
    )
    export.add_argument("--out", type=path, required=True, metavar="FOLDER")


def add_check_in_options(check_in: argparse.ArgumentParser):
    check_in.add_argument("chapter", metavar="CHAPTER", help="its number, or a subject like pool")
    check_in.add_argument("--name", required=True, metavar="NICKNAME", help="others will see it")
    check_in.add_argument(
        "--run", type=path, metavar="RUN_FOLDER", help="whose model draws (default: the newest)"
    )
    check_in.add_argument(
        "--out", type=path, metavar="FOLDER", help="default: a folder for the chapter in checkins"
    )


def add_class_options(overview: argparse.ArgumentParser):
    overview.add_argument("source", type=path, metavar="FILE_OR_FOLDER")
    overview.add_argument("--out", type=path, required=True, metavar="FILE", help="class.html")
    overview.add_argument(
        "--names", type=path, metavar="FILE", help="all who should check in, one name a line"
    )


OPTIONS = {
    "fetch": add_fetch_options,
    "train": add_train_options,
    "report": add_report_options,
    "translate": add_translate_options,
    "evaluate": add_evaluate_options,
    "export": add_export_options,
    "devices": lambda devices: None,  # it has none
    "progress": lambda progress: None,
    "check-in": add_check_in_options,
    "class": add_class_options,
}


def make_parser(commands: dict[str, Callable]) -> argparse.ArgumentParser:
    """Give each command its options, named like the notebooks' parameters, and its own docstring.

    ``commands`` holds for each name in `OPTIONS` the function that does it.
    """
    parser = Parser(
        prog="python -m cyclegan_lessons",
        description=in_language("Train and use the paper's CycleGAN."),
    )
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, add_options in OPTIONS.items():
        does = inspect.getdoc(commands[name])
        first = in_language(does.splitlines()[0])
        command = parsers.add_parser(name, help=first, description=in_language(does))
        add_options(command)
        for option in command._actions:
            option.help = in_language(option.help) if option.help else None
        command.set_defaults(command=commands[name])
    parser._actions[0].help = in_language(parser._actions[0].help)  # that of --help
    return parser
