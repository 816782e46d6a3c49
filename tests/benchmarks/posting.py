"""Posting signed activities to servers under test, and what it cost them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.benchmarks.rig import answer_of, ask, cpu_s, free_port, process, wait_for_port

CONNECTIONS = 32


@dataclass(frozen=True)
class Server:
    """One process that takes mail at `/inbox`; `folder` is where a hub keeps its data."""

    pid: int
    port: int
    folder: Path

    def kept(self) -> int:
        """How many activities are on disk in a hub's SQLite database."""
        with sqlite3.connect(self.folder / "hub.db") as database:
            count: int = database.execute("SELECT count(*) FROM inbox_activity").fetchone()[0]
        return count


@dataclass(frozen=True)
class Cost:
    """What taking some activities cost: in all, in CPU seconds of the servers, on the clock."""

    count: int
    cpu_s: float
    seconds: float

    @property
    def per_cpu_s(self) -> float:
        """Activities per CPU second."""
        return self.count / self.cpu_s

    @property
    def per_s(self) -> float:
        """Activities per second."""
        return self.count / self.seconds


@contextmanager
def server(
    which: str, env: dict[str, str] | None = None, *, folder: Path | None = None
) -> Iterator[Server]:
    """A server of `tests.benchmarks.servers`; without `folder`, in a new one."""
    port, place = free_port(), folder or Path(tempfile.mkdtemp(prefix="bench-"))
    arguments = ("-m", "tests.benchmarks.servers", which, str(port), str(place))
    with process(*arguments, env=env) as running:
        wait_for_port(port)
        yield Server(running.pid, port, place)


def post(servers: Sequence[tuple[int, int]], count: int, *, as_mastodon: bool = False) -> Cost:
    """Post `count` distinct signed activities to each (process, port), all at the same time.

    `as_mastodon`: they are signed in themselves besides.

    Raises:
        AssertionError: not all were accepted.
    """
    with ExitStack() as stack:
        loads = [stack.enter_context(process("-m", "tests.benchmarks.load")) for _ in servers]
        for load, (_, port) in zip(loads, servers, strict=True):
            task = {
                "url": f"http://127.0.0.1:{port}/inbox",
                "count": count,
                "connections": CONNECTIONS,
                "as_mastodon": as_mastodon,
            }
            ask(load, orjson.dumps(task).decode())
        before = sum(cpu_s(pid) for pid, _ in servers)
        for load in loads:
            assert load.stdin is not None
            load.stdin.write("go\n")
            load.stdin.flush()
        answers = [answer_of(load) for load in loads]
        used = sum(cpu_s(pid) for pid, _ in servers) - before
    assert all(answer["accepted"] == count for answer in answers), answers
    return Cost(count * len(servers), used, max(answer["seconds"] for answer in answers))
