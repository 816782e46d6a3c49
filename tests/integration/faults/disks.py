"""A disk of our own whose power can be cut: ext4 in a file, on a loop device."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.processes import eventually

NEEDED = {"mkfs.ext4": "e2fsprogs", "losetup": "util-linux", "xfs_io": "xfsprogs"}
SIZE = "256M"


@cache
def why_not() -> str | None:
    """Why no disk can be made here; None where it can."""
    if os.geteuid() != 0:
        return "only root may mount a disk of its own"
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            return f"{program} is missing (on Debian: apt install {package})"
    found = _run("losetup", "--find", check=False)
    return None if found.returncode == 0 else "this machine has no loop devices"


def _run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=check)


@dataclass
class Disk:
    """A mounted disk; what was not synced is gone after a cut."""

    image: Path
    folder: Path

    def mount(self) -> None:
        """Let it be seen; its journal is replayed first."""
        _run("mount", "-o", "loop,data=ordered", str(self.image), str(self.folder))

    def cut(self) -> None:
        """Power off: from now on nothing reaches the disk, not even the journal."""
        _run("xfs_io", "-x", "-c", "shutdown", str(self.folder))

    def unmount(self) -> None:
        """Take it away; what was killed may need a moment to let go of it."""
        umount = ("umount", str(self.folder))
        eventually(lambda: _run(*umount, check=False).returncode == 0, "nobody uses the disk")


@contextmanager
def disk(place: Path) -> Iterator[Disk]:
    """A fresh disk, mounted at `place/disk`."""
    made = Disk(place / "disk.img", place / "disk")
    made.folder.mkdir(parents=True)
    _run("truncate", "-s", SIZE, str(made.image))
    _run("mkfs.ext4", "-q", str(made.image))
    made.mount()
    try:
        yield made
    finally:
        if made.folder.is_mount():
            made.unmount()
        made.image.unlink()
