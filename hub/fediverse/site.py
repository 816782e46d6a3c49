"""Our side of the library's `Site`: what other servers may ask of this hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import func, select

from federation.origins import authority as authority_of
from federation.rates import Rates
from federation.signatures.keys import SigningKeys
from federation.site import ActorNames, NodeInfoFacts, Page, StoredDocument
from federation.verification import KeyRing, VerifiedActivity, Verifier
from hub import __version__
from hub.actors import keys, service
from hub.actors.channels import RELAY
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.core.services import Services
from hub.core.settings import Settings
from hub.fediverse import collections, peers, rulings
from hub.fediverse.inbox import InboxLog
from hub.fediverse.models import Follow, Ruling

DOCUMENT_LIFE = timedelta(minutes=1)
REFRESH = timedelta(seconds=10)  # how long a block or a follow may go unnoticed by the inbox


@dataclass(frozen=True, slots=True)
class _Kept:
    """An actor's document, as it was at a moment and by these settings."""

    stored: StoredDocument
    at: datetime
    settings: Settings
    uri: str
    keys: SigningKeys | None


class HubSite:
    """The hub as its peers may ask for it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        settings = services.settings
        self.origin = settings.url
        self._log = InboxLog(services)
        self._strangers = Rates(settings.inbox_burst, settings.inbox_rate)
        self._peers = Rates(settings.peer_burst, settings.peer_rate)
        self._known: frozenset[str] = frozenset()
        self._said: dict[str, str] = {}
        self._welcome: frozenset[str] | None = None
        self._read_at = now() - REFRESH * 2
        self._documents: dict[str, _Kept] = {}
        self.keyring = KeyRing(services.fetcher, now)
        self.verifier = Verifier(
            self.keyring,
            clock=now,
            hosts=self.is_ours,
            origin=self.origin,
            is_known_actor=self._is_known_actor,
            is_relay=self._is_relay,
        )

    def is_ours(self, authority: str) -> bool:
        """Whether the authority is this hub."""
        return self._services.is_ours(authority)

    async def is_blocked(self, authority: str) -> bool:
        """Whether nothing is taken from that server: as `rulings.is_closed`, from memory."""
        await self._refresh()
        standing = rulings.nearest(authority, self._said) if self._said else None
        if standing in {rulings.ALLOWED, rulings.BLOCKED}:
            return standing == rulings.BLOCKED
        return self._welcome is not None and authority not in self._welcome

    def patience(self, authority: str) -> float | None:
        """None to go on; else in how many seconds that server may knock again."""
        return self._rates(authority).wait(authority)

    def admit(self, authority: str) -> float | None:
        """The same for what was just verified to be from there, which counts."""
        return self._rates(authority).take(authority)

    def _rates(self, authority: str) -> Rates:
        return self._peers if authority in self._known else self._strangers

    async def accept(self, activity: VerifiedActivity) -> None:
        """Keep it; returns when it would survive a crash."""
        await self._log.keep(activity)

    async def _refresh(self) -> None:
        """Read again what was said of servers, and who is in a follow relation with us."""
        if now() - self._read_at < REFRESH:
            return
        self._read_at = now()
        async with self._services.db.read() as session:
            said = await session.execute(select(Ruling.host, Ruling.standing))
            self._said = dict(said.all())
            self._welcome = None
            if await rulings.mode(session, self._services) == rulings.ALLOW_LIST:
                self._welcome = frozenset(await session.scalars(rulings.followed_hosts()))
            related = select(Follow.follower_id).union(select(Follow.followee_id))
            hosts = await session.scalars(
                select(Actor.authority).where(Actor.id.in_(related), Actor.local.is_(False))
            )
            self._known = frozenset(hosts)

    def forget(self) -> None:
        """Read blocks, follows and actors again at the next request."""
        self._read_at = now() - REFRESH * 2
        self._documents.clear()

    async def _is_known_actor(self, uri: str) -> bool:
        async with self._services.db.read() as session:
            return await service.by_uri(session, uri) is not None

    async def _is_relay(self, authority: str) -> bool:
        async with self._services.db.read() as session:
            return await peers.follows_host(session, authority)

    async def actor(self, name: str) -> StoredDocument | None:
        """The document of one of our actors; kept for a minute, as every inbox POST asks."""
        kept, settings = self._documents.get(name), self._services.settings
        if kept is not None and kept.settings is settings and self._is_fresh(kept):
            return kept.stored
        found = await self._local(name)
        if found is None:
            return None
        gone = found.deleted_at is not None
        if not gone:
            await keys.of(self._services, found.uri)
        thing = service.tombstone(found) if gone else service.document(found, self._services)
        body = orjson.dumps(thing.document(context=True))
        digest = hashlib.sha256(body).hexdigest()[:32]
        stored = StoredDocument(body, digest, status=410 if gone else 200)
        held = self._services.keys.get(found.uri)
        self._documents[name] = _Kept(stored, now(), settings, found.uri, held)
        return stored

    def _is_fresh(self, kept: _Kept) -> bool:
        """Not for long, and never with keys that are no longer the actor's (`hub keys rotate`)."""
        same = self._services.keys.get(kept.uri) is kept.keys
        return same and now() - kept.at < DOCUMENT_LIFE

    async def _local(self, name: str) -> Actor | None:
        """One of our actors, also one that was deleted."""
        async with self._services.db.read() as session:
            return await service.ever_local(session, name)

    async def _living(self, name: str) -> Actor | None:
        found = await self._local(name)
        return None if found is None or found.deleted_at is not None else found

    async def resolve(self, resource: str) -> ActorNames | None:
        """Who is meant: a name, a full uri, or '' for the hub itself."""
        found = await self._local(self._name_in(resource))
        if found is None:
            return None
        return ActorNames(
            found.name,
            found.uri,
            found.url,
            gone=found.deleted_at is not None,
            instance=resource == "" or found.name == RELAY,
        )

    def _name_in(self, resource: str) -> str:
        """The actor's name in `events`, `…/actors/events` or `…/@events`."""
        if not resource:
            return RELAY
        if "://" not in resource:
            return resource
        if not self.is_ours(authority_of(resource)):
            return ""
        path = resource.partition("://")[2].partition("/")[2]
        for prefix in ("actors/", "@"):
            if path.startswith(prefix):
                return path.removeprefix(prefix)
        return RELAY if not path else "?"

    def uri_of(self, name: str) -> str:
        """The id of one of our actors; `name@authority` is that of an address we had before."""
        name, _, host = name.partition("@")
        former = self._services.settings.former_urls
        origin = next((url for url in former if authority_of(url) == host), self.origin)
        return f"{origin}/actors/{name}"

    async def collection_total(self, name: str, which: str) -> int | None:
        """How many items a collection of one of our actors holds."""
        found = await self._living(name)
        if found is None:
            return None
        async with self._services.db.read() as session:
            return await collections.total(session, found, which)

    async def collection_page(self, name: str, which: str, cursor: str | None, limit: int) -> Page:
        """One page of it."""
        found = await self._living(name)
        if found is None:
            return Page(items=())
        async with self._services.db.read() as session:
            return await collections.page(session, found, which, cursor, limit)

    async def node_info(self) -> NodeInfoFacts:
        """What NodeInfo publishes; people are counted by their accounts."""
        settings = self._services.settings
        entry, person = Base.metadata.tables["entry"], Base.metadata.tables["person"]
        reply = Base.metadata.tables["reply"]
        async with self._services.db.read() as session:
            posts = await session.scalar(
                select(func.count())
                .select_from(entry)
                .where(
                    entry.c.origin == "",
                    entry.c.visibility == "public",
                    entry.c.deleted_at.is_(None),
                )
            )
            people = await session.scalar(select(func.count()).select_from(person))
            comments = await session.scalar(
                select(func.count()).select_from(reply).where(reply.c.public, reply.c.from_us)
            )
        return NodeInfoFacts(
            version=__version__,
            users=people or 0,
            active_month=people or 0,
            active_half_year=people or 0,
            local_posts=posts or 0,
            local_comments=comments or 0,
            open_registrations=False,
            name=settings.name,
            description=settings.strapline,
            metadata={"area": settings.area} if settings.area else {},
        )
