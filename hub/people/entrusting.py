"""To whom what is private is entrusted: stewards who are named; all, where none is (T11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, NotFound
from hub.entries.visibility import Viewer
from hub.people.models import Entrusting, Person
from hub.web.doors import Role

MOST_SHOWN: Final = 20  # of the log, on the page


async def is_entrusted(session: AsyncSession, person: Person, role: Role) -> bool:
    """Whether what is private is shown to them: stewards who are named; all, where none is."""
    if role != "steward" or person.entrusted_at is not None:
        return role == "steward"
    named = select(Person.id).where(
        Person.role == "steward", Person.entrusted_at.is_not(None), Person.disabled_at.is_(None)
    )
    return await session.scalar(named.limit(1)) is None


async def viewer(session: AsyncSession, person: Person) -> Viewer:
    """A person as one who reads entries, when they are not here themselves."""
    role = cast(Role, person.role)
    return Viewer(person.id, role, await is_entrusted(session, person, role))


async def changes(session: AsyncSession) -> Sequence[tuple[Entrusting, str, str | None]]:
    """Who was named for what is private or no longer, and by whom; the newest first."""
    one, by = aliased(Person), aliased(Person)
    query = (
        select(Entrusting, one.name, by.name)
        .join(one, one.id == Entrusting.person_id)
        .outerjoin(by, by.id == Entrusting.by_id)
        .order_by(Entrusting.at.desc(), Entrusting.id)
        .limit(MOST_SHOWN)
    )
    return [(row, name, by_name) for row, name, by_name in (await session.execute(query)).all()]


async def name(
    session: AsyncSession, person_id: UUID, *, named: bool, by: UUID | None = None
) -> None:
    """Name a steward as one to whom private wants are shown, or no longer; it is logged.

    Raises:
        NotFound: there is no such person.
        Conflict: they are no steward.
    """
    person = await session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person here.")
    if person.role != "steward" or person.disabled_at is not None:
        raise Conflict("Only stewards can look after private wants.")
    if named != (person.entrusted_at is not None):
        person.entrusted_at = now() if named else None
        session.add(Entrusting(person_id=person_id, by_id=by, named=named))
        await audit.note(session, "entrusted" if named else "distrusted", person_id)
