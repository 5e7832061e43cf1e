"""Traps: departures from the paper that run without a complaint, and the tests that notice each of
them.

`variants.TRAPS` lists them; ``make traps`` prints what each of them does and which ordinary test
catches it.
"""

import cyclegan_lessons  # noqa: F401  (first, since it tells MindSpore to be quiet)
