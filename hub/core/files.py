"""Folders for one's own eyes, and files of which nobody ever reads half."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_folder(path: Path) -> None:
    """The folder is there, for its owner alone if it is new.

    A link may lead to where nothing is yet, as systemd's `/var/lib/hub` does on a new machine.
    """
    path.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """The file is there with all of `data`, or as before; also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
