"""What waits for a decision, whatever it is and wherever it came from, as one queue of cards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, cast, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.entries.models import HELD, Entry, Reply, Report
from hub.fediverse import rulings
from hub.fediverse.models import Peer
from hub.moderation import asking
from hub.moderation.models import Appeal, Decided, Decision, Question
from hub.people.models import ApiToken, Person, Submission
from hub.posting import service as posting
from hub.web.doors import Caller

Kind = Literal["report", "appeal", "post", "entry", "reply"]
KINDS: Final = get_args(Kind)
URGENT: Final = frozenset({"report", "appeal"})
MOST_WAITING: Final = 500  # of each kind that are counted

GONE: Final = "This waits no more. Perhaps another moderator was quicker."


@dataclass(frozen=True, slots=True)
class Key:
    """Which card: of a report the id of what it is about, else the id of what waits.

    `asked`: its author was asked something, and has not answered yet.
    """

    kind: Kind
    id: UUID
    since: datetime
    asked: bool = False

    @property
    def name(self) -> str:
        """As addresses have it."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One thing to decide about, with what helps to decide.

    `thing` is the entry or reply as it is now, None where there is none; `text` then says what
    stood there. `person_id` or `actor` is its author, who was asked the `questions`. `waits_there`
    is how much waits from the same server, `passed` and `refused` what was decided about its
    author before.
    """

    kind: Kind
    id: UUID
    since: datetime
    about: str
    title: str
    path: str
    thing: Entry | Reply | None = None
    text: str = ""
    author: str = ""
    person_id: UUID | None = None
    actor: Actor | None = None
    host: str = ""
    flooded: bool = False
    waits_there: int = 0
    passed: int = 0
    refused: int = 0
    reports: tuple[Report, ...] = ()
    submission: Submission | None = None
    appeal: Appeal | None = None
    decision: Decision | None = None
    questions: tuple[Question, ...] = ()

    @property
    def thing_id(self) -> UUID:
        """What it is about: the entry or answer, else what is left of it."""
        return self.thing.id if self.thing is not None else self.id

    @property
    def may_ask(self) -> bool:
        """Whether its author can be asked something now."""
        waits = any(one.answered_at is None and one.closed_at is None for one in self.questions)
        return self.may_write and self.kind != "appeal" and not waits

    @property
    def may_write(self) -> bool:
        """Whether its author can be told something."""
        return self.person_id is not None or self.actor is not None


# -------------------------------------------------------------------------------- the queue


async def keys(session: AsyncSession, caller: Caller) -> list[Key]:
    """What waits for this moderator, in the order in which it should be looked at."""
    found: list[tuple[Kind, UUID, datetime]] = []
    for kind, query in _queries(await _others(session, caller), caller).items():
        rows = await session.execute(query.limit(MOST_WAITING))
        found += [(kind, row[0], row[1]) for row in rows]
    found += [("post", *row) for row in await posting.waiting(session, MOST_WAITING)]
    asked = await asking.unanswered(session)
    waiting = [Key(*row, asked=row[1] in asked) for row in found]
    return sorted(waiting, key=_turn)


def _turn(one: Key) -> tuple[bool, bool, datetime, str]:
    """What its author has to say something to comes last, then what is not urgent."""
    return one.asked, one.kind not in URGENT, one.since, one.name


def _queries(others: bool, caller: Caller) -> dict[Kind, Any]:
    """Ids and since when, of everything but what was posted without an account."""
    since = func.min(Report.created_at)
    reports = select(Report.about_id, since).where(Report.decided_at.is_(None))
    appeals = (
        select(Appeal.id, Appeal.asked_at)
        .join(Decision, Decision.id == Appeal.decision_id)
        .where(Appeal.asked_at.is_not(None), Appeal.decided_at.is_(None))
        .order_by(Appeal.asked_at)
    )
    if others:  # nobody judges what they decided themselves, if somebody else can
        appeals = appeals.where(or_(Decision.by_id.is_(None), Decision.by_id != caller.person_id))
    return {
        "report": reports.group_by(Report.about_id).order_by(since),
        "appeal": appeals,
        "entry": select(Entry.id, Entry.created_at).where(*held()).order_by(Entry.created_at),
        "reply": (
            select(Reply.id, Reply.received_at)
            .join(Actor, Actor.id == Reply.author_id)
            .where(*held_replies())
            .order_by(Reply.received_at)
        ),
    }


async def count(session: AsyncSession, caller: Caller) -> int:
    """How much waits for this moderator."""
    return len(await keys(session, caller))


async def _others(session: AsyncSession, caller: Caller) -> bool:
    """Whether anybody else looks after this hub."""
    by_token = exists().where(ApiToken.person_id == Person.id)
    query = select(Person.id).where(
        Person.role.in_(("steward", "moderator")),
        Person.disabled_at.is_(None),
        Person.id != caller.person_id,
        ~by_token,
    )
    return await session.scalar(query.limit(1)) is not None


def held() -> tuple[ColumnElement[bool], ...]:
    """Entries of servers that are silenced, which nobody has looked at and which matter still."""
    silenced = exists().where(Peer.host == Entry.origin, Peer.standing == rulings.SILENCED)
    return (
        Entry.origin != "",
        Entry.deleted_at.is_(None),
        Entry.hidden_at.is_(None),
        Entry.passed_at.is_(None),
        or_(Entry.relevant_until.is_(None), Entry.relevant_until > now()),
        silenced,
    )


def held_replies() -> tuple[ColumnElement[bool], ...]:
    """Replies and posts for the board that wait; `Actor` is their author."""
    return (Reply.public.is_(True), Reply.state == HELD, Actor.suspended_at.is_(None))


# ------------------------------------------------------------------------------- one card


async def card(session: AsyncSession, kind: Kind, card_id: UUID) -> Card:
    """One card.

    Raises:
        NotFound: it waits no more.
    """
    made = await _CARDS[kind](session, card_id)
    if made is None:
        raise NotFound(GONE)
    passed, refused = await _history(session, made)
    there, flooded = await _there(session, made.host)
    return replace(
        made,
        passed=passed,
        refused=refused,
        waits_there=there,
        flooded=flooded,
        questions=tuple(await asking.about(session, made.thing_id)),
    )


async def turn_to(session: AsyncSession, caller: Caller, kind: Kind, card_id: UUID) -> Card:
    """One card, for this moderator to decide about.

    Raises:
        NotFound: it waits no more, or it is about their own decision and others can judge that.
    """
    one = await card(session, kind, card_id)
    own = one.decision is not None and one.decision.by_id == caller.person_id
    if own and caller.person_id is not None and await _others(session, caller):
        raise NotFound(GONE)
    return one


async def _history(session: AsyncSession, one: Card) -> tuple[int, int]:
    whose = _whose(one.person_id, one.actor.id if one.actor is not None else None)
    if whose is None:
        return 0, 0
    query = (
        select(Decision.deed, func.count(Decided.id))
        .join(Decision, Decision.id == Decided.decision_id)
        .where(whose, Decided.about != "report")
        .group_by(Decision.deed)
    )
    counts: dict[str, int] = dict((await session.execute(query)).all())
    return counts.get("passed", 0), counts.get("refused", 0) + counts.get("limited", 0)


def _whose(person_id: UUID | None, actor_id: UUID | None) -> ColumnElement[bool] | None:
    if person_id is not None:
        return Decided.person_id == person_id
    return Decided.actor_id == actor_id if actor_id is not None else None


async def _there(session: AsyncSession, host: str) -> tuple[int, bool]:
    """How much waits from a server, and whether it was silenced for sending too much."""
    if not host:
        return 0, False
    entries = select(func.count(Entry.id)).where(*held(), Entry.origin == host)
    replies = select(func.count(Reply.id)).join(Actor, Actor.id == Reply.author_id)
    replies = replies.where(*held_replies(), Actor.authority == host)
    count = (await session.scalar(entries) or 0) + (await session.scalar(replies) or 0)
    peer = await session.get(Peer, host)
    flooded = peer is not None and peer.flooded_at is not None and peer.standing == rulings.SILENCED
    return count, flooded


async def _post(session: AsyncSession, card_id: UUID) -> Card | None:
    found = await posting.one_waiting(session, card_id)
    if found is None:
        return None
    row, entry, person = found
    return Card(
        kind="post",
        id=card_id,
        since=row.confirmed_at or row.created_at,
        about="entry",
        title=entry.title,
        path=entry.path,
        thing=entry,
        author=person.name or person.email or "",
        person_id=person.id,
        submission=row,
    )


async def _entry(session: AsyncSession, card_id: UUID) -> Card | None:
    entry = await _entry_row(session, Entry.id == card_id, *held())
    return None if entry is None else _of_entry("entry", card_id, entry.created_at, entry)


async def _reply(session: AsyncSession, card_id: UUID) -> Card | None:
    reply = await _reply_row(
        session, Reply.id == card_id, Reply.state == HELD, Reply.public.is_(True)
    )
    return None if reply is None else _of_reply("reply", card_id, reply.received_at, reply)


async def _report(session: AsyncSession, card_id: UUID) -> Card | None:
    query = select(Report).where(Report.about_id == card_id, Report.decided_at.is_(None))
    rows = (await session.scalars(query.order_by(Report.created_at, Report.id))).all()
    if not rows:
        return None
    first, made = rows[0], None
    if first.about == "entry":
        entry = await _entry_row(session, Entry.id == card_id, Entry.deleted_at.is_(None))
        made = _of_entry("report", card_id, first.created_at, entry) if entry else None
    elif first.about == "reply":
        reply = await _reply_row(session, Reply.id == card_id)
        made = _of_reply("report", card_id, first.created_at, reply) if reply else None
    if made is None:  # it is gone, or a message between two people: there is what was kept
        made = Card(
            kind="report",
            id=card_id,
            since=first.created_at,
            about=first.about,
            title=first.title,
            path=first.path if first.about == "hub" else "",
            text=first.evidence,
            person_id=first.against_id,
        )
    return replace(made, reports=tuple(rows))


async def _appeal(session: AsyncSession, card_id: UUID) -> Card | None:
    row = await session.get(Appeal, card_id)
    if row is None or row.asked_at is None or row.decided_at is not None:
        return None
    decision = await session.get_one(Decision, row.decision_id)
    actor = await session.get(Actor, row.actor_id) if row.actor_id else None
    return Card(
        kind="appeal",
        id=card_id,
        since=row.asked_at,
        about=decision.kind,
        title=row.title,
        path="",
        text=row.words,
        author=actor.handle if actor is not None else "",
        person_id=row.person_id,
        actor=actor,
        host=decision.host,
        appeal=row,
        decision=decision,
    )


_CARDS: Final = {
    "post": _post,
    "entry": _entry,
    "reply": _reply,
    "report": _report,
    "appeal": _appeal,
}


async def _entry_row(session: AsyncSession, *where: ColumnElement[bool]) -> Entry | None:
    query = select(Entry).where(*where)
    return await session.scalar(
        query.options(selectinload(Entry.author), selectinload(Entry.picture))
    )


async def _reply_row(session: AsyncSession, *where: ColumnElement[bool]) -> Reply | None:
    query = select(Reply).where(*where)
    return await session.scalar(
        query.options(
            selectinload(Reply.author), selectinload(Reply.entry), selectinload(Reply.channel)
        )
    )


def _of_entry(kind: Kind, card_id: UUID, since: datetime, entry: Entry) -> Card:
    return Card(
        kind=kind,
        id=card_id,
        since=since,
        about="entry",
        title=entry.title,
        path=entry.path,
        thing=entry,
        author=entry.author.handle if entry.origin else "",
        person_id=entry.owner_id,
        actor=entry.author if entry.origin else None,
        host=entry.origin,
    )


def _of_reply(kind: Kind, card_id: UUID, since: datetime, reply: Reply) -> Card:
    entry, channel = reply.entry, reply.channel
    title = entry.title if entry is not None else f"@{channel.name}" if channel is not None else ""
    path = f"{entry.path}#reply-{reply.id}" if entry is not None else ""
    remote = not reply.author.local
    return Card(
        kind=kind,
        id=card_id,
        since=since,
        about="reply",
        title=title,
        path=path,
        thing=reply,
        author=reply.author.handle,
        person_id=reply.writer_id,
        actor=reply.author if remote else None,
        host=reply.author.authority if remote else "",
    )


def kind_of(text: str) -> Kind:
    """The kind that an address names.

    Raises:
        NotFound: there is none of this name.
    """
    if text not in KINDS:
        raise NotFound(GONE)
    return cast(Kind, text)
