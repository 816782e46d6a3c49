"""A VEVENT that repeats, with its exceptions, as a series and the dates that differ. Pure.

The hub makes the dates of a series itself; what is handed over are the rule, the starts that do not
take place or come besides, and those near dates that were moved, changed or called off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hub.core.errors import Invalid
from hub.core.words import filled, marked
from hub.events import recurrence
from hub.feeds.rows import ONLY_ONCE, Members, Occurrence, Repeat, digest
from hub.feeds.times import Clocks, Start, start_of
from hub.feeds.vevents import Found, values

MAX_LISTED: Final = 2000  # RDATEs and EXDATEs of one event


@dataclass(frozen=True, slots=True)
class Window:
    """Now, the midnight before it on the hub's clock, and how far ahead dates are worked out."""

    now: datetime
    today: datetime
    until: datetime


def repeats(found: Found) -> bool:
    """Whether a VEVENT stands for several dates."""
    return any(found.component.get(name) is not None for name in ("RRULE", "RDATE"))


def repeat_of(master: Found, changed: list[Found], window: Window, clocks: Clocks) -> Repeat:
    """How an event repeats; `changed` are the VEVENTs of single dates of it.

    Raises:
        Invalid: we do not take the rule; the text goes on after the event's name.
    """
    rule = _rule(master)
    skipped = set(_listed(master, "EXDATE", clocks))
    besides = set(_listed(master, "RDATE", clocks))
    since = window.today - _length(master)
    plan = set(_starts(master, rule, skipped, besides, window, since=since))
    special: dict[datetime, Found] = {}
    for found in sorted(changed, key=lambda one: one.sequence):
        start = _start_meant(master, found.date_id or found.start)
        skipped.discard(start)
        real = _standing_for(found, start, window)
        if real != start:
            skipped.add(start)
        if real is not None:
            special[real] = found
            if real not in plan and not found.cancelled:
                besides.add(real)
    coming = _starts(master, rule, skipped, besides, window, since=since)
    coming = [start for start in coming if not _ended(master, special.get(start), start, window)]
    dates = _led(master, changed, coming) | {start: one.members for start, one in special.items()}
    return Repeat(
        rule=rule,
        starts_at=master.start.moment.isoformat(),
        timezone=master.start.zone,
        exceptions=[moment.isoformat() for moment in sorted(skipped)],
        extra=[moment.isoformat() for moment in sorted(besides)],
        coming=[moment.isoformat() for moment in coming],
        dates=[Occurrence(start.isoformat(), dates[start]) for start in coming if start in dates],
    )


def fingerprint(master: Found, changed: list[Found], window: Window, clocks: Clocks) -> str:
    """What tells whether a series was changed at its source; time alone does not change it."""
    far = [one.members for one in changed if one.start.moment > window.until]
    return digest(
        master.members,
        _rule(master),
        sorted(moment.isoformat() for moment in _listed(master, "EXDATE", clocks)),
        sorted(moment.isoformat() for moment in _listed(master, "RDATE", clocks)),
        [[(one.date_id or one.start).moment.isoformat(), one.members] for one in changed],
        far,
    )


def _rule(master: Found) -> str:
    """The one rule that we take.

    Raises:
        Invalid: there are several, or one that we do not take.
    """
    if master.component.get("EXRULE") is not None:
        raise Invalid("has a rule for exceptions (EXRULE), which we do not understand")
    rules = master.component.get("RRULE")
    if rules is None:
        return ONLY_ONCE
    if isinstance(rules, list):
        raise Invalid("has several rules of repetition; we understand one")
    text = rules.to_ical() if hasattr(rules, "to_ical") else str(rules)
    try:
        return recurrence.check(text.decode() if isinstance(text, bytes) else text)
    except Invalid as error:
        raise Invalid(
            filled("repeats in a way we do not take: {reason}", reason=marked(str(error)))
        ) from error


def _listed(master: Found, name: str, clocks: Clocks) -> Iterator[datetime]:
    """The starts of RDATE or EXDATE (RFC 5545 §3.8.5); of periods, where they begin."""
    number = 0
    for found in values(master.component, name):
        for one in getattr(found, "dts", [found]):
            value = getattr(one, "dt", one)
            value = value[0] if isinstance(value, tuple) else value
            number += 1
            if number > MAX_LISTED:
                raise Invalid(filled("lists more than {most} single dates", most=MAX_LISTED))
            if isinstance(value, date):
                zone = found.params.get("TZID")
                yield _start_meant(master, start_of(value, zone, clocks))


def _start_meant(master: Found, named: Start) -> datetime:
    """The start that a RECURRENCE-ID or EXDATE means: some programs name the day alone."""
    if named.all_day == master.start.all_day and not named.all_day:
        return named.moment
    zone = ZoneInfo(master.start.zone)
    on_clock = named.on_clock(master.start.zone).local
    return datetime.combine(on_clock.date(), master.start.local.time(), zone).astimezone(UTC)


def _standing_for(found: Found, start: datetime, window: Window) -> datetime | None:
    """The start that stands for a changed date in our rows; None if none needs to.

    That is the one which the rule gave, unless it is not among our rows yet, or not any more: then
    the date stands beside the rule, where it really is.
    """
    if found.is_over(window.today):
        return None
    if window.today <= start <= window.until:
        return start
    return None if found.cancelled else found.start.moment


def _starts(
    master: Found,
    rule: str,
    skipped: set[datetime],
    besides: set[datetime],
    window: Window,
    *,
    since: datetime,
) -> list[datetime]:
    """The starts from `since` on; of a series that begins beyond the window, the first one."""
    return recurrence.starts(
        rule,
        master.start.moment,
        master.start.zone,
        skipped,
        besides,
        since=since,
        until=max(window.until, master.start.moment),
    )


def _length(found: Found) -> timedelta:
    return max(timedelta(0), (found.end or found.start.moment) - found.start.moment)


def _ended(master: Found, special: Found | None, start: datetime, window: Window) -> bool:
    """Whether the date that begins at `start` ended before today."""
    if special is not None:
        return special.is_over(window.today)
    length = _length(master)
    return start + length <= window.today if length else start < window.today


def _led(master: Found, changed: list[Found], coming: list[datetime]) -> dict[datetime, Members]:
    """What changes of "this and all following dates" (RFC 5545 §3.2.13) make of the dates."""
    zone = ZoneInfo(master.start.zone)
    found: dict[datetime, Members] = {}
    for change in sorted(changed, key=lambda one: one.start.moment):
        if not change.following:
            continue
        begin = _start_meant(master, change.date_id or change.start)
        was, becomes = (
            moment.astimezone(zone).replace(tzinfo=None) for moment in (begin, change.start.moment)
        )
        for start in coming:
            if start >= begin:
                moved_to = start.astimezone(zone) + (becomes - was)
                found[start] = change.at(moved_to.astimezone(UTC))
    return found
