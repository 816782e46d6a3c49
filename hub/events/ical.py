"""Events as iCalendar, for calendar programs to subscribe to (RFC 5545, RFC 7986).

Each date is an event of its own with a UID that never changes. The zones come along, since some
programs shift by an hour without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Timezone, TimezoneDaylight, TimezoneStandard
from icalendar import Event as Component
from icalendar.prop import vRecur
from sqlalchemy import inspect

from federation.origins import authority
from hub.core.dates import zone_of
from hub.core.text import plain
from hub.entries import access
from hub.events import recurrence
from hub.events.models import Event, Series

REFRESH: Final = timedelta(hours=1)
PRODUCT: Final = "-//neighbourhood hub//EN"
STATUSES: Final = {"cancelled": "CANCELLED", "postponed": "TENTATIVE"}
YEARS_ROUND: Final = 1  # of a zone's changes before the first and after the last event


def calendar_of(events: Iterable[Event], name: str, url: str) -> bytes:
    """The .ics file of the events; `url` is the page that shows the same ones."""
    shown = list(events)
    calendar = _calendar(shown, name, url)
    for event in shown:
        calendar.add_component(_component(event, url))
    return bytes(calendar.to_ical())


def series_calendar(series: Series, rows: Iterable[Event], name: str, url: str) -> bytes:
    """A whole series as one repeating event, for calendar programs (PROTOCOL §3.3 (a) 8).

    `rows` are its dates, also those that were deleted; one that was moved, changed or called off
    stands beside the rule with its RECURRENCE-ID (RFC 5545 §3.8.4.4). `url` is the hub's origin.
    """
    dates = [event for event in rows if event.occurs_at is not None]
    shown = [event for event in dates if event.deleted_at is None]
    usual = next((event for event in shown if _is_usual(event)), shown[0])
    calendar = _calendar([*shown, _at(usual, series.starts_at)], name, f"{url}/series/{series.id}")
    master = _master(series, dates, usual, url)
    calendar.add_component(master)
    for event in shown:
        if _is_usual(event) and _differs(event) == _differs(usual):
            continue
        component = _component(event, url)
        component["uid"] = master["uid"]
        component.add("recurrence-id", _start(usual, event.occurs_at or event.starts_at))
        calendar.add_component(component)
    return bytes(calendar.to_ical())


def _master(series: Series, dates: list[Event], usual: Event, url: str) -> Component:
    """The event that the rule repeats."""
    master = _component(_at(usual, series.starts_at), url)
    master["url"] = f"{url}/series/{series.id}"
    master.pop("uid")
    master.add("uid", f"{series.id}@{authority(url)}")
    rule = vRecur.from_ical(series.rule)
    end = _last_moment(series, dates)
    if end is not None:
        rule.pop("COUNT", None)
        rule["UNTIL"] = [end.date() if usual.all_day else end]
    master.add("rrule", rule)
    gone = {event.occurs_at for event in dates if event.deleted_at is not None and event.occurs_at}
    gone |= {datetime.fromisoformat(moment) for moment in series.exceptions}
    for moment in sorted(gone):
        master.add("exdate", _start(usual, moment))
    for text in sorted(series.extra):
        master.add("rdate", _start(usual, datetime.fromisoformat(text)))
    return master


def _last_moment(series: Series, dates: list[Event]) -> datetime | None:
    """The last start that the rule still gives; None where its own words say so, or it has none."""
    if series.ended_at is not None:
        return max(event.occurs_at for event in dates if event.occurs_at)
    until = recurrence.parse(series.rule).until
    if until is None:
        return None
    if not isinstance(until, datetime):  # a day; calendars want a moment there
        until = datetime.combine(until, time(23, 59, 59))
    return (until if until.tzinfo else until.replace(tzinfo=zone_of(series.timezone))).astimezone(
        UTC
    )


def _is_usual(event: Event) -> bool:
    """Whether a date takes place when the rule says."""
    return event.status == "scheduled" and event.starts_at == event.occurs_at


def _differs(event: Event) -> tuple[object, ...]:
    """What may be different from one date of a series to the next."""
    length = None if event.ends_at is None else event.ends_at - event.starts_at
    words = (event.title, event.summary, event.content, event.place, event.price, event.access)
    return (*words, event.online_url, event.all_day, event.timezone, length)


def _at(event: Event, start: datetime) -> Event:
    """The event as if it began then; a row of no session."""
    copied = {column.key: getattr(event, column.key) for column in inspect(Event).column_attrs}
    end = None if event.ends_at is None else start + (event.ends_at - event.starts_at)
    return Event(**copied | {"starts_at": start, "ends_at": end})


def uid(uri: str) -> str:
    """What calendar programs know an event by: `uuid@host`, the same on every hub that shows it."""
    last = urlsplit(uri).path.rpartition("/")[2]
    try:
        return f"{UUID(last)}@{authority(uri)}"
    except ValueError:
        return uri


def _calendar(shown: list[Event], name: str, url: str) -> Calendar:
    """The frame of a file: its name, and the zones of what it will hold."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("url", url)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for zone in _zones(shown):
        calendar.add_component(zone)
    return calendar


def _component(event: Event, url: str) -> Component:
    """One event."""
    found = Component()
    found.add("uid", uid(event.uri))
    found.add("dtstamp", event.updated_at)
    found.add("last-modified", event.updated_at)
    found.add("created", event.created_at)
    # Grows with each change, and needs no counter (RFC 5545 §3.8.7.4).
    found.add("sequence", max(0, int((event.updated_at - event.created_at).total_seconds())))
    found.add("summary", event.title)
    found.add("status", STATUSES.get(event.status, "CONFIRMED"))
    found.add("url", event.url if event.local else _page(event, url))
    if not event.local:
        found.add("x-source", event.uri)
    _add_times(found, event)
    if event.place:
        found.add("location", event.place)
    if event.latitude is not None and event.longitude is not None:
        found.add("geo", (event.latitude, event.longitude))
    if event.tags:
        found.add("categories", list(event.tags))
    if event.online_url:
        found.add("conference", event.online_url, parameters={"value": "URI"})
    text = "\n\n".join(filter(None, _lines(event)))
    if text:
        found.add("description", text)
    return found


def _lines(event: Event) -> tuple[str | None, ...]:
    """What the description says, one paragraph each."""
    facts = "\n".join(access.lines(event.access_facts or {}))
    return (_words(event), event.price, event.access, facts, event.online_url)


def _page(event: Event, url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{event.path}"


def _words(event: Event) -> str:
    """What it is about, as plain text."""
    return plain(event.content) or event.summary


def _add_times(found: Component, event: Event) -> None:
    """Start and end; an open end is left open."""
    zone = zone_of(event.timezone)
    start = event.starts_at.astimezone(zone)
    end = event.ends_at.astimezone(zone) if event.ends_at else None
    found.add("dtstart", _start(event, event.starts_at))
    if end is None:
        return
    if event.all_day:  # the day after the last one, as iCalendar has it too
        found.add("dtend", max(end.date(), start.date() + timedelta(days=1)))
    else:
        found.add("dtend", _named(end))


def _start(event: Event, moment: datetime) -> date | datetime:
    """A start of this event on its clock; where only days count, the day."""
    local = moment.astimezone(zone_of(event.timezone))
    return local.date() if event.all_day else _named(local)


def _named(moment: datetime) -> datetime:
    """The moment with a zone that has a name; UTC is written `Z`."""
    return moment.astimezone(UTC) if str(moment.tzinfo) in {"UTC", "Etc/UTC"} else moment


def _zones(events: list[Event]) -> Iterator[Timezone]:
    """The zone of every timed event, with the clock changes around its events."""
    years: dict[str, set[int]] = {}
    for event in events:
        if not event.all_day:
            moments = filter(None, (event.starts_at, event.ends_at))
            years.setdefault(event.timezone, set()).update(moment.year for moment in moments)
    for name in sorted(years.keys() - {"UTC", "Etc/UTC"}):
        yield _zone(name, min(years[name]) - YEARS_ROUND, max(years[name]) + YEARS_ROUND)


def _zone(name: str, first: int, last: int) -> Timezone:
    """The changes of a zone's clock in these years (RFC 5545 §3.6.5).

    Each starts at the time that the clock shows just before it: icalendar's own writer is an hour
    late there in spring.
    """
    zone = zone_of(name)
    component = Timezone()
    component.add("tzid", name)
    moment = datetime(first, 1, 1, tzinfo=UTC)
    before = after = _offset(moment, zone)
    while True:
        kind = TimezoneDaylight if moment.astimezone(zone).dst() else TimezoneStandard
        part = kind()
        part.add("dtstart", (moment + before).replace(tzinfo=None))
        part.add("tzoffsetfrom", before)
        part.add("tzoffsetto", after)
        part.add("tzname", moment.astimezone(zone).tzname() or name)
        component.add_component(part)
        found = _next_change(moment, zone, datetime(last + 1, 1, 1, tzinfo=UTC))
        if found is None:
            return component
        moment, before, after = found, after, _offset(found, zone)


def _next_change(moment: datetime, zone: ZoneInfo, end: datetime) -> datetime | None:
    """When the clock is next put forward or back; None if not before `end`."""
    offset = _offset(moment, zone)
    day = timedelta(days=1)
    while _offset(moment + day, zone) == offset:
        moment += day
        if moment > end:
            return None
    minute = timedelta(minutes=1)
    step = day
    while step > minute:  # halving the interval in which the change lies
        step /= 2
        if _offset(moment + step, zone) == offset:
            moment += step
    return (moment + minute).replace(second=0, microsecond=0)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
