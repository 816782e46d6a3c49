"""The one way to tell a person something that concerns them: by letter, and on their phones.

    await notices.tell(session, services, person.id, Notice(
        kind="match",
        subject="Somebody offers a ladder",
        lines=("A neighbour 400 m away lends one.",),
        path=f"/wants/{want.id}",
    ))

It is told if the caller's transaction is kept. How is what the person chose, for all sorts of
notices or for this one; whoever is barred is told nothing. The same words about the same thing are
said once; in a weekly letter each thing stands once, with its newest words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal, get_args
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.text import tidy
from hub.core.words import choose, filled, later, say, speaking
from hub.jobs.retention import clock, let_go
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import phones, secrets
from hub.people.models import Person, Told

When = Literal["now", "weekly", "none"]
WHEN: Final[tuple[When, ...]] = get_args(When)

# The sorts of notices that people choose for; whatever is named nowhere is of the last one.
SORTS: Final[dict[str, frozenset[str]]] = {
    "match": frozenset({"match"}),
    "talk": frozenset({"request", "message"}),
    "search": frozenset({"search"}),
    "queue": frozenset({"queue"}),
    "rest": frozenset(),
}

LOOK: Final = later("Look at it")
REMEMBERED: Final = timedelta(days=90)  # how long the same words are not said again


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: `lines` are paragraphs, `path` is where on this hub it can be seen.

    Words are messages (`later`, `filled`, `as_written`), and said in the person's language.
    `kind` is a word such as match, reply or moderation. `unsubscribe` False is for what people
    must know whatever they chose, such as what became of their own post: it goes at once. `when`
    is how it goes where that was chosen for this very thing; `stop` the path of a page that ends
    letters about it alone.
    """

    kind: str
    subject: str
    lines: tuple[str, ...]
    path: str
    unsubscribe: bool = True
    when: When | None = None
    stop: str = ""


async def tell(session: AsyncSession, services: Services, person_id: UUID, notice: Notice) -> None:
    """Tell a person, in the way that they chose."""
    await tell_all(session, services, person_id, notice, (notice,))


async def tell_all(
    session: AsyncSession,
    services: Services,
    person_id: UUID,
    whole: Notice,
    parts: Sequence[Notice],
) -> None:
    """Tell several things at once: together as `whole`, or each in the weekly letter.

    Of one thing alone the subject is that of both.
    """
    person = await session.get(Person, person_id)
    if person is None or person.disabled_at is not None:
        return
    when = _letters(person, whole)
    rings = await _rings(session, person, whole)
    if when == "none" and not rings:
        return
    new = [part for part in parts if not await _was_told(session, _row(person_id, part))]
    if not new:
        return
    said, (first, *others) = whole, new
    if not others and first is not whole:
        both = filled("{what}: {which}", what=whole.subject, which=first.subject)
        said = replace(whole, subject=both, path=first.path)
    if when == "now":
        await outbox.put(session, services, _letter(person, services, said, new))
    with speaking(language_of(person, services.settings)):
        if rings:
            await phones.ring(session, services, person, say(said.subject), said.path)
        await _note(session, person_id, new, waits=when == "weekly")


def language_of(person: Person, settings: Settings) -> str:
    """The language in which a person is told things: theirs, else the hub's."""
    return choose(person.language, "", settings.language)


def sort_of(kind: str) -> str:
    """The sort that a kind of notice belongs to."""
    return next((sort for sort, kinds in SORTS.items() if kind in kinds), "rest")


def stop_address(person: Person, url: str, what: str) -> str:
    """Where this person ends letters of a kind by one tap, without signing in.

    `url` is our origin; `what` as in `stopping.ENDS`.
    """
    if person.stop_secret is None:
        person.stop_secret = secrets.new_link()
    return f"{url}/unsubscribe/{person.stop_secret}/{what}"


async def forget_waiting(session: AsyncSession, person_id: UUID, sort: str = "") -> None:
    """What waits for the weekly letter is not told any more; with a `sort`, only what is of it."""
    waits = select(Told).where(Told.person_id == person_id, Told.told_at.is_(None))
    for row in await session.scalars(waits):
        if not sort or sort_of(row.item.partition(" ")[0]) == sort:
            await session.delete(row)
    await session.flush()


@clock("people.notices", "what somebody was told by the hub", kept=REMEMBERED, since="it was told")
async def forget_told(services: Services) -> int:
    """What was told long ago."""
    return await let_go(services, Told, Told.created_at <= now() - REMEMBERED)


def _letters(person: Person, notice: Notice) -> str:
    """Whether and when they get a letter about it."""
    if person.email is None:
        return "none"
    chosen = person.channels.get(sort_of(notice.kind)) or person.notices
    return (notice.when or chosen) if notice.unsubscribe else "now"


async def _rings(session: AsyncSession, person: Person, notice: Notice) -> bool:
    """Whether their phones tell of it, at once."""
    if sort_of(notice.kind) in person.hushed or notice.when not in {None, "now"}:
        return False
    return bool(await phones.of(session, person.id))


def _row(person_id: UUID, notice: Notice) -> Told:
    """What is told, in the language spoken now; whether it is the same is seen by the English."""
    words = "\n".join((notice.subject, *notice.lines))
    return Told(
        person_id=person_id,
        item=f"{notice.kind} {notice.path}",
        digest=hashlib.sha256(words.encode()).hexdigest(),
        subject=tidy(say(notice.subject)),
        lines=[say(line) for line in notice.lines],
        path=notice.path,
        created_at=now(),
        told_at=None,
    )


async def _note(
    session: AsyncSession, person_id: UUID, told: Sequence[Notice], *, waits: bool
) -> None:
    """Keep what was told, or what waits; there each thing stands once."""
    for notice in told:
        row = _row(person_id, notice)
        if waits:
            before = (Told.person_id == person_id, Told.item == row.item, Told.told_at.is_(None))
            await session.execute(delete(Told).where(*before))
        else:
            row.told_at = row.created_at
        session.add(row)
    await session.flush()


async def _was_told(session: AsyncSession, row: Told) -> bool:
    same = (Told.person_id == row.person_id, Told.item == row.item, Told.digest == row.digest)
    return await session.scalar(select(Told.id).where(*same).limit(1)) is not None


def _letter(person: Person, services: Services, whole: Notice, parts: Sequence[Notice]) -> Letter:
    url = services.settings.url
    several = len(parts) > 1
    stop = whole.stop and url + whole.stop
    if whole.unsubscribe and not stop:
        stop = stop_address(person, url, sort_of(whole.kind))
    return Letter(
        to=person.email or "",
        subject=whole.subject,
        lines=whole.lines,
        link=url + whole.path,
        button=LOOK,
        items=tuple((part.subject, url + part.path) for part in parts) if several else (),
        unsubscribe=stop,
        language=language_of(person, services.settings),
    )
