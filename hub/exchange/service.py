"""What is done with offers and wants: publish, revise, close, withdraw, expire, and receive."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.proposals import Proposal
from hub.core import text
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.errors import Conflict, Invalid
from hub.core.services import Services
from hub.core.words import filled, later, on_day
from hub.entries import publishing, receiving, writing
from hub.entries.models import Entry
from hub.entries.visibility import PRIVATE
from hub.exchange import activitypub, queries, suggesting, vocabulary
from hub.exchange.models import Backer, Listing, Loan, Match, MatchMessage
from hub.exchange.queries import ROWS
from hub.exchange.schemas import ListingDraft, Side, Status
from hub.fediverse.received import Received
from hub.jobs.registry import Run, job
from hub.jobs.retention import clock
from hub.people import notices
from hub.people.models import ApiToken
from hub.people.notices import Notice

MORE: Final = timedelta(days=30)
SOON: Final = timedelta(days=3)
PRIVATE_FOR: Final = timedelta(days=30)
CLOSED_FOR: Final = timedelta(days=180)


async def publish(
    session: AsyncSession,
    services: Services,
    kind: Side,
    draft: ListingDraft,
    *,
    owner: UUID | None = None,
    tell: bool = True,
) -> Listing:
    """Make an offer or a want of a draft, and tell the followers of its channel.

    The draft's picture must be here already (`writing.with_picture`).

    Raises:
        Invalid: its time is over already, or there is no such picture.
    """
    if draft.status == "open" and draft.expires_at is not None and draft.expires_at <= now():
        raise Invalid("It would be over already.", {"expires_at": later("must be in the future")})
    if kind == "offer" and draft.sort != "plain":
        raise Invalid("Only wants are pooled or for company.", {"sort": "must be plain"})
    listing = ROWS[kind]()
    writing.begin(services, listing, await publishing.author_for(session, kind), owner)
    await writing.fill(session, services.settings, listing, draft)
    _write(listing, draft)
    listing.happens_at = listing.created_at
    listing.own_box = owner is not None and await _reads_letters(session, owner)
    await publishing.publish(session, services, listing, _thing(services, listing), tell=tell)
    await suggesting.read(session, listing)
    return listing


async def revise(
    session: AsyncSession,
    services: Services,
    listing: Listing,
    draft: ListingDraft,
    *,
    tell: bool = True,
) -> None:
    """Let a listing be what the draft says.

    One that had run out and gets more time is open again.

    Raises:
        Invalid: it would hide what is public, or there is no such picture.
    """
    writing.refuse_hiding(listing, draft)
    await writing.fill(session, services.settings, listing, draft)
    _write(listing, draft)
    if listing.status == "expired" and (draft.expires_at is None or draft.expires_at > now()):
        listing.status = "open"
    await publishing.revise(session, services, listing, _thing(services, listing), tell=tell)
    await suggesting.read(session, listing)


async def close(
    session: AsyncSession,
    services: Services,
    listing: Listing,
    status: Status = "done",
    *,
    tell: bool = True,
) -> None:
    """Say what became of a listing; others see that it is taken."""
    if listing.status == status:
        return
    listing.status = status
    listing.updated_at = now()
    await publishing.revise(session, services, listing, _thing(services, listing), tell=tell)
    await suggesting.read(session, listing)


async def withdraw(
    session: AsyncSession, services: Services, listing: Listing, *, tell: bool = True
) -> None:
    """Take a listing back, as if it had not been published; everyone who has it is told."""
    listing.price = ""
    await suggesting.forget(session, listing.id)
    await publishing.withdraw(session, services, listing, activitypub.TYPE, tell=tell)


async def receive(received: Received, thing: Proposal) -> Listing | None:
    """Keep what another server says of an offer or want; None if we know as much already.

    Raises:
        Unauthorised: it is not the author's to say, was deleted, or nobody here asked for it.
        MalformedDocument: it is not a listing that we can show.
    """
    row = ROWS[activitypub.side_of(thing)]
    known = await receiving.known(received, thing, row)
    if known is not None and not receiving.is_newer(received, thing, known):
        return None
    draft = activitypub.from_object(thing, received.services.settings.timezone)
    listing = known or row()
    await receiving.fill(received, thing, listing, draft, activitypub.body_of(thing))
    _write(listing, draft)
    listing.happens_at = listing.published_at or received.now
    listing.read_by = vocabulary.VERSION  # it is, below
    if known is None and not await receiving.keep(received, listing):
        return None
    await suggesting.read(received.session, listing)
    return listing


async def renew(session: AsyncSession, services: Services, listing: Listing) -> None:
    """Give a listing another month, counted from its end or from now; open again if it ran out."""
    listing.expires_at = max(listing.expires_at or now(), now()) + MORE
    listing.relevant_until = listing.expires_at
    if listing.status == "expired":
        listing.status = "open"
    listing.updated_at = now()
    await publishing.revise(session, services, listing, _thing(services, listing))
    await suggesting.read(session, listing)


async def back(session: AsyncSession, listing: Listing, person_id: UUID) -> None:
    """Say “me too” to a pooled want, or take that back.

    Raises:
        Conflict: it is not pooled, or is settled.
    """
    if listing.sort != "pooled" or listing.status not in queries.CURRENT:
        raise Conflict("There is nothing to join here.")
    mine = (Backer.listing_id == listing.id, Backer.person_id == person_id)
    gone = await session.scalar(delete(Backer).where(*mine).returning(Backer.person_id))
    if gone is None:
        row = {"listing_id": listing.id, "person_id": person_id, "created_at": now()}
        await session.execute(insert_for(session, Backer).values(row).on_conflict_do_nothing())


async def _tell_of_the_end(session: AsyncSession, services: Services, listing: Listing) -> None:
    """Tell the owner that it runs out soon; the same words are said once."""
    if listing.owner_id is None or listing.expires_at is None:
        return
    words = filled(
        "“{title}” leaves the list on {day}. One press gives it another month.",
        title=listing.title,
        day=on_day(listing.expires_at.astimezone(services.settings.zone)),
    )
    subject = filled("Still true? {title}", title=listing.title)
    notice = Notice("expiry", subject, (words,), f"{listing.path}/renew")
    await notices.tell(session, services, listing.owner_id, notice)


@job("exchange.expire", every=timedelta(hours=1))
async def expire(run: Run) -> None:
    """Mark our listings whose time is over, and tell those who have them; warn of others' ends."""
    services = run.services
    async with services.db.read() as session:
        over = await queries.run_out(session, now())
        soon = await queries.run_out(session, now() + SOON)
    for listing_id in over:
        async with services.db.write() as session:
            listing = await queries.whole(session, listing_id)
            await close(session, services, listing, "expired")
    async with run.finish() as session:
        for listing_id in soon:
            listing = await queries.whole(session, listing_id)
            if listing.status in queries.CURRENT:
                await _tell_of_the_end(session, services, listing)


@clock(
    "exchange.private",
    "an offer or want for stewards alone",
    kept=PRIVATE_FOR,
    since="it was settled or ran out",
)
async def forget_private(services: Services) -> int:
    """What was private and is settled: nobody needs to know of it any more."""
    old = Listing.updated_at < now() - PRIVATE_FOR
    return await _withdraw_all(services, old, Listing.visibility == PRIVATE)


@clock(
    "exchange.closed", "any other offer or want", kept=CLOSED_FOR, since="it was settled or ran out"
)
async def forget_closed(services: Services) -> int:
    """What was settled or ran out long ago; those who have it are told."""
    old = Listing.updated_at < now() - CLOSED_FOR
    return await _withdraw_all(services, old, Listing.visibility != PRIVATE)


async def _withdraw_all(services: Services, *conditions: ColumnElement[bool]) -> int:
    async with services.db.read() as session:
        found = await session.scalars(
            select(Listing.id).where(
                Listing.origin == "",
                Listing.deleted_at.is_(None),
                Listing.status.not_in(queries.CURRENT),
                *conditions,
            )
        )
        over = found.all()
    for listing_id in over:
        async with services.db.write() as session:
            await withdraw(session, services, await queries.whole(session, listing_id))
    return len(over)


@clock(
    "exchange.messages",
    "what two said about an offer and a want",
    kept=CLOSED_FOR,
    since="one of the two was taken back",
)
async def forget_matches(services: Services) -> int:
    """Matches of what is gone, and all that was said there."""
    gone = select(Entry.id).where(Entry.deleted_at < now() - CLOSED_FOR)
    old = select(Match.id).where(or_(Match.offer_id.in_(gone), Match.want_id.in_(gone)))
    async with services.db.write() as session:
        await session.execute(delete(MatchMessage).where(MatchMessage.match_id.in_(old)))
        await session.execute(update(Loan).where(Loan.match_id.in_(old)).values(match_id=None))
        rows = await session.scalars(delete(Match).where(Match.id.in_(old)).returning(Match.id))
        return len(rows.all())


async def _reads_letters(session: AsyncSession, person_id: UUID) -> bool:
    """Whether somebody has a box to look into: people have one, programs do not."""
    token = await session.scalar(select(ApiToken.digest).where(ApiToken.person_id == person_id))
    return token is None


def _write(listing: Listing, draft: ListingDraft) -> None:
    """What only listings have."""
    listing.item_kind, listing.mode = draft.kind, draft.mode
    listing.quantity, listing.price = draft.quantity, draft.price
    listing.available_from, listing.expires_at = draft.available_from, draft.expires_at
    listing.relevant_until = draft.expires_at
    listing.status, listing.sort = draft.status, draft.sort
    listing.summary = text.teaser(text.plain(listing.content))
    writing.make_findable(listing)


def _thing(services: Services, listing: Listing) -> Proposal:
    return activitypub.to_object(listing, services.settings.url, services.settings.timezone)
