"""Two web processes and two workers at one PostgreSQL; one worker is killed in the middle."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import func, select

from federation.signatures.http import sign_request
from federation.signatures.keys import SigningKeys, from_bytes, generate_keys, to_bytes
from hub import schema
from hub.bootstrap import opened
from hub.core.settings import Settings
from hub.fediverse.models import Delivery, InboxActivity, Peer, Receipt
from tests.benchmarks.hubs import follow_from
from tests.conftest import Databases
from tests.postgres import cluster
from tests.processes import HubProcess, eventually

WEB = (sys.executable, "-m", "hub", "serve", "--no-worker")
WORK = (sys.executable, "-m", "hub", "work")
SERVERS = 30
EVENTS = 8
FOLLOWERS = 12
AS2 = "https://www.w3.org/ns/activitystreams"
POOL = to_bytes(generate_keys("https://pool.example"))


def _keys(actor: str) -> SigningKeys:
    return from_bytes(actor, *POOL)


class Town(ThreadingHTTPServer):
    """All the other servers: every loopback address, one port; keeps what it was sent."""

    daemon_threads = True
    request_queue_size = 512  # a connection that finds no place is tried again a minute later

    def __init__(self) -> None:
        super().__init__(("0.0.0.0", 0), _Answers)
        self.received: list[tuple[str, str, str]] = []

    def sent(self, kind: str) -> set[tuple[str, str]]:
        return {(host, uri) for host, type_, uri in self.received if type_ == kind}


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Town

    def do_GET(self) -> None:
        uri = f"http://{self.headers['host']}{self.path}"
        keys = _keys(uri)
        pem = {"id": keys.rsa_id, "owner": uri, "publicKeyPem": keys.public_pem}
        document = {
            "@context": AS2,
            "id": uri,
            "type": "Person",
            "preferredUsername": "neighbour",
            "inbox": f"{uri}/inbox",
            "publicKey": pem,
        }
        self._answer(200, json.dumps(document).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.received.append((self.headers["host"], body["type"], body["id"]))
        self._answer(202, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/activity+json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


@contextmanager
def _town() -> Iterator[Town]:
    town = Town()
    threading.Thread(target=town.serve_forever, daemon=True).start()
    try:
        yield town
    finally:
        town.shutdown()
        town.server_close()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with cluster() as server:
        databases = Databases(tmp_path, server)
        yield databases.fresh()
        databases.drop()


async def _prepare(settings: Settings, town: Town) -> None:
    """Followers on SERVERS other servers."""
    await schema.upgrade(settings)
    boxes = [f"http://127.1.0.{n + 1}:{town.server_port}/a{n}/inbox" for n in range(SERVERS)]
    async with opened(settings) as hub:
        await follow_from(hub, "events", boxes)


async def _left(settings: Settings) -> dict[str, int]:
    async with opened(settings) as hub, hub.services.db.read() as session:
        tables = {"delivery": Delivery, "receipt": Receipt, "inbox": InboxActivity}
        counts = {
            name: await session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.items()
        }
        leased = select(func.count()).where(Peer.leased_by.is_not(None))
        return {**counts, "leased": await session.scalar(leased) or 0}


def _follow(web: HubProcess, hub: str, town: Town, number: int) -> int:
    """The status of a Follow of @offers, posted to one of the web processes."""
    actor = f"http://127.2.0.{number + 1}:{town.server_port}/actor"
    follow = {
        "@context": AS2,
        "id": f"{actor}#follow",
        "type": "Follow",
        "actor": actor,
        "object": f"{hub}/actors/offers",
    }
    body = json.dumps(follow).encode()
    headers = sign_request(_keys(actor), "POST", f"{hub}/inbox", body, now=datetime.now(UTC))
    return httpx2.post(
        f"{web.url}/inbox", content=body, headers=headers, trust_env=False
    ).status_code


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_webs_and_two_workers_lose_nothing_when_a_worker_is_killed(
    address: str, tmp_path: Path
) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    with _town() as town, ExitStack() as stack:
        first = HubProcess(folder, program=WEB)
        first.env = {"HUB_DATABASE_URL": address}
        env = {**first.env, "HUB_URL": first.url}
        second = HubProcess(folder, env=env, program=WEB)
        workers = [HubProcess(folder, env=env, program=WORK) for _ in range(3)]
        settings = Settings(
            _env_file=None,
            url=first.url,
            data_dir=folder,
            database_url=address,
            allow_networks="127.0.0.0/8",
            allow_http=True,
        )
        asyncio.run(_prepare(settings, town))
        for process in (first, second, workers[0], workers[1]):
            process.start()
            stack.callback(process.stop)
        headers = {"Authorization": f"Bearer {first.token()}"}
        told = []
        for number in range(EVENTS):
            starts = datetime.now(UTC) + timedelta(days=number + 3)
            event = {
                "title": f"Repair café {uuid4()}",
                "starts_at": starts.isoformat(),
                "ends_at": (starts + timedelta(hours=2)).isoformat(),
                "timezone": "Europe/Berlin",
            }
            web = (first, second)[number % 2]
            answer = httpx2.post(
                f"{web.url}/api/v1/events", json=event, headers=headers, trust_env=False
            )
            assert answer.status_code == 201, answer.text
            told.append(answer.json()["uri"])
            if number == EVENTS // 2:
                eventually(lambda: len(town.received) > SERVERS, "mail goes out")
                workers[0].kill()
                workers[2].start()
                stack.callback(workers[2].stop)
        for number in range(FOLLOWERS):
            for web in (first, second):
                assert _follow(web, first.url, town, number) == 202

        def arrived() -> tuple[int, int]:
            return len(town.sent("Create")), len(town.sent("Accept"))

        try:
            eventually(lambda: arrived() == (SERVERS * EVENTS, FOLLOWERS), "all arrives", 150)
        except AssertionError:
            left = asyncio.run(_left(settings))
            raise AssertionError(f"{arrived()} {left} {first.log()[-3000:]}") from None
        followers = f"{second.url}/actors/offers/followers"
        as2 = {"Accept": "application/activity+json"}
        counted = httpx2.get(followers, headers=as2, trust_env=False).json()
        assert counted["totalItems"] == FOLLOWERS

        def idle() -> bool:
            left = asyncio.run(_left(settings))
            return left["delivery"] == left["leased"] == 0

        eventually(idle, "the ledger is empty")
        left = asyncio.run(_left(settings))
        assert left["inbox"] == FOLLOWERS
        assert left["receipt"] >= SERVERS * EVENTS
        accepts = [uri for _, kind, uri in town.received if kind == "Accept"]
        assert len(set(accepts)) == FOLLOWERS, "one Accept for each, however often it was sent"
        assert not [line for line in first.log().splitlines() if "Traceback" in line]


async def test_work_of_one_process_wakes_another_at_once(address: str, tmp_path: Path) -> None:
    def settings(name: str) -> Settings:
        return Settings(
            _env_file=None,
            url="https://hub.example",
            data_dir=tmp_path / "hub",
            database_url=address,
            name=name,
        )

    async with opened(settings("a")) as here, opened(settings("b")) as there:
        with there.services.wake.listen() as bell, here.services.wake.listen() as own:
            async with asyncio.timeout(30):
                while not bell.is_set():  # the line is opened beside us
                    own.clear()
                    here.services.wake.ring()
                    await asyncio.sleep(0.05)
            assert own.is_set()
