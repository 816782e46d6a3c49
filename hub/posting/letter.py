"""The weekly letter about the neighbourhood, for those who asked for it: what is on, what is new.

It goes on Fridays, before the weekend. With interests it holds only what has one of their words,
with an area only what is near, the nearest first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core import dates
from hub.core.clock import now
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.text import fold, tidy
from hub.core.words import Filled, filled, later, made, spoken
from hub.entries import places
from hub.entries.models import Entry
from hub.entries.schemas import on_earth
from hub.events import queries as events
from hub.events.models import Event
from hub.exchange import queries as exchange
from hub.exchange.schemas import snapped
from hub.jobs.registry import Run, job
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import entrusting
from hub.people.models import Person
from hub.people.notices import language_of, stop_address

E = TypeVar("E", bound=Entry)

FRIDAY: Final = 4
AT: Final = time(8)
AHEAD: Final = timedelta(days=9)  # until the end of the next week's weekend
BACK: Final = timedelta(days=7)
LOOKED_AT: Final = 100  # of each kind, of which interests choose
LOOKED_AT_AROUND: Final = 400  # and of which those near enough are chosen
MOST_ITEMS: Final = 12
MOST_INTERESTS: Final = 20
SAID: Final = {
    "offer": later("Offer: {title}"),
    "want": later("Want: {title}"),
    "article": later("News: {title}"),
    "place": later("Place: {title}"),
    "organisation": later("Organisation: {title}"),
}
NEW: Final = later("New: {title}")
LONGEST_INTEREST: Final = 40
DISTANCES_KM: Final = (1, 2, 5, 10, 25)
USUAL_M: Final = 5000
UNKNOWN: Final = later(
    "is not known here: take the name of a place where something is on the board"
)
_POINT: Final = re.compile(r"(-?\d{1,2}\.\d{1,6}), ?(-?\d{1,3}\.\d{1,6})")


def interests_of(entered: str) -> list[str]:
    """The words that somebody entered, with commas between them."""
    words = (tidy(word)[:LONGEST_INTEREST] for word in entered.split(","))
    return list(dict.fromkeys(word for word in words if word))[:MOST_INTERESTS]


def within_of(entered: str) -> int:
    """How many metres away things may be; `entered` is one of DISTANCES_KM in metres."""
    known = {str(1000 * km): 1000 * km for km in DISTANCES_KM}
    return known.get(entered, USUAL_M)


def next_time(settings: Settings, after: datetime) -> datetime:
    """The next Friday morning on the clock of the neighbourhood."""
    local = after.astimezone(settings.zone)
    day = local.date() + timedelta(days=(FRIDAY - local.weekday()) % 7)
    due = datetime.combine(day, AT, settings.zone)
    return due if due > local else datetime.combine(day + timedelta(days=7), AT, settings.zone)


@job("posting.weekly_letter", every=timedelta(hours=1))
async def weekly_letter(run: Run) -> None:
    """Write the letters whose time has come."""
    services = run.services
    async with services.db.read() as session:
        query = select(Person.id).where(Person.letter_at <= now(), Person.disabled_at.is_(None))
        people = list(await session.scalars(query.order_by(Person.id)))
    for person_id in people:
        async with services.db.write() as session:
            await _write(session, services, person_id)
    async with run.finish():
        pass


async def _write(session: AsyncSession, services: Services, person_id: UUID) -> None:
    person = await session.get_one(Person, person_id, with_for_update=True)
    moment, settings = now(), services.settings
    if person.letter_at is None or person.letter_at > moment:
        return  # another worker was quicker
    person.letter_at = next_time(settings, moment)
    items = await _items(session, settings, person, moment)
    if person.email is None or not items:
        return
    letter = Letter(
        to=person.email,
        subject=filled("This week at {hub}", hub=settings.name),
        lines=(later("What is on, and what is new among neighbours:"),),
        items=tuple(items),
        link=settings.url,
        button=later("See everything"),
        language=language_of(person, settings),
        unsubscribe=stop_address(person, settings.url, "letter"),
    )
    await outbox.put(session, services, letter)


async def centre_of(session: AsyncSession, settings: Settings, place: str) -> list[float]:
    """The middle of the 0.01° cell that a place lies in, as this hub knows it; never more exact.

    `place` is what the area is called, a place (or a part of its address, such as a postcode)
    where something public is, or latitude and longitude. Empty: everywhere.

    Raises:
        Invalid: nothing here is at such a place.
    """
    if not place:
        return []
    point = _POINT.fullmatch(place)
    if point is not None and on_earth(float(point[1]), float(point[2])):
        return [snapped(float(point[1])), snapped(float(point[2]))]
    if fold(place) in {fold(settings.area), fold(settings.name)} and settings.latitude is not None:
        return [snapped(settings.latitude), snapped(settings.longitude or 0.0)]
    cells = await places.cells(session, place)
    if not cells:
        raise Invalid(UNKNOWN, {"place": UNKNOWN})
    return list(Counter((snapped(lat), snapped(lon)) for lat, lon in cells).most_common(1)[0][0])


async def _items(
    session: AsyncSession, settings: Settings, person: Person, moment: datetime
) -> list[tuple[str, str]]:
    """Words and addresses of what the letter tells, as far as its reader may see it."""
    viewer = await entrusting.viewer(session, person)
    limit = LOOKED_AT_AROUND if person.letter_near else LOOKED_AT
    coming = await events.listed(session, viewer, since=moment, until=moment + AHEAD, limit=limit)
    new = await exchange.listed(session, viewer, limit=limit)
    fresh = [one for one in new.items if one.created_at > moment - BACK]
    told: list[Entry] = [
        *_fitting(coming.items, person, settings),
        *_fitting(fresh, person, settings),
    ]
    return [(said(entry), settings.url + entry.path) for entry in told]


def _fitting(found: Sequence[E], person: Person, settings: Settings) -> Sequence[E]:
    """What is of interest, and near enough; the nearest first where somebody said what is near."""
    wanted = [fold(word) for word in person.interests]
    fits = [one for one in found if not wanted or any(w in one.search_text for w in wanted)]
    if person.letter_near:
        near = [(_away(one, person, settings), one) for one in fits]
        near = [each for each in near if each[0] <= person.letter_within_m]
        fits = [one for _, one in sorted(near, key=lambda each: each[0])]
    return fits[:MOST_ITEMS]


def _away(entry: Entry, person: Person, settings: Settings) -> float:
    """How many metres away it is; what is ours and has no point lies in the middle of the area."""
    latitude, longitude = entry.latitude, entry.longitude
    if (latitude is None or longitude is None) and entry.local:
        latitude, longitude = settings.latitude, settings.longitude
    if latitude is None or longitude is None:
        return math.inf
    north, east = person.letter_near
    return places.metres((north, east), (latitude, longitude))


def said(entry: Entry) -> Filled:
    """An entry in a line of a letter: what it is, an event with its date, and its title."""
    if not isinstance(entry, Event):
        return filled(SAID.get(entry.kind, NEW), title=entry.title)
    start, end, zone, all_day = entry.starts_at, entry.ends_at, entry.timezone, entry.all_day

    def when() -> str:
        return dates.span(start, end, zone, spoken(), all_day=all_day, year=False)

    return filled("{when}: {title}", when=made(when), title=entry.title)
