"""The exceptions that the package raises on purpose."""

from cyclegan_lessons.language import in_language

ERROR = "error: "  # what the commands print before the sentence


class LessonError(ValueError):
    """Something that the user can fix: one sentence says what was expected, what came, what to do.

    The command line prints that sentence alone and exits with status 1; in a notebook it ends the
    traceback. It is said in the language of the course, see `language`.
    """

    def __str__(self) -> str:
        return in_language(super().__str__())


class DamagedFile(LessonError):
    """A file that is torn, was changed, or was not written by this project."""
