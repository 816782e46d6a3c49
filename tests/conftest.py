"""Hubs for tests: real databases, no wires between them.

`HUB_TEST_DATABASE` is sqlite (default) or postgresql; the tables are made by the migrations once,
and copied for each hub.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import hypothesis
import pytest
from alembic import command
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federation.guard import Guard
from federation.signatures.keys import SigningKeys, from_bytes, generate_keys, to_bytes
from federation.testing import AsgiGetter, AsgiPoster, Wire
from hub import migrating
from hub.app import create_app
from hub.bootstrap import Hub, guard_for, opened
from hub.core.services import Services
from hub.core.settings import Settings
from hub.people import service as people
from hub.worker import Worker
from tests.postgres import cluster, memory

ENGINE = os.environ.get("HUB_TEST_DATABASE", "sqlite")

# What a test throws away need not reach a disk, which takes a third of the time; at full length
# the rigs do write to one.
if "HUB_SOAK" not in os.environ and (room := memory()):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", room)

# No test is about time: an example takes as long as a busy machine needs for it.
hypothesis.settings.register_profile(
    "hub", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("hub")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fault rigs look for what happens once in a while: none of them gets a second try."""
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(pytest.mark.flaky(reruns=0))


@dataclass
class Running:
    """A hub in this process, as a test drives it."""

    hub: Hub
    app: Any
    web: httpx2.AsyncClient
    worker: Worker
    steward_token: str
    wire: Wire

    @property
    def services(self) -> Services:
        return self.hub.services

    @property
    def url(self) -> str:
        return self.services.settings.url

    @property
    def steward(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.steward_token}"}

    async def work(self) -> int:
        """Do everything that is due, until nothing is."""
        total = 0
        while done := await self.worker.step():
            total += done
        return total


async def settle(*hubs: Running) -> None:
    """Let hubs work until none has anything to do."""
    while sum([await hub.work() for hub in hubs]):
        continue


class Databases:
    """Fresh databases, copied from one that the migrations made."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self._folder = folder
        self._server = server
        self._made: list[str] = []
        self._template = self._make_template()

    def _make_template(self) -> str:
        if self._server is None:
            path = self._folder / "template.db"
            command.upgrade(migrating.config(f"sqlite+aiosqlite:///{path}"), "head")
            return str(path)
        name = f"template_{uuid4().hex[:8]}"
        self._execute(f"CREATE DATABASE {name}")
        command.upgrade(migrating.config(self._address(name)), "head")
        return name

    def fresh(self) -> str:
        """The address of a new database with all tables."""
        if self._server is None:
            path = self._folder / f"{uuid4().hex}.db"
            shutil.copy(self._template, path)
            self._made.append(path.name)
            return f"sqlite:///{path}"
        name = f"hub_{uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        self._made.append(name)
        return f"{self._server}/{name}"

    def drop(self) -> None:
        """Drop what was made since the last call."""
        for name in self._made:
            if self._server is None:
                for file in self._folder.glob(f"{name}*"):
                    file.unlink()
            else:
                self._execute(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.clear()

    def _address(self, name: str) -> str:
        assert self._server is not None
        return f"{self._server}/{name}".replace("postgresql://", "postgresql+asyncpg://")

    def _execute(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(f"{self._server}/postgres")
            await connection.execute(statement)
            await connection.close()

        # A thread of its own: the caller may be inside a running loop.
        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        thread.join()


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    folder = tmp_path_factory.mktemp("databases")
    if ENGINE == "sqlite":
        yield Databases(folder, None)
        return
    with cluster() as server:
        yield Databases(folder, server)


MakeHub = Callable[..., Any]


@pytest.fixture(scope="session", autouse=True)
def _few_rsa_keys() -> Iterator[None]:
    """Making an RSA key takes 70 ms and a hub has seven: tests share two real ones."""
    pool = itertools.cycle([to_bytes(generate_keys(f"https://pool.example/{n}")) for n in "ab"])

    def from_pool(actor: str) -> SigningKeys:
        ed25519 = Ed25519PrivateKey.generate().private_bytes_raw()
        return from_bytes(actor, next(pool)[0], ed25519)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.actors.keys.generate_keys", from_pool)
        yield


class _Failures(logging.Handler):
    """Keeps what a worker's loop survived."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def failed_rounds() -> Iterator[list[logging.LogRecord]]:
    """Rounds of a worker that failed: none may be left when a test ends.

    The loops survive whatever happens, which must not hide a fault from the tests; whoever
    expects one looks at it and clears the list.
    """
    failures = _Failures()
    logger = logging.getLogger("hub.worker")
    logger.addHandler(failures)
    yield failures.records
    logger.removeHandler(failures)
    assert [record.exc_text or record.getMessage() for record in failures.records] == []


@pytest.fixture
async def make_hub(databases: Databases, tmp_path: Path) -> AsyncIterator[MakeHub]:
    """Makes hubs on one wire: `await make_hub("north.example")`."""
    wire = Wire()
    async with AsyncExitStack() as stack:

        async def make(host: str = "hub.example", **given: Any) -> Running:
            folder = tmp_path / host.replace(":", "_")
            settings = Settings(
                _env_file=None,
                **{
                    "url": f"https://{host}",
                    "data_dir": folder,
                    "database_url": databases.fresh(),
                    "name": host.partition(".")[0].title(),
                    "timezone": "Europe/Berlin",
                    **given,
                },
            )
            return await stack.enter_async_context(started(settings, wire))

        yield make
    databases.drop()


@asynccontextmanager
async def started(settings: Settings, wire: Wire) -> AsyncIterator[Running]:
    """A hub of these settings on a wire."""
    guard: Guard = guard_for(settings)
    getter, poster = AsgiGetter(wire, guard), AsgiPoster(wire, guard)
    async with opened(settings, getter=getter, poster=poster) as hub:
        app = create_app(hub)
        wire.attach(settings.authority, app)
        async with hub.services.db.write() as session:
            token = await people.token_create(session, "tests", "steward")
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=settings.url) as web:
            yield Running(hub, app, web, Worker(hub.services, hub.handlers), token, wire)


@pytest.fixture
async def hub(make_hub: MakeHub) -> Running:
    """One hub, `https://hub.example`."""
    running: Running = await make_hub()
    return running


@pytest.fixture
async def hubs(make_hub: MakeHub) -> tuple[Running, Running]:
    """Two hubs on one wire."""
    return await make_hub("north.example"), await make_hub("south.example")
