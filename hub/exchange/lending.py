"""Lending: who has it until when, what is told before and after that day, and giving it back (T09).

While something is lent it is promised, so nobody asks in vain; given back, it is listed again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.services import Services
from hub.core.words import filled, later, on_day
from hub.entries.models import Entry
from hub.exchange import queries, service
from hub.exchange.models import AGREED, Listing, Loan, Match
from hub.jobs.registry import Run, job
from hub.jobs.retention import clock, let_go
from hub.people import notices
from hub.people.notices import Notice

AHEAD: Final = timedelta(days=2)
LONGEST_NAME: Final = 80
OVER: Final = later("{title} is overdue")
SOON: Final = later("{title} is due soon")
REMEMBERED: Final = timedelta(days=90)  # who had what, after it came back


async def lend(
    session: AsyncSession,
    services: Services,
    listing: Listing,
    borrower: str,
    due_at: datetime | None,
    match_id: UUID | None = None,
) -> Loan:
    """Note that an offer is lent until `due_at`, to whoever is named or whose want it fits.

    Raises:
        Invalid: nobody is named, or the day is missing or over.
        Conflict: it is not for lending, is settled, or is with somebody already.
        NotFound: there is no such match of it that both said yes to.
    """
    borrower = " ".join(borrower.split())[:LONGEST_NAME]
    if listing.kind != "offer" or listing.mode != "lend":
        raise Conflict("This is not something to be lent.")
    await _alone(session, listing)
    if await of_listing(session, listing.id) is not None:
        raise Conflict("It is lent already. Say first that it is back.")
    if listing.status not in queries.CURRENT:
        raise Conflict("This is settled. Open it again to lend it.")
    if match_id is not None:
        await _agreed(session, listing, match_id)
    if not borrower and match_id is None:
        raise Invalid("Please say who has it.", {"borrower": later("please say who has it")})
    if due_at is None or due_at <= now():
        hint = later("must be a day that is still to come")
        raise Invalid("The day must be still to come.", {"due_on": hint})
    loan = Loan(listing_id=listing.id, match_id=match_id, borrower=borrower, due_at=due_at)
    session.add(loan)
    await service.close(session, services, listing, "promised")
    await session.flush()
    return loan


async def give_back(session: AsyncSession, services: Services, listing: Listing) -> None:
    """The loan is over, and the thing is listed again unless its own time is over.

    Raises:
        Conflict: it is not lent.
    """
    await _alone(session, listing)
    loan = await of_listing(session, listing.id)
    if loan is None:
        raise Conflict("It is not lent to anybody.")
    loan.returned_at = now()
    if listing.status == "promised":
        over = listing.expires_at is not None and listing.expires_at <= now()
        await service.close(session, services, listing, "expired" if over else "open")


async def _alone(session: AsyncSession, listing: Listing) -> None:
    """Wait for whoever lends the same thing, or takes it back, in this moment."""
    await session.execute(select(Entry.id).where(Entry.id == listing.id).with_for_update())


async def of_listing(session: AsyncSession, listing_id: UUID) -> Loan | None:
    """The loan of an offer that is not back yet."""
    return await session.scalar(
        select(Loan).where(Loan.listing_id == listing_id, Loan.returned_at.is_(None))
    )


async def borrowers(session: AsyncSession, listing: Listing) -> list[tuple[str, str]]:
    """Matches of an offer that both said yes to, each with the title of its want."""
    rows = await session.execute(
        select(Match.id, Listing.title)
        .join(Listing, Listing.id == Match.want_id)
        .where(Match.offer_id == listing.id, Match.state == AGREED)
    )
    return [(str(match_id), title) for match_id, title in rows.all()]


async def _agreed(session: AsyncSession, listing: Listing, match_id: UUID) -> None:
    match = await session.get(Match, match_id)
    if match is None or match.offer_id != listing.id or match.state != AGREED:
        raise NotFound("There is no such match.")


@clock("exchange.loans", "who had borrowed what", kept=REMEMBERED, since="it came back")
async def forget_loans(services: Services) -> int:
    """Loans that ended long ago."""
    return await let_go(services, Loan, Loan.returned_at < now() - REMEMBERED)


@job("exchange.loans", every=timedelta(hours=1))
async def remind(run: Run) -> None:
    """Tell lender and borrower two days before the day, and once more when it is over."""
    moment = now()
    async with run.finish() as session:
        rows = await session.execute(
            select(Loan, Listing)
            .join(Listing, Listing.id == Loan.listing_id)
            .where(
                Loan.returned_at.is_(None),
                Listing.deleted_at.is_(None),
                or_(
                    and_(Loan.overdue_at.is_(None), Loan.due_at <= moment),
                    and_(Loan.reminded_at.is_(None), Loan.due_at <= moment + AHEAD),
                ),
            )
            # Two runs at once would each tell of it.
            .with_for_update(of=Loan, skip_locked=True)
        )
        for loan, listing in rows.all():
            over = loan.due_at <= moment
            loan.reminded_at = loan.reminded_at or moment
            loan.overdue_at = moment if over else None
            await _remind(session, run.services, loan, listing, over=over)


async def _remind(
    session: AsyncSession, services: Services, loan: Loan, listing: Listing, *, over: bool
) -> None:
    title, day = listing.title, on_day(loan.due_at.astimezone(services.settings.zone))
    subject = filled(OVER if over else SOON, title=title)
    mine = filled(
        "{title} was lent to {name} until {day}. When it is back, say so on its page.",
        title=title,
        name=loan.borrower or filled("the neighbour who asked for it"),
        day=day,
    )
    if listing.owner_id is not None:
        notice = Notice("loan", subject, (mine,), listing.path)
        await notices.tell(session, services, listing.owner_id, notice)
    match = await session.get(Match, loan.match_id) if loan.match_id else None
    want = await session.get(Listing, match.want_id) if match is not None else None
    if match is not None and want is not None and want.owner_id is not None:
        theirs = filled(
            "You have {title} until {day}. Please arrange to bring it back.", title=title, day=day
        )
        notice = Notice("loan", subject, (theirs,), f"/matches/{match.id}")
        await notices.tell(session, services, want.owner_id, notice)
