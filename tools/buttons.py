"""Buttons on the pages of the book: to the repository that holds it, and to servers that run it.

`make book` alone adds none, since the book does not know where a copy of it is hosted.
"""

import re
import sys
from pathlib import Path

import yaml

BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"  # opens notebooks on GitHub only


def theme_options(repository: str, jupyterhub: str = "") -> dict:
    """What the theme is told about a repository, ``https://host/owner/name``, and a JupyterHub with
    nbgitpuller; exits with a sentence when an address is no such thing."""
    if not re.fullmatch(r"https://[\w.-]+(?:/[\w.-]+)+/[\w.-]+/?", repository):
        sys.exit(
            "REPOSITORY must be the address of a repository, such as https://example.org/owner/"
            f"name, but it is {repository}; give the address of its page."
        )
    if jupyterhub and not re.fullmatch(r"https?://[\w.-]+(?::\d+)?(?:/[\w./~-]*)?", jupyterhub):
        sys.exit(
            f"JUPYTERHUB must be the address of a JupyterHub, such as https://hub.example.org, "
            f"but it is {jupyterhub}; give the address of its page."
        )
    github = repository.startswith("https://github.com/")
    buttons = {"notebook_interface": "jupyterlab", "binderhub_url": BINDER}
    if github:
        buttons["colab_url"] = COLAB
    if jupyterhub:
        buttons["jupyterhub_url"] = jupyterhub
    return {
        "repository_url": repository.rstrip("/"),
        # the theme knows three kinds; addresses on others have the form of GitLab's
        "repository_provider": "github" if github else "gitlab",
        "repository_branch": "main",
        "path_to_docs": "book",
        "use_repository_button": True,
        "launch_buttons": buttons,
    }


def with_buttons(config: Path, build_folder: Path, repository: str, jupyterhub: str = "") -> Path:
    """Write the book's settings with buttons into the build folder, and return that file."""
    options = theme_options(repository, jupyterhub)
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["sphinx"]["config"]["html_theme_options"] |= options
    local = settings["sphinx"].get("local_extensions", {})  # relative to the settings' folder
    for name, folder in local.items():
        local[name] = str((config.parent / folder).resolve())
    build_folder.mkdir(parents=True, exist_ok=True)
    written = build_folder / "_config.yml"
    written.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return written
