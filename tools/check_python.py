"""Stop with one sentence when this Python cannot run the course. `make setup` runs it first, so it
suits old Pythons."""

import os
import re
import sys

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "..", "pyproject.toml")) as file:
    first, after = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', file.read()).groups()
if not (3, int(first)) <= sys.version_info[:2] < (3, int(after)):
    sys.exit(
        "Python 3.{} to 3.{} is needed, but this is Python {}.{}; name another one, for example "
        "`make setup PYTHON=python3.11`.".format(first, int(after) - 1, *sys.version_info[:2])
    )
