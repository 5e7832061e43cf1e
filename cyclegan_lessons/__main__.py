"""The course's commands: ``python -m cyclegan_lessons COMMAND``, or ``cyclegan-lessons COMMAND``.

What each of them does is in commands.py, its options are in arguments.py; here is what they share:
one sentence for what is wrong, and an exit status.
"""

import os
import signal
import sys
import threading
from contextlib import contextmanager

from cyclegan_lessons.arguments import make_parser
from cyclegan_lessons.commands import COMMANDS
from cyclegan_lessons.errors import ERROR, LessonError
from cyclegan_lessons.versions import check_versions


@contextmanager
def interruptible():
    """Import MindSpore, then let SIGTERM raise `KeyboardInterrupt` during the block, like Ctrl-C.

    A Ctrl-C inside the import would abort the process, so it is raised at its end; and MindSpore
    turns one that comes while it computes into SIGTERM.
    """
    from cyclegan_lessons.processes import stop_signals

    with stop_signals() as stops:
        import mindspore  # noqa: F401 (only to have it imported)
    if stops:
        raise KeyboardInterrupt
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears of signals
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
        if sys.stdout is not None:  # closed by `>&-`
            sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: it is done. 1: there is something to fix, and one sentence says what. 130: Ctrl-C stopped it.
    argparse exits with 2 after a mistyped option, and with 0 after `--help`.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    try:
        run(sys.argv[1:] if arguments is None else arguments)
        return 0
    except KeyboardInterrupt:
        return 130
    except LessonError as error:
        sentence = str(error)
    except OSError as error:
        sentence = system_error(error)
    print(f"{ERROR}{sentence}", file=sys.stderr)
    return 1


def system_error(error: OSError) -> str:
    """The sentence about a file, a folder or the output that the system refuses."""
    what = error.filename or "a file"
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # what is left of the output must not be tried again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = "the output of this command"
    return (
        f"{what} cannot be read or written ({error.strerror or error}); check that it is "
        "there, its permissions, and the space on the disk."
    )


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
