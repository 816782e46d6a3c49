"""P15: the same work shared by two processes on PostgreSQL ÷ done by one.

On two cores, which the load and the database need as well, throughput cannot double: there it is
the CPU time of each item that may hardly grow (SETTLED 16).
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any
from uuid import uuid4

import asyncpg

from tests.benchmarks.hubs import a_hub, follow_from, inboxes, say
from tests.benchmarks.posting import post, server
from tests.benchmarks.rig import Ratio, answer_of, ask, cpu_s, pairs, process
from tests.postgres import cluster

HOSTS = 1000
COUNT = 2000  # for each process, since a second one is for twice the mail
WARM = 300
SLOWEST_S = 120.0
SETTLE_S = 2.0  # leases given back, ledgers written


def measure() -> list[Ratio]:
    """CPU time per delivery and per activity taken, two processes ÷ one."""
    with cluster() as address, process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        one, two = pairs(
            partial(_delivering, address, sink, port, 1),
            partial(_delivering, address, sink, port, 2),
        )
        alone, shared = pairs(partial(_taking, address, 1), partial(_taking, address, 2))
    return [
        _ratio("delivering with two workers ÷ with one", one, two, "ms of CPU per delivery"),
        _ratio("taking mail with two web processes ÷ with one", alone, shared, "ms of CPU each"),
    ]


def _ratio(what: str, one: float, two: float, unit: str) -> Ratio:
    return Ratio("P15", what, one, two, two / one, "≤", 1.15, unit)


@contextmanager
def _database(cluster_address: str) -> Iterator[str]:
    """A new database."""
    name = f"bench_{uuid4().hex[:12]}"

    async def create() -> None:
        connection = await asyncpg.connect(f"{cluster_address}/postgres")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    yield f"{cluster_address}/{name}"


def _delivering(cluster_address: str, sink: Popen[str], port: int, workers: int) -> float:
    with _database(cluster_address) as address, ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        given = {"database_url": address, "data_dir": folder}
        asyncio.run(_followed(port, given))
        env = {
            "HUB_DATABASE_URL": address,
            "HUB_DATA_DIR": str(folder),
            "HUB_URL": "http://localhost:1",
            "HUB_ALLOW_NETWORKS": "127.0.0.0/8",
            "HUB_ALLOW_HTTP": "true",
        }
        running = [
            stack.enter_context(process("-m", "hub", "work", env=env)) for _ in range(workers)
        ]
        pids = [each.pid for each in running]
        _heard(sink, given)
        before = sum(map(cpu_s, pids))
        _heard(sink, given)
        return (sum(map(cpu_s, pids)) - before) / HOSTS * 1000


async def _followed(port: int, given: dict[str, Any]) -> None:
    async with a_hub(**given) as hub:
        await follow_from(hub, "events", inboxes(port, HOSTS), answered=True)


def _heard(sink: Popen[str], given: dict[str, Any]) -> None:
    """Say something, and return when everybody has heard it."""

    async def speak() -> None:
        async with a_hub(**given) as hub:
            await say(hub)

    ask(sink)
    asyncio.run(speak())
    arrived, ends = 0, time.monotonic() + SLOWEST_S
    while arrived < HOSTS:
        time.sleep(0.1)
        arrived += ask(sink)["count"]
        assert time.monotonic() < ends, arrived
    time.sleep(SETTLE_S)


def _taking(cluster_address: str, processes: int) -> float:
    with _database(cluster_address) as address, ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        env = {"BENCH_DATABASE_URL": address}
        running = [stack.enter_context(server("hub", env, folder=folder)) for _ in range(processes)]
        servers = [(each.pid, each.port) for each in running]
        post(servers, WARM)
        cost = post(servers, COUNT)
        return cost.cpu_s / cost.count * 1000
