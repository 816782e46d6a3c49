"""Opening hours as OpenStreetMap writes them: whether it is open, and the coming week. Pure.

What depends on the sun or on school holidays nobody here can tell, nor what has no end; such hours
are shown as they stand, like those in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel.core import get_global
from babel.dates import format_date
from opening_hours import (  # type: ignore[attr-defined]  # its stub leaves the errors out
    OpeningHours,
    ParserError,
    State,
    UnknownCountryError,
)

from hub.core import dates

DAYS: Final = 7
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # as addresses name them
When = Literal["", "now", "mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WHOLE: Final = timedelta(days=1)
LOOKED_AHEAD: Final = 366  # days
_UNTOLD: Final = re.compile(r"\bSH\b|sunrise|sunset|dawn|dusk|\d\+", re.IGNORECASE)

Span = tuple[datetime, datetime, str]


@dataclass(frozen=True, slots=True)
class Day:
    """One day: `times` with what is said of each (`by appointment`), none while it is closed.

    `always`: open all of it.
    """

    name: str
    times: tuple[tuple[str, str], ...]
    always: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """Whether it is open at a moment, until `changes` (empty: for good), and seven days from it."""

    open: bool
    changes: str
    days: tuple[Day, ...]


def told(stated: str, zone: ZoneInfo, moment: datetime, language: str) -> Hours | None:
    """What opening hours say at a moment, on the clock of the place; None where we cannot tell.

    Public holidays are those of the country that the zone is in.
    """
    country = get_global("zone_territories").get(zone.key)
    if _UNTOLD.search(stated) or (country is None and "PH" in stated):
        return None
    here = moment.astimezone(zone)
    try:
        rules = OpeningHours(
            stated,
            timezone=zone,
            country=country,
            auto_country=False,  # what it would guess from takes 100 MB
            auto_timezone=False,
            max_interval_days=LOOKED_AHEAD,
        )
    except (ParserError, UnknownCountryError):
        return None
    state, _ = rules.state(here)
    if state == State.UNKNOWN:
        return None
    changes = rules.next_change(here)
    spans = list(_open(rules, here))
    days = [here.date() + timedelta(days=ahead) for ahead in range(DAYS)]
    return Hours(
        open=state == State.OPEN,
        changes="" if changes is None else _when(changes, here, language),
        days=tuple(_day(day, spans, zone, language) for day in days),
    )


@lru_cache(maxsize=10_000)
def opens(stated: str, zone: ZoneInfo, when: When, moment: datetime) -> bool:
    """Whether these hours say that it is open at a moment, or on the next such day from it."""
    found = told(stated, zone, moment, "en")
    if found is None or when in {"", "now"}:
        return found is not None and found.open
    today = moment.astimezone(zone).weekday()
    day = found.days[(WEEK.index(when) - today) % DAYS]
    return day.always or bool(day.times)


def weekdays(language: str) -> list[tuple[str, str]]:
    """The days of a week by their names in addresses, and what a language calls them."""
    monday = date(2024, 1, 1)
    return [(code, _weekday(monday + ahead * WHOLE, language)) for ahead, code in enumerate(WEEK)]


def _open(rules: OpeningHours, here: datetime) -> Iterator[Span]:
    """From today's midnight on, for a week."""
    begin = datetime.combine(here.date(), time(), here.tzinfo)
    for first, last, state, words in rules.intervals(begin, begin + (DAYS + 1) * WHOLE):
        if state == State.OPEN:
            yield first, last, words


def _day(day: date, spans: list[Span], zone: ZoneInfo, language: str) -> Day:
    begin = datetime.combine(day, time(), zone)
    end = datetime.combine(day + WHOLE, time(), zone)
    times: list[tuple[str, str]] = []
    for first, last, words in spans:
        if first <= begin and last >= end:
            return Day(_weekday(day, language), (), always=True)
        through = last - first > WHOLE  # else what goes on after midnight is the evening's
        if begin <= first < end:
            until = "24:00" if through and last >= end else dates.clock(last)
            times.append((f"{dates.clock(first)}–{until}", words))
        elif through and begin < last < end:
            times.append((f"{dates.clock(begin)}–{dates.clock(last)}", words))
    return Day(_weekday(day, language), tuple(times), always=False)


def _when(moment: datetime, here: datetime, language: str) -> str:
    """The clock; with the day before it where that is another one."""
    clock = dates.clock(moment)
    if moment.date() == here.date():
        return clock
    if moment.date() - here.date() < DAYS * WHOLE:
        return f"{_weekday(moment.date(), language)} {clock}"
    return f"{dates.day(moment.date(), language)} {clock}"


def _weekday(day: date, language: str) -> str:
    return str(format_date(day, "EEEE", locale=dates.locale(language)))
