"""The commands ``progress``, ``check-in`` and ``class``."""

from cyclegan_lessons.language import in_language


def progress(options):
    """Print which exercises are right, with tries and hints."""
    from cyclegan_lessons.classroom.progress import progress_table
    from cyclegan_lessons.exercises import log

    print(progress_table(log.read()))


def check_in(options):
    """Make a card, a post to fill in and a code for the chat, at the end of a chapter."""
    from cyclegan_lessons.classroom.checkin import check_in

    written = check_in(options.name, options.chapter, options.out, options.run)
    card = written.folder / "card.html"
    print(in_language(f"Your card is {card}, the post to fill in is {written.post} beside it."))
    if written.untouched:
        print(in_language("No exercise of this chapter has been tried yet."))
    print(written.code)


def overview(options):
    """Make a teacher's page of what is in a chat with codes, or in a folder of logs."""
    from cyclegan_lessons.classroom.page import write_overview

    found = write_overview(options.source, options.out, options.names)
    learners = len({name for name, _ in found.checkins})
    n, damaged = len(found.checkins), len(found.damaged)
    print(in_language(f"{n} check-ins of {learners} learners; the page is {options.out}."))
    if damaged:
        print(in_language(f"{damaged} codes or files could not be read; the page lists them."))
