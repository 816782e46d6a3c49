"""Servers as processes of a test: started, waited for, stopped, and their words kept."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

START_S = 60.0  # two cores shared with a browser or a build
STOP_S = 20.0
PAUSE_S = 0.1
TAIL = 60  # lines of a log that tell why something failed

Found = TypeVar("Found")


class NeverHappened(AssertionError):
    """What a test waited for did not come."""


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def until(look: Callable[[], Found | None], what: str, seconds: float = 30.0) -> Found:
    """What `look` finds, once it finds something.

    Raises:
        NeverHappened: it found nothing in time.
    """
    ends = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > ends:
            raise NeverHappened(f"{what}: not within {seconds:.0f} seconds")
        time.sleep(PAUSE_S)
    return found


@contextmanager
def running(
    command: Sequence[str], *, folder: Path, log: Path, env: Mapping[str, str], port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens on `port`; it is stopped in the end, whatever happens.

    Raises:
        NeverHappened: it ended, or did not listen in time; the end of its log is shown.
    """
    with log.open("ab") as words:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the test alone, which then stops its servers
        )
    threading.Thread(target=_note_end, args=(process, log), daemon=True).start()
    try:
        _wait(process, port, log)
        yield process
    finally:
        _stop(process)


def tail(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"── {log.name}", *lines[-TAIL:]])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + START_S
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > ends:
            raise NeverHappened(f"{log.stem} did not start.\n{tail(log)}")
        time.sleep(PAUSE_S)


def _note_end(process: subprocess.Popen[bytes], log: Path) -> None:
    """Write at the end of the log how the process ended; below 0 it is the signal."""
    code = process.wait()
    with suppress(FileNotFoundError), log.open("a") as words:
        words.write(f"\nended with code {code}\n")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)
