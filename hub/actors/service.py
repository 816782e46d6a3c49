"""Our actors: making them, finding them, and the document that others see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from sqlalchemy import ColumnElement, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.actors import Capability
from federation.vocab.base import Attachment
from federation.vocab.objects import Tombstone
from hub.actors import keys
from hub.actors.channels import CHANNELS, RELAY, Channel
from hub.actors.models import Actor
from hub.core.errors import Gone, NotFound
from hub.core.questions import Question
from hub.core.secrets import MasterKey, load_master_key
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import filled

NAME = re.compile("[a-z0-9_]{1,30}")
AUTHORITY = re.compile(r"[a-z0-9.:\[\]-]{1,255}")
_BY_URIS = select(Actor).where(Actor.uri.in_(bindparam("uris", expanding=True)))
RFC_9421 = Capability(href="https://datatracker.ietf.org/doc/html/rfc9421", name="RFC 9421")


async def ensure_channels(session: AsyncSession, settings: Settings, master: MasterKey) -> None:
    """Make the actors of CHANNELS that are not there yet."""
    found = {
        actor.name: actor
        for actor in (await session.scalars(select(Actor).where(_of_today()))).all()
    }
    for channel in CHANNELS:
        actor = found.get(channel.name)
        if actor is None:
            actor = _new(channel.name, channel.kind, settings)
            session.add(actor)
            await session.flush()
            _call(actor, channel, settings)
            await keys.make(session, actor, master)


async def rename(session: AsyncSession, settings: Settings) -> list[Actor]:
    """Give each of our channels today's name; those that had another one before."""
    known = {channel.name: channel for channel in CHANNELS}
    found = select(Actor).where(Actor.local, Actor.deleted_at.is_(None), Actor.name.in_(known))
    actors = (await session.scalars(found.order_by(Actor.name))).all()
    return [actor for actor in actors if _call(actor, known[actor.name], settings)]


def _call(actor: Actor, channel: Channel, settings: Settings) -> bool:
    """Whether the actor had another name or summary than these settings say; now it has it."""
    said = channel.title.format(hub=settings.name), channel.summary.format(hub=settings.name)
    if said == (actor.display_name, actor.summary):
        return False
    actor.display_name, actor.summary = said
    return True


async def make(
    session: AsyncSession, services: Services, name: str, kind: str, *, icon: str
) -> Actor:
    """A further actor of ours, with keys; its `icon` is the sign of one that every hub has."""
    settings = services.settings
    actor = _new(name, kind, settings, icon)
    session.add(actor)
    await session.flush()
    services.keys[actor.uri] = await keys.make(session, actor, load_master_key(settings.data_dir))
    return actor


def _new(name: str, kind: str, settings: Settings, icon: str | None = None) -> Actor:
    uri = f"{settings.url}/actors/{name}"
    return Actor(
        uri=uri,
        local=True,
        kind=kind,
        name=name,
        authority=settings.authority,
        url=f"{settings.url}/@{name}",
        inbox=f"{uri}/inbox",
        shared_inbox=f"{settings.url}/inbox",
        followers_uri=f"{uri}/followers",
        icon_url=f"{settings.url}/icons/{icon or name}.png",
    )


async def local(session: AsyncSession, name: str) -> Actor:
    """One of our actors, by name in any letter case.

    Raises:
        NotFound: we have no such actor.
        Gone: we had one; its name is never given again (AP-6).
    """
    actor = await ever_local(session, name)
    if actor is None:
        raise NotFound(filled("There is no @{name} here.", name=name))
    if actor.deleted_at is not None:
        said = filled("@{name} is no longer here.", name=actor.name)
        raise Gone(said, tombstone(actor).document(context=True))
    return actor


async def ever_local(session: AsyncSession, name: str) -> Actor | None:
    """One of our actors by name in any letter case, also one that was deleted; None if never.

    `name@authority` is the one of that name at an address that the hub had before (`hub move`).
    """
    name, at, former = name.lower().partition("@")
    # Names of ours have these letters alone (PROTOCOL 1.1); a NUL would be a fault of PostgreSQL's.
    if not NAME.fullmatch(name) or (at and not AUTHORITY.fullmatch(former)):
        return None
    which = _of_today()
    if at:
        which = and_(Actor.local, Actor.moved_to.is_not(None), Actor.authority == former)
    return await session.scalar(select(Actor).where(which, Actor.name == name))


def _of_today() -> ColumnElement[bool]:
    """Our actors, but for those of an address that the hub had before."""
    return and_(Actor.local, Actor.moved_to.is_(None))


async def by_uri(session: AsyncSession, uri: str) -> Actor | None:
    """An actor that we know, ours or another's; None when we do not."""
    return await BY_URI.of(session, uri)


async def _by_uris(session: AsyncSession, uris: Sequence[str]) -> Mapping[str, Actor | None]:
    return {row.uri: row for row in await session.scalars(_BY_URIS, {"uris": uris})}


BY_URI: Question[str, Actor | None] = Question(_by_uris, Actor, otherwise=None)


def tombstone(actor: Actor) -> Tombstone:
    """What is left of one of our actors that was deleted."""
    return Tombstone(id=actor.uri, former_type=actor.kind, deleted=actor.deleted_at)


def document(actor: Actor, services: Services) -> ActorDocument:
    """One of our actors as other servers see it (PROTOCOL §1.2)."""
    signing = services.keys[actor.uri]
    settings = services.settings
    return ActorDocument(
        id=actor.uri,
        type=actor.kind,
        preferred_username=actor.name,
        webfinger=actor.handle,
        name=actor.display_name,
        summary=f"<p>{escape(actor.summary, quote=False)}</p>",
        url=actor.url,
        inbox=actor.inbox,
        outbox=f"{actor.uri}/outbox",
        followers=f"{actor.uri}/followers",
        following=f"{actor.uri}/following",
        featured=f"{actor.uri}/featured",
        upcoming=f"{actor.uri}/upcoming" if actor.name == "events" else None,
        shared_inbox=actor.shared_inbox,
        icon=Attachment(type="Image", media_type="image/png", url=actor.icon_url or ""),
        published=actor.created_at,
        manually_approves=False,
        discoverable=True,
        indexable=True,
        attribution_domains=(settings.authority,),
        also_known_as=_also_known_as(actor, settings),
        moved_to=actor.moved_to,
        generator=f"{settings.url}/actors/{RELAY}",
        implements=(RFC_9421,),
        public_key_pem=signing.public_pem,
        ed25519_multibase=signing.public_multibase,
    )


def _also_known_as(actor: Actor, settings: Settings) -> tuple[str, ...]:
    """The same actor at the addresses that the hub had before (FEP-7628)."""
    if actor.moved_to is not None:
        return ()
    return tuple(f"{url}/actors/{actor.name}" for url in settings.former_urls)
