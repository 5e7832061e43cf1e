"""The commands ``progress``, ``check-in`` and ``class``."""

import sys
from pathlib import Path


def say(text: str):
    """Print to any terminal; letters that it does not have become question marks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def progress(options):
    """Print which exercises are right, with tries and hints."""
    from cyclegan_lessons.classroom.progress import progress_table
    from cyclegan_lessons.exercises import log

    say(progress_table(log.read()))


def check_in(options):
    """Make a card, a post to fill in and a code for the chat, at the end of a chapter."""
    from cyclegan_lessons.classroom.checkin import check_in

    written = check_in(options.name, options.chapter, options.out, options.run)
    say(f"Your card is {written.folder / 'card.html'}, the post to fill in is post.md beside it.")
    if written.untouched:
        say("No exercise of this chapter has been tried yet.")
    say(written.code)


def overview(options):
    """Make a teacher's page of what is in a chat with codes, or in a folder of logs."""
    from cyclegan_lessons.classroom.page import write_overview

    found = write_overview(options.source, options.out, options.names)
    learners = len({name for name, _ in found.checkins})
    say(f"{len(found.checkins)} check-ins of {learners} learners; the page is {options.out}.")
    if found.damaged:
        say(f"{len(found.damaged)} codes or files could not be read; the page lists them.")


def add_commands(commands):
    """Add the three commands to the parsers of the command line."""
    command = commands.add_parser("progress", help=progress.__doc__, description=progress.__doc__)
    command.set_defaults(command=progress)

    command = commands.add_parser("check-in", help=check_in.__doc__, description=check_in.__doc__)
    command.add_argument("chapter", metavar="CHAPTER", help="its number or subject, such as pool")
    command.add_argument("--name", required=True, metavar="NICKNAME", help="others will see it")
    command.add_argument(
        "--run", type=Path, metavar="RUN_FOLDER", help="whose model draws (default: the newest)"
    )
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help="default: a folder of the chapter in checkins"
    )
    command.set_defaults(command=check_in)

    command = commands.add_parser("class", help=overview.__doc__, description=overview.__doc__)
    command.add_argument("source", type=Path, metavar="FILE_OR_FOLDER")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="class.html")
    command.add_argument(
        "--names", type=Path, metavar="FILE", help="all who should check in, one name a line"
    )
    command.set_defaults(command=overview)
