"""ActivityRelay as a process: it takes followers that are servers, and passes on what they say."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop import installing
from tests.interop.processes import running
from tests.interop.world import World

SET_UP_S = 300.0  # it only guards against hanging; a busy machine needs more than a minute
CONFIG = """\
listen: 127.0.0.1
port: {port}
domain: {host}
workers: 1
database_type: sqlite
sqlite_path: {folder}/relay.sqlite3
cache_type: database
"""


@contextmanager
def relay(
    host: str,
    *,
    port: int,
    folder: Path,
    world: World,
    authority: Path,
) -> Iterator[str]:
    """The id of the actor of a fresh relay, behind the proxy of `world` as `https://{host}`."""
    program = str(installing.relay())
    folder.mkdir(parents=True)
    config, log = folder / "relay.yaml", folder / f"{host}.log"
    config.write_text(CONFIG.format(host=host, port=port, folder=folder))
    env = {"SSL_CERT_FILE": str(authority), **world.env}
    subprocess.run(
        [program, "-c", str(config), "setup", "--skip-questions"],
        input="n\n",  # it asks whether to run now
        text=True,
        capture_output=True,
        check=True,
        timeout=SET_UP_S,
    )
    command = [*world.before, program, "-c", str(config), "run"]
    with running(command, folder=folder, log=log, env=env, port=port):
        yield f"https://{host}/actor"
