"""Moments as calendars write them, brought to moments with a zone that has a name. Pure.

Calendars name zones as they please: by IANA, by Windows, by a vendor's prefix, by a definition of
their own, or not at all, with `X-WR-TIMEZONE` for the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar.timezone.tzid import tzids_from_tzinfo
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from hub.core.clock import zones
from hub.core.errors import Invalid
from hub.core.words import filled
from hub.events.recurrence import YEAR_MAX, YEAR_MIN

UTC_NAMES = frozenset({"UTC", "ETC/UTC", "Z", "GMT", "ETC/GMT", "ZULU", "UNIVERSAL"})


@dataclass(frozen=True, slots=True)
class Clocks:
    """How to read what names no zone of its own.

    `floating` is the clock of moments without a zone, `shown` the one on which moments written in
    UTC, and days, are meant to be seen. `counts`: rules written in UTC are counted on it too.
    """

    floating: str
    shown: str
    counts: bool

    @classmethod
    def of(cls, calendar: str | None, hub: str) -> Clocks:
        """The clocks of a calendar that names a zone for all of itself, or None, in a hub."""
        if calendar in {None, "UTC"}:  # UTC is what programs say that were never told
            return cls(calendar or hub, hub, counts=False)
        return cls(str(calendar), str(calendar), counts=True)


@dataclass(frozen=True, slots=True)
class Start:
    """A moment, the zone in whose clock it is meant, and whether only the day counts.

    `utc`: it was written in UTC, and `zone` is only the clock on which it is shown.
    """

    moment: datetime
    zone: str
    all_day: bool = False
    utc: bool = False

    @property
    def local(self) -> datetime:
        """The moment on the clock of its zone."""
        return self.moment.astimezone(ZoneInfo(self.zone))

    def on_clock(self, zone: str) -> Start:
        """The same moment, or the same day, on another clock."""
        if self.all_day:
            return Start(_at(datetime.combine(self.local.date(), time()), zone), zone, True)
        return Start(self.moment, zone, utc=self.utc)


@lru_cache(maxsize=1024)
def zone_named(name: str) -> str | None:
    """The IANA zone that a TZID means, or None."""
    cleaned = name.strip().strip("/\"'")
    cleaned = WINDOWS_TO_OLSON.get(cleaned, cleaned)
    if cleaned.upper() in UTC_NAMES:
        return "UTC"
    known = zones()
    parts = cleaned.split("/")  # a vendor's prefix stands before it (RFC 5545 §3.2.19)
    for start in range(len(parts)):
        rest = "/".join(parts[start:])
        if rest in known and (start == 0 or "/" in rest):
            return rest
    return None


def start_of(value: date | datetime, tzid: str | None, clocks: Clocks) -> Start:
    """The moment of a DTSTART and its kin.

    Raises:
        Invalid: it lies in no year that a neighbourhood plans for.
    """
    if not YEAR_MIN <= value.year <= YEAR_MAX:
        raise Invalid(filled("is dated in the year {year}", year=value.year))
    if not isinstance(value, datetime):
        midnight = datetime.combine(value, time())
        return Start(_at(midnight, clocks.shown), clocks.shown, all_day=True)
    naive = value.replace(tzinfo=None, microsecond=0)
    zone = zone_named(tzid) if tzid else None
    if zone is None and value.tzinfo is not None:
        if not tzid:
            return Start(_at(naive, "UTC"), clocks.shown, utc=True)
        # A definition of the calendar's own: the moment is right, the name must be found.
        return Start(value.astimezone(UTC), _like(value.tzinfo, value.year, clocks.floating))
    zone = zone or clocks.floating
    return Start(_at(naive, zone), zone)


def _at(naive: datetime, zone: str) -> datetime:
    return naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _like(zone: tzinfo, year: int, default: str) -> str:
    """A zone with a name whose clock goes like this one in that year; `default` before others."""
    wanted = _offsets(zone, year)
    for name in (default, *tzids_from_tzinfo(zone)):
        if name in zones() and _offsets(ZoneInfo(name), year) == wanted:
            return name
    return _any_like(wanted, year) or default


@lru_cache(maxsize=256)
def _any_like(wanted: tuple[timedelta | None, ...], year: int) -> str | None:
    """Any zone of a place with these offsets."""
    places = (name for name in sorted(zones()) if "/" in name)
    return next((name for name in places if _offsets(ZoneInfo(name), year) == wanted), None)


def _offsets(zone: tzinfo, year: int) -> tuple[timedelta | None, ...]:
    """What the clock is ahead of UTC in the middle of each month."""
    return tuple(datetime(year, month, 15, 12, tzinfo=zone).utcoffset() for month in range(1, 13))
