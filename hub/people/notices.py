"""The one way to tell a person something that concerns them: by letter, now or once a week.

    await notices.tell(session, services, person.id, Notice(
        kind="match",
        subject="Somebody offers a ladder",
        lines=("A neighbour 400 m away lends one.",),
        path=f"/wants/{want.id}",
    ))

It is told if the caller's transaction is kept. Whoever has no e-mail address, wants no letters or
is barred is told nothing. The same words about the same thing are said once; in a weekly letter
each thing stands once, with its newest words.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, get_args
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.core.text import tidy
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import secrets
from hub.people.models import Person, Told

When = Literal["now", "weekly", "none"]
WHEN: Final[tuple[When, ...]] = get_args(When)

LOOK: Final = "Look at it"
REMEMBERED: Final = timedelta(days=90)  # how long the same words are not said again


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: `lines` are paragraphs, `path` is where on this hub it can be seen.

    `kind` is a word such as match, reply or moderation. `unsubscribe` False is for what people
    must know whatever they chose, such as what became of their own post: it goes at once.
    """

    kind: str
    subject: str
    lines: tuple[str, ...]
    path: str
    unsubscribe: bool = True


async def tell(session: AsyncSession, services: Services, person_id: UUID, notice: Notice) -> None:
    """Tell a person, in the way that they chose."""
    person = await session.get(Person, person_id)
    if person is None or person.email is None or person.disabled_at is not None:
        return
    if notice.unsubscribe and person.notices == "none":
        return
    row = _row(person_id, notice)
    if await _was_told(session, row):
        return
    if not notice.unsubscribe or person.notices == "now":
        row.told_at = row.created_at
        await outbox.put(session, services, _letter(person, services, notice))
    else:
        waits = (Told.person_id == person_id, Told.item == row.item, Told.told_at.is_(None))
        await session.execute(delete(Told).where(*waits))
    session.add(row)
    await session.flush()


def stop_address(person: Person, url: str) -> str:
    """Where this person ends letters by one tap, without signing in; `url` is our origin."""
    if person.stop_secret is None:
        person.stop_secret = secrets.new_link()
    return f"{url}/unsubscribe/{person.stop_secret}"


async def choose(session: AsyncSession, person: Person, when: str) -> None:
    """From now on they are told in this way; what waits for the weekly letter is kept for it."""
    person.notices = when if when in WHEN else "now"
    if person.notices == "none":
        person.letter_at = None
        waits = (Told.person_id == person.id, Told.told_at.is_(None))
        await session.execute(delete(Told).where(*waits))


async def by_stop_secret(session: AsyncSession, secret: str) -> Person | None:
    """Whose letters this address ends."""
    if not secrets.is_plausible(secret):
        return None
    return await session.scalar(select(Person).where(Person.stop_secret == secret))


async def forget_old(session: AsyncSession) -> None:
    """Delete what was told long ago."""
    await session.execute(delete(Told).where(Told.created_at <= now() - REMEMBERED))


def _row(person_id: UUID, notice: Notice) -> Told:
    words = "\n".join((notice.subject, *notice.lines))
    return Told(
        person_id=person_id,
        item=f"{notice.kind} {notice.path}",
        digest=hashlib.sha256(words.encode()).hexdigest(),
        subject=tidy(notice.subject),
        lines=list(notice.lines),
        path=notice.path,
        created_at=now(),
        told_at=None,
    )


async def _was_told(session: AsyncSession, row: Told) -> bool:
    same = (Told.person_id == row.person_id, Told.item == row.item, Told.digest == row.digest)
    return await session.scalar(select(Told.id).where(*same).limit(1)) is not None


def _letter(person: Person, services: Services, notice: Notice) -> Letter:
    url = services.settings.url
    return Letter(
        to=person.email or "",
        subject=notice.subject,
        lines=notice.lines,
        link=url + notice.path,
        button=LOOK,
        unsubscribe=stop_address(person, url) if notice.unsubscribe else "",
    )
