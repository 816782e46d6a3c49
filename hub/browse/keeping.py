"""Searches that people keep: what a kept address asks for, and telling what is new in it.

A kept search asks what the page behind its address asks: the filters of that page, read by its own
model, and the query of `entries.finding`. Every few minutes what came to the hub since the last
look is compared with those that were not looked at for the longest time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.browse import queries, searching
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import filled, later
from hub.entries import asking, finding
from hub.entries.asking import Asked
from hub.entries.models import Entry
from hub.entries.queries import Filter
from hub.entries.visibility import PRIVATE, Viewer
from hub.events import pages as events_pages
from hub.events import queries as events
from hub.events.models import Event
from hub.exchange import pages as exchange_pages
from hub.exchange import queries as exchange
from hub.exchange.models import Listing
from hub.jobs.registry import Run, job
from hub.news import pages as news_pages
from hub.people import notices
from hub.people.models import KeptSearch, Person, SearchHit
from hub.people.notices import Notice
from hub.posting import letter
from hub.web.doors import Role

LONGEST: Final = 1000  # of an address
AT_ONCE: Final = 500  # searches that one run looks at
MOST_FOUND: Final = 200  # that are new in one search at a time, the newest
MOST_TOLD: Final = 20  # of them; the page of the search shows the rest
OVERLAP: Final = timedelta(minutes=10)  # a long transaction may bring what is older than the look
HELD: Final = timedelta(days=14)  # what is shown to more people so long after it was written is new

Conditions = list[ColumnElement[bool]]
_IS_NEW: Final = (Entry.created_at, Entry.published_at, Entry.passed_at)


def _of_search(asked: Any, settings: Settings) -> Conditions:
    del settings
    found = queries.upcoming(asked, now())
    return [*found, Entry.kind == asked.type] if asked.type else found


def _of_events(asked: Any, settings: Settings) -> Conditions:
    since = asking.moment_of(asked.since, settings.zone)
    until = asking.moment_of(asked.until, settings.zone, end=True)
    narrow = events.narrowed(since, until, access=asked.access)
    # A series is told by its next date, as the search shows it.
    return [_among(Event, narrow), events.first_of_its_kind(now())]


def _of_swap(asked: Any, settings: Settings) -> Conditions:
    del settings
    side = exchange_pages.SIDES.get(asked.show)
    return [_among(Listing, exchange.narrowed(side, asked.kind))]


def _of_news(asked: Any, settings: Settings) -> Conditions:
    del asked, settings
    return [Entry.kind == "article"]


def _among(kind: type[Entry], narrow: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return Entry.id.in_(select(kind.id).where(*narrow).correlate(None))


# The pages whose filters can be kept: how each reads them, and what they ask besides.
PAGES: Final[dict[str, tuple[type[Asked], Callable[[Any, Settings], Conditions]]]] = {
    searching.SEARCH: (searching.Wanted, _of_search),
    "/events": (events_pages.Wanted, _of_events),
    exchange_pages.SWAP: (exchange_pages.Wanted, _of_swap),
    news_pages.NEWS: (news_pages.Wanted, _of_news),
}


def read(address: str) -> tuple[str, str]:
    """The path and the query of what is kept, the same for all ways to write it.

    Raises:
        Invalid: it is no page with filters, or they make no sense.
    """
    parts = urlsplit(address[:LONGEST])
    asked = _asked(parts.path, parts.query)
    away = {"cursor", "limit", "view"}
    given = asked.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=away)
    if given.get("within"):
        given["within"] = f"{given['within']:g}"
    return parts.path, urlencode(sorted(given.items()))


def _asked(path: str, query: str) -> Asked:
    if path not in PAGES:
        raise Invalid("Only a search, or a list of events, swaps or news, can be kept.")
    given = {name: value for name, value in parse_qsl(query) if value.strip()}
    try:
        return PAGES[path][0].model_validate(given)
    except ValidationError:
        raise Invalid("This search cannot be kept: one of its filters makes no sense.") from None


async def matching(
    session: AsyncSession, settings: Settings, viewer: Viewer, search: KeptSearch, few: Conditions
) -> list[UUID]:
    """What of a few entries the page of a kept search would show to `viewer`, the newest first."""
    asked = _asked(search.path, search.query)
    filters = asking.filters(asked, settings, place=getattr(asked, "place", ""))
    filters["limit"] = MOST_FOUND
    more = PAGES[search.path][1](asked, settings)
    return await finding.among(session, viewer, Filter(**filters), [*few, *more])


@job("browse.tell_searches", every=timedelta(minutes=5))
async def tell_searches(run: Run) -> None:
    """Tell those who keep a search what is new in it, each thing once."""
    services, moment, found = run.services, now(), []
    async with services.db.read() as session:
        due = await _due(session)
        if due and await _is_anything_new(session, due[0][0].looked_at):
            for search, person in due:
                ids = await _found(session, services.settings, search, person)
                found += [(search.id, ids)] if ids else []
    for search_id, ids in found:
        async with services.db.write() as session:
            await _tell(session, services, search_id, ids)
    looked = [search.id for search, _ in due]
    async with run.finish() as session:
        await session.execute(
            update(KeptSearch).where(KeptSearch.id.in_(looked)).values(looked_at=moment)
        )


async def _due(session: AsyncSession) -> Sequence[tuple[KeptSearch, Person]]:
    """Searches and whose they are, those first that were not looked at for the longest time."""
    query = (
        select(KeptSearch, Person)
        .join(Person, Person.id == KeptSearch.person_id)
        .where(KeptSearch.told.in_(("now", "weekly")), Person.disabled_at.is_(None))
        .order_by(KeptSearch.looked_at)
    )
    return [(row[0], row[1]) for row in await session.execute(query.limit(AT_ONCE))]


def _came(looked_at: datetime) -> Conditions:
    """What came, or was first shown to more people, after the last look."""
    since = looked_at - OVERLAP
    return [
        Entry.created_at > since - HELD,
        or_(*(column > since for column in (*_IS_NEW, Entry.updated_at))),
        Entry.visibility != PRIVATE,
    ]


async def _is_anything_new(session: AsyncSession, looked_at: datetime) -> bool:
    query = select(Entry.id).where(*_came(looked_at)).limit(1)
    return await session.scalar(query) is not None


async def _found(
    session: AsyncSession, settings: Settings, search: KeptSearch, person: Person
) -> list[UUID]:
    """What is new in a search, was not told of it, and is not one's own."""
    told = exists().where(SearchHit.search_id == search.id, SearchHit.entry_id == Entry.id)
    new = [
        *_came(search.looked_at),
        or_(*(column > search.since for column in _IS_NEW)),
        Entry.owner_id.is_distinct_from(person.id),
        ~told,
    ]
    viewer = Viewer(person.id, cast(Role, person.role))
    return await matching(session, settings, viewer, search, new)


async def _tell(
    session: AsyncSession, services: Services, search_id: UUID, ids: Sequence[UUID]
) -> None:
    search = await session.get(KeptSearch, search_id, with_for_update=True)
    if search is None or search.told == "none":
        return  # taken away in the meantime
    rows = [{"search_id": search.id, "entry_id": id_, "told_at": now()} for id_ in ids]
    kept = insert_for(session, SearchHit).values(rows).on_conflict_do_nothing()
    first = set(await session.scalars(kept.returning(SearchHit.entry_id)))
    entries = await finding.whole(session, [id_ for id_ in ids if id_ in first][:MOST_TOLD])
    if not entries:
        return
    when = cast(notices.When, search.told)
    parts = [Notice("search", letter.said(entry), (), entry.path, when=when) for entry in entries]
    lines = (later("This is new in a search that you keep."),)
    subject = filled("New for “{name}”", name=search.name)
    whole = Notice("search", subject, lines, search.address, when=when)
    await notices.tell_all(session, services, search.person_id, whole, parts)
