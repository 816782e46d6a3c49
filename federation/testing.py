"""A network without wires, and a site without a database: for tests of this library and of hubs.

Requests go through the real guard, fetcher, deliverer and verifier; only the connection is
replaced, by a call of the other side's ASGI application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote

import orjson
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from federation import collections
from federation.client import Answer
from federation.delivery import Outcome, deliver
from federation.errors import TooLarge, Unreachable
from federation.fetching import Fetcher
from federation.guard import Guard
from federation.inbox import Inbox
from federation.origins import SplitUrl, authority
from federation.routes import inbox_endpoint, is_inbox, router
from federation.signatures.digest import digest_header
from federation.signatures.http import sign_request
from federation.signatures.keys import PublicKey, SigningKeys, generate_keys
from federation.signatures.proofs import sign_proof
from federation.site import ActorNames, NodeInfoFacts, Page, StoredDocument
from federation.verification import KeyRing, VerifiedActivity, Verifier
from federation.vocab.activities import Activity
from federation.vocab.actors import Actor, Capability
from federation.vocab.names import Document, is_public
from federation.vocab.objects import Tombstone

_REPLY_LIMIT_BYTES = 64 * 1024
_SUCCESS = range(200, 300)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Wire:
    """Servers by their authority, in one process.

    `dials` are the requests that were made, such as `GET https://north.example/actors/events`;
    hosts that are `down` are dialled and do not answer.
    """

    apps: dict[str, ASGIApp] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    dials: list[str] = field(default_factory=list)

    def attach(self, where: str, app: ASGIApp) -> None:
        """Let `app` answer for an authority, `host` or `host:port`."""
        self.apps[where] = app

    async def exchange(
        self, method: str, parts: SplitUrl, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one answer.

        Raises:
            Unreachable: nobody answers there, or not in time.
        """
        self.dials.append(f"{method} {parts.url}")
        app = self.apps.get(parts.authority)
        if app is None or parts.authority in self.down:
            raise Unreachable(f"nobody answers at {parts.authority}")
        call = _Call(_scope(method, parts, headers), body)
        try:
            async with asyncio.timeout(seconds):
                await app(call.scope, call.receive, call.send)
        except TimeoutError as late:
            raise Unreachable(f"no answer in time from {parts.authority}") from late
        return call.status, call.headers, bytes(call.body)


class _Call:
    """One request to an ASGI application."""

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.scope = scope
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self._messages: list[Message] = [{"type": "http.request", "body": body}]

    async def receive(self) -> Message:
        return self._messages.pop() if self._messages else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message.get("headers", ()):
                key, text = name.decode("latin-1").lower(), value.decode("latin-1")
                self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def _scope(method: str, parts: SplitUrl, headers: Mapping[str, str]) -> Scope:
    path, _, query = parts.target.partition("?")
    sent = {name.lower(): value for name, value in headers.items()}
    sent.setdefault("host", parts.authority)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme,
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()
        ],
        "client": ("192.0.2.1", 50000),
        "server": (parts.host, parts.port),
        "state": {},
    }


class AsgiGetter:
    """A `client.Getter` whose requests end in the same process."""

    def __init__(self, wire: Wire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def get(
        self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
    ) -> Answer:
        """One hop: a redirect is an answer like any other.

        Raises:
            BadUrl, ForbiddenAddress: the guard refuses it.
            Unreachable: nobody answers there, or not in time.
            TooLarge: the body exceeds the limit.
        """
        parts = self._guard.check_url(url)
        status, answered, body = await self._wire.exchange("GET", parts, headers, b"", deadline_s)
        if len(body) > limit_bytes:
            raise TooLarge(f"more than {limit_bytes} bytes")
        return Answer(status, answered, body if status in _SUCCESS else b"", url)

    async def close(self) -> None:
        """Nothing to let go of."""


class AsgiPoster:
    """A `client.Poster` whose requests end in the same process."""

    def __init__(self, wire: Wire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, deadline_s: float
    ) -> Answer:
        """The answer to one POST, with the beginning of its body; no redirect is followed.

        Raises:
            BadUrl, ForbiddenAddress: the guard refuses it.
            Unreachable: nobody answers there, or not in time.
        """
        parts = self._guard.check_url(url)
        sent = {**headers, "content-length": str(len(body))}
        status, answered, reply = await self._wire.exchange("POST", parts, sent, body, deadline_s)
        return Answer(status, answered, reply[:_REPLY_LIMIT_BYTES], url)

    async def close(self) -> None:
        """Nothing to let go of."""


@lru_cache(maxsize=64)
def keys_for(actor: str) -> SigningKeys:
    """Keys of an actor, the same ones all through a test run, since making them takes time."""
    return generate_keys(actor)


class MemorySite:
    """A `Site` over dictionaries, at home on a `Wire`: with its actors, keys and inbox.

    `received` are the activities that were accepted, in order; `work` hands them to `inbox`.
    `blocked` are authorities, `waits` says who is to come again after how many seconds.
    `relays` are authorities that may pass on what others said, `known` actors of whom something
    is kept.
    """

    def __init__(
        self,
        origin: str,
        wire: Wire,
        *,
        names: tuple[str, ...] = ("relay", "events"),
        clock: Callable[[], datetime] = _utc_now,
        guard: Guard | None = None,
    ) -> None:
        self.origin = origin
        self._authority = authority(origin)
        self.clock = clock
        self.inbox: Inbox[MemorySite] = Inbox()
        self.received: list[VerifiedActivity] = []
        self.blocked: set[str] = set()
        self.waits: dict[str, float] = {}
        self.relays: set[str] = set()
        self.known: set[str] = set()
        self.actors: dict[str, Actor | Tombstone] = {}
        self.collections: dict[tuple[str, str], list[bytes]] = {}
        self.guard = guard or Guard(own_hosts=frozenset({authority(origin)}))
        self.poster = AsgiPoster(wire, self.guard)
        self.fetcher = Fetcher(
            AsgiGetter(wire, self.guard), self.guard, self._sign, f"test (+{origin}/)", clock
        )
        self._verifier = Verifier(
            KeyRing(self.fetcher, clock, local=self._local_key),
            origin=origin,
            hosts=self.is_ours,
            clock=clock,
            is_known_actor=_is_in(self.known),
            is_relay=_is_in(self.relays),
        )
        self._instance = names[0]
        for name in names:
            self.add_actor(name, "Application" if name == self._instance else "Service")
        self.app = _application(self)
        wire.attach(authority(origin), self.app)

    def uri(self, name: str) -> str:
        """The id of an actor of this site."""
        return f"{self.origin}/actors/{name}"

    def keys(self, name: str) -> SigningKeys:
        """The keys of an actor of this site."""
        return keys_for(self.uri(name))

    def add_actor(self, name: str, kind: str = "Service") -> Actor:
        """A new actor, with all its addresses and keys."""
        uri, keys = self.uri(name), self.keys(name)
        actor = Actor(
            type=kind,
            id=uri,
            preferred_username=name,
            webfinger=f"{name}@{authority(self.origin)}",
            name=f"{name} of {authority(self.origin)}",
            url=f"{self.origin}/@{name}",
            inbox=f"{uri}/inbox",
            outbox=f"{uri}/outbox",
            followers=f"{uri}/followers",
            following=f"{uri}/following",
            featured=f"{uri}/featured",
            upcoming=f"{uri}/upcoming",
            shared_inbox=f"{self.origin}/inbox",
            public_key_pem=keys.public_pem,
            ed25519_multibase=keys.public_multibase,
            discoverable=True,
            generator=self.uri(self._instance),
            implements=(
                Capability(href="https://datatracker.ietf.org/doc/html/rfc9421", name="RFC 9421"),
            ),
        )
        self.actors[name] = actor
        return actor

    async def send(self, name: str, activity: Activity, inbox: str) -> Outcome:
        """Deliver an activity of the actor `name` to one inbox; public ones with a proof."""
        document = activity.document(context=True)
        if any(is_public(uri) for uri in (*activity.to, *activity.cc)):
            document = sign_proof(document, self.keys(name), self.clock())
        return await self.send_document(name, document, inbox)

    async def send_document(self, name: str, document: Document, inbox: str) -> Outcome:
        """Deliver any JSON, signed by the actor `name`, to one inbox."""
        body, keys = orjson.dumps(document), self.keys(name)
        outcome, _ = await deliver(
            self.poster, keys, inbox, body, digest_header(body), scheme="cavage", now=self.clock()
        )
        return outcome

    async def work(self) -> int:
        """Let the handlers hear of all that was received; how many it was."""
        waiting, self.received = self.received, []
        for one in waiting:
            await self.inbox.dispatch(self, one.activity)
        return len(waiting)

    @property
    def verifier(self) -> Verifier:
        """Who decides whether a request is what it says."""
        return self._verifier

    def is_ours(self, authority: str) -> bool:
        """Whether this is the site itself."""
        return authority == self._authority

    async def is_blocked(self, authority: str) -> bool:
        """Whether the test blocked it."""
        return authority in self.blocked

    def patience(self, authority: str) -> float | None:
        """How long the test makes it wait."""
        return self.waits.get(authority)

    admit = patience

    async def accept(self, activity: VerifiedActivity) -> None:
        """Keep it in memory."""
        self.received.append(activity)

    async def actor(self, name: str) -> StoredDocument | None:
        """The document of an actor, or its tombstone."""
        found = self.actors.get(name)
        if found is None:
            return None
        body = orjson.dumps(found.document(context=True))
        status = 410 if isinstance(found, Tombstone) else 200
        return StoredDocument(body, sha256(body).hexdigest()[:16], status=status)

    async def resolve(self, resource: str) -> ActorNames | None:
        """Who goes by a name, an id or the address of a page."""
        wanted = resource or self._instance
        for name, actor in self.actors.items():
            page = f"{self.origin}/@{name}"
            if wanted.lower() in (name, actor.id, page):
                gone = isinstance(actor, Tombstone)
                return ActorNames(name, actor.id, page, gone, name == self._instance)
        return None

    def uri_of(self, name: str) -> str:
        """Where its document is."""
        return self.uri(name)

    async def collection_total(self, name: str, which: str) -> int | None:
        """How many items a test put there."""
        if not isinstance(self.actors.get(name), Actor):
            return None
        return len(self.collections.get((name, which), ()))

    async def collection_page(self, name: str, which: str, cursor: str | None, limit: int) -> Page:
        """The items in their order, a page after the other."""
        items = self.collections.get((name, which), [])
        start = 0 if cursor is None else int(collections.from_cursor(cursor, 1)[0])
        end = start + limit
        return Page(
            tuple(items[start:end]),
            next=collections.to_cursor(str(end)) if end < len(items) else None,
            prev=collections.to_cursor(str(max(0, start - limit))) if start else None,
        )

    async def node_info(self) -> NodeInfoFacts:
        """A few numbers."""
        return NodeInfoFacts(
            version="1.0",
            users=1,
            active_month=1,
            active_half_year=1,
            local_posts=sum(map(len, self.collections.values())),
            local_comments=0,
            open_registrations=False,
            name=authority(self.origin),
            description="",
        )

    def _sign(self, method: str, url: str) -> Mapping[str, str]:
        return sign_request(self.keys(self._instance), method, url, None, now=self.clock())

    async def _local_key(self, key_id: str) -> PublicKey | None:
        owner = key_id.partition("#")[0]
        for name, actor in self.actors.items():
            if actor.id == owner:
                return next((key for key in self.keys(name).public_keys if key.id == key_id), None)
        return None


def _is_in(those: set[str]) -> Callable[[str], Awaitable[bool]]:
    async def ask(one: str) -> bool:
        return one in those

    return ask


def _application(site: MemorySite) -> ASGIApp:
    documents = FastAPI(openapi_url=None)
    documents.include_router(router(lambda _: site, software="memory"))
    inbox = inbox_endpoint(site)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answers = inbox if is_inbox(scope["path"]) else documents
        await answers(scope, receive, send)

    return app
