"""How far a map is that is being made for somebody who looks at a page: a small file beside it.

The file is written by whoever makes the map, in whatever process, and read by pages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.core.clock import now
from hub.core.files import write_whole
from hub.core.settings import Settings
from hub.core.words import later, packed, unpacked
from hub.maps import shelf

FILE: Final = "making.json"
SILENT: Final = timedelta(minutes=10)  # without a word, whoever made it is no more
BROKE_OFF: Final = later("Making the map broke off. Please choose the file again.")


@dataclass(frozen=True, slots=True)
class State:
    """How far it is, or why it failed, in `words`."""

    words: str
    failed: bool


def say(settings: Settings, words: str, *, failed: bool = False) -> None:
    """It is so far now."""
    line = {"at": now().isoformat(), "words": packed(words), "failed": failed}
    write_whole(shelf.folder_of(settings) / FILE, json.dumps(line).encode())


def done(settings: Settings) -> None:
    """Nothing is being made."""
    (shelf.folder_of(settings) / FILE).unlink(missing_ok=True)


def state(settings: Settings) -> State | None:
    """How far it is; None while no map is being made."""
    try:
        line = json.loads((shelf.folder_of(settings) / FILE).read_bytes())
    except FileNotFoundError:
        return None
    if not line["failed"] and datetime.fromisoformat(line["at"]) < now() - SILENT:
        return State(BROKE_OFF, failed=True)
    return State(unpacked(line["words"]), line["failed"])
