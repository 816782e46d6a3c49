"""One VEVENT as the members of a draft (RFC 5545 §3.6.1). Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Event as Component
from icalendar.prop import vBroken

from federation.vocab.names import CATEGORIES
from hub.core.errors import Invalid
from hub.feeds import texts
from hub.feeds.rows import Members, moved, times
from hub.feeds.times import Clocks, Start, start_of

POLE, DATE_LINE = 90, 180  # degrees
DAY: Final = timedelta(days=1)
# What components of a damaged calendar raise when they are asked.
DAMAGE: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A VEVENT, understood.

    `end` None: it is open. `date_id` is its RECURRENCE-ID; `following`: it stands for the dates
    after that one too. `component` is asked for rules and exceptions only.
    """

    uid: str
    members: Members
    start: Start
    end: datetime | None
    sequence: int
    date_id: Start | None
    following: bool
    component: Component

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self.members["title"])

    @property
    def cancelled(self) -> bool:
        """Whether it was called off."""
        return bool(self.members["status"] == "cancelled")

    def is_over(self, today: datetime) -> bool:
        """Whether it ended before `today`, the midnight before now."""
        return self.start.moment < today if self.end is None else self.end <= today

    def at(self, start: datetime) -> Members:
        """The members of the same event on another date."""
        return moved(self.members, start)


def read(component: Component, clocks: Clocks) -> Found:
    """What a VEVENT says.

    Raises:
        Invalid: we do not take it; the text goes on after its name.
    """
    title = texts.line(_text(component, "SUMMARY"), texts.MAX_TITLE)
    if not title:
        raise Invalid("has no title")
    if texts.is_placeholder(title):
        raise Invalid("only says that somebody is busy")
    if _text(component, "CLASS").upper() in {"PRIVATE", "CONFIDENTIAL"}:
        raise Invalid("is marked as private in its calendar")
    start = moment_of(component, "DTSTART", clocks)
    if start is None:
        raise Invalid("has no start that can be read")
    if start.utc and not clocks.counts and component.get("RRULE") is not None:
        start = Start(start.moment, "UTC")
    end = _end(component, start, clocks)
    members = _members(component, title) | times(start.zone, start.moment, end)
    date_id = moment_of(component, "RECURRENCE-ID", clocks)
    return Found(
        uid=_text(component, "UID").strip(),
        members=members | {"timezone": start.zone, "all_day": start.all_day},
        start=start,
        end=end,
        sequence=_number(component, "SEQUENCE"),
        date_id=date_id,
        following=date_id is not None and _range(component) == "THISANDFUTURE",
        component=component,
    )


def values(component: Component, name: str) -> Iterator[Any]:
    """Every property of a name that could be read."""
    found = component.get(name)
    for one in found if isinstance(found, list) else [found]:
        if one is not None and not isinstance(one, vBroken):
            yield one


def moment_of(component: Component, name: str, clocks: Clocks) -> Start | None:
    """The moment of a property; None if it has none that can be read."""
    for found in values(component, name):
        value = getattr(found, "dt", None)
        if isinstance(value, date):
            return start_of(value, found.params.get("TZID"), clocks)
    return None


def _text(component: Component, name: str) -> str:
    return next((str(found) for found in values(component, name)), "")


def _number(component: Component, name: str) -> int:
    text = _text(component, name)
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _range(component: Component) -> str:
    found = next(values(component, "RECURRENCE-ID"))
    return str(found.params.get("RANGE", "")).upper()


def _end(component: Component, start: Start, clocks: Clocks) -> datetime | None:
    """When it ends; None while that is open, which is no reason to invent two hours."""
    found = moment_of(component, "DTEND", clocks)
    if found is not None:
        return _end_at(start, found)
    length = next((one.dt for one in values(component, "DURATION")), None)
    if not isinstance(length, timedelta) or not timedelta(0) < length < timedelta(days=3660):
        length = DAY if start.all_day else None
    if length is None:
        return None
    if start.all_day:
        return _days_after(start, max(1, math.ceil(length / DAY)))
    return start.moment + length


def _end_at(start: Start, end: Start) -> datetime | None:
    if start.all_day:
        # The day after the last one (RFC 5545 §3.6.1); some programs write the last one itself.
        day = end.local.date()
        if not end.all_day and end.local.time() != time():
            day += DAY
        return _days_after(start, max(1, (day - start.local.date()).days))
    if end.moment < start.moment and not end.all_day:
        raise Invalid("ends before it starts")
    return end.moment if end.moment > start.moment else None


def _days_after(start: Start, days: int) -> datetime:
    """The midnight some days after the start, on the clock of the place."""
    midnight = datetime.combine(start.local.date() + days * DAY, time(), ZoneInfo(start.zone))
    return midnight.astimezone(UTC)


def _members(component: Component, title: str) -> Members:
    """What it says besides the times. Guests and their addresses are never looked at."""
    location = texts.line(_text(component, "LOCATION"), texts.MAX_LOCATION)
    online = texts.web_address(location)
    if online:
        location = ""
    for name in ("CONFERENCE", "X-GOOGLE-CONFERENCE"):
        online = online or texts.web_address(_text(component, name))
    latitude, longitude = _place(component)
    words = list(_categories(component))
    return {
        "title": title,
        "description": _description(component),
        "location": location,
        "latitude": latitude,
        "longitude": longitude,
        "online_url": online or None,
        "organiser": _organiser(component),
        "tags": texts.tags(words),
        "category": _category(words),
        "status": "cancelled" if _text(component, "STATUS").upper() == "CANCELLED" else "scheduled",
    }


def _description(component: Component) -> str:
    """The description, and the event's page on a line of its own."""
    page = texts.web_address(_text(component, "URL"))
    text = texts.prose(_text(component, "DESCRIPTION"), texts.MAX_DESCRIPTION - texts.MAX_URL - 2)
    return "\n\n".join(filter(None, (text, "" if page in text else page)))


def _place(component: Component) -> tuple[float, float] | tuple[None, None]:
    for found in values(component, "GEO"):
        latitude, longitude = float(found.latitude), float(found.longitude)
        # Where no place was known some programs write the corner of the map, 0;0.
        on_earth = abs(latitude) <= POLE and abs(longitude) <= DATE_LINE
        if on_earth and (latitude or longitude):
            return latitude, longitude
    return None, None


def _organiser(component: Component) -> str:
    """The organiser's name; an address is nobody's business."""
    for found in values(component, "ORGANIZER"):
        name = texts.line(str(found.params.get("CN", "")), texts.MAX_ORGANISER)
        if name and "@" not in name:
            return name
    return ""


def _categories(component: Component) -> Iterator[str]:
    for found in values(component, "CATEGORIES"):
        yield from (str(word) for word in getattr(found, "cats", [found]))


def _category(words: list[str]) -> str:
    """One of FEP-8a8e's categories if a word is the name of one."""
    names = (word.strip().upper().replace(" ", "_") for word in words)
    return next((name for name in names if name in CATEGORIES), "MEETING")
