"""A server elsewhere that does as a test says: it serves any document and signs any bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation.signatures.http import sign_request
from federation.signatures.keys import SigningKeys
from federation.testing import MemorySite
from tests.conftest import Running

ACTIVITY = "application/activity+json"


@dataclass
class Answered:
    """What a server said to a request."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Peer:
    """`names` are its people; `answers` what it says at a path, before anything else."""

    def __init__(self, hub: Running, host: str, *names: str) -> None:
        self.hub = hub
        self.site = MemorySite(f"https://{host}", hub.wire, names=("relay", *names))
        self.answers: dict[str, Response] = {}
        self.asked: list[str] = []
        inner = self.site.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self.asked.append(scope["path"])
            found = self.answers.get(scope["path"], inner)
            await found(scope, receive, send)

        hub.wire.attach(host, app)

    @property
    def origin(self) -> str:
        return self.site.origin

    def uri(self, name: str) -> str:
        return self.site.uri(name)

    def serves(self, document: dict[str, Any], kind: str = ACTIVITY, at: str | None = None) -> str:
        """Let it answer with a document at its id, or elsewhere; the id."""
        uri: str = document["id"]
        body = orjson.dumps(document)
        self.answers[urlsplit(at or uri).path] = Response(body, media_type=kind)
        return uri

    async def post(
        self,
        name: str,
        document: Mapping[str, Any] | bytes,
        *,
        keys: SigningKeys | None = None,
        path: str = "/inbox",
        **headers: str,
    ) -> int:
        """The status of a POST to the hub that `name` signed."""
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        url = f"{self.hub.url}{path}"
        signed = sign_request(
            keys or self.site.keys(name), "POST", url, body, now=datetime.now(UTC)
        )
        return (await knock(self.hub, body, {**signed, **headers}, path)).status


async def knock(
    hub: Running,
    body: bytes,
    headers: Mapping[str, str],
    path: str = "/inbox",
    method: str = "POST",
    client: str = "192.0.2.1",
) -> Answered:
    """A request to the hub's application itself, from an address, past every HTTP client."""
    raw_path, _, query = path.partition("?")
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": raw_path,
        "raw_path": raw_path.encode("utf-8", "surrogateescape"),
        "query_string": query.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ],
        "client": (client, 50000),
        "server": (hub.services.settings.authority, 443),
        "state": {},
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    answered = Answered(0, {})

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message.get("headers", ())
            }
        elif message["type"] == "http.response.body":
            answered.body += message.get("body", b"")

    await hub.app(scope, receive, send)
    return answered
