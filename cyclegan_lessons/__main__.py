"""The course's commands: ``python -m cyclegan_lessons COMMAND``, or ``cyclegan-lessons COMMAND``.

What each of them does is in commands.py, its options are in arguments.py; here is what they share:
one sentence for what is wrong, and an exit status.
"""

import os
import sys

from cyclegan_lessons.arguments import make_parser
from cyclegan_lessons.commands import COMMANDS
from cyclegan_lessons.errors import ERROR, LessonError
from cyclegan_lessons.language import in_language
from cyclegan_lessons.processes import interruptible
from cyclegan_lessons.versions import check_versions


def run(arguments: list[str]):
    """Do what one command line says; what it prints has reached its reader at the end."""
    try:
        options = make_parser(COMMANDS).parse_args(arguments)
        options.arguments = arguments
        check_versions()
        check_current_folder()
        with interruptible():
            options.command(options)
    finally:
        sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: it is done. 1: there is something to fix, and one sentence says what. 130: Ctrl-C stopped it.
    argparse exits with 2 after a mistyped option, and with 0 after `--help`.
    """
    prepare_output()
    try:
        run(sys.argv[1:] if arguments is None else arguments)
        return 0
    except KeyboardInterrupt:
        return 130
    except LessonError as error:
        sentence = str(error)
    except OSError as error:
        if error.filename is None:  # the output, most likely: Python must not try it again
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (until the end of the process)
        sentence = in_language(
            f"{error.filename or 'the output'} cannot be read or written "
            f"({error.strerror or error}); check that it is there, its permissions, and the space "
            "on the disk."
        )
    # a name may hold a line's end, or orders to the terminal
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in sentence)
    print(f"{ERROR}{shown}", file=sys.stderr)
    return 1


def prepare_output():
    """Let Python print names that the terminal cannot show, and print nothing when it is closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # as after `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (until the end of the process)
        getattr(sys, name).reconfigure(errors="backslashreplace")


def check_current_folder():
    """Raise `LessonError` when the current folder was deleted; MindSpore's import would abort."""
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise LessonError(
            "the current folder was deleted; change into one that is there (cd) and try again."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
