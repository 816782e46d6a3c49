"""Gathering threads: what stands between a reply and us, and what was said before we looked.

Two jobs (SETTLED 19). `climb` goes from a reply up to something that is here, over at most twenty
others, and keeps them all; a chain that ends elsewhere leaves nothing. `look_around` reads the
thread (FEP-f228) or the answers of something that we meet for the first time, and sends a climb to
each. Everything is fetched from its own server, and nothing is fetched because of what was fetched
so: threads end, whatever shape they are of (AP-82).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from federation import collections
from federation.authority import is_local, may_list, may_publish
from federation.errors import FederationError, Unauthorised, Unreachable
from federation.origins import authority, canonical, same_origin
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.base import Object
from federation.vocab.parse import parse
from federation.vocab.reading import uri as address_in
from hub.actors import service
from hub.actors.models import Actor
from hub.core import text
from hub.core.clock import now
from hub.core.services import Services
from hub.core.text import SafeHtml
from hub.entries import notes, publishing, replies
from hub.entries.models import Entry, Reply
from hub.fediverse import peers, rulings
from hub.fediverse.received import Received
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job

LEVELS: Final = 20  # replies above one (PROTOCOL 4.2)
MOST: Final = 50  # answers that are looked for when something is met for the first time
PAGES: Final = 10
PACE: Final = timedelta(seconds=3)  # between them: twenty a minute (SECURITY B8)
TIME_S: Final = 60.0  # for all that one job fetches, well within its lease
FRESH: Final = timedelta(minutes=1)  # what was said just now has no answers yet
AGAIN: Final = (timedelta(minutes=20), timedelta(hours=2))  # when a server was not to be reached


@dataclass(frozen=True, slots=True)
class Said:
    """A reply from its own server, and its author's document where we do not know them."""

    thing: Object
    content: SafeHtml
    author: dict[str, Any] | None


async def climb_later(received: Received, thing: Object) -> None:
    """Ask for what is above a reply, if it may concern us.

    Nothing is fetched for strangers who do not speak to us.

    Raises:
        Unauthorised: it does not, or is private.
        Unreachable: its server made us fetch too much already.
    """
    session, parent = received.session, thing.in_reply_to
    if parent is None or thing.id is None or not notes.is_for_all(thing):
        raise Unauthorised("not a reply to anything here")
    if is_local(parent, received.services.is_ours):
        raise Unauthorised("a reply to something that is not here")
    if not await _concerns_us(received, thing):
        raise Unauthorised("not a reply to anything here")
    await received.charge(thing.id)
    via = "" if received.announcer is None else str(received.announcer.id)
    await enqueue(session, climb, key=_key("climb", thing.id), uri=thing.id, **_by(via))


def _by(via: str) -> dict[str, Any]:
    """Who passed it on, for a job; said only where somebody did: the version before knew nobody."""
    return {"via": via} if via else {}


async def look_around_later(session: AsyncSession, thing: Object) -> None:
    """Ask for the answers to something that is new here, but not in the world."""
    if thing.id is None or (thing.context is None and thing.replies is None):
        return
    if thing.published is None or thing.published > now() - FRESH:
        return
    await enqueue(session, look_around, key=_key("around", thing.id), uri=thing.id)


@job("entries.climb")
async def climb(run: Run, *, uri: str, tried: int = 0, via: str = "") -> None:
    """Keep a reply and what is above it, if that ends at something that is here.

    `via` is the id of the actor that passed it on, if it did not come by itself.
    """
    chain: Sequence[Said] = ()
    again = None
    try:
        async with asyncio.timeout(TIME_S):
            chain = await _chain(run.services, uri)
    except (FederationError, TimeoutError) as error:
        passing = isinstance(error, TimeoutError) or error.retry
        again = AGAIN[tried] if passing and tried < len(AGAIN) else None
    async with run.finish() as session:
        passed_on_by = await session.get(Actor, UUID(via)) if via else None
        await _keep(session, run.services, chain, passed_on_by)
        if again is not None:
            at = now() + again
            await enqueue(session, climb, run_at=at, uri=uri, tried=tried + 1, **_by(via))


@job("entries.look_around")
async def look_around(run: Run, *, uri: str) -> None:
    """Send a climb to every answer that something's own server lists."""
    found: Sequence[str] = ()
    try:
        async with asyncio.timeout(TIME_S):
            found = await _answers(run.services, uri)
    except TimeoutError:
        pass  # what was said before us is good to have, and no more
    async with run.finish() as session:
        for number, each in enumerate(found):
            at = now() + PACE * number
            await enqueue(session, climb, key=_key("climb", each), run_at=at, uri=each)


async def _concerns_us(received: Received, thing: Object) -> bool:
    """Whether we follow its author, are spoken to, or are named as the thread's owner."""
    if thing.context is not None and same_origin(thing.context, received.services.settings.url):
        return True
    channel = await replies.channel_of(received.session, thing)
    return channel is not None or await received.relevant()


async def _chain(services: Services, uri: str) -> list[Said]:
    """From the topmost reply that is not here down to `uri`; empty where it ends elsewhere.

    Raises:
        FederationError: one of them could not be had, or is not what it should be.
    """
    found: list[Said] = []
    seen: set[str] = set()
    here: str | None = uri
    while here is not None and not await _is_here(services, here):
        if len(found) > LEVELS or canonical(here) in seen or services.is_ours(authority(here)):
            return []
        seen.add(canonical(here))
        found.append(await _said(services, here))
        here = found[-1].thing.in_reply_to
    return found[::-1] if here is not None else []


async def _said(services: Services, uri: str) -> Said:
    """A public reply, from its own server (FEP-fe34).

    Raises:
        FederationError: it could not be had, or is not one.
    """
    thing = parse(await _fetched(services, uri))
    if not isinstance(thing, Object) or thing.id != uri or not notes.is_for_all(thing):
        raise Unauthorised("a reply in a thread that is not public")
    author = thing.attributed_to
    if author is None or not may_publish(uri, author):
        raise Unauthorised("a reply whose author is of another origin (SECURITY A2)")
    async with services.db.read() as session:
        await replies.check(session, thing)
        known = await service.by_uri(session, author) is not None
    document = None if known else await _fetched(services, author)
    return Said(thing, await text.cleaned(notes.html_of(thing)), document)


async def _fetched(services: Services, uri: str) -> dict[str, Any]:
    """A document of another server; strangers do not have us fetch as much as they like.

    Raises:
        FederationError: it could not be had, or is on a server that was asked for much just now.
    """
    there = authority(uri)
    async with services.db.read() as session:
        if await rulings.is_closed(session, services, there):
            raise Unauthorised("it is on a server from which nothing is taken (AP-84)")
        followed = await peers.follows_host(session, there)
    if not followed and services.gathered.take(there) is not None:
        raise Unreachable("enough was asked of this server within a minute (SECURITY B8)")
    return (await services.fetcher.fetch(uri)).document


async def _keep(
    session: AsyncSession, services: Services, chain: Sequence[Said], via: Actor | None
) -> None:
    """Write a chain down, from the top; it ends where something came between.

    `via` passed on the last of it, and nothing else.
    """
    for said in chain:
        uri, author_uri = said.thing.id or "", said.thing.attributed_to or ""
        if await replies.by_uri(session, uri) is not None:
            continue
        anchor = await replies.anchor_of(session, said.thing)
        author = await service.by_uri(session, author_uri)
        if author is None and said.author is not None:
            actor = parse(said.author)
            if isinstance(actor, ActorDocument) and actor.id == author_uri:
                author = await peers.remember(session, actor, orjson.dumps(said.author))
        if anchor is None or author is None or author.suspended_at or author.deleted_at:
            return
        if await publishing.is_gone(session, uri, author_uri):
            return
        by = via if said is chain[-1] else None
        await replies.keep(session, services, said.thing, anchor, author, said.content, by)


async def _answers(services: Services, uri: str) -> list[str]:
    """Ids that the server of `uri` lists as its thread or its answers, and that are not here.

    A server that we follow may name what is on others; a stranger would have us fetch from whom
    they like, and is believed about its own things alone.
    """
    async with services.db.read() as session:
        places = await _places(session, uri)
        trusted = await peers.follows_host(session, authority(uri))
    for place in places:
        try:
            walk = collections.walk(services.fetcher, place, max_pages=PAGES, max_items=MOST)
            named = dict.fromkeys([address_in(item) async for item in walk])
            believed = [one for one in named if one and (trusted or may_list(uri, one))]
            return [one for one in believed if await _is_news(services, one)]
        except FederationError:
            continue
    return []


async def _places(session: AsyncSession, uri: str) -> list[str]:
    """Where the answers to something of others are listed: its thread first, on its own server."""
    for row in (Entry, Reply):
        document = await session.scalar(select(row.document).where(row.uri == uri))
        thing = notes.stored(document)
        if thing is not None:
            named = (thing.context, thing.replies)
            return [one for one in named if one is not None and may_list(uri, one)]
    return []


async def _is_news(services: Services, uri: str) -> bool:
    """Whether this is somebody else's, and not here.

    Raises:
        BadUrl: it is not an address.
    """
    return not services.is_ours(authority(uri)) and not await _is_here(services, uri)


async def _is_here(services: Services, uri: str) -> bool:
    async with services.db.read() as session:
        for row in (Entry, Reply):
            if await session.scalar(select(row.id).where(row.uri == uri)) is not None:
                return True
    return False


def _key(deed: str, uri: str) -> str:
    """A job's key: asked twice, done once; an address may be longer than an index takes."""
    return f"{deed}:{sha256(uri.encode()).hexdigest()}"
