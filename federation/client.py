"""The one seam to the wire: two small ports, and what stands behind them on real sockets.

`Getter` reads one document of a stranger, `Poster` delivers to many peers. Both dial
only what the guard let pass, both are bounded in bytes and in seconds, and neither
follows a redirect: each hop is a new question to the guard, asked by `fetching`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import aiohttp
import httpcore2
import httpx2
from aiohttp.connector import AddrInfoType
from yarl import URL

from federation.errors import BadUrl, TooLarge, Unreachable, WrongContentType
from federation.guard import Guard
from federation.origins import SplitUrl
from federation.pinning import BROKEN, PinnedConnector, PinnedTransport, tcp_socket, tls_context

# A peer that answers at all answers in this time; a read timeout alone bounds nothing, since a
# byte every second keeps it from firing.
FETCH_SECONDS = 10.0
BACKGROUND_FETCH_SECONDS = 30.0
POST_SECONDS = 15.0
# Dead hosts are one in ten; each must give back its place quickly.
CONNECT_SECONDS = 4.0
# The status of a delivery is known before its body, so a slow body must not hold the place.
REPLY_SECONDS = 3.0
MAX_DOCUMENT_BYTES = 1_000_000
MAX_REPLY_BYTES = 64 * 1024
MAX_HEADER_BYTES = 64 * 1024
MAX_REDIRECTS = 3
# asyncio holds a quarter of a megabyte for each open TLS connection.
MAX_IDLE_CONNECTIONS = 128
KEEP_ALIVE_SECONDS = 15.0
# Before the end of the deadline, so that a known status still gets out.
DEADLINE_MARGIN_SECONDS = 0.05

_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; header names are lower case, repeated headers joined by commas.

    `url` is the one asked for. `body` is empty for a fetch whose status is not 2xx.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Getter(Protocol):
    """Reads from strangers."""

    async def get(
        self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
    ) -> Answer:
        """One hop: a redirect is an answer like any other.

        Raises:
            BadUrl: not a plain http(s) URL.
            ForbiddenAddress: not for us to dial.
            Unreachable: no answer before the deadline.
            TooLarge: the body or the head exceeds its limit.
            WrongContentType: the body is compressed, although we asked for it as it is.
        """


class Poster(Protocol):
    """Delivers to peers."""

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, deadline_s: float
    ) -> Answer:
        """The answer to one POST, with the first 64 KiB of its body; no redirect is followed.

        Raises:
            BadUrl: not a plain http(s) URL.
            ForbiddenAddress: not for us to dial.
            Unreachable: no answer before the deadline.
        """


class ClosingPoster(Poster, Protocol):
    """A `Poster` that holds connections."""

    async def close(self) -> None:
        """Let go of all connections."""


def as_sent(given: Mapping[str, str], parts: SplitUrl, user_agent: str) -> dict[str, str]:
    """What is sent: the given headers as they are, and what every request of ours bears."""
    ours = {
        "host": parts.authority,
        "user-agent": user_agent,
        "accept": "*/*",
        # A reply of 658 bytes can unfold to 300 MB: no compression, then nothing unfolds.
        "accept-encoding": "identity",
    }
    names = {name.lower() for name in given}
    return {**{name: value for name, value in ours.items() if name not in names}, **given}


def lower(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Received headers by lower-case name."""
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), _text(raw_value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


class HttpGetter:
    """A `Getter` over httpx2; each fetch has its own connection."""

    def __init__(
        self,
        guard: Guard,
        *,
        user_agent: str,
        ca_file: Path | None = None,
        dialler: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        transport = PinnedTransport(
            guard,
            tls_context(ca_file),
            dialler,
            connect_seconds=CONNECT_SECONDS,
            head_bytes=MAX_HEADER_BYTES,
        )
        self._client = httpx2.AsyncClient(
            transport=transport,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def get(
        self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
    ) -> Answer:
        """See `Getter`."""
        parts = self._guard.check_url(url)
        sent = as_sent(headers, parts, self._user_agent)
        try:
            async with asyncio.timeout(deadline_s):
                return await self._one_hop(url, parts, sent, limit_bytes)
        except BROKEN as error:
            raise Unreachable(f"{parts.host}: {type(error).__name__}") from error
        except (ValueError, httpx2.InvalidURL) as error:
            raise BadUrl("not a request that can be sent") from error

    async def close(self) -> None:
        """Let go of everything."""
        await self._client.aclose()

    async def _one_hop(
        self, url: str, parts: SplitUrl, headers: Mapping[str, str], limit_bytes: int
    ) -> Answer:
        request = self._client.build_request(
            "GET",
            parts.origin,
            headers={**headers, "connection": "close"},
            extensions={"parts": parts},
        )
        reply = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            body = b""
            if sum(len(name) + len(value) for name, value in reply.headers.raw) > MAX_HEADER_BYTES:
                raise TooLarge("the head of the answer")
            if reply.status_code in _SUCCESS:
                body = await _whole_body(reply, limit_bytes)
            return Answer(reply.status_code, lower(reply.headers.raw), body, url)
        finally:
            await reply.aclose()


async def _whole_body(reply: httpx2.Response, limit_bytes: int) -> bytes:
    """The body as it came over the wire.

    Raises:
        TooLarge: it is announced, or turns out, to be longer than `limit_bytes`.
        WrongContentType: it is compressed.
    """
    if reply.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise WrongContentType("a compressed body")
    announced = reply.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise TooLarge(f"{announced} bytes")
    body = bytearray()
    async for chunk in reply.aiter_raw():
        body += chunk
        if len(body) > limit_bytes:
            raise TooLarge(f"more than {limit_bytes} bytes")
    return bytes(body)


@dataclass(slots=True)
class _Use:
    """Whether this request went out over a connection that had been used before."""

    again: bool = False


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.again = True


class HttpPoster:
    """A `Poster` over aiohttp, which carries many more requests than httpx2 per second."""

    def __init__(
        self,
        guard: Guard,
        *,
        user_agent: str,
        ca_file: Path | None = None,
        new_socket: Callable[[AddrInfoType], socket.socket] = tcp_socket,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._tls = tls_context(ca_file)
        self._new_socket = new_socket
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, deadline_s: float = POST_SECONDS
    ) -> Answer:
        """See `Poster`."""
        parts = self._guard.check_url(url)
        sent = as_sent(headers, parts, self._user_agent)
        try:
            async with asyncio.timeout(deadline_s) as deadline:
                return await self._post(url, parts, sent, body, deadline)
        except (aiohttp.ClientConnectorError, TimeoutError) as error:
            raise Unreachable(f"{parts.host}: {type(error).__name__}") from error
        except aiohttp.InvalidURL as error:
            raise BadUrl("not a URL that can be asked for") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{parts.host}: {type(error).__name__}", connected=True) from error
        except ValueError as error:
            raise BadUrl("not a request that can be sent") from error

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(
        self,
        url: str,
        parts: SplitUrl,
        headers: Mapping[str, str],
        body: bytes,
        deadline: asyncio.Timeout,
    ) -> Answer:
        use = _Use()
        try:
            return await self._once(url, parts, headers, body, deadline, use)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # The peer closed an idle connection in the moment that we took it up again.
            if not use.again:
                raise
        return await self._once(url, parts, headers, body, deadline, _Use())

    async def _once(
        self,
        url: str,
        parts: SplitUrl,
        headers: Mapping[str, str],
        body: bytes,
        deadline: asyncio.Timeout,
        use: _Use,
    ) -> Answer:
        request = self._open_session().post(
            URL(parts.url, encoded=True),  # the target goes out byte for byte as it was signed
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=use,
        )
        async with request as reply:
            head, status = lower(reply.raw_headers), reply.status
            return Answer(status, head, await _beginning(reply, deadline), url)

    def _open_session(self) -> aiohttp.ClientSession:
        """The session, made on first use since aiohttp wants a running loop."""
        if self._session is None:
            traces = aiohttp.TraceConfig()
            traces.on_connection_reuseconn.append(_note_reuse)
            self._session = aiohttp.ClientSession(
                connector=PinnedConnector(
                    self._guard,
                    self._tls,
                    self._new_socket,
                    keep=MAX_IDLE_CONNECTIONS,
                    keep_seconds=KEEP_ALIVE_SECONDS,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                trace_configs=[traces],
            )
        return self._session


async def _beginning(reply: aiohttp.ClientResponse, deadline: asyncio.Timeout) -> bytes:
    """What the peer says besides its status: at most 64 KiB, for at most three seconds.

    The status decides about the delivery, so nothing that happens here is a failure.
    """
    now = asyncio.get_running_loop().time()
    end = min(now + REPLY_SECONDS, (deadline.when() or now) - DEADLINE_MARGIN_SECONDS)
    body = bytearray()
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout_at(end):
            async for chunk in reply.content.iter_any():
                body += chunk
                if len(body) >= MAX_REPLY_BYTES:
                    break
    return bytes(body[:MAX_REPLY_BYTES])
