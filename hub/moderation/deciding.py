"""Decisions: each is done at once, has its reason, is written down, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.entries import answers, board, replies, tending
from hub.entries.models import Entry, Reply, Report
from hub.fediverse import peers
from hub.moderation import appeals, asking, cards, log, telling
from hub.moderation.cards import Card
from hub.moderation.models import Decided, Decision, Question
from hub.moderation.telling import KEPT, REFUSED, Author
from hub.people.submissions import of_entry
from hub.posting import service as posting
from hub.web.doors import Caller

Deed = Literal["pass", "refuse", "all"]

LONGEST_NOTE: Final = 1000
MOST_TOLD: Final = 50  # authors of one server who are written to at once


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a moderator pressed: `all` refuses all that waits from that server, and limits it.

    `rule` is the reason, `note` a word to the author, who is written to only with `tell`;
    `forward` sends a report to the author's server.
    """

    deed: Deed
    rule: str = ""
    note: str = ""
    tell: bool = True
    forward: bool = False


@dataclass(slots=True)
class Done:
    """What was done: the things with their former state, and whom it concerns."""

    kind: str
    host: str = ""
    things: list[Decided] = field(default_factory=list)
    authors: list[Author] = field(default_factory=list)


async def decide(
    session: AsyncSession, services: Services, caller: Caller, one: Card, verdict: Verdict
) -> Decision:
    """Do what was decided about a card, and tell whom it concerns.

    Raises:
        Invalid: a refusal has no reason.
    """
    if verdict.deed != "pass" and not verdict.rule and one.kind != "appeal":
        raise Invalid("Please choose the house rule that it breaks.", {"rule": ""})
    if one.kind == "appeal":
        return await appeals.decide(
            session, services, caller, one, back=verdict.deed == "pass", note=verdict.note
        )
    begun = now()  # nothing that is done is older than the decision, even by a blink
    if verdict.deed == "all":
        done = await _refuse_all(session, services, one.host)
    else:
        done = await _DEEDS[one.kind, verdict.deed](session, services, caller, one)
    decision = await log.append(
        session,
        by=caller.person_id,
        deed={"pass": "passed", "refuse": "refused", "all": "limited"}[verdict.deed],
        kind=done.kind,
        host=done.host,
        rule=verdict.rule if verdict.deed != "pass" else "",
        note=verdict.note[:LONGEST_NOTE],
        count=len(done.things) or 1,
        at=begun,
    )
    await _close_reports(session, services, one, done, verdict)
    await asking.close(session, {one.thing_id, *(thing.thing_id for thing in done.things)})
    for thing in done.things:
        thing.decision_id = decision.id
        session.add(thing)
    await _tell(session, services, one, done, decision, verdict)
    return decision


async def ask(
    session: AsyncSession, services: Services, caller: Caller, one: Card, words: str
) -> Question:
    """Ask the author of a card something; it waits on meanwhile.

    Raises:
        Invalid: nothing is asked, or nobody can be asked about this.
        Conflict: they were asked already, and have not answered yet.
    """
    if one.kind == "appeal":
        raise Invalid("Its author has said what they want to say.")
    return await asking.ask(session, services, caller.person_id, one.thing_id, _author(one), words)


async def _tell(
    session: AsyncSession,
    services: Services,
    one: Card,
    done: Done,
    decision: Decision,
    verdict: Verdict,
) -> None:
    for whom in done.authors[:MOST_TOLD] if verdict.tell else ():
        if verdict.deed != "pass":
            await telling.refused(session, services, decision, whom)
        elif verdict.note:
            await telling.word(session, services, whom, verdict.note, one.path or "/")
    if verdict.forward and verdict.deed == "refuse":
        for whom in done.authors:
            await telling.forward(session, services, whom, decision)


async def _close_reports(
    session: AsyncSession, services: Services, one: Card, done: Done, verdict: Verdict
) -> None:
    """What was reported is decided: also where it was looked at for another reason."""
    if verdict.deed == "pass" and one.kind != "report":
        return
    ids = {thing.thing_id for thing in done.things} | {one.id}
    query = select(Report).where(Report.about_id.in_(ids), Report.decided_at.is_(None))
    rows = list(await session.scalars(query))
    outcome = KEPT if verdict.deed == "pass" else REFUSED
    await telling.reporters(session, services, rows, outcome)
    for row in rows:
        row.decided_at, row.outcome = now(), outcome
        done.things.append(Decided(about="report", thing_id=row.id, before=""))


# ------------------------------------------------------------------- one thing, by its kind


async def _pass_post(session: AsyncSession, services: Services, caller: Caller, one: Card) -> Done:
    done = _done(one)
    await posting.pass_on(session, services, one.id, caller.person_id)
    return done


async def _refuse_post(
    session: AsyncSession, services: Services, caller: Caller, one: Card
) -> Done:
    done = _done(one)
    await posting.refuse(session, services, one.id, caller.person_id)
    return done


async def _pass_entry(session: AsyncSession, services: Services, caller: Caller, one: Card) -> Done:
    del services, caller
    done = _done(one)
    await tending.show_entry(session, one.id)
    return done


async def _pass_reply(session: AsyncSession, services: Services, caller: Caller, one: Card) -> Done:
    del caller
    done = _done(one)
    await tending.pass_on(session, services, await replies.by_id(session, one.id))
    return done


async def _keep(session: AsyncSession, services: Services, caller: Caller, one: Card) -> Done:
    """A report: nothing is wrong with it."""
    del session, services, caller
    kind = one.thing.kind if isinstance(one.thing, Entry) else one.about
    return Done(kind, one.host, [], [_author(one)])


async def _take_down(session: AsyncSession, services: Services, caller: Caller, one: Card) -> Done:
    """Out of sight at once, whatever it is; of a message between two its writer is told."""
    if one.thing is None:
        return Done(one.about, one.host, [], [_author(one)])
    done = _done(one)
    if isinstance(one.thing, Reply):
        await tending.hide(session, services, await replies.by_id(session, one.thing.id))
        return done
    row = await of_entry(session, one.thing.id)
    if row is not None and row.confirmed_at is not None and row.verdict is None:
        await posting.refuse(session, services, row.id, caller.person_id)
    else:
        await tending.take_down(session, services, one.thing.id)
    return done


Do = Callable[[AsyncSession, Services, Caller, Card], Coroutine[Any, Any, Done]]

_DEEDS: Final[dict[tuple[str, str], Do]] = {
    ("post", "pass"): _pass_post,
    ("post", "refuse"): _refuse_post,
    ("entry", "pass"): _pass_entry,
    ("entry", "refuse"): _take_down,
    ("reply", "pass"): _pass_reply,
    ("reply", "refuse"): _take_down,
    ("report", "pass"): _keep,
    ("report", "refuse"): _take_down,
}


def _done(one: Card) -> Done:
    """The thing of a card as it stands before, and its author."""
    assert one.thing is not None  # noqa: S101 - all but reports have one
    thing = one.thing
    if isinstance(thing, Reply):
        kind, before = "reply", thing.state
    else:
        kind, before = thing.kind, _state(thing) if one.kind != "post" else thing.visibility
    decided = Decided(
        about=one.about,
        thing_id=thing.id,
        before=before,
        person_id=one.person_id,
        actor_id=one.actor.id if one.actor is not None else None,
    )
    return Done(kind, one.host, [decided], [_author(one)])


def _state(entry: Entry) -> str:
    if entry.hidden_at is not None:
        return "hidden"
    return "held" if entry.origin and entry.passed_at is None else "shown"


def _author(one: Card) -> Author:
    return Author(one.title, one.person_id, one.actor, one.thing)


# ------------------------------------------------------------------------- a whole server


async def _refuse_all(session: AsyncSession, services: Services, host: str) -> Done:
    """Hide everything that waits from a server; what it sends from now on waits as well."""
    if not host:
        raise Invalid("This does not come from another server.")
    done, authors = Done("server", host), dict[UUID, Author]()
    query = select(Entry).where(*cards.held(), Entry.origin == host)
    for entry in await session.scalars(query.options(selectinload(Entry.author))):
        authors.setdefault(entry.author_id, Author(entry.title, None, entry.author, entry))
        done.things.append(_of("entry", entry.id, entry.author_id))
        entry.hidden_at = now()
    for reply in await _held_there(session, host):
        authors.setdefault(reply.author_id, Author("", None, reply.author, reply))
        done.things.append(_of("reply", reply.id, reply.author_id))
        await answers.hide(session, services, reply)
        await board.take_back(session, services, reply)
    done.authors = list(authors.values())
    await session.flush()
    await peers.silence(session, services, host)
    return done


async def _held_there(session: AsyncSession, host: str) -> list[Reply]:
    query = (
        select(Reply)
        .join(Actor, Actor.id == Reply.author_id)
        .where(*cards.held_replies(), Actor.authority == host)
    )
    return list(await session.scalars(query.options(selectinload(Reply.author))))


def _of(about: str, thing_id: UUID, actor_id: UUID) -> Decided:
    return Decided(about=about, thing_id=thing_id, before="held", actor_id=actor_id)
