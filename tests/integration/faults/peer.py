"""A peer that does as it is told: it has people who sign, an inbox that notes, and a script.

It listens on loopback in the test's own event loop. `says` decides what a POST is answered with.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from federation.signatures.http import sign_request
from federation.signatures.keys import SigningKeys, from_bytes, generate_keys, to_bytes
from federation.vocab.names import AS2, PUBLIC

Document = dict[str, Any]
ACTIVITY = "application/activity+json"
ANSWER_S = 60  # a hub that says nothing for so long is not asked any further


@cache
def _key_pair() -> tuple[bytes, bytes]:
    """One pair for everybody: making them takes time, and nobody here is impersonated."""
    return to_bytes(generate_keys("https://any.example/actor"))


@dataclass
class Peer:
    """A server elsewhere; `received` are the activities that it took, in order."""

    host: str = "127.0.0.1"
    port: int = 0
    says: Callable[[Document], int] = lambda _: 202
    received: list[Document] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    documents: dict[str, Document] = field(default_factory=dict)
    _keys: dict[str, SigningKeys] = field(default_factory=dict)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def home(self) -> str:
        """Its origin."""
        return f"http://{self.host}:{self.port}"

    def uri(self, name: str) -> str:
        """The id of one of its people."""
        return f"{self.home}/actors/{name}"

    def keys(self, name: str) -> SigningKeys:
        """What one of its people signs with."""
        if name not in self._keys:
            self._keys[name] = from_bytes(self.uri(name), *_key_pair())
        return self._keys[name]

    def request(self, name: str, inbox: str, document: Document) -> bytes:
        """A whole signed POST, as it goes over the wire."""
        body = orjson.dumps(document)
        moment = datetime.now(UTC)
        headers = sign_request(
            self.keys(name), "POST", inbox, body, now=moment, content_type=ACTIVITY
        )
        lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        length = f"Content-Length: {len(body)}\r\n\r\n"
        return f"POST {urlsplit(inbox).path} HTTP/1.1\r\n{lines}{length}".encode() + body

    def activity(self, name: str, kind: str, uri: str, thing: object, **more: Any) -> Document:
        """An activity of one of its people, to everybody."""
        who = {"actor": self.uri(name), "to": [PUBLIC]}
        return {"@context": AS2, "id": uri, "type": kind, **who, "object": thing, **more}

    def _actor(self, name: str) -> Document:
        keys = self.keys(name)
        key = {"id": keys.rsa_id, "owner": keys.actor, "publicKeyPem": keys.public_pem}
        return {
            "@context": [AS2, "https://w3id.org/security/v1"],
            "id": keys.actor,
            "type": "Person",
            "preferredUsername": name,
            "inbox": f"{keys.actor}/inbox",
            "publicKey": key,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as long as the other side keeps it."""
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head, body = await read_message(reader)
                method, target = head.split(" ", 2)[:2]
                status, answer = self._answer(method, target.partition("?")[0], body)
                writer.write(_message(status, answer))
                await writer.drain()
        self._open.discard(writer)
        writer.close()

    def hang_up(self) -> None:
        """End all connections."""
        for writer in self._open:
            writer.close()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Document]:
        if method == "POST":
            document = json.loads(body)
            status = self.says(document)
            if status in range(200, 300):
                self.received.append(document)
                self.heard.set()
            return status, {}
        if path in self.documents:
            return 200, self.documents[path]
        if path.startswith("/actors/") and path.count("/") == 2:
            return 200, self._actor(path.rpartition("/")[2])
        return 404, {}


def _message(status: int, document: Document) -> bytes:
    body = orjson.dumps(document)
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {ACTIVITY}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def read_message(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The head and body of a request or an answer.

    Raises:
        asyncio.IncompleteReadError: the connection ended before it was whole.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = 0
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return head, await reader.readexactly(length) if length else b""


@asynccontextmanager
async def peer(host: str = "127.0.0.1", **given: Any) -> AsyncIterator[Peer]:
    """A peer that is up while the block lasts."""
    made = Peer(host, **given)
    server = await asyncio.start_server(made.serve, host, made.port)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.hang_up()


class Unanswered(Exception):
    """No answer came; `sent` is whether the request may have been read all the same."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("sent and not answered" if sent else "nobody listens")
        self.sent = sent


class Line:
    """A connection to a hub that may die at any moment, opened again when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer.

        Raises:
            Unanswered: none came.
        """
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise Unanswered(sent=False) from error
        reader, writer = self._streams
        try:
            writer.write(request)
            async with asyncio.timeout(ANSWER_S):
                head, body = await read_message(reader)
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            raise Unanswered(sent=True) from error
        if "connection: close" in head.lower():
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
