"""Copies of the book in which people may have worked: know what was changed, and lose nothing.

A copy holds a list of its files as they were made. A folder without that list was made by somebody
else. As a program, this says with a sentence that one of the given folders holds work to be kept.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

LIST = ".copy-of-the-book.json"  # hashes of the files as made; none while a copy is being made
NOT_WORK = (".ipynb_checkpoints", "__pycache__", LIST)


def files_in(folder: Path) -> dict[str, str]:
    """The hash of every file in a folder, by its path in there, without Jupyter's own copies."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(path.relative_to(folder).parts) & set(NOT_WORK)
    }


def read_list(copy: Path) -> dict[str, str]:
    """The files of a copy as they were made."""
    try:
        return json.loads((copy / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_list(copy: Path, files: dict[str, str]):
    """Remember the files of a copy; none means that it is still being made."""
    (copy / LIST).write_text(json.dumps(files, indent=1) + "\n", encoding="utf-8")


def changed(copy: Path) -> list[str]:
    """The files that somebody changed in a copy or put there; all when we did not make it."""
    if not copy.is_dir() or (is_ours(copy) and not read_list(copy)):
        return []
    made = read_list(copy)
    return [name for name, digest in files_in(copy).items() if made.get(name) != digest]


def is_ours(folder: Path) -> bool:
    """Whether a folder was made here."""
    return (folder / LIST).is_file()


def refuse_foreign(out: Path, book: Path):
    """Exit when ``out`` is no place for a copy of ``book``: a folder or file of somebody else."""
    if out == book or book in out.parents or out in book.parents:
        sys.exit(f"--out must be a folder outside the book, but it is {out}; choose another one.")
    if out.exists() and not out.is_dir():
        sys.exit(f"--out must be a folder, but {out} is a file; choose another one.")
    if out.is_dir() and any(out.iterdir()) and not is_ours(out):
        sys.exit(
            f"--out must be new, empty or an earlier copy of the book, but {out} holds other "
            "files; choose another folder, or move them away."
        )


def refuse_changed(copy: Path, again: str):
    """Exit when ``copy`` holds work of somebody; ``again`` is what to call when it was moved."""
    work = changed(copy)
    if work:
        names = ", ".join(work[:5]) + (f" and {len(work) - 5} more" if len(work) > 5 else "")
        sys.exit(
            f"{copy} holds files that were changed or added: {names}; move them elsewhere, or "
            f"remove that folder yourself, then {again}."
        )


def update(copy: Path, fresh: Path) -> list[str]:
    """Bring the files of ``fresh`` into ``copy``, but for those that somebody changed there.

    Returns the names of these.
    """
    copy.mkdir(parents=True, exist_ok=True)
    made, new, now = read_list(copy), files_in(fresh), files_in(copy)
    kept = [name for name in new if name in now and made.get(name) != now[name]]
    write_list(copy, {**made, **{name: new[name] for name in new if name not in kept}})
    for name in new:
        if name not in kept:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / name, copy / name)
    return kept


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        refuse_changed(Path(folder), "run `make clean` again")
