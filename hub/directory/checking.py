"""Is it still true, and whose is it: asking those who must know, and taking their word.

A link in a letter answers without signing in. What it opens is one button; only a secret's digest
is kept, and it works once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, Gone, NotFound
from hub.core.services import Services
from hub.core.words import filled, later
from hub.directory import service
from hub.directory.models import Claim, Record
from hub.entries import queries as entries
from hub.entries.visibility import standing
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import notices, secrets
from hub.people.models import Person
from hub.people.notices import Notice

STALE: Final = timedelta(days=180)  # after which somebody should look
AGAIN: Final = timedelta(days=14)  # before the same contact is asked once more
LASTS: Final = timedelta(days=60)  # a link in a letter
MOST_SHOWN: Final = 200

SPENT: Final = later("This link was used already, or is too old. Thank you all the same.")
STILL_TRUE: Final = later("Is this still true? {title}")
LISTED: Final = later("“{title}” is listed at {hub}, with this address as its contact: {address}")
PLEASE_LOOK: Final = later(
    "Please look at it. If all of it is still true, press the button; you need no account. "
    "If something has changed, just answer this letter or tell a steward."
)
SAY_YES: Final = later("Have a look, and say yes")
WHOSE: Final = later("Who looks after “{title}”?")
THEY_SAY: Final = later(
    "{name} says that they look after “{title}” at {hub}, which lists this address: {address}"
)
SOMEBODY_SAYS: Final = later(
    "Somebody says that they look after “{title}” at {hub}, which lists this address: {address}"
)
IF_RIGHT: Final = later(
    "If that is right, press the button, and they can change it. Else just ignore this letter."
)
YOURS: Final = later("“{title}” is yours to look after")
ABOUT: Final = later("About “{title}”")
CHANGE_IT: Final = later("You can change it from now on.")
NOT_CONFIRMED: Final = later(
    "It was not confirmed that you look after it. A steward can tell you more."
)


async def stale(session: AsyncSession, moment: datetime) -> Sequence[Record]:
    """Records of ours that nobody has looked at for long, the oldest first."""
    query = select(Record).where(
        Record.origin == "", standing(), Record.happens_at < moment - STALE
    )
    return (await session.scalars(query.order_by(Record.happens_at).limit(MOST_SHOWN))).all()


async def ours(session: AsyncSession, record_id: UUID) -> Record:
    """A record of ours, to be changed.

    Raises:
        NotFound: there is none.
    """
    query = select(Record).where(Record.id == record_id, Record.origin == "", standing())
    found = await session.scalar(query.options(*entries.whole(Record)).with_for_update(of=Record))
    if found is None:
        raise NotFound("There is no such place or organisation here.")
    return found


async def ask(session: AsyncSession, services: Services, record: Record) -> bool:
    """Write to whoever looks after a record; False if nobody can be reached, or was just asked."""
    moment = now()
    if record.asked_at is not None and record.asked_at > moment - AGAIN:
        return False
    owner = None if record.owner_id is None else await session.get(Person, record.owner_id)
    to = (owner.email if owner is not None and owner.disabled_at is None else None) or record.email
    if not to:
        return False
    secret = secrets.new_link()
    record.asked_at, record.asked_digest = moment, secrets.digest(secret)
    settings = services.settings
    letter = Letter(
        to=to,
        subject=filled(STILL_TRUE, title=record.title),
        lines=(
            filled(
                LISTED,
                title=record.title,
                hub=settings.name,
                address=f"{settings.url}{record.path}",
            ),
            PLEASE_LOOK,
        ),
        link=f"{settings.url}/still-true/{secret}",
        button=SAY_YES,
    )
    await outbox.put(session, services, letter, lasts=LASTS)
    return True


async def asked(session: AsyncSession, secret: str) -> Record:
    """The record that a letter asked about.

    Raises:
        Gone: the link was used, or is too old.
    """
    if secrets.is_plausible(secret):
        query = select(Record).where(Record.asked_digest == secrets.digest(secret), standing())
        found = await session.scalar(query.options(*entries.whole(Record)))
        if found is not None and found.asked_at is not None and found.asked_at > now() - LASTS:
            return found
    raise Gone(SPENT)


async def claim(
    session: AsyncSession, services: Services, record: Record, person: UUID, words: str
) -> bool:
    """Somebody says that a record is theirs; True if a letter went to the address it lists.

    Raises:
        Conflict: it is theirs already, or they said so before.
    """
    if record.owner_id == person:
        raise Conflict("You look after this already.")
    query = select(Claim).where(Claim.record_id == record.id, Claim.person_id == person)
    row = await session.scalar(query)
    if row is not None and row.outcome is None:
        raise Conflict("You have said so already. A steward looks at it.")
    if row is None:
        row = Claim(record_id=record.id, person_id=person)
        session.add(row)
    row.words, row.created_at, row.decided_at, row.outcome = words, now(), None, None
    row.digest = None
    if not record.email:
        return False
    secret = secrets.new_link()
    row.digest = secrets.digest(secret)
    who = await session.get_one(Person, person)
    settings = services.settings
    letter = Letter(
        to=record.email,
        subject=filled(WHOSE, title=record.title),
        lines=(
            filled(
                THEY_SAY if who.name else SOMEBODY_SAYS,
                name=who.name,
                title=record.title,
                hub=settings.name,
                address=f"{settings.url}{record.path}",
            ),
            IF_RIGHT,
        ),
        link=f"{settings.url}/claims/{secret}",
        button=SAY_YES,
    )
    await outbox.put(session, services, letter, lasts=LASTS)
    return True


async def claims(session: AsyncSession) -> list[tuple[Claim, Record, Person]]:
    """What people say is theirs and nobody has decided, the oldest first."""
    query = (
        select(Claim, Record, Person)
        .join(Record, Record.id == Claim.record_id)
        .join(Person, Person.id == Claim.person_id)
        .where(Claim.outcome.is_(None), standing())
        .order_by(Claim.created_at)
        .limit(MOST_SHOWN)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(query)]


async def claim_of(session: AsyncSession, secret: str) -> tuple[Claim, Record, Person]:
    """What a letter asked: who says that they look after what.

    Raises:
        Gone: the link was used, or is too old.
    """
    if secrets.is_plausible(secret):
        query = select(Claim).where(
            Claim.digest == secrets.digest(secret),
            Claim.outcome.is_(None),
            Claim.created_at > now() - LASTS,
        )
        row = await session.scalar(query)
        if row is not None:
            record = await session.get(Record, row.record_id)
            person = await session.get(Person, row.person_id)
            if record is not None and record.deleted_at is None and person is not None:
                return row, record, person
    raise Gone(SPENT)


async def decide(session: AsyncSession, services: Services, claim_id: UUID, *, yes: bool) -> Record:
    """Let somebody look after a record from now on, or not; they are told.

    Raises:
        NotFound: there is no such claim.
        Conflict: it was decided before.
    """
    row = await session.get(Claim, claim_id, with_for_update=True)
    if row is None:
        raise NotFound("There is nothing to decide here.")
    if row.outcome is not None:
        raise Conflict("This was decided already.")
    record = await ours(session, row.record_id)
    row.decided_at, row.outcome, row.digest = now(), "yes" if yes else "no", None
    if yes:
        record.owner_id = row.person_id
    await audit.note(session, "claim decided", record.id, person=str(row.person_id), yes=yes)
    told = Notice(
        "reply",
        filled(YOURS if yes else ABOUT, title=record.title),
        (CHANGE_IT if yes else NOT_CONFIRMED,),
        record.path,
    )
    await notices.tell(session, services, row.person_id, told)
    return record


async def answered(session: AsyncSession, services: Services, secret: str) -> Record:
    """The button behind a letter was pressed: it is still true.

    Raises:
        Gone: the link was used, or is too old.
    """
    record = await asked(session, secret)
    await service.confirm(session, services, record)
    return record


async def count(session: AsyncSession, moment: datetime) -> int:
    """How much waits for an editor: what is stale, and what is claimed."""
    old = select(func.count(Record.id)).where(
        Record.origin == "", standing(), Record.happens_at < moment - STALE
    )
    waiting = select(func.count(Claim.id)).where(Claim.outcome.is_(None))
    return (await session.scalar(old) or 0) + (await session.scalar(waiting) or 0)
