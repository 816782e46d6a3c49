"""From a draft to the board (SETTLED 23).

After the button in the letter it stands on the hub at once, for those who live here; an hour
later, or when a steward nods, for everybody who was chosen. A hub may hold everything until a nod,
and does so by itself when no steward looked in for a week (SECURITY G1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from hub.core.clock import now
from hub.core.errors import Gone, NotFound
from hub.core.services import Services
from hub.core.words import filled, later
from hub.entries import newcomers, tending
from hub.entries.models import Entry, Picture
from hub.entries.schemas import EntryDraft
from hub.entries.visibility import HUB, PRIVATE, PUBLIC
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import notices, secrets
from hub.people import service as people
from hub.people.models import ApiToken, Person, Submission
from hub.people.notices import Notice
from hub.people.permissions import MAY
from hub.people.submissions import DRAFT_LASTS, PASSED, REFUSED, WITHDRAWN, of_entry
from hub.posting.kinds import KINDS
from hub.web.doors import Role
from hub.web.forms import Form

RELEASED_AFTER: Final = timedelta(hours=1)
AWAY_AFTER: Final = timedelta(days=7)  # nobody looks in: then everything waits

# Nobody else needs to hear of what is over before they could.
OVER: Final = frozenset({"done", "withdrawn", "expired", "cancelled"})

EXPIRED: Final = (
    "This draft is no longer here: drafts are kept for two days. Please write it again."
)


@dataclass(frozen=True, slots=True)
class Preview:
    """How an entry will look: the entry as neighbours see it, the object as other servers do."""

    entry: Entry
    document: dict[str, Any]


class _Undone(Exception):
    """Lets a transaction be forgotten that only served to look."""


async def preview(services: Services, row: Submission) -> Preview:
    """The draft as it would stand, by the same way as in earnest; nothing of it is kept.

    Raises:
        Invalid: it no longer makes sense.
    """
    found: Preview | None = None
    try:
        async with services.db.write() as session:
            draft = await _draft(session, services, row, visibility=PUBLIC)
            entry = await KINDS[row.kind].publish(session, services, draft, None)
            entry.visibility = row.visibility
            found = Preview(entry, orjson.loads(entry.document or b"{}"))
            session.expunge_all()
            raise _Undone
    except _Undone:
        assert found is not None  # noqa: S101 - set just before
        return found


async def write_letter(
    session: AsyncSession, services: Services, row: Submission, email: str, language: str = ""
) -> None:
    """A letter with the link that publishes the draft, and later changes what became of it.

    `language` is what its writer speaks.
    """
    secret = secrets.new_link()
    row.link_digest = secrets.digest(secret)
    row.email = email
    row.expires_at = now() + DRAFT_LASTS
    settings = services.settings
    title = (row.fields.get("title") or [""])[-1]
    letter = Letter(
        to=email,
        subject=filled("Your post at {hub}: press once to publish it", hub=settings.name),
        lines=(
            filled(
                "“{title}” waits for you. Press the button, and it stands on the board.",
                title=title,
            ),
            later(
                "Keep this letter: by the same link you change it later, say that it is settled, "
                "or take it away. It was not you? Then just ignore this letter."
            ),
        ),
        link=f"{settings.url}/mine/{secret}",
        button=later("See it and publish it"),
        language=language,
    )
    await outbox.put(session, services, letter, lasts=DRAFT_LASTS)


async def by_link(session: AsyncSession, secret: str, *, lock: bool = False) -> Submission:
    """What the link of a letter is about.

    Raises:
        Gone: there is no such link any more.
    """
    query = select(Submission).where(Submission.link_digest == secrets.digest(secret))
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None or (row.confirmed_at is None and row.expires_at <= now()):
        raise Gone(EXPIRED)
    return row


async def confirm(
    session: AsyncSession, services: Services, row: Submission, person: Person
) -> Entry:
    """Publish the draft as this person's; how far depends on who they are, and on the hub.

    Raises:
        Invalid: it no longer makes sense, such as a day that is over.
    """
    trusted = "post" in MAY[_role(person)]
    held = not trusted and await is_held(session, services, person)
    chosen = row.visibility
    first = chosen if trusted or chosen == PRIVATE else PRIVATE if held else HUB
    draft = await _draft(session, services, row, visibility=first)
    entry = await KINDS[row.kind].publish(session, services, draft, person.id)
    row.person_id, row.entry_id = person.id, entry.id
    row.fields, row.picture_id = {}, None
    row.confirmed_at = now()
    if first == chosen:
        row.verdict, row.decided_at = PASSED, row.confirmed_at
    elif not held:
        row.release_at = row.confirmed_at + RELEASED_AFTER
        await enqueue(
            session,
            release,
            key=f"release:{row.id}",
            run_at=row.release_at,
            submission_id=str(row.id),
        )
    await session.flush()
    return entry


async def is_held(session: AsyncSession, services: Services, person: Person | None) -> bool:
    """Whether what a guest posts now is seen by nobody before a moderator nods."""
    if services.settings.hold_posts or await stewards_are_away(session):
        return True
    return person is not None and await _posts_too_much(session, services, person)


async def _posts_too_much(session: AsyncSession, services: Services, person: Person) -> bool:
    """Whether somebody of whom no moderator let anything stand yet posted enough today."""
    theirs = Submission.person_id == person.id
    known = theirs & (Submission.verdict == PASSED) & Submission.decided_by.is_not(None)
    if await session.scalar(select(Submission.id).where(known).limit(1)) is not None:
        return False
    today = theirs & (Submission.confirmed_at > now() - newcomers.DAY)
    count = await session.scalar(select(func.count(Submission.id)).where(today))
    return (count or 0) >= services.settings.guest_posts


async def reader_of(session: AsyncSession, row: Submission) -> Person:
    """The person behind a link; who is new becomes a guest.

    Raises:
        Gone: they are shut out.
    """
    if row.confirmed_at is not None and row.person_id is not None:
        person = await session.get_one(Person, row.person_id)
    elif row.email is not None:
        person = await people.with_email(session, row.email)
    else:
        raise Gone(EXPIRED)
    if person.disabled_at is not None:
        raise Gone(EXPIRED)
    return person


async def stewards_are_away(session: AsyncSession) -> bool:
    """Whether nobody who looks after this hub was here for a week."""
    by_token = exists().where(ApiToken.person_id == Person.id)
    query = select(func.max(Person.last_seen_at)).where(
        Person.role.in_(("steward", "moderator")), Person.disabled_at.is_(None), ~by_token
    )
    last: datetime | None = await session.scalar(query)
    return last is None or last <= now() - AWAY_AFTER


async def waiting(session: AsyncSession, most: int) -> list[tuple[UUID, datetime]]:
    """What waits for a nod, the oldest first: ids of submissions, and since when."""
    query = (
        select(Submission.id, Submission.confirmed_at)
        .join(Entry, Entry.id == Submission.entry_id)
        .where(*_undecided())
        .order_by(Submission.confirmed_at)
        .limit(most)
    )
    return [(row.id, row.confirmed_at) for row in await session.execute(query)]


async def one_waiting(
    session: AsyncSession, submission_id: UUID
) -> tuple[Submission, Entry, Person] | None:
    """How one of them came, what it is, and whose; None if it waits no more."""
    query = (
        select(Submission, Entry, Person)
        .join(Entry, Entry.id == Submission.entry_id)
        .join(Person, Person.id == Submission.person_id)
        .where(Submission.id == submission_id, *_undecided())
        .options(joinedload(Entry.picture), joinedload(Entry.author))
    )
    found = (await session.execute(query)).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def pass_on(
    session: AsyncSession, services: Services, submission_id: UUID, by: UUID | None = None
) -> None:
    """Let it be seen by those who were chosen for it; `by` is the steward, None the clock.

    Raises:
        NotFound: it waits no more.
    """
    row, entry = await _undecided_one(session, submission_id)
    _decide(row, PASSED, by)
    if entry.visibility == row.visibility:
        return  # it stands already: its author changed it, and that was looked at
    await KINDS[row.kind].show_to(session, services, entry.id, row.visibility)
    if row.release_at is None and row.person_id is not None:
        words = (filled("“{title}” stands on the board now.", title=entry.title),)
        subject = later("Your post is published")
        told = Notice("post", subject, words, entry.path, unsubscribe=False)
        await notices.tell(session, services, row.person_id, told)


async def refuse(
    session: AsyncSession, services: Services, submission_id: UUID, by: UUID | None
) -> Entry:
    """Take it off the board. It is kept, out of sight, in case that was a mistake.

    Raises:
        NotFound: it waits no more.
    """
    row, entry = await _undecided_one(session, submission_id)
    _decide(row, REFUSED, by)
    return await tending.take_down(session, services, entry.id)


async def stop_clock(session: AsyncSession, entry_id: UUID) -> None:
    """Nobody more sees it by the clock alone: it waits until a moderator decides."""
    row = await of_entry(session, entry_id)
    if row is not None and row.verdict is None:
        row.release_at = None


async def reconsider(session: AsyncSession, entry: Entry, visibility: str) -> None:
    """Whatever was decided: it waits again, seen by those who saw it then."""
    row = await of_entry(session, entry.id)
    if row is not None:
        row.verdict = row.decided_at = row.decided_by = None
        entry.visibility = visibility


@job("posting.release")
async def release(run: Run, submission_id: str) -> None:
    """The hour is over: everybody may see it, unless a steward decided before."""
    async with run.finish() as session:
        row = await session.get(Submission, UUID(submission_id), with_for_update=True)
        if row is None or row.verdict is not None or row.entry_id is None:
            return
        if row.release_at is None:
            return  # a moderator asked its author something, and decides
        entry = await session.get_one(Entry, row.entry_id)
        if entry.deleted_at is not None or entry.hidden_at is not None:
            return
        if entry.status in OVER:
            _decide(row, WITHDRAWN, None)
            return
        await pass_on(session, run.services, row.id)


async def _draft(
    session: AsyncSession, services: Services, row: Submission, *, visibility: str
) -> EntryDraft:
    picture = await session.get(Picture, row.picture_id) if row.picture_id else None
    form = Form({name: tuple(said) for name, said in row.fields.items()})
    draft = KINDS[row.kind].draft(form, services.settings.timezone, picture)
    return draft.model_copy(update={"visibility": visibility})


def _undecided() -> tuple[Any, ...]:
    return (
        Submission.confirmed_at.is_not(None),
        Submission.verdict.is_(None),
        Submission.visibility != PRIVATE,  # whoever may see it looks at it anyway
        Entry.deleted_at.is_(None),
        Entry.hidden_at.is_(None),
    )


async def _undecided_one(session: AsyncSession, submission_id: UUID) -> tuple[Submission, Entry]:
    row = await session.get(Submission, submission_id, with_for_update=True)
    if row is None or row.verdict is not None or row.entry_id is None:
        raise NotFound("This waits no more. Perhaps another steward was quicker.")
    return row, await session.get_one(Entry, row.entry_id)


def _decide(row: Submission, verdict: str, by: UUID | None) -> None:
    row.verdict, row.decided_at, row.decided_by = verdict, now(), by


def _role(person: Person) -> Role:
    return person.role  # type: ignore[return-value] # `permissions.ROLES` are all there are
