"""Check-in and progress inside a notebook."""

import html

from IPython.display import HTML, display

from cyclegan_lessons.classroom import checkin
from cyclegan_lessons.classroom.progress import progress_table
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.exercises import log
from cyclegan_lessons.language import in_language


def progress():
    """Print which exercises are right, with tries and hints."""
    print(progress_table(log.read()))


def check_in(chapter: str | int, name=...):
    """Make the card, the post and the code of a chapter and show the card.

    Until a nickname is given in the place of the three dots, nothing is made.
    """
    if name is ...:
        print(
            in_language(
                "Put a nickname in the place of the three dots to check in; others will see it."
            )
        )
        return
    try:
        written = checkin.check_in(name, chapter)
    except LessonError as error:
        print(error)
        return
    page = html.escape((written.folder / "card.html").read_text(encoding="utf-8"), quote=True)
    style = 'width="100%" height="760" style="border: 0"'
    display(HTML(f'<div><iframe srcdoc="{page}" title="Check-in" {style}></iframe></div>'))
    folder = written.folder.as_posix()
    print(in_language(f"The card and a post to fill in are in the folder {folder}."))
    print(written.code)
