"""The TLS proxy in front of everyone in the test's small world; it remembers what went through."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from yarl import URL

from tests.interop.certificates import Certificates

MOST_BYTES = 16 * 1024 * 1024
ANSWER_S = 30.0
START_S = 20.0
# Of one connection, not of the message (RFC 9110 §7.6.1); the rest passes as it came (M14).
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


Headers = list[tuple[str, str]]
_NOTHING: Headers = []


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a name of the small world, and its answer; header names in lower case."""

    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    status: int = 0
    at: float = 0.0  # seconds since the proxy started

    @property
    def is_delivery(self) -> bool:
        """Whether an activity was brought to an inbox."""
        return self.method == "POST" and self.target.endswith("/inbox")

    @property
    def document(self) -> dict[str, Any]:
        """The activity that was delivered."""
        document: dict[str, Any] = orjson.loads(self.body)
        return document

    @property
    def scheme(self) -> str:
        """How it was signed: `rfc9421`, `cavage`, or not at all."""
        if "signature-input" in self.headers:
            return "rfc9421"
        return "cavage" if "signature" in self.headers else ""

    def __str__(self) -> str:
        kind = self.document.get("type", "") if self.is_delivery else ""
        words = [self.method, f"{self.host}{self.target}", kind, self.scheme, f"→ {self.status}"]
        return f"{self.at:7.2f} s  {' '.join(word for word in words if word)}"


class Proxy:
    """Listens for each name on a loopback address of its own and passes requests on.

    It runs in a thread; `places` is where it listens: at `port`, or where there is room (0).
    `routes` says on which port each name's server is; a name without one answers 502, as a server
    that is down would. Deliveries that are signed in a way that a name is `deaf_to` get a 401, as
    from a server that does not know that way.
    """

    def __init__(self, addresses: Mapping[str, str], certificates: Certificates, port: int) -> None:
        self.exchanges: list[Exchange] = []
        self.routes: dict[str, int] = {}
        self.places: dict[str, tuple[str, int]] = {}
        self.deaf_to: set[tuple[str, str]] = set()  # names, and signatures that they do not take
        self._addresses = addresses
        self._port = port
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificates.chain, certificates.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._began = time.monotonic()
        self._session: ClientSession | None = None
        self._runner: web.AppRunner | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(START_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(START_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()

    def fetched(self, host: str) -> list[Exchange]:
        """What was read from a name, in order."""
        return [one for one in self.exchanges if (one.host, one.method) == (host, "GET")]

    def delivered(self, host: str, kind: str) -> list[Exchange]:
        """The activities of a kind that were brought to a name's inboxes, in order."""
        brought = [one for one in self.exchanges if one.host == host and one.is_delivery]
        return [one for one in brought if one.document.get("type") == kind]

    async def _start(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(force_close=True, limit=100),
            timeout=ClientTimeout(total=ANSWER_S),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        for name, address in self._addresses.items():
            site = web.TCPSite(self._runner, address, self._port, ssl_context=self._tls)
            await site.start()
            self.places[name] = (address, self._runner.addresses[-1][1])

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        asked = Exchange(
            request.headers.get("Host", ""),
            request.method,
            request.raw_path,
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        if asked.is_delivery and (asked.host, asked.scheme) in self.deaf_to:
            status, headers, answer = 401, _NOTHING, b""
        else:
            status, headers, answer = await self._ask(request, asked.body)
        at = time.monotonic() - self._began
        self.exchanges.append(replace(asked, status=status, at=at))
        return web.Response(status=status, headers=headers, body=answer)

    async def _ask(self, request: web.Request, body: bytes) -> tuple[int, Headers, bytes]:
        port = self.routes.get(request.headers.get("Host", ""))
        if port is None or self._session is None:
            return 502, _NOTHING, b"nobody is there"
        headers = _onward(request.headers.items())
        headers += [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", request.remote or "")]
        try:
            async with self._session.request(
                request.method,
                URL(f"http://127.0.0.1:{port}{request.raw_path}", encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            ) as answer:
                return answer.status, _onward(answer.headers.items()), await answer.read()
        except (ClientError, TimeoutError) as error:
            return 502, _NOTHING, repr(error).encode()


def _onward(headers: Iterable[tuple[str, str]]) -> Headers:
    dropped = HOP_BY_HOP | {"content-length"}  # written anew from the same body
    return [(name, value) for name, value in headers if name.lower() not in dropped]
