"""How the servers of a small world find each other.

As in the field: programs that know nothing of the test get an `/etc/hosts` of their own, and the
proxy is at port 443. Where that is not allowed they are led from within (`loopback/`), which
reaches no further down than Python and Node: hubs then run without uvloop and libcurl.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

LOOPBACK = Path(__file__).parent / "loopback"
HTTPS = 443
PROBE = ("127.63.0.1", HTTPS)
PROGRAMS = ("setpriv", "unshare", "mount", "sh")
# The kernel stops the program when the test is killed, which cannot stop it any more. All names
# are in the one file: without name servers every other one is unknown, and nothing leaves here.
SEES = 'mount --bind "$0" /etc/hosts && mount --bind /dev/null /etc/resolv.conf && exec "$@"'
ALLOWED_S = 30.0

Places = Mapping[str, tuple[str, int]]
"""The address and port at which the proxy listens for each name."""


@dataclass(frozen=True)
class World:
    """What a program needs to find the names: words before its command, and variables."""

    places: Places = field(default_factory=dict)
    before: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@cache
def missing() -> str:
    """What this machine does not give to tests that run as in the field; nothing: all is there."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"there is no {' or '.join(absent)} (packages util-linux and mount)"
    with tempfile.NamedTemporaryFile() as hosts:
        done = subprocess.run(
            [*_with_hosts(Path(hosts.name)), "true"],
            capture_output=True,
            text=True,
            timeout=ALLOWED_S,
            check=False,
        )
    if done.returncode != 0:
        return f"no /etc/hosts of its own for a program, which takes root: {done.stderr.strip()}"
    try:
        with socket.socket() as probe:
            probe.bind(PROBE)
    except OSError as error:
        return f"no port {HTTPS} on loopback: {error.strerror}"
    return ""


def as_in_the_field(places: Places, folder: Path) -> World:
    """A world whose names stand in a file that programs see as `/etc/hosts`."""
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, (address, _) in places.items())]
    hosts = folder / "hosts"
    hosts.write_text("\n".join([*lines, ""]))
    return World(places, _with_hosts(hosts))


def led(places: Places) -> World:
    """A world into which programs are led by what they load first."""
    env = {
        "INTEROP_WORLD": json.dumps(places),
        "PYTHONPATH": str(LOOPBACK),
        "NODE_OPTIONS": f'--require "{LOOPBACK / "loopback.cjs"}"',
    }
    return World(places, env=env)


def _with_hosts(hosts: Path) -> tuple[str, ...]:
    return ("setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "sh", "-c", SEES, str(hosts))
