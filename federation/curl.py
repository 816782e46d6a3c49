"""The fast client: a `Poster` over libcurl, an optional extra beside aiohttp's (0026).

It is given addresses and nothing to look up: the guard resolves, `CONNECT_TO` says which address is
dialled, and the socket itself looks once more. TLS, certificate and Host keep the name.
"""

from __future__ import annotations

import asyncio
import re
import selectors
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pycurl

from federation import client
from federation.client import Answer, as_sent, lower
from federation.errors import BadUrl, ForbiddenAddress, Unreachable
from federation.guard import Guard
from federation.origins import SplitUrl
from federation.pinning import tcp_socket
from federation.recent import Recent

# What libcurl says when there was no connection, or no TLS, to begin with.
_NOT_CONNECTED = frozenset(
    {
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_OPERATION_TIMEDOUT,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CONNECT_ERROR,
    }
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |\r|\n)")
_INTERIM = range(100, 200)
_LINE_ENDS = (b"\r\n", b"\n")
_REMEMBERED = 2048  # servers whose last good address is kept
# libcurl adds these unless it is told not to.
_UNASKED = (b"Expect:", b"Content-Type:")


class CurlPoster:
    """A `Poster` that takes less of the processor than aiohttp's, most of all over new TLS."""

    def __init__(
        self,
        guard: Guard,
        *,
        user_agent: str,
        ca_file: Path | None = None,
        new_socket: Callable[[Any], socket.socket] = tcp_socket,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._authorities = _authorities(ca_file)
        self._new_socket = new_socket
        self._good: Recent[tuple[str, int], str] = Recent(_REMEMBERED)
        self._spare: list[_Exchange] = []
        self._engine: _Engine | None = None
        self._quiet: asyncio.TimerHandle | None = None

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        deadline_s: float = client.POST_SECONDS,
    ) -> Answer:
        """See `Poster`."""
        parts = self._guard.check_url(url)
        lines = _lines(as_sent(headers, parts, self._user_agent))
        try:
            async with asyncio.timeout(deadline_s) as deadline:
                return await self._post(url, parts, lines, body, deadline)
        except TimeoutError as error:
            raise Unreachable(f"{parts.host}: TimeoutError") from error

    async def close(self) -> None:
        """Let go of all connections."""
        self._rest()
        while self._spare:
            self._spare.pop().curl.close()
        self._authorities.close()

    async def _post(
        self,
        url: str,
        parts: SplitUrl,
        lines: list[bytes],
        body: bytes,
        deadline: asyncio.Timeout,
    ) -> Answer:
        """One address after the other, as long as there is no connection."""
        place = (parts.host, parts.port)
        addresses = await self._guard.resolve(*place)
        last = self._good.get(place)
        if last in addresses:
            addresses = [last, *(each for each in addresses if each != last)]
        seconds = client.CONNECT_SECONDS / len(addresses)
        failure = Unreachable(f"{parts.host}: no address")
        for address in addresses:
            exchange = self._spare.pop() if self._spare else self._new_exchange()
            exchange.prepare(parts, address, lines, body, seconds)
            if self._quiet is not None:
                self._quiet.cancel()
            try:
                answer = await self._open().run(exchange, url, deadline)
            except Unreachable as error:
                failure = error
                if error.connected:
                    raise
            else:
                if address != last:
                    self._good.put(place, address)
                return answer
            finally:
                self._spare.append(exchange)
                self._rest_soon()
        raise failure

    def _rest_soon(self) -> None:
        """Close what is kept once nothing went out for a while: libcurl would keep it for ever."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if self._engine is not None and not self._engine.busy:
            loop = asyncio.get_running_loop()
            self._quiet = loop.call_later(client.KEEP_ALIVE_SECONDS, self._rest)

    def _rest(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _open(self) -> _Engine:
        """The engine, made on first use since it wants a running loop."""
        if self._engine is None:
            self._engine = _Engine(asyncio.get_running_loop())
        return self._engine

    def _new_exchange(self) -> _Exchange:
        return _Exchange(self._guard, self._authorities.name, self._new_socket)


class _Exchange:
    """One POST, and the handle that carries it; used again for the next one."""

    def __init__(
        self,
        guard: Guard,
        authorities: str,
        new_socket: Callable[[Any], socket.socket],
    ) -> None:
        self._guard = guard
        self._new_socket = new_socket
        self.host = self._address = ""
        self.head, self.body = bytearray(), bytearray()
        self._begins = 0  # where the last head begins, after those of interim answers
        self.status = 0
        self.forbidden = False
        self.done: asyncio.Future[int] | None = None
        self.on_head: Callable[[_Exchange], None] | None = None
        self.curl = curl = pycurl.Curl()
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROXY, ""),  # also none from the environment
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
            (pycurl.CAINFO, authorities),
            (pycurl.DNS_CACHE_TIMEOUT, 0),
            (pycurl.MAXAGE_CONN, int(client.KEEP_ALIVE_SECONDS)),
            (pycurl.BUFFERSIZE, 4096),
            (pycurl.OPENSOCKETFUNCTION, self._open_socket),
            (pycurl.HEADERFUNCTION, self._take_head),
            (pycurl.WRITEFUNCTION, self._take_body),
        ):
            curl.setopt(option, value)

    def prepare(
        self, parts: SplitUrl, address: str, lines: list[bytes], body: bytes, seconds: float
    ) -> None:
        """Make it ready for this request; `seconds` are for the connection and its TLS."""
        self.host, self._address = parts.host, address
        self.head, self.body = bytearray(), bytearray()
        self.status, self._begins, self.forbidden = 0, 0, False
        curl, target = self.curl, f"[{address}]" if ":" in address else address
        curl.setopt(pycurl.URL, parts.origin)
        # The target goes out byte for byte as it was signed.
        curl.setopt(pycurl.REQUEST_TARGET, parts.target)
        curl.setopt(pycurl.CONNECT_TO, [f"::{target}:{parts.port}"])
        curl.setopt(pycurl.HTTPHEADER, lines)
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(seconds * 1000))

    def answer(self, url: str, code: int) -> Answer:
        """What the peer answered; `code` is how libcurl ended it.

        Raises:
            ForbiddenAddress: the socket was refused.
            Unreachable: no whole head of an answer came.
        """
        if self.forbidden:
            raise ForbiddenAddress("not on the public internet")
        if not self.status:
            why = f"{self.host}: libcurl {code}"
            raise Unreachable(why, connected=code not in _NOT_CONNECTED)
        # The status decides about the delivery, so nothing that came after it is a failure.
        pairs = (
            line.partition(b":")
            for line in self.head[self._begins :].splitlines()[1:]
            if b":" in line
        )
        found = lower((bytes(name), bytes(value.strip())) for name, _, value in pairs)
        return Answer(self.status, found, bytes(self.body[: client.MAX_REPLY_BYTES]), url)

    def _open_socket(self, _: int, place: Any) -> Any:
        """A socket, or libcurl's sign for none."""
        address = str(place.addr[0])
        if address != self._address or not self._guard.allows(address):
            self.forbidden = True
            return pycurl.SOCKET_BAD
        try:
            return self._new_socket((place.family, place.socktype, place.protocol, "", place.addr))
        except OSError:
            return pycurl.SOCKET_BAD

    def _take_head(self, line: bytes) -> int | None:
        """Collect the head; heads of interim answers count into its length and go."""
        if self.status:
            return None  # trailers
        self.head += line
        if len(self.head) > client.MAX_HEADER_BYTES:
            return -1
        if line in _LINE_ENDS:
            self._end_of_head()
        return None

    def _end_of_head(self) -> None:
        found = _STATUS.match(self.head, self._begins)
        status = int(found.group(1)) if found is not None else 0
        if status in _INTERIM:
            self._begins = len(self.head)
        elif status:
            self.status = status
            if self.on_head is not None:
                self.on_head(self)

    def _take_body(self, data: bytes) -> int | None:
        self.body += data
        return 0 if len(self.body) >= client.MAX_REPLY_BYTES else None


class _Engine:
    """libcurl's many transfers on one event loop, and the connections that it keeps."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._under_way: dict[pycurl.Curl, _Exchange] = {}
        # One descriptor stands for all sockets, so that the loop keeps no book of each.
        self._sockets = selectors.DefaultSelector()
        loop.add_reader(self._sockets.fileno(), self._look)
        self._timer: asyncio.Handle | None = None
        self._multi = multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_MAXCONNECTS, client.MAX_IDLE_CONNECTIONS)
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._wake)

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._under_way)

    async def run(self, exchange: _Exchange, url: str, deadline: asyncio.Timeout) -> Answer:
        """See `Poster.post`; a body has three seconds once the head is there."""
        loop, timers = self._loop, list[asyncio.TimerHandle]()

        def on_head(exchange: _Exchange) -> None:
            end = (deadline.when() or loop.time()) - client.DEADLINE_MARGIN_SECONDS
            moment = min(loop.time() + client.REPLY_SECONDS, end)
            timers.append(loop.call_at(moment, self._end, exchange.curl, pycurl.E_OK))

        exchange.on_head = on_head
        exchange.done = done = loop.create_future()
        self._under_way[exchange.curl] = exchange
        self._multi.add_handle(exchange.curl)
        try:
            return exchange.answer(url, await done)
        finally:
            for timer in timers:
                timer.cancel()
            self._end(exchange.curl, pycurl.E_OPERATION_TIMEDOUT)

    def close(self) -> None:
        """End what is under way, and close every connection."""
        for curl in list(self._under_way):
            self._end(curl, pycurl.E_OPERATION_TIMEDOUT)
        self._multi.close()
        self._loop.remove_reader(self._sockets.fileno())
        self._sockets.close()
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, curl: pycurl.Curl, code: int) -> None:
        """A transfer is over, or given up: a connection in the middle of one is closed."""
        exchange = self._under_way.pop(curl, None)
        if exchange is None:
            return
        self._multi.remove_handle(curl)
        if exchange.done is not None and not exchange.done.done():
            exchange.done.set_result(code)

    def _take_stock(self) -> None:
        """End what is over."""
        left = 1
        while left:
            left, good, bad = self._multi.info_read()
            for curl in good:
                self._end(curl, pycurl.E_OK)
            for curl, code, _ in bad:
                self._end(curl, code)

    def _wake(self, milliseconds: int) -> None:
        """Be called by libcurl: it wants to go on by then; -1: it need not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds == 0:  # never from within: libcurl would call itself
            self._timer = self._loop.call_soon(self._timed_out)
        elif milliseconds > 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._timed_out)

    def _timed_out(self) -> None:
        self._timer = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._take_stock()

    def _watch(self, what: int, descriptor: int, *_: object) -> None:
        """Be called by libcurl: it waits to read or write there, both, or no more."""
        known = descriptor in self._sockets.get_map()
        if what in (pycurl.POLL_NONE, pycurl.POLL_REMOVE):
            if known:
                self._sockets.unregister(descriptor)
        elif known:
            self._sockets.modify(descriptor, what)  # its numbers are those of `selectors`
        else:
            self._sockets.register(descriptor, what)

    def _look(self) -> None:
        """Some sockets are ready."""
        for key, events in self._sockets.select(0):
            self._multi.socket_action(key.fd, events)
        self._take_stock()


def _lines(headers: Mapping[str, str]) -> list[bytes]:
    """Header lines as libcurl takes them.

    Raises:
        BadUrl: one that would break its line.
    """
    # A name that ends in a semicolon is sent with an empty value, one with a colon not at all.
    lines = [
        (f"{name}: {value}" if value else f"{name};").encode() for name, value in headers.items()
    ]
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise BadUrl("not a request that can be sent")
    names = {name.lower().encode() for name in headers}
    return lines + [unasked for unasked in _UNASKED if unasked[:-1].lower() not in names]


def _authorities(ca_file: Path | None) -> tempfile._TemporaryFileWrapper[bytes]:
    """One file with the system's certificate authorities and those in `ca_file`.

    libcurl reads a single file once and keeps what it read; several it reads for each connection.
    """
    paths = ssl.get_default_verify_paths()
    files: Iterable[Path] = [Path(paths.cafile)] if paths.cafile else ()
    if not files and paths.capath:
        files = sorted(Path(paths.capath).glob("*.0"))
    found = tempfile.NamedTemporaryFile(prefix="authorities-", suffix=".pem")  # noqa: SIM115
    for file in (*files, *((ca_file,) if ca_file else ())):
        found.write(file.read_bytes() + b"\n")
    found.flush()
    return found
