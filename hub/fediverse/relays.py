"""Relays: servers that pass on to all who subscribe what each of these publishes (FEP-ae0c).

A relay has two addresses. Who has the one that ends in `/inbox` asks there for what is public, as
Mastodon does, and from its Accept on the relay counts as our follower too. Who has its actor
follows that, as Pleroma does, and the relay follows back. Either way nothing that it carries is
believed on its word, and what this hub does not show is not even looked at.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import Unauthorised
from federation.origins import authority
from federation.vocab.activities import Activity, Create, Delete, Update
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.base import Object, Place
from federation.vocab.objects import Article, Event, Organization
from federation.vocab.parse import parse
from federation.vocab.proposals import Proposal
from hub.actors.models import Actor
from hub.core.db import Base
from hub.core.errors import Elsewhere, HubError
from hub.core.services import Services
from hub.core.words import filled
from hub.fediverse import follows
from hub.fediverse.models import Follow

INBOX: Final = "/inbox"
# What has a page here; posts of people have none.
SHOWN: Final = (Event, Proposal, Article, Place, Organization)


def is_inbox(address: str) -> bool:
    """Whether this is the address that relays give to Mastodon's stewards."""
    given = address.strip().lower()
    return given.startswith(("https://", "http://")) and given.endswith(INBOX)


async def follow(services: Services, address: str, *, relay: bool = False) -> Follow:
    """Ask to follow somebody, or to be served by a relay, whichever this is the address of.

    Raises:
        Elsewhere: the other server did not answer as it should.
        Conflict: it is one of our own, or its server is blocked.
    """
    if relay or is_inbox(address):
        return await subscribe(services, address)
    return await follows.follow(services, address)


async def subscribe(services: Services, address: str) -> Follow:
    """Ask a relay for what it carries; it is pending until the relay accepts.

    Raises:
        Elsewhere: there is none at this address, or its server did not answer as it should.
        Conflict: its server is blocked.
    """
    if not is_inbox(address):
        document = await follows.look_up(services, address)
        return await follows.begin(services, address, document, relay=follows.AS_ACTOR)
    document = await _behind(services, address.strip())
    return await follows.begin(services, address, document, relay=follows.AS_PUBLIC)


async def _behind(services: Services, inbox: str) -> dict[str, Any]:
    """The actor that takes its mail at this address: where relays have one, else `@relay`.

    Raises:
        Elsewhere: there is none.
    """
    for name in (f"{inbox[: -len(INBOX)]}/actor", f"relay@{authority(inbox)}"):
        try:
            document = await follows.look_up(services, name)
        except HubError:
            continue
        thing = parse(document)
        if isinstance(thing, ActorDocument) and inbox in {thing.inbox, thing.shared_inbox}:
            return document
    raise Elsewhere(filled("There is no relay at {address}.", address=inbox))


async def is_relay(session: AsyncSession, host: str) -> bool:
    """Whether we subscribed to a relay on that server."""
    relay = (
        select(Follow.id)
        .join(Actor, Actor.id == Follow.followee_id)
        .where(Actor.authority == host, Follow.relay.is_not(None))
    )
    return await session.scalar(relay.limit(1)) is not None


async def check(session: AsyncSession, activity: Activity, host: str) -> None:
    """Go on unless a relay carries what is of no use here; asked before anything is looked up.

    `host` signed the request. What the relay says itself, an Announce above all, goes on: of that
    nobody knows what it is of before it was fetched.

    Raises:
        Unauthorised: it is of no use.
    """
    if authority(activity.actor) == host or not await is_relay(session, host):
        return
    if isinstance(activity, Create | Update):
        thing = activity.object
        if not isinstance(thing, Object) or await is_wanted(session, thing):
            return
    elif isinstance(activity, Delete) and await _is_here(session, activity.object_id):
        return
    raise Unauthorised("a relay carried what this hub does not show")


async def is_wanted(session: AsyncSession, thing: Object) -> bool:
    """Whether we take this from a relay: it is of a kind that is shown, or answers what is here."""
    if isinstance(thing, SHOWN):
        return True
    return await _is_here(session, thing.in_reply_to)


async def _is_here(session: AsyncSession, uri: str | None) -> bool:
    """Whether an entry, a reply or an actor of this id is known."""
    if uri is None:
        return False
    tables = Base.metadata.tables
    known = (exists().where(tables[name].c.uri == uri) for name in ("entry", "reply", "actor"))
    for one in known:
        if await session.scalar(select(one)):
            return True
    return False
