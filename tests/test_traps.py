"""Every trap has its bad effect, as a number, and an ordinary test that fails in it; see
``tests/traps``."""

import sys
from dataclasses import replace
from functools import cache

import pytest
from traps import effects
from traps.trap import Check, belongs_to_us
from traps.variants import TRAPS, load_tests, trapped

from cyclegan_lessons import CycleGANTrainer

load_tests()
CHECKS = [(name, check) for name, trap in TRAPS.items() for check in trap.checks]


@cache
def outside(effect) -> float:
    return effect()


@pytest.mark.parametrize("name", TRAPS)
def test_trap_has_its_effect(name):
    trap = TRAPS[name]
    assert outside(trap.effect) == pytest.approx(trap.right, rel=0.02, abs=1e-6)
    with trapped(name):
        assert trap.effect() == pytest.approx(trap.bad, rel=0.02, abs=1e-6)


def test_traps_are_left_behind():
    """Behind a trap, also one that ends with an error, every name in the package and the tests
    means what it did."""
    modules = [module for module in sys.modules.values() if belongs_to_us(module)]
    before = [dict(vars(module)) for module in modules]
    restore = CycleGANTrainer.restore
    for name in TRAPS:
        with pytest.raises(ZeroDivisionError), trapped(name):
            raise ZeroDivisionError
    for module, names in zip(modules, before, strict=True):
        assert all(vars(module)[name] is value for name, value in names.items()), module.__name__
    assert CycleGANTrainer.restore is restore


@cache
def passes(check: Check) -> bool:
    return check.failure() is None


@pytest.mark.parametrize(
    "name, check", CHECKS, ids=[f"{name}-{check.name.split('.')[1]}" for name, check in CHECKS]
)
def test_ordinary_test_fails_in_the_trap_only(name, check):
    with trapped(name):
        assert check.failure() is not None, "the trap survives"
    assert passes(check)


def test_a_trap_that_is_not_applied_would_be_noticed(monkeypatch):
    """The checks above are not red by themselves: without its replacements, a trap survives and has
    no effect."""
    monkeypatch.setitem(TRAPS, "shared_blocks", replace(TRAPS["shared_blocks"], replacements={}))
    with trapped("shared_blocks"):
        assert all(check.failure() is None for check in TRAPS["shared_blocks"].checks)
        assert TRAPS["shared_blocks"].effect() == TRAPS["shared_blocks"].right


def test_not_halving_the_loss_of_d_is_harmless_under_adam():
    """Adam divides by the gradient's size, so that twice the loss makes the same steps, but for its
    epsilon."""
    halved = effects.d_weight_after_10_steps()
    with trapped("d_loss_not_halved"):
        whole = effects.d_weight_after_10_steps()
    assert abs(halved - 1) > 0.05, "10 steps change something"
    assert abs(whole - halved) < 1e-5 * abs(halved - 1)
