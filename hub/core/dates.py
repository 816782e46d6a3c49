"""Moments in words, in the reader's language and on the place's clock. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_timedelta

FALLBACK: Final = "en"
# English without commas, the day first: "Sat 12 Sep 2026". Other languages as CLDR has them.
_ENGLISH: Final = {"yMMMEd": "EEE d MMM y", "MMMEd": "EEE d MMM", "yMMMd": "d MMM y"}


class DateTile(NamedTuple):
    """A leaf of a tear-off calendar."""

    weekday: str
    day: str
    month: str


@lru_cache(maxsize=64)
def locale(language: str) -> Locale:
    """CLDR's data for a BCP 47 language; English where it is unknown, and one English for all."""
    base = language.replace("_", "-").partition("-")[0]
    try:
        found = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return locale(base) if base not in {language, ""} else Locale.parse(FALLBACK)
    return Locale.parse(FALLBACK) if base == FALLBACK else found


def day(moment: datetime | date, language: str, *, year: bool = True) -> str:
    """`Sat 12 Sep 2026`, or without the year; a datetime is taken on its own clock."""
    return _formatted(moment, "yMMMEd" if year else "MMMEd", language)


def short_day(moment: datetime | date, language: str) -> str:
    """`12 Sep 2026`."""
    return _formatted(moment, "yMMMd", language)


def clock(moment: datetime) -> str:
    """`15:00`; the 24-hour clock is understood everywhere."""
    return f"{moment:%H:%M}"


def span(
    starts_at: datetime,
    ends_at: datetime | None,
    timezone: str,
    language: str,
    *,
    all_day: bool = False,
    year: bool = True,
) -> str:
    """From when to when, on the place's clock: `Sat 12 Sep 2026, 15:00–18:00`.

    For `all_day`, `ends_at` is the midnight after the last day, and only days are named.
    """
    zone = zone_of(timezone)
    start = starts_at.astimezone(zone)
    end = ends_at.astimezone(zone) if ends_at is not None else None
    first = day(start, language, year=year)
    if all_day:
        last = end - timedelta(seconds=1) if end is not None else start
        if last.date() <= start.date():
            return first
        return f"{first} – {day(last, language, year=year)}"
    comma = "،" if locale(language).language in {"ar", "fa", "ur"} else ","
    if end is None:
        return f"{first}{comma} {clock(start)}"
    if end.date() == start.date() or end - start < timedelta(hours=12):
        return f"{first}{comma} {clock(start)}–{clock(end)}"
    last_day = day(end, language, year=year)
    return f"{first}{comma} {clock(start)} – {last_day}{comma} {clock(end)}"


def tile(moment: datetime, timezone: str, language: str) -> DateTile:
    """Weekday, day and month, short, on the place's clock."""
    local = moment.astimezone(zone_of(timezone))
    words = locale(language)
    return DateTile(
        weekday=str(format_date(local, "EEE", locale=words)),
        day=str(local.day),
        month=str(format_date(local, "LLL", locale=words)),
    )


def since(moment: datetime, now: datetime, language: str) -> str:
    """How long ago, or how far ahead: `3 hours ago`."""
    return str(format_timedelta(moment - now, add_direction=True, locale=locale(language)))


@lru_cache(maxsize=512)
def zone_of(timezone: str) -> ZoneInfo:
    """The IANA zone; UTC where the name is unknown."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _formatted(moment: datetime | date, skeleton: str, language: str) -> str:
    words = locale(language)
    if words.language == "en":
        return str(format_date(moment, _ENGLISH[skeleton], locale=words))
    if isinstance(moment, datetime):
        moment = moment.date()
    noon = datetime(moment.year, moment.month, moment.day, 12)  # noqa: DTZ001  # a day, no moment
    return str(format_skeleton(skeleton, noon, locale=words))
