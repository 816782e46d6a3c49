"""Both clients on real sockets of this machine, against servers that mean harm."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from federation import client as client_module
from federation import guard as guard_module
from federation.client import HttpGetter, HttpPoster, Poster
from federation.curl import CurlPoster
from federation.delivery import Delivered, Later, deliver
from federation.errors import (
    ForbiddenAddress,
    TooLarge,
    UnexpectedAnswer,
    Unreachable,
    WrongContentType,
)
from federation.fetching import Fetcher
from federation.guard import Guard, Resolver
from federation.signatures.digest import digest_header
from federation.signatures.keys import generate_keys

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
# What a deadline may be overrun by, on a machine that does other things besides.
SLACK = 5.0  # a machine may be busy; without a deadline these would never end
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Bounds(TypedDict):
    limit_bytes: int
    deadline_s: float


FETCH: Bounds = {"limit_bytes": 10_000, "deadline_s": 3.0}


@dataclass
class Server:
    """A server of a few bytes; `heads` are the requests it has read, one per connection or more."""

    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x"

    async def request(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line[15:])
                for line in head.lower().splitlines()
                if line[:15] == "content-length:"
            ),
            0,
        )
        self.bodies.append(await reader.readexactly(length))
        self.heads.append(head)
        return head


@asynccontextmanager
async def serving(
    act: Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[Server]:
    """A server that does `act` with each connection."""
    state = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await act(state, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, host, 0, ssl=tls)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(raw: bytes, *, keep_open: bool = False) -> Any:
    """A server that answers every request with the same bytes."""

    async def act(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await state.request(reader)
            writer.write(raw)
            await writer.drain()
            if not keep_open:
                return

    return act


def http(body: bytes = b"ok", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def dripping(start: bytes, drop: bytes, every: float = 0.05) -> Any:
    """A server that answers forever, a little at a time."""

    async def act(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await state.request(reader)
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(every)

    return act


def lax(**given: Any) -> Guard:
    return Guard(**{"allow_networks": (LOOPBACK,), "allow_http": True, **given})


def named(*names: str) -> Guard:
    async def lookup(host: str) -> list[str]:
        if host in names:
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    return lax(resolver=Resolver(lookup))


carrier: ContextVar[type[HttpPoster | CurlPoster]] = ContextVar("carrier")


@pytest.fixture(autouse=True, params=[HttpPoster, CurlPoster], ids=["aiohttp", "curl"])
def _each_poster(request: pytest.FixtureRequest) -> None:
    """Whatever holds for one client holds for the other."""
    carrier.set(request.param)


@asynccontextmanager
async def clients(
    guard: Guard | None = None, ca_file: Path | None = None
) -> AsyncIterator[tuple[HttpGetter, Poster]]:
    agent = "Hub/1.0 (+https://hub.example/)"
    getter = HttpGetter(guard or lax(), user_agent=agent, ca_file=ca_file)
    poster = carrier.get()(guard or lax(), user_agent=agent, ca_file=ca_file)
    try:
        yield getter, poster
    finally:
        await getter.close()
        await poster.close()


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds + SLACK


# ------------------------------------------------------------------------------- plain use


async def test_a_fetch_and_a_delivery_arrive_as_they_were_signed() -> None:
    async with serving(answering(http(), keep_open=True)) as server, clients() as (get, post):
        url = f"http://127.0.0.1:{server.port}/a/../b//c%2fd;e?x=[1]&y=%C3%BC"
        headers = {"Host": "Peer.Example:1", "Date": "now", "Signature": 'keyId="k"'}
        answer = await get.get(url, headers, **FETCH)
        assert (answer.status, answer.body, answer.url) == (200, b"ok", url)
        answer = await post.post(url, headers, b"body", deadline_s=3)
        assert (answer.status, answer.body, answer.url) == (200, b"ok", url)
        for head, method in zip(server.heads, ("GET", "POST"), strict=True):
            assert head.startswith(f"{method} /a/../b//c%2fd;e?x=[1]&y=%C3%BC HTTP/1.1\r\n")
            lines = [line.lower() for line in head.splitlines()]
            assert lines.count("host: peer.example:1") == 1
            assert "accept-encoding: identity" in lines
            assert "user-agent: hub/1.0 (+https://hub.example/)" in lines
            assert sum(line.startswith("user-agent:") for line in lines) == 1
        assert server.bodies == [b"", b"body"]


async def test_host_is_the_authority_where_none_is_given() -> None:
    async with serving(answering(http())) as server, clients() as (get, _):
        await get.get(server.url, {}, **FETCH)
        assert f"host: 127.0.0.1:{server.port}" in server.heads[0].lower()


async def test_header_names_come_back_in_lower_case_and_joined() -> None:
    raw = http(b"", "200 OK", "X-One: a", "x-one: b", "Content-Type: text/plain", "X-T: ü")
    async with serving(answering(raw)) as server, clients() as (get, post):
        for answer in (
            await get.get(server.url, {}, **FETCH),
            await post.post(server.url, {}, b"", deadline_s=3),
        ):
            assert answer.headers["x-one"] == "a, b"
            assert answer.headers["content-type"] == "text/plain"
            assert answer.headers["x-t"] == "ü"


async def test_b4_cookies_are_neither_kept_nor_sent() -> None:
    raw = http(b"", "200 OK", "Set-Cookie: a=b; Path=/")
    async with serving(answering(raw)) as server, clients(named("peer.example")) as (get, post):
        url = f"http://peer.example:{server.port}/"
        for _ in range(2):
            await get.get(url, {}, **FETCH)
            await post.post(url, {}, b"", deadline_s=3)
        assert "cookie" not in "".join(server.heads).lower()


async def test_b4_the_environment_s_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answering(http())) as server, clients() as (get, post):
        await get.get(server.url, {}, **FETCH)
        await post.post(server.url, {}, b"", deadline_s=3)
        assert server.connections == 2


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_an_answer_and_nothing_more(status: str) -> None:
    raw = http(b"", status, "Location: /elsewhere")
    async with serving(answering(raw)) as server, clients() as (get, post):
        assert (await get.get(server.url, {}, **FETCH)).headers["location"] == "/elsewhere"
        assert (await post.post(server.url, {}, b"", deadline_s=3)).status == int(status[:3])
        assert len(server.heads) == 2


async def test_b3_a_fetcher_follows_redirects_on_real_sockets_and_stops_at_private_ones() -> None:
    async def act(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        target = (await state.request(reader)).split()[1]
        if target == "/1":
            writer.write(http(b"", "302 Found", f"Location: http://127.0.0.1:{state.port}/2"))
        elif target == "/away":
            writer.write(http(b"", "302 Found", "Location: http://[::1]:1/"))
        elif target == "/round":
            writer.write(http(b"", "302 Found", "Location: /round"))
        else:
            body = f'{{"@context":"{AS2}","id":"http://127.0.0.1:{state.port}/2","type":"Note"}}'
            writer.write(http(body.encode(), "200 OK", "Content-Type: application/activity+json"))
        await writer.drain()

    async with serving(act) as server, clients() as (get, _):
        fetcher = Fetcher(get, lax(), None, "Hub/1.0")
        home = f"http://127.0.0.1:{server.port}"
        assert (await fetcher.fetch(f"{home}/1")).url == f"{home}/2"
        with pytest.raises(ForbiddenAddress):
            await fetcher.fetch(f"{home}/away")
        with pytest.raises(UnexpectedAnswer):
            await fetcher.fetch(f"{home}/round")


AS2 = "https://www.w3.org/ns/activitystreams"

# ------------------------------------------------------------------------ addresses


async def test_addresses_outside_the_allowed_network_are_not_dialled() -> None:
    strict = lax(allow_networks=(ipaddress.ip_network("127.0.0.1/32"),))
    async with serving(answering(http()), host="127.0.0.2") as other, clients(strict) as both:
        for literal in ("127.0.0.2", "[::ffff:127.0.0.2]", "127.2", "2130706434"):
            url = f"http://{literal}:{other.port}/"
            with pytest.raises(ForbiddenAddress):
                await both[0].get(url, {}, **FETCH)
            with pytest.raises(ForbiddenAddress):
                await both[1].post(url, {}, b"", deadline_s=3)
        assert other.connections == 0


async def test_b1_nothing_on_this_machine_is_dialled_by_default() -> None:
    async with serving(answering(http())) as server, clients(Guard(allow_http=True)) as both:
        for name in ("127.0.0.1", "localhost", "127.1", "[::1]"):
            with pytest.raises(ForbiddenAddress):
                await both[0].get(f"http://{name}:{server.port}/", {}, **FETCH)
            with pytest.raises(ForbiddenAddress):
                await both[1].post(f"http://{name}:{server.port}/", {}, b"", deadline_s=3)
        assert server.connections == 0


async def test_localhost_by_the_system_s_own_resolver_reaches_the_allowed_address() -> None:
    async with serving(answering(http())) as server, clients() as (get, post):
        url = f"http://localhost:{server.port}/"
        assert (await get.get(url, {}, **FETCH)).status == 200
        assert (await post.post(url, {}, b"", deadline_s=3)).status == 200


async def test_b2_a_name_that_turns_to_another_address_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])

    async def rebinding(_: str) -> list[str]:
        return next(answers)

    monkeypatch.setattr(guard_module, "DNS_CACHE_SECONDS", 0.0)
    strict = lax(
        allow_networks=(ipaddress.ip_network("127.0.0.1/32"),), resolver=Resolver(rebinding)
    )
    async with serving(answering(http()), host="127.0.0.1") as first, clients(strict) as both:
        url = f"http://evil.example:{first.port}/"
        assert (await both[0].get(url, {}, **FETCH)).status == 200
        with pytest.raises(ForbiddenAddress):
            await both[0].get(url, {}, **FETCH)
        with pytest.raises(ForbiddenAddress):
            await both[1].post(url, {}, b"", deadline_s=3)
        assert first.connections == 1


async def test_the_second_address_is_tried_where_the_first_refuses() -> None:
    async def two(_: str) -> list[str]:
        return ["127.0.0.3", "127.0.0.1"]

    async with serving(answering(http())) as server, clients(lax(resolver=Resolver(two))) as both:
        url = f"http://peer.example:{server.port}/"
        assert (await both[0].get(url, {}, **FETCH)).status == 200
        assert (await both[1].post(url, {}, b"", deadline_s=3)).status == 200


async def test_a_closed_port_is_unreachable_and_was_not_connected() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        async with clients() as (get, post):
            with pytest.raises(Unreachable) as fetched:
                await get.get(url, {}, **FETCH)
            with pytest.raises(Unreachable) as posted:
                await post.post(url, {}, b"", deadline_s=3)
    assert not fetched.value.connected
    assert not posted.value.connected


# ------------------------------------------------------------------------ time


async def silent(_: Server, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read(-1)
    await asyncio.sleep(60)


SLOW = {
    "no answer": silent,
    "a head by the byte": dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "interim answers without end": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a body by the byte": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"a"),
    "chunks by the byte": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"
    ),
}


@pytest.mark.parametrize("how", SLOW)
async def test_b5_a_slow_answer_to_a_fetch_ends_with_its_deadline(how: str) -> None:
    async with serving(SLOW[how]) as server, clients() as (get, _), within(0.6):
        with pytest.raises(Unreachable):
            await get.get(server.url, {}, limit_bytes=10_000, deadline_s=0.6)


@pytest.mark.parametrize("how", list(SLOW)[:3])
async def test_b5_a_slow_answer_to_a_delivery_ends_with_its_deadline(how: str) -> None:
    async with serving(SLOW[how]) as server, clients() as (_, post), within(0.6):
        with pytest.raises(Unreachable):
            await post.post(server.url, {}, b"x", deadline_s=0.6)


@pytest.mark.parametrize("how", list(SLOW)[3:])
async def test_a_slow_body_does_not_undo_a_delivery(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "REPLY_SECONDS", 0.3)
    async with serving(SLOW[how]) as server, clients() as (_, post):
        async with within(0.3):
            answer = await post.post(server.url, {}, b"x", deadline_s=5)
        assert answer.status == 200
        assert answer.body.startswith(b"a")
        async with within(0.2):
            assert (await post.post(server.url, {}, b"x", deadline_s=0.2)).status == 200
        # A connection with half an answer on it is never used again.
        assert server.connections == 2


async def test_a_status_is_read_after_interim_answers_and_whatever_headers_say() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    reply = b"HTTP/1.1 202 Accepted\r\nServer: BaseHTTP/0.6\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(hints + reply)) as server, clients() as (_, post):
        answer = await post.post(server.url, {}, b"x", deadline_s=2)
    assert (answer.status, answer.headers["server"]) == (202, "BaseHTTP/0.6")
    assert "link" not in answer.headers


async def test_b5_a_flood_of_interim_answers_ends_by_its_size() -> None:
    flood = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 500
    async with serving(dripping(b"", flood, every=0)) as server, clients() as (get, post):
        with pytest.raises(TooLarge):
            await get.get(server.url, {}, **FETCH)
        async with within(0.5):
            with pytest.raises(Unreachable):
                await post.post(server.url, {}, b"", deadline_s=0.5)


async def test_b5_a_handshake_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_SECONDS", 0.3)
    async with serving(silent) as server, clients() as (get, post):
        url = f"https://127.0.0.1:{server.port}/"
        async with within(0.3):
            with pytest.raises(Unreachable):
                await get.get(url, {}, **FETCH)
        async with within(0.3):
            with pytest.raises(Unreachable):
                await post.post(url, {}, b"", deadline_s=3)


# ------------------------------------------------------------------------ size


async def test_b6_a_body_that_is_announced_too_large_is_not_read() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n"
    async with serving(dripping(raw, b"a")) as server, clients() as (get, _), within(0.5):
        with pytest.raises(TooLarge):
            await get.get(server.url, {}, **FETCH)


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_b6_a_body_that_turns_out_too_large_is_broken_off(start: bytes) -> None:
    drop = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
    async with serving(dripping(start, drop, 0)) as server, clients() as (get, _), within(0.5):
        with pytest.raises(TooLarge):
            await get.get(server.url, {}, **FETCH)


async def test_b6_a_body_of_just_the_limit_is_taken() -> None:
    async with serving(answering(http(b"a" * 10_000))) as server, clients() as (get, _):
        assert len((await get.get(server.url, {}, **FETCH)).body) == 10_000


@pytest.mark.parametrize(
    "raw",
    [
        http(b"", "200 OK", *(f"X-{n}: {'a' * 4000}" for n in range(20))),
        http(b"", "200 OK", "X: " + "a" * 70_000),
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000,
    ],
)
async def test_b6_a_head_beyond_64_kilobytes_is_too_large(raw: bytes) -> None:
    async with serving(answering(raw, keep_open=True)) as server, clients() as (get, _):
        with pytest.raises(TooLarge):
            await get.get(server.url, {}, **FETCH)


async def test_of_a_reply_to_a_delivery_only_the_beginning_is_read() -> None:
    start, drop = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\n", b"a" * 50_000
    async with serving(dripping(start, drop, 0)) as server, clients() as (_, post), within(0.5):
        answer = await post.post(server.url, {}, b"", deadline_s=3)
        assert (answer.status, len(answer.body)) == (202, 64 * 1024)


BOMB = gzip.compress(gzip.compress(b"\0" * 200_000_000, 1))


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br", "zstd", "deflate", "GZIP", "x"])
async def test_b6_a_compressed_body_is_refused_unopened(encoding: str) -> None:
    raw = http(BOMB, "200 OK", f"Content-Encoding: {encoding}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serving(answering(raw)) as server, clients() as (get, post):
        for _ in range(3):
            with pytest.raises(WrongContentType):
                await get.get(server.url, {}, limit_bytes=1_000_000, deadline_s=3)
            answer = await post.post(server.url, {}, b"", deadline_s=3)
            assert answer.body == BOMB[: 64 * 1024]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


async def test_an_error_page_is_known_by_its_status_whatever_it_holds() -> None:
    raw = http(b"x" * 100_000, "404 Not Found", "Content-Encoding: gzip")
    async with serving(answering(raw)) as server, clients() as (get, _):
        answer = await get.get(server.url, {}, **FETCH)
        assert (answer.status, answer.body) == (404, b"")


# ------------------------------------------------------------------------ broken servers


async def hang_up(state: Server, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await state.request(reader)


@pytest.mark.parametrize(
    "act",
    [
        hang_up,
        answering(b"nonsense\r\n\r\n"),
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n"),
        answering(b"\x16\x03\x01\x00\x05hello"),
        answering(b"HTTP/1.1 99999 OK\r\n\r\n"),
    ],
)
async def test_a_broken_answer_is_no_answer_from_a_host_that_is_there(act: Any) -> None:
    async with serving(act) as server, clients() as (get, post):
        with pytest.raises(Unreachable):
            await get.get(server.url, {}, **FETCH)
        with pytest.raises(Unreachable) as posted:
            await post.post(server.url, {}, b"", deadline_s=3)
        assert posted.value.connected
        assert server.connections == 2


async def test_a_body_that_breaks_off_is_no_document() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    async with serving(answering(raw)) as server, clients() as (get, post):
        with pytest.raises(Unreachable):
            await get.get(server.url, {}, **FETCH)
        assert (await post.post(server.url, {}, b"", deadline_s=3)).status == 200


# ------------------------------------------------------------------------ connections


async def test_fetches_keep_no_connection_and_deliveries_do() -> None:
    async with serving(answering(http(), keep_open=True)) as server, clients() as (get, post):
        for _ in range(3):
            await get.get(server.url, {}, **FETCH)
        assert server.connections == 3
        for _ in range(3):
            await post.post(server.url, {}, b"", deadline_s=3)
        assert server.connections == 4


async def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "KEEP_ALIVE_SECONDS", 0.2)
    closed = asyncio.Event()

    async def act(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await answering(http(), keep_open=True)(state, reader, writer)
        finally:
            closed.set()

    async with serving(act) as server, clients() as (_, post):
        await post.post(server.url, {}, b"", deadline_s=3)
        assert not closed.is_set()
        async with asyncio.timeout(5):
            await closed.wait()
        assert (await post.post(server.url, {}, b"", deadline_s=3)).status == 200


async def test_an_idle_connection_that_the_peer_just_closed_costs_no_delivery() -> None:
    async def once_then_close(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await state.request(reader)
        writer.write(http())
        await writer.drain()
        await state.request(reader)  # and close without an answer

    async with serving(once_then_close) as server, clients() as (_, post):
        for _ in range(3):
            assert (await post.post(server.url, {}, b"x", deadline_s=3)).status == 200
        assert server.connections == 3


async def test_the_number_of_idle_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_IDLE_CONNECTIONS", 3)
    open_now = 0

    async def counted(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal open_now
        open_now += 1
        try:
            await answering(http(), keep_open=True)(state, reader, writer)
        finally:
            open_now -= 1

    guard = named(*(f"n{n}.example" for n in range(10)))
    async with serving(counted) as server, clients(guard) as (_, post):

        async def deliver_to(n: int) -> None:
            await post.post(f"http://n{n}.example:{server.port}/", {}, b"", deadline_s=3)

        for n in [*range(10), *range(10)]:
            await deliver_to(n)
        await asyncio.sleep(0.05)
        assert open_now == 3
        assert server.connections == 20
        await deliver_to(9)
        assert server.connections == 20
        await asyncio.gather(*(deliver_to(n) for n in range(10)))
        await asyncio.sleep(0.05)
        assert open_now == 3


# ------------------------------------------------------------------------ TLS


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.now(UTC)
    authority = name == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not authority:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())


@dataclass(frozen=True)
class Authority:
    ca_file: Path
    server: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority of our own, and a server with its certificate for peer.example."""
    folder = tmp_path_factory.mktemp("ca")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_file, chain = folder / "ca.pem", folder / "chain.pem"
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(certificate("Test CA", ca_key, "Test CA", ca_key).public_bytes(pem))
    chain.write_bytes(
        certificate("peer.example", key, "Test CA", ca_key).public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return Authority(ca_file, server)


async def test_a_peer_with_a_good_certificate_is_spoken_to_under_its_name(
    authority: Authority,
) -> None:
    guard = named("peer.example")
    async with (
        serving(answering(http()), authority.server) as server,
        clients(guard, authority.ca_file) as (get, post),
    ):
        url = f"https://peer.example:{server.port}/"
        assert (await get.get(url, {}, **FETCH)).status == 200
        assert (await post.post(url, {}, b"", deadline_s=3)).status == 200
        assert all(f"host: peer.example:{server.port}" in head.lower() for head in server.heads)


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_of_another_name_is_refused(authority: Authority, host: str) -> None:
    guard = named("other.example")
    async with (
        serving(answering(http()), authority.server) as server,
        clients(guard, authority.ca_file) as (get, post),
    ):
        url = f"https://{host}:{server.port}/"
        with pytest.raises(Unreachable):
            await get.get(url, {}, **FETCH)
        with pytest.raises(Unreachable) as posted:
            await post.post(url, {}, b"", deadline_s=3)
        assert not posted.value.connected
        assert server.heads == []


async def test_an_authority_that_nobody_named_is_not_trusted(authority: Authority) -> None:
    guard = named("peer.example")
    async with (
        serving(answering(http()), authority.server) as server,
        clients(guard) as (get, post),
    ):
        url = f"https://peer.example:{server.port}/"
        with pytest.raises(Unreachable):
            await get.get(url, {}, **FETCH)
        with pytest.raises(Unreachable):
            await post.post(url, {}, b"", deadline_s=3)
        assert server.heads == []


async def test_a_second_connection_to_a_peer_resumes_the_first_one_s_session(
    authority: Authority,
) -> None:
    reused = []

    async def act(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        reused.append(writer.get_extra_info("ssl_object").session_reused)
        await state.request(reader)
        writer.write(http(b"ok", "200 OK", "Connection: close"))
        await writer.drain()

    guard = named("peer.example", "other.example")
    async with (
        serving(act, authority.server) as server,
        clients(guard, authority.ca_file) as (_, post),
    ):
        for _ in range(3):
            await post.post(f"https://peer.example:{server.port}/", {}, b"", deadline_s=3)
        assert reused == [False, True, True]
        # A session never vouches for another name.
        with pytest.raises(Unreachable):
            await post.post(f"https://other.example:{server.port}/", {}, b"", deadline_s=3)


# ------------------------------------------------------------------------ delivery, whole


async def test_a_delivery_over_real_sockets_says_what_came_of_it() -> None:
    keys, body = generate_keys("https://hub.example/actors/events"), b'{"type":"Create"}'
    now = datetime.now(UTC)
    async with clients() as (_, post):
        async with serving(answering(http(b"", "202 Accepted"))) as server:
            outcome, _ = await deliver(
                post, keys, server.url, body, digest_header(body), scheme="cavage", now=now
            )
            assert outcome == Delivered(202)
            assert f"host: 127.0.0.1:{server.port}" in server.heads[0].lower()
            assert "signature: " in server.heads[0].lower()
        outcome, _ = await deliver(
            post, keys, server.url, body, digest_header(body), scheme="cavage", now=now
        )
        assert isinstance(outcome, Later)
        assert outcome.host_trouble
        async with serving(hang_up) as server:
            outcome, _ = await deliver(
                post, keys, server.url, body, digest_header(body), scheme="cavage", now=now
            )
        assert isinstance(outcome, Later)
        assert not outcome.host_trouble
