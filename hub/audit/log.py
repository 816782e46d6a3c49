"""The one place through which everything that is done to the hub is written down.

A line is written in the transaction of the act itself: both are kept, or neither. Who does it is
noted once, where a request or a command comes in (`doing`), and nobody has to hand it on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import chain
from hub.audit.models import Act
from hub.core.clock import now

HEAD: Final = "audit log"
PER_PAGE: Final = 50

Way = Literal["page", "api", "command"]
Deed = Literal[
    "server", "list taken", "list undone", "mode", "followed", "unfollowed", "follower removed",
    "role", "shut out", "let in", "entrusted", "distrusted", "token", "link", "link withdrawn",
    "decision", "author asked", "rules", "look", "setting", "entry changed", "entry deleted",
    "entry hidden", "entry shown", "merged", "parted", "words", "area made", "area changed",
    "area ended", "reply hidden", "reply shown", "reply answered", "imported", "import undone",
    "calendar added", "calendar stopped", "mail retried", "restored", "closing", "stays open",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Doer:
    """Who does something, and by which way they came."""

    person_id: UUID | None
    way: Way


_doer: ContextVar[Doer | None] = ContextVar("doer", default=None)


def doing(person_id: UUID | None, way: Way) -> None:
    """From here on, in this request or command, it is they who do things."""
    _doer.set(Doer(person_id, way))


@contextmanager
def by_command() -> Iterator[None]:
    """What is done in this block, a command began."""
    before = _doer.set(Doer(None, "command"))
    try:
        yield
    finally:
        _doer.reset(before)


async def note(
    session: AsyncSession, deed: Deed, about: object = "", **details: str | int | bool
) -> None:
    """Write down what is done in this transaction; `details` hold no names or words of people.

    What the hub does by itself, and what people do with their own things, is no act.
    """
    doer = _doer.get()
    if doer is None:
        return
    previous = await chain.turn(session, HEAD)
    row = Act(
        at=now().replace(microsecond=0),
        by_id=doer.person_id,
        way=doer.way,
        deed=deed,
        about=str(about),
        details=dict(sorted(details.items())),
        previous=previous,
    )
    row.digest = _digest(row)
    await chain.close(session, HEAD, row.digest)
    session.add(row)
    await session.flush()


async def note_of_others(
    session: AsyncSession, deed: Deed, owner_id: UUID | None, about: object, **details: str
) -> None:
    """The same, where somebody changes what is not their own; their own things are no act."""
    doer = _doer.get()
    if doer is not None and doer.person_id not in {None, owner_id}:
        await note(session, deed, about, **details)


def _digest(row: Act) -> str:
    by = row.by_id and str(row.by_id)
    said = (row.previous, row.at.timestamp(), by, row.way, row.deed, row.about)
    return chain.digest(*said, sorted(row.details.items()))


async def broken_at(session: AsyncSession) -> int | None:
    """The first line that does not follow from those before; 0: the end is missing; None: whole."""
    before = ""
    async for row in await session.stream_scalars(select(Act).order_by(Act.id)):
        if row.previous != before or row.digest != _digest(row):
            return row.id
        before = row.digest
    return None if before == await chain.head(session, HEAD) else 0


async def listed(
    session: AsyncSession,
    *,
    deed: str = "",
    by: UUID | None = None,
    about: str = "",
    before: int | None = None,
    limit: int = PER_PAGE,
) -> Sequence[Act]:
    """Lines, the newest first: of a deed, of a person, about something, older than one."""
    query: Select[Act] = select(Act).order_by(Act.id.desc()).limit(limit)
    if deed:
        query = query.where(Act.deed == deed)
    if by is not None:
        query = query.where(Act.by_id == by)
    if about:
        query = query.where(Act.about == about)
    if before is not None:
        query = query.where(Act.id < before)
    return (await session.scalars(query)).all()
