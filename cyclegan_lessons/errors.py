"""The one exception that the package raises on purpose."""


class LessonError(ValueError):
    """Something that the user can mend. Its text is one sentence: what was expected, what came,
    what to do.

    The command line prints that sentence alone and exits with status 1; in a notebook it ends the
    traceback.
    """
