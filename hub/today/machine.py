"""What concerns the machine: address, keys, files, disk, backups."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hub import __version__, schema
from hub.core.clock import now
from hub.core.errors import CommandFailed
from hub.core.secrets import KEY_FILE, key_file, read_key
from hub.core.settings import LOOPBACK_NAMES, Settings
from hub.core.words import later
from hub.keeping import phrase, saving
from hub.keeping.archive import FOLDER, SETTINGS
from hub.today.checks import Check, State

ROOM_BYTES: Final = 100 * 1024 * 1024  # less free disk than this, and the next upload may fail
LITTLE_BYTES: Final = 10 * ROOM_BYTES
OLD: Final = timedelta(days=2)  # a backup older than this lost a day somewhere
TOO_OLD: Final = timedelta(days=7)

ADDRESS = later("Address")
KEYS = later("Keys and files")
DISK = later("Disk")
BACKUP = later("Backup")
PHRASE = later("Recovery phrase")
VERSION = later("Version")


def look(settings: Settings) -> Iterator[Check]:
    """Every check that needs no database."""
    yield address(settings)
    yield _keys(settings)
    yield _disk(settings)
    yield _backup(settings)
    yield _phrase(settings)
    yield Check(
        "version",
        VERSION,
        "ok",
        later("%(version)s, with tables %(tables)s."),
        {"version": __version__, "tables": schema.newest()},
    )


def address(settings: Settings) -> Check:
    """Whether others than this machine can reach the hub under its address."""
    host = urlsplit(settings.url).hostname or ""
    if host in {name.strip("[]") for name in LOOPBACK_NAMES}:
        told = later(
            "Only this machine can reach %(url)s. Set HUB_URL to the address that all will use."
        )
        return Check("address", ADDRESS, "warning", told, {"url": settings.url})
    return Check("address", ADDRESS, "ok", later("This is %(url)s."), {"url": settings.url})


def _keys(settings: Settings) -> Check:
    try:
        read_key(key_file(settings.data_dir))
    except CommandFailed as error:
        return Check("keys", KEYS, "wrong", "%(why)s", {"why": str(error)})
    for path, state in _private(settings):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            told = later("Others on this machine can read %(path)s. Say: chmod go= %(path)s")
            return Check("keys", KEYS, state, told, {"path": path.absolute()})
    return Check("keys", KEYS, "ok", later("They can be read, and by the hub alone."))


def _private(settings: Settings) -> Iterator[tuple[Path, State]]:
    """What nobody else may read, the worst first; a folder that is closed keeps all in it."""
    folder = settings.data_dir
    if not stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return
    for name in (KEY_FILE, phrase.FILE, SETTINGS, FOLDER):
        if (folder / name).exists():
            yield folder / name, "wrong"
    yield folder, "warning"


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.data_dir).free
    values = {"free": free // 1024**2}
    if free < ROOM_BYTES:
        told = later("Only %(free)s MB are free: soon nothing can be posted. Make room.")
        return Check("disk", DISK, "wrong", told, values)
    if free < LITTLE_BYTES:
        told = later("Only %(free)s MB are free. Make room soon.")
        return Check("disk", DISK, "warning", told, values)
    return Check("disk", DISK, "ok", later("%(free)s MB are free."), values)


def _backup(settings: Settings) -> Check:
    last = saving.last_at(settings.data_dir)
    if last is None:
        told = later("Never saved yet. Say on the machine: hub backup FILE")
        return Check("backup", BACKUP, "warning", told)
    age = now() - last
    if age > OLD:
        told = later("Last saved %(when)s. Look in the log why it stopped.")
        state: State = "wrong" if age > TOO_OLD else "warning"
        return Check("backup", BACKUP, state, told, {"when": last})
    told = later("Last saved %(when)s.")
    return Check("backup", BACKUP, "ok", told, {"when": last})


def _phrase(settings: Settings) -> Check:
    if phrase.sealed(settings.data_dir) is None:
        told = later(
            "There is none, so a backup opens elsewhere only with the file secret.key. Say on "
            "the machine: hub setup --phrase"
        )
        return Check("phrase", PHRASE, "warning", told, {}, "/admin/setup")
    told = later("There is one. Do you know where it is written down?")
    return Check("phrase", PHRASE, "ok", told)
