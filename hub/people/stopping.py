"""Choosing how one is told, and ending letters by one tap (RFC 8058).

The address in a letter ends letters of its kind; the page behind it offers to end them all.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.people import notices, secrets
from hub.people.models import KeptSearch, Person
from hub.people.notices import SORTS, WHEN

ALL: Final = "all"
LETTER: Final = "letter"  # the one about the neighbourhood, on Fridays
WEEKLY: Final = "weekly"  # the one of what concerns somebody, once a week
SEARCH: Final = "search"
ENDS: Final = (*SORTS, LETTER, WEEKLY, ALL)


async def choose(
    session: AsyncSession, person: Person, when: str, channels: dict[str, str] | None = None
) -> None:
    """From now on they are told in this way, and some sorts of notices otherwise.

    What waits for the weekly letter is kept for it, unless they want none.
    """
    person.notices = when if when in WHEN else "now"
    given = channels or {}
    person.channels = {sort: given[sort] for sort in SORTS if given.get(sort) in WHEN}
    for sort in SORTS:
        if sort != SEARCH and person.channels.get(sort, person.notices) == "none":
            await notices.forget_waiting(session, person.id, sort)


async def stop(session: AsyncSession, person: Person, what: str) -> None:
    """No more letters of this kind; `what` is one of ENDS."""
    if what in {LETTER, ALL}:
        person.letter_at = None
    if what == ALL:
        await choose(session, person, "none")
    elif what == WEEKLY:
        before = {sort: person.channels.get(sort, person.notices) for sort in SORTS}
        await choose(
            session,
            person,
            "none" if person.notices == "weekly" else person.notices,
            {sort: "none" if when == "weekly" else when for sort, when in before.items()},
        )
    elif what in SORTS and what != SEARCH:
        await choose(session, person, person.notices, {**person.channels, what: "none"})
    if what in {SEARCH, WEEKLY, ALL}:
        await _hush_searches(session, person, weekly=what == WEEKLY)


async def is_stopped(session: AsyncSession, person: Person, what: str) -> bool:
    """Whether no letters of this kind go to them as it is."""
    ways = {sort: person.channels.get(sort, person.notices) for sort in SORTS if sort != SEARCH}
    searches = set(
        await session.scalars(select(KeptSearch.told).where(KeptSearch.person_id == person.id))
    )
    quiet = {"none"}
    return {
        LETTER: person.letter_at is None,
        SEARCH: searches <= quiet,
        WEEKLY: "weekly" not in {*ways.values(), *searches},
        ALL: person.letter_at is None and {*ways.values(), *searches} <= quiet,
    }.get(what, ways.get(what) == "none")


async def by_stop_secret(session: AsyncSession, secret: str) -> Person | None:
    """Whose letters this address ends."""
    if not secrets.is_plausible(secret):
        return None
    return await session.scalar(select(Person).where(Person.stop_secret == secret))


async def _hush_searches(session: AsyncSession, person: Person, *, weekly: bool) -> None:
    """Of what they keep nothing is told any more; `weekly`: what was told once a week."""
    mine = update(KeptSearch).where(KeptSearch.person_id == person.id)
    if weekly:
        mine = mine.where(KeptSearch.told == "weekly")
    await session.execute(mine.values(told="none"))
    await notices.forget_waiting(session, person.id, SEARCH)
