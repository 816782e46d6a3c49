"""From a suggestion to a talk: one side asks, the other says yes or says nothing (T08, T10).

Nobody learns who somebody is before both said yes. At another hub the other side is asked by a
private message to the author of their listing, which is an ordinary one to any server; whatever
they answer is their yes. A no is told to nobody: it deletes the message where it came to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload
from sqlalchemy.sql.base import ExecutableOption

from hub.core.clock import now
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.services import Services
from hub.core.text import SafeHtml, paragraphs, plain, shown
from hub.core.words import as_written, filled, later
from hub.entries import answers, reports
from hub.entries.models import SHOWN, Reply
from hub.entries.reports import MESSAGE, REPLY, Evidence, From
from hub.entries.visibility import PRIVATE, Viewer, visible_to
from hub.exchange import matching
from hub.exchange.models import (
    AGREED,
    ASKED,
    DECLINED,
    SUGGESTED,
    Listing,
    Match,
    MatchMessage,
)
from hub.exchange.schemas import MatchView, Side
from hub.jobs.registry import Run, job
from hub.people import notices
from hub.people.notices import Notice
from hub.web.doors import Caller

LONGEST: Final = 5000
OTHER: Final[dict[str, Side]] = {"offer": "want", "want": "offer"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A match as one side sees it; `asked`: the other side waits for a word of this one."""

    id: UUID
    state: str
    mine: Listing
    other: Listing
    reasons: tuple[str, ...]
    score: float
    asked: bool
    asked_at: datetime | None

    @property
    def path(self) -> str:
        """Where the talk is."""
        return f"/matches/{self.id}"

    def in_words(self) -> str:
        """The reasons as one line, in the language that is spoken now."""
        return " · ".join(map(matching.in_words, self.reasons))


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said; `mine` by the side that reads it."""

    id: UUID
    mine: bool
    content: SafeHtml
    at: datetime


def holds(caller: Caller, listing: Listing) -> bool:
    """Whether the caller speaks for a listing: its owner, or a steward where nobody has a box.

    For what is private only those stewards speak to whom it is shown.
    """
    if not listing.local or not caller.known:
        return False
    own = listing.owner_id is not None and listing.owner_id == caller.person_id
    seen = caller.entrusted or listing.visibility != PRIVATE
    return own or (caller.steward and seen and not listing.own_box)


async def of_listing(session: AsyncSession, listing: Listing, viewer: Viewer) -> list[Suggestion]:
    """What fits a listing and may be seen, the best first."""
    as_offer, as_want = Match.offer_id == listing.id, Match.want_id == listing.id
    other = case((as_offer, Match.want_id), else_=Match.offer_id)
    query = _matches(Listing.id == other).where(
        or_(as_offer, as_want),
        or_(Match.state != DECLINED, Match.asked_by == case((as_offer, "offer"), else_="want")),
        or_(Match.state != SUGGESTED, Listing.status == "open"),
        visible_to(viewer),
    )
    rows = await session.scalars(query.order_by(Match.score.desc()))
    return [seen(row, row.side_of(listing.id)) for row in rows]


async def inbox(session: AsyncSession, caller: Caller) -> list[Suggestion]:
    """Every match in which somebody asked, for whoever speaks for a side of it."""
    if not caller.known:
        return []
    held = [Listing.owner_id == caller.person_id]
    if caller.steward:
        held.append(and_(Listing.origin == "", Listing.own_box.is_(False)))
    query = _matches(or_(Listing.id == Match.offer_id, Listing.id == Match.want_id)).where(
        Match.asked_by != "", or_(*held), Listing.deleted_at.is_(None)
    )
    rows = (await session.scalars(query.order_by(Match.asked_at.desc()).limit(100))).unique().all()
    shown_to = visible_to(Viewer.of(caller))
    both = [listing_id for row in rows for listing_id in (row.offer_id, row.want_id)]
    found = select(Listing.id).where(Listing.id.in_(both), shown_to)
    visible = set(await session.scalars(found)) if both else set()
    return [
        seen(row, kind)
        for row in rows
        for kind in ("offer", "want")
        if holds(caller, row.side(kind))
        and row.side(OTHER[kind]).id in visible
        and (row.state != DECLINED or row.asked_by == kind)
    ]


async def by_id(session: AsyncSession, match_id: UUID, caller: Caller) -> tuple[Match, Side]:
    """A match and the side for which the caller speaks.

    Raises:
        NotFound: there is none, or it is none of theirs.
    """
    row = await session.scalar(
        select(Match).where(Match.id == match_id).options(*_whole()).with_for_update()
    )
    if row is not None:
        sides: list[Side] = ["offer", "want"]
        sides.sort(key=lambda kind: row.side(kind).owner_id != caller.person_id)
        for kind in sides:
            if holds(caller, row.side(kind)):
                await _check_seen(session, row.side(OTHER[kind]), caller)
                return row, kind
    raise NotFound("There is no such match, or it is between others.")


async def _check_seen(session: AsyncSession, other: Listing, caller: Caller) -> None:
    """Raises NotFound where the other side is not for the caller's eyes."""
    seen = visible_to(Viewer.of(caller))
    if await session.scalar(select(Listing.id).where(Listing.id == other.id, seen)) is None:
        raise NotFound("The other side is no longer here.")


async def ask(session: AsyncSession, services: Services, match: Match, side: Side) -> None:
    """Ask the other side whether they would like to talk; twice is once.

    Raises:
        Conflict: one of them is taken by now, or is not for everybody.
    """
    if match.state != SUGGESTED:
        return
    mine, other = match.side(side), match.side(OTHER[side])
    if mine.status != "open" or other.status != "open":
        raise Conflict("One of the two is settled by now.")
    if mine.visibility == "private" or (not other.local and mine.visibility != "public"):
        raise Conflict("Whoever is asked would see what you keep private. A steward can help.")
    match.state, match.asked_by, match.asked_at = ASKED, side, now()
    if other.local:
        subject = filled("Would you like to talk? It is about: {title}", title=other.title)
        words = later("Somebody here thinks that the two of you fit. Say yes, and you can write.")
        await _tell(session, services, other, Notice("request", subject, (words,), _path(match)))
    else:
        match.request_id = await _ask_there(session, services, mine, other)


async def _ask_there(
    session: AsyncSession, services: Services, mine: Listing, other: Listing
) -> UUID:
    """Send the question to the author of a listing of another server, in our channel's name."""
    name = services.settings.name
    words = (
        f"A neighbour of {name} offers what you look for: “{mine.title}” ({mine.url})."
        if mine.kind == "offer"
        else f"A neighbour of {name} needs what you offer: “{mine.title}” ({mine.url})."
    )
    words += "\n\nIf you would like to talk, answer this message. If not, just leave it."
    row = await answers.message(session, services, mine.author, other.author, other, words)
    row.person_id = mine.owner_id if mine.own_box else None
    return row.id


async def accept(session: AsyncSession, services: Services, match: Match, side: Side) -> None:
    """Say yes to whoever asked: from now on the two can write.

    Raises:
        Conflict: nobody asked this side.
    """
    if match.state == AGREED:
        return
    if match.state != ASKED or match.asked_by == side:
        raise Conflict("Nobody waits for an answer here.")
    match.state, match.agreed_at = AGREED, now()
    asker = match.side(match.asked_by)
    subject = filled("They would like to talk: {title}", title=match.side(side).title)
    words = later("Both of you said yes. Write to them on the page of this match.")
    await _tell(session, services, asker, Notice("request", subject, (words,), _path(match)))


def decline(match: Match, side: Side) -> None:
    """Say no: the two are not suggested to each other again, and nobody is told.

    To whoever asked it goes on to look like no answer.
    """
    if match.asked_by == side or match.state != ASKED:
        match.asked_by = ""
    match.state = DECLINED


async def say(
    session: AsyncSession, services: Services, match: Match, side: Side, words: str
) -> None:
    """Write to the other side.

    Raises:
        Conflict: they did not both say yes.
        Invalid: there are no words, or too many.
    """
    words = words.strip()
    if match.state != AGREED:
        raise Conflict("You can write once both of you said yes.")
    if not 1 <= len(words) <= LONGEST:
        hint = filled("Please write between 1 and {most} characters.", most=LONGEST)
        raise Invalid(hint, {"text": hint})
    other = match.side(OTHER[side])
    if other.local:
        session.add(MatchMessage(match_id=match.id, side=side, text=words))
        subject = filled("News about: {title}", title=other.title)
        notice = Notice("message", subject, (as_written(words),), _path(match))
        await _tell(session, services, other, notice)
        return
    chain = await _chain(session, match)
    theirs = [row for row in chain if not row.from_us]
    await answers.answer(session, services, theirs[-1], words)


async def lines(session: AsyncSession, match: Match, side: Side) -> list[Line]:
    """What both sides said, oldest first; nothing before they agreed."""
    if match.state != AGREED:
        return []
    if match.request_id is not None:
        chain = await _chain(session, match)
        return [_line(row) for row in chain if row.id != match.request_id]
    rows = await session.scalars(
        select(MatchMessage)
        .where(MatchMessage.match_id == match.id)
        .order_by(MatchMessage.said_at, MatchMessage.id)
    )
    return [Line(row.id, row.side == side, paragraphs(row.text), row.said_at) for row in rows]


async def report(session: AsyncSession, match: Match, side: Side, line_id: UUID) -> None:
    """Show something that the other side said to the stewards.

    Raises:
        NotFound: they did not say that here.
    """
    other, me = match.side(OTHER[side]), match.side(side)
    by = From(person_id=me.owner_id)
    row = await session.get(MatchMessage, line_id)
    if row is not None and row.match_id == match.id and row.side != side:
        if row.reported_at is None:
            row.reported_at = now()
            said = Evidence(MESSAGE, row.id, other.title, row.text, "", other.owner_id)
            reports.keep(session, said, by)
        return
    chain = await _chain(session, match)
    reply = next((one for one in chain if one.id == line_id and not one.from_us), None)
    if reply is None:
        raise NotFound("There is no such message.")
    if reply.reported_at is None:
        reply.reported_at = now()
        said = Evidence(REPLY, reply.id, other.title, plain(reply.content), "")
        reports.keep(session, said, by)


@job("exchange.hear", every=timedelta(minutes=1))
async def hear(run: Run) -> None:
    """Note where somebody at another hub answered our question: that is their yes."""
    async with run.finish() as session:
        await _hear(session, run.services)


async def _hear(session: AsyncSession, services: Services) -> None:
    answer = select(Reply.answers_id).where(Reply.from_us.is_(False), Reply.public.is_(False))
    rows = await session.scalars(
        select(Match).where(Match.state == ASKED, Match.request_id.in_(answer)).options(*_whole())
    )
    for match in rows.all():
        match.state, match.agreed_at = AGREED, now()
        other = match.side(OTHER[match.asked_by])
        words = later("They answered. Read it, and write back, on the page of this match.")
        subject = filled("An answer: {title}", title=other.title)
        notice = Notice("request", subject, (words,), _path(match))
        await _tell(session, services, match.side(match.asked_by), notice)


async def _chain(session: AsyncSession, match: Match) -> list[Reply]:
    """Our question to another hub, and everything private that followed from it."""
    asked = await session.get(Reply, match.request_id) if match.request_id else None
    if asked is None:
        return []
    rows = await session.scalars(
        select(Reply)
        .where(Reply.entry_id == asked.entry_id, Reply.public.is_(False), Reply.state == SHOWN)
        .order_by(Reply.published_at, Reply.received_at)
    )
    known, chain = {asked.id}, [asked]
    for row in rows.all():
        if row.answers_id in known:
            known.add(row.id)
            chain.append(row)
    return chain


def _line(row: Reply) -> Line:
    return Line(row.id, row.from_us, shown(row.content, row.cleaned_by), row.published_at)


def _path(match: Match) -> str:
    return f"/matches/{match.id}"


async def _tell(
    session: AsyncSession, services: Services, listing: Listing, notice: Notice
) -> None:
    if listing.local and listing.owner_id is not None:
        await notices.tell(session, services, listing.owner_id, notice)


def _matches(condition: ColumnElement[bool]) -> Select[Match]:
    return select(Match).join(Listing, condition).options(*_whole())


def _whole() -> tuple[ExecutableOption, ...]:
    return (
        selectinload(Match.offer).selectinload(Listing.author),
        selectinload(Match.want).selectinload(Listing.author),
    )


def seen(row: Match, side: str) -> Suggestion:
    """A match as this side sees it."""
    # Who asked does not see a no.
    state = ASKED if row.state == DECLINED else row.state
    asked = state == ASKED and row.asked_by != side
    return Suggestion(
        id=row.id,
        state=state,
        mine=row.side(side),
        other=row.side(OTHER[side]),
        reasons=tuple(row.reasons(side)),
        score=row.score,
        asked=asked,
        asked_at=row.asked_at,
    )


def view(one: Suggestion, services: Services) -> MatchView:
    """A match as the API shows it."""
    return MatchView(
        id=one.id,
        state=one.state,
        asked=one.asked,
        score=round(one.score, 3),
        reasons=list(one.reasons),
        uri=one.other.uri,
        title=one.other.title,
        url=f"{services.settings.url}{one.other.path}",
        origin=one.other.origin or services.settings.authority,
    )
