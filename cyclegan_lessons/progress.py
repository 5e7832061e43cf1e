"""A progress bar for work that may take longer than a few seconds: everywhere the same one."""

from collections.abc import Iterable

from tqdm import tqdm


def progress(
    items: Iterable | None,
    text: str,
    total: int | None = None,
    unit: str = "image",
    first: int = 0,
    shown: bool | None = None,
) -> tqdm:
    """A bar on standard error that goes through ``items``, and disappears at its end.

    ``total`` is needed where ``items`` do not know how many they are. Without ``items`` the bar
    starts at ``first``, and its ``update(n)`` moves it on. By default only a terminal gets it, not
    a notebook, a pipe or a log file; ``shown`` says otherwise.
    """
    hidden = None if shown is None else not shown  # tqdm asks the terminal itself for None
    return tqdm(items, text, total, initial=first, unit=unit, disable=hidden, leave=bool(shown))
