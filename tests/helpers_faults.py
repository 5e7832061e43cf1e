"""What tests of faults share: to lose the rights of the administrator for a while."""

import os
from contextlib import contextmanager

NOBODY = 65534


@contextmanager
def as_ordinary_user():
    """Permissions do not hold back the administrator, who runs the tests in a container."""
    administrator = os.geteuid() == 0
    if administrator:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if administrator:
            os.seteuid(0)
