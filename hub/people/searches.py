"""The searches and filtered lists that people keep. What is new in them `browse.keeping` tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.services import Services
from hub.core.text import tidy
from hub.core.words import later
from hub.jobs.retention import clock, let_go
from hub.people import notices
from hub.people.models import KeptSearch, Person, SearchHit
from hub.people.notices import WHEN

MOST_KEPT: Final = 20  # by one person
LONGEST_NAME: Final = 60
REMEMBERED: Final = timedelta(days=60)
FULL: Final = later("You keep 20 searches already. Take one away on your page first.")


async def keep(
    session: AsyncSession, person_id: UUID, name: str, path: str, query: str
) -> KeptSearch:
    """Keep the search of this address; one that is kept already stays as it is.

    Raises:
        Conflict: they keep as many as they may.
    """
    # Their row is taken first: else two at once would each find room for one more.
    await session.get_one(Person, person_id, with_for_update=True)
    theirs = KeptSearch.person_id == person_id
    same = (theirs, KeptSearch.path == path, KeptSearch.query == query)
    known = await session.scalar(select(KeptSearch).where(*same))
    if known is not None:
        return known
    if (await session.scalar(select(func.count()).where(theirs)) or 0) >= MOST_KEPT:
        raise Conflict(FULL)
    row = KeptSearch(person_id=person_id, name=_name(name), path=path, query=query)
    session.add(row)
    await session.flush()
    return row


async def of(session: AsyncSession, person_id: UUID) -> Sequence[KeptSearch]:
    """What a person keeps, in the order in which they began to."""
    query = select(KeptSearch).where(KeptSearch.person_id == person_id)
    return (await session.scalars(query.order_by(KeptSearch.created_at, KeptSearch.id))).all()


async def change(
    session: AsyncSession, person_id: UUID, search_id: UUID, name: str, told: str
) -> None:
    """Call it otherwise, and be told otherwise of it; an empty name changes nothing.

    Raises:
        NotFound: they keep no such search.
        Invalid: there is no such way to be told.
    """
    row = await _own(session, person_id, search_id)
    if told not in WHEN:
        raise Invalid("Choose: not at all, once a week, or at once.", {"told": "is none of these"})
    row.name = _name(name) or row.name
    if row.told == "none" != told:
        # What came while they did not want to know stays untold.
        row.since = row.looked_at = now()
    row.told = told


async def remove(session: AsyncSession, person_id: UUID, search_id: UUID) -> None:
    """Keep it no more.

    Raises:
        NotFound: they keep no such search.
    """
    await session.delete(await _own(session, person_id, search_id))


@clock(
    "people.search_hits",
    "what was told of a kept search",
    kept=REMEMBERED,
    since="it was told",
)
async def forget_hits(services: Services) -> int:
    """What was told so long ago that it cannot be new any more."""
    return await let_go(services, SearchHit, SearchHit.told_at <= now() - REMEMBERED)


async def forget(session: AsyncSession, person_id: UUID) -> None:
    """They left: nothing says any more what they looked for."""
    await session.execute(delete(KeptSearch).where(KeptSearch.person_id == person_id))
    await notices.forget_waiting(session, person_id, "search")


async def _own(session: AsyncSession, person_id: UUID, search_id: UUID) -> KeptSearch:
    row = await session.get(KeptSearch, search_id, with_for_update=True)
    if row is None or row.person_id != person_id:
        raise NotFound("You keep no such search.")
    return row


def _name(name: str) -> str:
    return tidy(name)[:LONGEST_NAME]
