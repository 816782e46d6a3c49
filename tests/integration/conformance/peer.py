"""A server elsewhere of which a test decides every byte: what it serves, signs and sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import orjson
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation.signatures.http import Scheme, sign_request
from federation.signatures.keys import SigningKeys
from federation.testing import keys_for
from hub.entries.models import Entry, Reply
from hub.fediverse import follows
from hub.fediverse.models import InboxActivity
from tests.conftest import Running

AS2 = "https://www.w3.org/ns/activitystreams"
PUBLIC = f"{AS2}#Public"
ACTIVITY = {"Accept": "application/activity+json"}
LD = {"Accept": f'application/ld+json; profile="{AS2}"'}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
Document = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request that the hub made."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Document:
        found: Document = orjson.loads(self.body)
        return found


@dataclass
class Peer:
    """Another server on the wire of a hub.

    `pages` are answers by path: status, content type, body; `asked` is all that the hub wanted.
    """

    hub: Running
    host: str = "peer.example"
    pages: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    keys: dict[str, SigningKeys] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hub.wire.attach(self.host, self._app)
        for name in ("ada", "bob"):
            self.person(name)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        target = scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
        self.asked.append(
            Asked(scope["method"], target, dict(request.headers), await request.body())
        )
        if scope["method"] == "POST":
            await Response(status_code=202)(scope, receive, send)
            return
        status, kind, body = self.pages.get(scope["path"], (404, "text/plain", b""))
        await Response(body, status, {"Content-Type": kind})(scope, receive, send)

    # ------------------------------------------------------------------ what it serves

    @property
    def origin(self) -> str:
        return f"https://{self.host}"

    def uri(self, name: str) -> str:
        return f"{self.origin}/users/{name}"

    def actor(self, name: str, /, **members: Any) -> Document:
        """The document of a person, as any server would serve it."""
        uri, keys = self.uri(name), self.keys[name]
        return {
            "@context": [AS2, "https://w3id.org/security/v1"],
            "id": uri,
            "type": "Person",
            "preferredUsername": name,
            "name": name.title(),
            "url": f"{self.origin}/@{name}",
            "inbox": f"{uri}/inbox",
            "outbox": f"{uri}/outbox",
            "followers": f"{uri}/followers",
            "publicKey": {
                "id": keys.rsa_id,
                "owner": uri,
                "publicKeyPem": keys.public_pem,
            },
            "assertionMethod": [
                {
                    "id": keys.ed25519_id,
                    "type": "Multikey",
                    "controller": uri,
                    "publicKeyMultibase": keys.public_multibase,
                }
            ],
            **members,
        }

    def person(self, name: str, /, *, turn: int = 1, **members: Any) -> str:
        """Let somebody live here; another `turn` gives them other keys under the same names."""
        uri = self.uri(name)
        made = keys_for(uri if turn == 1 else f"{uri}?{turn}")
        self.keys[name] = replace(made, actor=uri)
        self.serve(self.actor(name, **members))
        return uri

    def serve(
        self, document: Document, *, kind: str = "application/activity+json", at: str = ""
    ) -> Document:
        """Answer for a document at its id, or at another address of this server."""
        path = (at or document["id"]).removeprefix(self.origin).partition("#")[0]
        self.pages[path] = (200, kind, orjson.dumps(document))
        return document

    def withdraw(self, uri: str, status: int = 404) -> None:
        """Answer with this status from now on."""
        self.pages[uri.removeprefix(self.origin)] = (status, "text/plain", b"")

    # ------------------------------------------------------------------- what it says

    def event(self, who: str = "ada", **members: Any) -> Document:
        """A public event; None leaves a member out."""
        found = {
            "@context": AS2,
            "id": f"{self.origin}/events/{uuid4()}",
            "type": "Event",
            "attributedTo": self.uri(who),
            "name": "Flea market",
            "content": "<p>Come early.</p>",
            "startTime": "2031-05-01T10:00:00Z",
            "endTime": "2031-05-01T12:00:00Z",
            "published": "2026-01-01T00:00:00Z",
            "to": [PUBLIC],
            "cc": [f"{self.uri(who)}/followers"],
            **members,
        }
        return {name: value for name, value in found.items() if value is not None}

    def activity(self, kind: str, thing: Any, who: str = "ada", **members: Any) -> Document:
        """An activity of somebody here, addressed like its object or to everybody."""
        whom = thing if isinstance(thing, dict) else {}
        found = {
            "@context": AS2,
            "id": f"{self.origin}/activities/{uuid4()}",
            "type": kind,
            "actor": self.uri(who),
            "to": whom.get("to", [PUBLIC]),
            "cc": whom.get("cc", []),
            "object": thing,
            **members,
        }
        return {name: value for name, value in found.items() if value is not None}

    def signed(
        self,
        body: bytes,
        who: str = "ada",
        *,
        path: str = "/inbox",
        now: datetime | None = None,
        scheme: Scheme = "cavage",
    ) -> dict[str, str]:
        """The headers of a POST to the hub."""
        return sign_request(
            self.keys[who],
            "POST",
            f"{self.hub.url}{path}",
            body,
            now=now or datetime.now(UTC),
            scheme=scheme,
        )

    async def post(
        self, said: Document | bytes, who: str = "ada", *, path: str = "/inbox", **options: Any
    ) -> httpx2.Response:
        """Send it signed to an inbox of the hub; the answer is not looked at."""
        body = said if isinstance(said, bytes) else orjson.dumps(said)
        headers = self.signed(body, who, path=path, **options)
        return await self.raw(body, headers, path=path)

    async def raw(
        self, body: bytes, headers: Mapping[str, str], *, path: str = "/inbox"
    ) -> httpx2.Response:
        """Send these very bytes and headers."""
        return await self.hub.web.post(path, content=body, headers=dict(headers))

    async def tell(self, said: Document, who: str = "ada", **options: Any) -> None:
        """Send it, and let the hub act upon it."""
        answer = await self.post(said, who, **options)
        assert answer.status_code == 202, answer.text
        await self.hub.work()

    async def create(self, thing: Document, who: str = "ada") -> Document:
        """Say a new thing; the thing."""
        await self.tell(self.activity("Create", thing, who), who)
        return thing

    async def follow(self, name: str = "events", who: str = "ada", **members: Any) -> Document:
        """Follow one of the hub's actors; the Follow."""
        said = self.activity("Follow", f"{self.hub.url}/actors/{name}", who, to=None, **members)
        await self.tell(said, who)
        return said

    async def be_followed(self, who: str = "ada") -> Document:
        """Be followed by the hub, and accept; the hub's Follow."""
        await follows.follow(self.hub.services, self.uri(who))
        await self.hub.work()
        asked = self.mail("Follow")[-1]
        await self.tell(self.activity("Accept", asked, who, to=None), who)
        return asked

    # ------------------------------------------------------------------- what came of it

    def mail(self, kind: str = "") -> list[Document]:
        """The activities that the hub delivered here, of one type or of all."""
        said = [each.document for each in self.asked if each.method == "POST"]
        return [each for each in said if not kind or each["type"] == kind]

    def fetches(self, uri: str) -> int:
        """How often the hub asked for an address of this server."""
        target = uri.removeprefix(self.origin)
        return sum(each.method == "GET" and each.target == target for each in self.asked)


async def post_event(hub: Running, **members: Any) -> Document:
    """An event of the hub itself, as its interface answers."""
    body = {
        "title": "Repair café",
        "summary": "Bring one broken thing.",
        "description": "We mend it **together**.",
        "starts_at": "2031-06-01T14:00:00+02:00",
        "ends_at": "2031-06-01T17:00:00+02:00",
        "timezone": "Europe/Berlin",
        "location": "Linden yard",
        **members,
    }
    answer = await hub.web.post("/api/v1/events", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    found: Document = answer.json()
    return found


async def listed(hub: Running) -> list[Document]:
    """Every event that anybody may see, of here and elsewhere."""
    answer = await hub.web.get("/api/v1/events", params={"origin": "all"})
    assert answer.status_code == 200, answer.text
    found: list[Document] = answer.json()["items"]
    return found


async def entry_of(hub: Running, uri: str) -> Entry | None:
    """The row of an entry, whatever became of it."""
    async with hub.services.db.read() as session:
        return await session.scalar(select(Entry).where(Entry.uri == uri))


async def replies_of(hub: Running) -> list[Reply]:
    """Every reply that the hub keeps."""
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Reply).order_by(Reply.received_at, Reply.id)))


async def log_of(hub: Running) -> list[tuple[str, str]]:
    """State and reason of every activity in the inbox log, in their order."""
    async with hub.services.db.read() as session:
        rows = await session.execute(
            select(InboxActivity.state, func.coalesce(InboxActivity.reason, "")).order_by(
                InboxActivity.id
            )
        )
        return [(state, reason) for state, reason in rows]
