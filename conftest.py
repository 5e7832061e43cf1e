"""How `make test` shares its work: the tests of a file, or the cells of a notebook, go to one of
several processes."""

import os

import pytest


def pytest_configure(config):
    """Give each process cores of its own, before MindSpore is imported: threads that wait for each
    other keep a core busy."""
    worker = getattr(config, "workerinput", None)  # none when one process runs all tests
    if worker and hasattr(os, "sched_setaffinity"):
        cores, number = sorted(os.sched_getaffinity(0)), int(worker["workerid"].removeprefix("gw"))
        os.sched_setaffinity(0, cores[number :: worker["workercount"]] or cores)


def pytest_collection_modifyitems(config, items):
    """The last chapters and the tests of training take longest: begin with them, so that no process
    waits for another."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.name, reverse=True)  # the order within a file stays


@pytest.hookimpl(optionalhook=True)  # pytest-xdist asks for it, and may be absent
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        """What shares fixtures or a kernel stays together; a run of a notebook on photographs
        shares nothing."""

        def _split_scope(self, nodeid):
            return nodeid if "on_photographs[" in nodeid else nodeid.split("::")[0]

    return ByFile(config, log)
