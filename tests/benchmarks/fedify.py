"""A Fedify server as the yardstick: the packages of `tests/interop`, a script of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from tests.benchmarks.load import activity
from tests.benchmarks.rig import answer_of, free_port
from tests.interop import installing

SCRIPT = Path(__file__).with_name("fedify.mjs")


@dataclass(frozen=True)
class Server:
    """One running Fedify server."""

    process: subprocess.Popen[str]
    port: int

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def fan_out(self, inboxes: Sequence[str]) -> None:
        """Have it send one activity of 2.8 kB to these; returns when it was sent, or queued."""
        content = orjson.loads(activity("https://hub.example"))["object"]["content"]
        pipe: IO[str] | None = self.process.stdin
        assert pipe is not None
        pipe.write(orjson.dumps({"inboxes": list(inboxes), "content": content}).decode() + "\n")
        pipe.flush()
        answer_of(self.process)


@contextmanager
def server(
    *, queue: bool = False, rsa_bits: int = 0, authority: Path | None = None
) -> Iterator[Server]:
    """A server; `queue` puts its own queue between, `rsa_bits` replaces its 4,096-bit keys."""
    folder, port = installing.fedify(), free_port()
    script = folder / "bench.mjs"
    shutil.copy(SCRIPT, script)
    env = {
        **os.environ,
        "PORT": str(port),
        "QUEUE": "yes" if queue else "",
        "RSA_BITS": str(rsa_bits or ""),
        "NODE_EXTRA_CA_CERTS": str(authority) if authority else "",
    }
    running = subprocess.Popen(
        [str(installing.node()), str(script)],
        cwd=folder,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        answer_of(running)
        yield Server(running, port)
    finally:
        running.terminate()
        running.wait(20)
