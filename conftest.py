"""How `make test` shares its work: the tests of a file, or the cells of a notebook, go to one of several processes."""

import os

import pytest


def pytest_configure(config):
    """Give each process cores of its own, before MindSpore is imported: threads that wait for each other keep a core busy."""
    worker = getattr(config, "workerinput", None)  # none when one process runs all tests
    if worker and hasattr(os, "sched_setaffinity"):
        cores, number = sorted(os.sched_getaffinity(0)), int(worker["workerid"].removeprefix("gw"))
        os.sched_setaffinity(0, cores[number :: worker["workercount"]] or cores)


@pytest.hookimpl(tryfirst=True)  # before the plugin reads the marks
def pytest_collection_modifyitems(items):
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.name))
