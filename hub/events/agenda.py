"""The calendar: spans of time to choose from, events by month and day, a month as a grid. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_interval, format_skeleton, get_day_names, get_month_names

from hub.core import dates
from hub.events.models import Event

NOON = 12
WEEK = 7
SMALL_HOURS = 5


@dataclass(frozen=True, slots=True)
class Span:
    """Some days to look at, both ends included; None where it is open."""

    name: str
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Day:
    """One day and its events; those in `going_on` began before it."""

    moment: datetime
    timezone: str
    events: list[Event] = field(default_factory=list)
    going_on: list[Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Month:
    """One month, as a heading says it."""

    name: str
    days: list[Day] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Square:
    """One day in the grid of a month; `outside` where it belongs to the month before or after."""

    day: date
    outside: bool
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grid:
    """A month or a week as a sheet on the wall: whole weeks, which begin as the language has it."""

    name: str
    first: date
    before: date
    after: date
    weekdays: tuple[str, ...]
    weeks: tuple[tuple[Square, ...], ...]

    @property
    def start(self) -> date:
        """The first day on the sheet."""
        return self.weeks[0][0].day

    @property
    def end(self) -> date:
        """The last day on the sheet."""
        return self.weeks[-1][-1].day


def spans(today: date) -> tuple[Span, ...]:
    """What lists offer at one tap: everything to come, this week, its weekend, this month."""
    sunday = today + timedelta(days=6 - today.weekday())
    saturday = max(today, sunday - timedelta(days=1))
    return (
        Span("all", None, None),
        Span("week", today, sunday),
        Span("weekend", saturday, sunday),
        Span("month", today, _last_of_month(today)),
    )


def by_month(
    events: Iterable[Event], since: datetime, zone: ZoneInfo, language: str
) -> list[Month]:
    """Events in their order, under months and days; what began before `since` stands first."""
    months: list[Month] = []
    shown: tuple[date, str] | None = None
    first_day = since.astimezone(zone).date()
    for event in events:
        start = event.starts_at.astimezone(dates.zone_of(event.timezone))
        began_before = start.date() < first_day
        moment = since.astimezone(zone) if began_before else start
        name = _month(moment.year, moment.month, language)
        if not months or months[-1].name != name:
            months.append(Month(name))
        if not months[-1].days or shown != (moment.date(), name):
            months[-1].days.append(Day(moment, str(moment.tzinfo)))
            shown = (moment.date(), name)
        day = months[-1].days[-1]
        (day.going_on if began_before else day.events).append(event)
    return months


def grid(day: date, language: str) -> Grid:
    """The empty sheet of the month that `day` lies in."""
    words = dates.locale(language)
    first, last = day.replace(day=1), _last_of_month(day)
    start = first - timedelta(days=(first.weekday() - words.first_week_day) % WEEK)
    weeks = []
    while start <= last:
        days = [start + timedelta(days=n) for n in range(WEEK)]
        weeks.append(tuple(Square(one, one.month != first.month) for one in days))
        start += timedelta(days=WEEK)
    names = get_day_names("abbreviated", locale=words)
    return Grid(
        name=_month(first.year, first.month, language),
        first=first,
        before=(first - timedelta(days=1)).replace(day=1),
        after=last + timedelta(days=1),
        weekdays=tuple(str(names[one.day.weekday()]) for one in weeks[0]),
        weeks=tuple(weeks),
    )


def week(day: date, language: str) -> Grid:
    """The empty sheet of the week that `day` lies in, as the language has weeks."""
    words = dates.locale(language)
    start = day - timedelta(days=(day.weekday() - words.first_week_day) % WEEK)
    days = [start + timedelta(days=n) for n in range(WEEK)]
    names = get_day_names("wide", locale=words)
    return Grid(
        name=str(format_interval(days[0], days[-1], "yMMMd", locale=words)),
        first=start,
        before=start - timedelta(days=WEEK),
        after=start + timedelta(days=WEEK),
        weekdays=tuple(str(names[one.weekday()]) for one in days),
        weeks=(tuple(Square(one, outside=False) for one in days),),
    )


def hang(sheet: Grid, events: Iterable[Event]) -> None:
    """Put events on every day of the sheet on which they go on."""
    squares = {square.day: square for week in sheet.weeks for square in week}
    for event in events:
        zone = dates.zone_of(event.timezone)
        day = event.starts_at.astimezone(zone).date()
        end = event.ends_at or event.starts_at
        # What ends at midnight, or in the small hours, is not on the next day's sheet.
        late = end - timedelta(hours=SMALL_HOURS)
        last = min(max(day, late.astimezone(zone).date()), sheet.end)
        day = max(day, sheet.start)
        while day <= last:
            squares[day].events.append(event)
            day += timedelta(days=1)


def month_names(language: str) -> tuple[tuple[int, str], ...]:
    """The months as a calendar names them, from 1 on."""
    names = get_month_names("wide", "stand-alone", locale=dates.locale(language))
    return tuple((month, str(names[month])) for month in sorted(names))


def _last_of_month(day: date) -> date:
    next_month = day.replace(day=28) + timedelta(days=4)
    return next_month - timedelta(days=next_month.day)


@lru_cache(maxsize=128)
def _month(year: int, month: int, language: str) -> str:
    """`November 2026`, in the hub's language."""
    middle = datetime(year, month, 1, NOON)  # noqa: DTZ001  # a day
    return str(format_skeleton("yMMMM", middle, locale=dates.locale(language)))
