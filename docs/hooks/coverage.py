"""Fail the build of the site if a public name of the package has no place on an API page."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

from mkdocs.exceptions import PluginError

import pushforward


def public_names() -> list[str]:
    """Return `pushforward.<floor>.<name>` for each export of each floor, the front ends included."""
    floors = [m.name for m in pkgutil.iter_modules(pushforward.__path__) if not m.name.startswith("_")]
    names = []
    for floor in floors:
        if floor == "cli":  # documented as a program, on the page about the command line
            continue
        module = importlib.import_module(f"pushforward.{floor}")
        exported = [n for n, value in vars(module).items() if _is_public(n, value, module)]
        names += [f"pushforward.{floor}.{name}" for name in exported]
    return names


def _is_public(name: str, value: Any, module: ModuleType) -> bool:
    home = getattr(value, "__module__", None) or ""
    ours = home.startswith("pushforward") if hasattr(module, "__path__") else home == module.__name__
    return ours and not name.startswith("_")


def on_post_build(config: Any) -> None:
    """Look for the anchor of each public name in the built pages (called by mkdocs)."""
    pages = "".join(page.read_text() for page in Path(config["site_dir"], "api").rglob("*.html"))
    missing = [name for name in public_names() if f'id="{name}"' not in pages]
    if missing:
        raise PluginError(f"These public names have no place on a page of docs/api: {', '.join(missing)}.")
