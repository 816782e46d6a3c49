"""Connections that lead where the guard said, and nowhere else.

Both HTTP libraries dial for themselves; here is what they dial with. A name is looked up by the
guard and replaced by the addresses that it let pass, while TLS and Host keep the name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path

import aiohttp
import anyio
import httpcore2
import httpx2
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.tracing import Trace

from federation.errors import ForbiddenAddress, TooLarge
from federation.guard import Guard
from federation.origins import SplitUrl
from federation.recent import Recent

# A session is a few kilobytes, mostly the peer's certificate.
MAX_TLS_SESSIONS = 1024

# What httpcore2, httpx2, anyio and the sockets below them raise for a connection that fails.
BROKEN = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    httpcore2.ConnectionNotAvailable,
    httpx2.HTTPError,
    httpx2.StreamError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,
)


class TlsContext(ssl.SSLContext):
    """TLS with the usual checks, which resumes the last session with a host.

    A resumed handshake costs a fifth of a full one. Sessions are kept by host name, so one
    is only ever offered to the name that its certificate was checked for.
    """

    def __init__(self, _protocol: int) -> None:
        super().__init__()
        self._sessions: Recent[str, ssl.SSLSession] = Recent(MAX_TLS_SESSIONS)

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """A TLS object that offers the session kept for this host."""
        kept = session or self._sessions.get(str(server_hostname))
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, kept)

    def remember(self, transport: asyncio.BaseTransport) -> None:
        """Keep the session of this connection for the next one."""
        connection = transport.get_extra_info("ssl_object")
        session = connection.session if connection is not None else None
        if session is not None and session.has_ticket:
            self._sessions.put(str(connection.server_hostname), session)


def tls_context(ca_file: Path | None = None) -> TlsContext:
    """The system's certificate authorities, and those in `ca_file` besides.

    It costs some 50 ms, so it is made once per client.
    """
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


class _CountedStream(httpcore2.AsyncNetworkStream):
    """A connection that breaks off when the head of the answer grows too large.

    Interim answers (1xx) belong to the head: there is no other bound to their number.
    """

    def __init__(self, stream: httpcore2.AsyncNetworkStream, head_bytes: int) -> None:
        self._stream = stream
        self._head_bytes = head_bytes
        self._received = 0
        self.in_head = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self.in_head and self._received >= self._head_bytes:
            raise TooLarge("the head of the answer")
        data = await self._stream.read(max_bytes, timeout)
        self._received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        self._stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return self

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Dials the addresses that the guard returns, never a name."""

    def __init__(
        self,
        guard: Guard,
        dialler: httpcore2.AsyncNetworkBackend,
        connect_seconds: float,
        head_bytes: int,
    ) -> None:
        self._guard = guard
        self._dialler = dialler
        self._connect_seconds = connect_seconds
        self._head_bytes = head_bytes
        self.stream: _CountedStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._guard.resolve(host, port)
        seconds = self._connect_seconds / len(addresses)
        failure: Exception = httpcore2.ConnectError("no address")
        for address in addresses:
            try:
                stream = await self._dialler.connect_tcp(
                    address, port, seconds, local_address, socket_options
                )
            except (httpcore2.NetworkError, httpcore2.TimeoutException, OSError) as error:
                failure = error
            else:
                self.stream = _CountedStream(stream, self._head_bytes)
                return self.stream
        raise failure


class _ReplyStream(httpx2.AsyncByteStream):
    """The body of an answer; closing it closes its connection."""

    def __init__(
        self, reply: httpcore2.Response, connection: httpcore2.AsyncHTTPConnection
    ) -> None:
        self._reply = reply
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._reply.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._reply.aclose()
        await self._connection.aclose()


class PinnedTransport(httpx2.AsyncBaseTransport):
    """One connection for one request, over a backend of our own; no pool, no keep-alive."""

    def __init__(
        self,
        guard: Guard,
        tls: ssl.SSLContext,
        dialler: httpcore2.AsyncNetworkBackend | None,
        *,
        connect_seconds: float,
        head_bytes: int,
    ) -> None:
        self._guard = guard
        self._tls = tls
        self._dialler = dialler or httpcore2.AnyIOBackend()
        self._connect_seconds = connect_seconds
        self._head_bytes = head_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The head of the answer to a GET of the `parts` in the request's extensions."""
        parts: SplitUrl = request.extensions["parts"]
        backend = _PinnedBackend(
            self._guard, self._dialler, self._connect_seconds, self._head_bytes
        )
        # The target goes out byte for byte as it was signed.
        url = httpcore2.URL(
            scheme=parts.scheme, host=parts.host, port=parts.port, target=parts.target
        )
        connection = httpcore2.AsyncHTTPConnection(
            origin=url.origin, ssl_context=self._tls, network_backend=backend
        )
        timeouts = {"connect": self._connect_seconds}
        try:
            reply = await connection.handle_async_request(
                httpcore2.Request(
                    "GET", url, headers=request.headers.raw, extensions={"timeout": timeouts}
                )
            )
        except BaseException:
            await connection.aclose()
            raise
        if backend.stream is not None:
            backend.stream.in_head = False
        return httpx2.Response(
            reply.status, headers=reply.headers, stream=_ReplyStream(reply, connection)
        )


class _PinnedResolver(AbstractResolver):
    """Gives aiohttp the addresses that the guard returns."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._guard.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def tcp_socket(info: AddrInfoType) -> socket.socket:
    """A socket for one address, not yet connected."""
    return socket.socket(info[0], info[1], info[2])


class PinnedConnector(aiohttp.TCPConnector):
    """Connections to good addresses, of which the `keep` used last stay open for the next post."""

    def __init__(
        self,
        guard: Guard,
        tls: TlsContext,
        new_socket: Callable[[AddrInfoType], socket.socket],
        *,
        keep: int,
        keep_seconds: float,
    ) -> None:
        super().__init__(
            resolver=_PinnedResolver(guard),
            use_dns_cache=False,  # the guard keeps the answers of the DNS
            socket_factory=self._socket,
            ssl=tls,
            limit=0,  # what is in flight is bounded by the queue, after its breaker
            keepalive_timeout=keep_seconds,
        )
        self._guard = guard
        self._tls = tls
        self._new_socket = new_socket
        self._keep_open = keep
        self._kept_open: OrderedDict[asyncio.Transport, None] = OrderedDict()

    def _socket(self, info: AddrInfoType) -> socket.socket:
        # aiohttp does not ask the resolver for literal addresses; nothing gets past this.
        if not self._guard.allows(str(info[4][0])):
            raise ForbiddenAddress("not on the public internet")
        return self._new_socket(info)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        """A connection of the pool, or a new one."""
        connection = await super().connect(req, traces, timeout)
        transport = connection.transport
        if transport is not None:
            fresh = self._kept_open.pop(transport, self) is self
            connection.add_callback(partial(self._keep, transport, fresh=fresh))
        return connection

    def _keep(self, transport: asyncio.Transport, *, fresh: bool) -> None:
        """Put a connection that is done with its request at the young end of the row."""
        if fresh:
            self._tls.remember(transport)
        for other in [other for other in self._kept_open if other.is_closing()]:
            del self._kept_open[other]
        self._kept_open[transport] = None
        if len(self._kept_open) > self._keep_open:
            self._kept_open.popitem(last=False)[0].close()
