"""A progress bar for work that takes longer than a few seconds, on a terminal only."""

from collections.abc import Iterable

from tqdm import tqdm


def progress(items: Iterable, text: str, total: int | None = None) -> Iterable:
    """Go through ``items``; after 3 seconds a bar on standard error shows how far it is.

    ``total`` is needed where ``items`` do not know how many they are. Notebooks, pipes and log
    files get no bar.
    """
    return tqdm(items, text, total=total, unit="image", delay=3, disable=None, leave=False)
