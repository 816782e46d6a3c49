"""Finding what fits a listing: its words are kept as terms, a job ranks who shares some.

Candidates come by an index over terms, the newest of each, so the work is bounded however many
listings there are. Only open ones are indexed, and what is hidden, blocked or over is left out when
it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core import text
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.services import Services
from hub.core.words import filled, later, made
from hub.entries.visibility import standing, visible_to
from hub.exchange import matching, vocabulary
from hub.exchange.matching import Fit, Thing
from hub.exchange.meaning import embedder
from hub.exchange.models import (
    COMPANY,
    DECLINED,
    SUGGESTED,
    Backer,
    Listing,
    Loan,
    Match,
    MatchMessage,
    Term,
)
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.people import entrusting, notices
from hub.people.models import Person
from hub.people.notices import Notice

MOST_TERMS: Final = 16  # of a listing that is looked for, the weightiest
PER_TERM: Final = 100
CANDIDATES: Final = 60
WEIGHED: Final = 40  # of the best, for which a model is asked
MOST_MATCHES: Final = 10
AT_ONCE: Final = 100  # listings that one run reads anew
LONGEST_TERM: Final = 80


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate that fits, with the reasons in either side's words."""

    other: Listing
    fit: Fit
    their_reasons: tuple[str, ...]


async def read(session: AsyncSession, listing: Listing) -> None:
    """Keep the words of a listing as they are now, and look soon for what fits it."""
    await forget(session, listing.id)
    listing.read_by = vocabulary.VERSION
    if listing.status != "open" or listing.deleted_at is not None:
        return
    await session.flush()
    rows = [
        {
            "listing_id": listing.id,
            "term": term,
            "want": listing.kind == "want",
            "local": listing.local,
            "at": listing.happens_at,
        }
        for term in words_of(listing).weights
        if len(term) <= LONGEST_TERM
    ]
    if rows:
        await session.execute(insert(Term), rows)
    await enqueue(session, match, key=f"match:{listing.id}", listing_id=str(listing.id))


async def forget(session: AsyncSession, listing_id: UUID) -> None:
    """Delete the words of a listing, and what was suggested but never asked."""
    await session.execute(delete(Term).where(Term.listing_id == listing_id))
    await session.execute(
        delete(Match).where(
            or_(Match.offer_id == listing_id, Match.want_id == listing_id),
            Match.state == SUGGESTED,
        )
    )


def words_of(listing: Listing) -> vocabulary.Words:
    """The words of a listing, as they are compared."""
    return _words(listing.title, listing.content, tuple(listing.tags), listing.language)


@lru_cache(maxsize=1_000)
def _words(title: str, content: str, tags: tuple[str, ...], language: str) -> vocabulary.Words:
    return vocabulary.read(title, text.plain(content), tags, language)


def thing_of(listing: Listing) -> Thing:
    """A listing as it is compared."""
    place = None
    if listing.latitude is not None and listing.longitude is not None:
        place = (listing.latitude, listing.longitude)
    return Thing(
        want=listing.kind == "want",
        company=listing.sort == COMPANY,
        kind=listing.item_kind,
        mode=listing.mode,
        words=words_of(listing),
        text=f"{listing.title}. {text.plain(listing.content)}",
        begins=listing.available_from,
        ends=listing.expires_at,
        place=place,
        posted=listing.happens_at,
    )


async def candidates(
    session: AsyncSession, listing: Listing, asked: Thing, *, meant: bool
) -> list[Listing]:
    """Open listings of the other side that share words, most of them first; bounded.

    Who looks for company is offered others who do, besides.
    With a model (`meant`) the newest of the same kind of thing besides, whatever their words.
    """
    weights = asked.words.weights
    terms = sorted(weights, key=lambda term: -weights[term])[:MOST_TERMS]
    ids: list[UUID] = []
    if terms:
        looks = [_newest(term, listing) for term in terms]
        if listing.sort == COMPANY:
            looks += [_newest(term, listing, company=True) for term in terms]
        parts = union_all(*(select(look.subquery()) for look in looks)).subquery()
        query = select(parts.c.listing_id).group_by(parts.c.listing_id)
        ids = list(await session.scalars(query.order_by(func.count().desc()).limit(CANDIDATES)))
    others = select(Listing).where(*_may_fit(listing))
    found = list(await session.scalars(others.where(Listing.id.in_(ids)))) if ids else []
    if meant:
        known = {other.id for other in found}
        more = others.where(Listing.item_kind == listing.item_kind)
        newest = await session.scalars(more.order_by(Listing.happens_at.desc()).limit(WEIGHED))
        found += [other for other in newest if other.id not in known]
    return found


def _newest(term: str, listing: Listing, *, company: bool = False) -> Select[Any]:
    want = company or listing.kind == "offer"
    query = select(Term.listing_id).where(Term.term == term, Term.want == want)
    if company:
        query = query.join(Listing, Listing.id == Term.listing_id).where(Listing.sort == COMPANY)
    if not listing.local:
        query = query.where(Term.local)
    return query.order_by(Term.at.desc()).limit(PER_TERM)


def _may_fit(listing: Listing) -> list[ColumnElement[bool]]:
    """What a candidate is: open, of the other side and another owner, seen by somebody.

    One of the two is ours.
    """
    other_side = Listing.kind == ("offer" if listing.kind == "want" else "want")
    if listing.sort == COMPANY:
        other_side = or_(other_side, (Listing.sort == COMPANY) & (Listing.id != listing.id))
    wanted = [
        other_side,
        Listing.status == "open",
        or_(Listing.relevant_until.is_(None), Listing.relevant_until > now()),
        standing(),
    ]
    if listing.owner_id is not None:
        wanted.append(or_(Listing.owner_id.is_(None), Listing.owner_id != listing.owner_id))
    if not listing.local:
        wanted.append(Listing.origin == "")
    return wanted


def fits(asked: Thing, others: Sequence[Thing], moment: datetime) -> list[Fit]:
    """The best fits that are good enough; slow, so it is done away from the event loop."""
    found = matching.rank(asked, others, moment)
    model = embedder()
    if model is not None and others:
        order = [fit.index for fit in found]
        order += [index for index in range(len(others)) if index not in set(order)]
        chosen = order[:WEIGHED]
        again = matching.rank(asked, [others[index] for index in chosen], moment, model)
        found = [Fit(chosen[fit.index], fit.score, fit.reasons) for fit in again]
    return [fit for fit in found if fit.score >= matching.GOOD_ENOUGH][:MOST_MATCHES]


async def look(services: Services, listing_id: UUID) -> tuple[Listing, list[Found]] | None:
    """What fits a listing now; None if it is not open any more."""
    async with services.db.read() as session:
        query = select(Listing).where(
            Listing.id == listing_id, Listing.status == "open", standing()
        )
        listing = await session.scalar(query)
        if listing is None:
            return None
        asked = thing_of(listing)
        meant = embedder() is not None
        others = await candidates(session, listing, asked, meant=meant)

    def compare() -> list[Found]:
        things = [thing_of(other) for other in others]
        moment, found = now(), []
        for fit in fits(asked, things, moment):
            theirs = matching.rank(things[fit.index], [asked], moment)
            said = tuple(map(str, theirs[0].reasons if theirs else fit.reasons))
            found.append(Found(others[fit.index], fit, said))
        return found

    return listing, await asyncio.to_thread(compare)


@job("exchange.match")
async def match(run: Run, *, listing_id: str) -> None:
    """Keep what fits a listing, and tell the owners of what is new."""
    looked = await look(run.services, UUID(listing_id))
    async with run.finish() as session:
        if looked is None:
            return
        listing, found = looked
        for one in found:
            if await _keep(session, listing, one):
                await _tell(session, run.services, listing, one.other, one.fit.reasons)
                await _tell(session, run.services, one.other, listing, one.their_reasons)


async def _keep(session: AsyncSession, listing: Listing, found: Found) -> bool:
    """Write a match down; False if these two met before, whatever became of it."""
    offer, want = _placed(listing, found.other)
    pair = {"offer_id": offer.id, "want_id": want.id, "score": found.fit.score}
    # Both listings may be looked at in the same moment.
    made = await session.scalar(
        insert_for(session, Match)
        .values(
            id=uuid4(),
            state=SUGGESTED,
            asked_by="",
            offer_reasons=[],
            want_reasons=[],
            created_at=now(),
            **pair,
        )
        .on_conflict_do_nothing()
        .returning(Match.id)
    )
    query = select(Match).where(Match.offer_id == offer.id, Match.want_id == want.id)
    row = (await session.scalars(query.with_for_update())).one()
    if row.state == DECLINED:
        return False
    mine, theirs = [str(reason) for reason in found.fit.reasons], list(found.their_reasons)
    row.score = found.fit.score
    row.want_reasons, row.offer_reasons = (mine, theirs) if want is listing else (theirs, mine)
    await session.flush()
    return made is not None


def _placed(one: Listing, other: Listing) -> tuple[Listing, Listing]:
    """Who stands in the place of the offer, and who in that of the want."""
    if one.kind == other.kind:  # two who look for company
        return (one, other) if one.id < other.id else (other, one)
    return (other, one) if one.kind == "want" else (one, other)


async def _tell(
    session: AsyncSession,
    services: Services,
    listing: Listing,
    other: Listing,
    reasons: Sequence[object],
) -> None:
    """Tell the owner of a listing what fits it, if they may see that."""
    owner = await session.get(Person, listing.owner_id) if listing.owner_id else None
    if owner is None or not listing.local:
        return
    seen = visible_to(await entrusting.viewer(session, owner))
    if await session.scalar(select(Listing.id).where(Listing.id == other.id, seen)) is None:
        return
    kept = [str(reason) for reason in reasons]
    why = made(lambda: " · ".join(map(matching.in_words, kept)), usual=" · ".join(kept))
    mine, here = listing.title, not other.origin
    subject = filled(_begins(listing, other), title=other.title)
    fits = (
        filled("It might fit “{title}” ({why}), here on this hub.", title=mine, why=why)
        if here
        else filled(
            "It might fit “{title}” ({why}), via {hub}.", title=mine, why=why, hub=other.origin
        )
    )
    lines = (fits,)
    notice = Notice("match", subject, lines, f"{listing.path}#matches")
    await notices.tell(session, services, owner.id, notice)


def _begins(listing: Listing, other: Listing) -> str:
    if other.kind == "offer":
        return later("Somebody offers: {title}")
    if listing.kind == "want":
        return later("Somebody would like to go too: {title}")
    return later("Somebody needs: {title}")


@job("exchange.read", every=timedelta(minutes=10))
async def read_anew(run: Run) -> None:
    """Read what was never read, or by older lists of words; forget what is deleted."""
    async with run.finish() as session:
        rows = await session.scalars(
            select(Listing)
            .where(Listing.read_by != vocabulary.VERSION, Listing.status == "open", standing())
            .limit(AT_ONCE)
        )
        for listing in rows.all():
            await read(session, listing)
        await _forget_deleted(session)


async def _forget_deleted(session: AsyncSession) -> None:
    """Purge what hangs on deleted listings: words, matches, talks, loans, who joined."""
    gone = select(Listing.id).where(Listing.deleted_at.is_not(None))
    matches = select(Match.id).where(or_(Match.offer_id.in_(gone), Match.want_id.in_(gone)))
    for statement in (
        delete(Term).where(Term.listing_id.in_(gone)),
        delete(Backer).where(Backer.listing_id.in_(gone)),
        delete(Loan).where(Loan.listing_id.in_(gone)),
        update(Loan).where(Loan.match_id.in_(matches)).values(match_id=None),
        delete(MatchMessage).where(MatchMessage.match_id.in_(matches)),
        delete(Match).where(or_(Match.offer_id.in_(gone), Match.want_id.in_(gone))),
    ):
        await session.execute(statement.execution_options(synchronize_session=False))
