"""A file that somebody sent to be looked at, kept until they say that it is to be taken."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

from hub.core.errors import Gone
from hub.core.settings import Settings
from hub.core.words import later
from hub.people import secrets

FOLDER: Final = "imports"
KEPT_S: Final = 86_400
_NAME: Final = re.compile(r"[\w-]{20,60}")
AGAIN: Final = later("This file was kept for a day and is gone. Please choose it again.")


def keep(settings: Settings, data: bytes) -> str:
    """The name under which the file can be asked for, for a day; old ones go."""
    folder = settings.data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_S:
            old.unlink(missing_ok=True)
    name = secrets.new_link()
    kept = folder / name
    kept.touch(mode=0o600)
    kept.write_bytes(data)
    return name


def read(settings: Settings, name: str) -> bytes:
    """The file of this name.

    Raises:
        Gone: it is not there any more.
    """
    try:
        return path(settings, name).read_bytes()
    except OSError:
        raise Gone(AGAIN) from None


def forget(settings: Settings, name: str) -> None:
    """It was taken."""
    path(settings, name).unlink(missing_ok=True)


def path(settings: Settings, name: str) -> Path:
    """Where the file lies, if it is there still.

    Raises:
        Gone: this is the name of none.
    """
    if not _NAME.fullmatch(name):
        raise Gone(AGAIN)
    return settings.data_dir / FOLDER / name
