"""When the hub closes for good, and what becomes of its entries then; stewards say so beforehand.

It lies in a file beside the look, so that a page learns of it by one `stat`, and a backup has it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from hub.core.clock import now
from hub.core.files import write_whole
from hub.core.settings import Settings

FILE: Final = "closing.json"


@dataclass(frozen=True, slots=True)
class Closing:
    """From `at` on nothing new is posted; `deletes`: what is there is then taken back, not kept."""

    at: datetime
    deletes: bool

    @property
    def over(self) -> bool:
        """Whether that moment has come."""
        return self.at <= now()


def closing_of(settings: Settings) -> Closing | None:
    """When the hub closes, or did; None while nobody said so."""
    path = _path(settings)
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _read(path, found.st_ino, found.st_mtime_ns)


def announce(settings: Settings, closing: Closing) -> None:
    """The hub will close."""
    said = {"at": closing.at.isoformat(), "deletes": closing.deletes}
    write_whole(_path(settings), json.dumps(said).encode())


def take_back(settings: Settings) -> None:
    """It does not close after all."""
    _path(settings).unlink(missing_ok=True)


def _path(settings: Settings) -> Path:
    return settings.data_dir / "media" / "look" / FILE


@lru_cache(maxsize=8)
def _read(path: Path, _inode: int, _changed_ns: int) -> Closing:
    said = json.loads(path.read_bytes())
    return Closing(datetime.fromisoformat(said["at"]), bool(said["deletes"]))
