"""Addresses of static files: built ones under names with their digest, else the sources."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent / "static"
BUILT: Final = "built"
SOURCES: Final = "src"


def asset(name: str) -> str:
    """The address of a static file, such as `hub.css`."""
    built = _manifest().get(name)
    if built is not None:
        return f"/static/{BUILT}/{built}"
    return f"/static/{SOURCES}/{name}"


def is_built(name: str) -> bool:
    """Whether the build made this file; parts that need it are left out of pages otherwise."""
    return name in _manifest()


@lru_cache(maxsize=1)
def _manifest() -> dict[str, str]:
    """Which file of the build holds which asset; empty before the first build."""
    path = STATIC / BUILT / "manifest.json"
    if not path.is_file():
        return {}
    names: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return names
