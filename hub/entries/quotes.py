"""Quotes of our entries: whoever asks may, and we say so where others can look it up (FEP-044f).

The permission is a document of ours. It is gone when the entry is, or when the one who quoted is
blocked; servers that show the quote are told, and show it no more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from federation.authority import may_name
from federation.errors import Unauthorised
from federation.origins import authority
from federation.vocab.activities import Accept, Delete, QuoteRequest, Reject
from federation.vocab.base import Object, moment
from federation.vocab.names import AS2, PUBLIC, Document, context_of
from federation.vocab.objects import Tombstone
from hub.actors import service as actors
from hub.actors.channels import RELAY
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.errors import Gone, NotFound
from hub.core.services import Services
from hub.entries.models import Entry, Quote
from hub.entries.visibility import ANYBODY, visible_to
from hub.fediverse import outbox
from hub.fediverse.received import Received

KIND: Final = "QuoteAuthorization"
MOST_OF_ONE: Final = 8  # permissions of one actor that stand (SECURITY B9)


async def asked(received: Received, activity: QuoteRequest) -> None:
    """Somebody asks to quote something of ours: yes to a public entry, no to all else.

    Raises:
        Unauthorised: it is not ours to allow.
    """
    session, services, author = received.session, received.services, received.author
    uri = activity.object_id or ""
    if not services.is_ours(authority(uri)):
        raise Unauthorised("a quote of what is not ours")
    quoting = _post_of(activity)
    entry = await session.scalar(
        select(Entry)
        .where(Entry.uri == uri, Entry.origin == "", visible_to(ANYBODY))
        .options(joinedload(Entry.author))
    )
    answer: Accept | Reject
    if entry is None or entry.published_at is None or quoting is None:
        # The same for what never was and for what is not public (SECURITY D2).
        speaker = await actors.local(session, RELAY)
        answer = Reject(
            id=f"{speaker.uri}#rejects/{uuid4()}",
            actor=speaker.uri,
            object=activity,
            to=(author.uri,),
        )
    else:
        speaker = entry.author
        quote = await _allow(session, services, entry, author, quoting)
        answer = Accept(
            id=f"{speaker.uri}#accepts/{uuid4()}",
            actor=speaker.uri,
            object=activity,
            result=quote.uri,
            to=(author.uri,),
        )
    await outbox.post(session, services, speaker, answer, inboxes=[author.inbox])


def _post_of(activity: QuoteRequest) -> str | None:
    """The post that is to quote, if it is of the server of whoever asks (AP-31)."""
    post = activity.instrument
    uri = post.id if isinstance(post, Object) else post
    return uri if uri is not None and may_name(activity.actor, uri) else None


async def _allow(
    session: AsyncSession, services: Services, entry: Entry, author: Actor, quoting: str
) -> Quote:
    """The permission for this post; asked again, it is the same one."""
    quote = await session.scalar(
        select(Quote).where(
            Quote.entry_id == entry.id,
            Quote.quoting == quoting,
            Quote.author_id == author.id,
            Quote.revoked_at.is_(None),
        )
    )
    mine = select(func.count(Quote.id)).where(
        Quote.author_id == author.id, Quote.revoked_at.is_(None)
    )
    if quote is None and (await session.scalar(mine) or 0) >= MOST_OF_ONE:
        raise Unauthorised("so many quotes of one actor are enough (SECURITY B9)")
    if quote is None:
        number = uuid4()
        quote = Quote(
            id=number,
            uri=f"{services.settings.url}/quotes/{number}",
            entry_id=entry.id,
            author_id=author.id,
            quoting=quoting,
        )
        session.add(quote)
        await session.flush()
    return quote


async def document(session: AsyncSession, quote_id: UUID) -> bytes:
    """The permission as others look it up.

    Raises:
        NotFound: there never was one.
        Gone: it holds no longer.
    """
    quote = await session.scalar(
        select(Quote)
        .where(Quote.id == quote_id)
        .options(joinedload(Quote.entry).joinedload(Entry.author), joinedload(Quote.author))
    )
    if quote is None:
        raise NotFound("There is nothing at this address.")
    entry = quote.entry
    stands = await session.scalar(select(Entry.id).where(Entry.id == entry.id, visible_to(ANYBODY)))
    ended = quote.revoked_at or quote.author.suspended_at or (None if stands else now())
    if ended is not None:
        raise Gone("This may be quoted no longer.", _tombstone(quote.uri, ended))
    members: Document = {
        "id": quote.uri,
        "type": KIND,
        "attributedTo": entry.author.uri,
        "interactingObject": quote.quoting,
        "interactionTarget": entry.uri,
    }
    return orjson.dumps({"@context": context_of(members), **members})


def _tombstone(uri: str, ended: datetime) -> dict[str, str]:
    gone = {"id": uri, "type": "Tombstone", "formerType": KIND, "deleted": moment(ended)}
    return {"@context": AS2, **gone}


async def end_of_entry(session: AsyncSession, services: Services, entry: Entry) -> None:
    """The entry is no more, and cannot be quoted either; `author` must be loaded."""
    for quote in await _standing(session, Quote.entry_id == entry.id):
        await _revoke(session, services, quote, inboxes=[quote.author.delivery_inbox])


async def end_of_blocked(session: AsyncSession, services: Services) -> None:
    """Whoever is blocked may quote no longer; those who show the quotes are told."""
    for quote in await _standing(session, Quote.author.has(Actor.suspended_at.is_not(None))):
        await _revoke(session, services, quote, to_followers=True)


async def _standing(session: AsyncSession, which: ColumnElement[bool]) -> list[Quote]:
    rows = await session.scalars(
        select(Quote)
        .where(which, Quote.revoked_at.is_(None))
        .options(joinedload(Quote.entry).joinedload(Entry.author), joinedload(Quote.author))
    )
    return list(rows)


async def _revoke(session: AsyncSession, services: Services, quote: Quote, **to: Any) -> None:
    quote.revoked_at = now()
    author = quote.entry.author
    gone = Delete(
        id=f"{quote.uri}#delete",
        actor=author.uri,
        object=Tombstone(id=quote.uri, former_type=KIND, deleted=quote.revoked_at),
        to=(PUBLIC,),
        cc=(f"{author.uri}/followers",),
    )
    await outbox.post(session, services, author, gone, **to)
