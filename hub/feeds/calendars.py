"""A calendar file as rows: events, each taken or refused by itself (RFC 5545). Pure.

The file is cut into its VEVENTs by lines first, so that a damaged one costs only itself, and
nesting and number are known before anything is parsed (SECURITY F5).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from icalendar import Component as AnyComponent
from icalendar import Event as Component
from icalendar.error import GloballyUniqueTZIDGuessed

from hub.core.errors import Invalid
from hub.core.words import filled, later
from hub.feeds import texts, vevents
from hub.feeds.repeating import Window, fingerprint, repeat_of, repeats
from hub.feeds.rows import Row, digest, sentence, short
from hub.feeds.times import Clocks, Start, zone_named
from hub.feeds.vevents import DAMAGE, Found

MAX_EVENTS: Final = 5000
MAX_DEPTH: Final = 3  # VCALENDAR, VEVENT, VALARM
MAX_KEY: Final = 255
_LINES: Final = re.compile(r"\r\n|\n|\r")
_ZONE: Final = re.compile(r"^X-WR-TIMEZONE[^:\n]*:(.+)$", re.MULTILINE | re.IGNORECASE)


@dataclass(slots=True)
class Blocks:
    """The text of a calendar, cut into the blocks that we read."""

    events: list[str] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    zone: str | None = None


def rows_of(data: bytes, timezone: str, window: Window) -> list[Row]:
    """The events of a calendar; `timezone` is the hub's clock, for moments that name none.

    Raises:
        Invalid: it is no calendar, or one of a size or shape that we do not take.
    """
    blocks = cut(texts.decoded(data))
    for block in blocks.zones:
        _register_zone(block)
    clocks = Clocks.of(blocks.zone, timezone)
    rows: list[Row] = []
    series: dict[str, list[Found]] = {}
    for number, block in enumerate(blocks.events, start=1):
        try:
            found = _read(block, clocks)
        except Invalid as refusal:
            rows.append(_refused(block, number, str(refusal)))
            continue
        series.setdefault(found.uid or f"without UID {number}", []).append(found)
    for uid, founds in series.items():
        rows.extend(_rows(uid, founds, window, clocks))
    return rows


def cut(text: str) -> Blocks:
    """The blocks of a calendar's text.

    Raises:
        Invalid: it is no calendar, has too many events, or they are nested too deep.
    """
    blocks = Blocks()
    stack: list[str] = []
    begun = 0
    lines = _LINES.split(text)
    for number, line in enumerate(lines):
        word, _, name = line.strip().upper().partition(":")
        if word == "BEGIN":
            if name == "VEVENT" and "VEVENT" in stack:  # its end is missing
                _keep(blocks, "VEVENT", lines[begun:number])
                del stack[stack.index("VEVENT") :]
            stack.append(name)
            if len(stack) > MAX_DEPTH:
                raise Invalid("This calendar is nested deeper than calendars are.")
            begun = number if name in {"VEVENT", "VTIMEZONE"} else begun
        elif word == "END" and name in stack:
            while stack.pop() != name:
                continue
            _keep(blocks, name, lines[begun:number])
    if "VEVENT" in stack:  # the file breaks off
        _keep(blocks, "VEVENT", lines[begun:])
    if not blocks.events and "BEGIN:VCALENDAR" not in text.upper():
        raise Invalid(_no_calendar(text))
    named = _ZONE.search(text)
    blocks.zone = zone_named(named[1]) if named else None
    return blocks


def _keep(blocks: Blocks, name: str, lines: list[str]) -> None:
    if name == "VEVENT":
        if len(blocks.events) == MAX_EVENTS:
            raise Invalid(filled("This calendar has more than {most} events.", most=MAX_EVENTS))
        blocks.events.append("\r\n".join((*lines, "END:VEVENT", "")))
    elif name == "VTIMEZONE":
        blocks.zones.append("\r\n".join((*lines, "END:VTIMEZONE", "")))


def _no_calendar(text: str) -> str:
    """What to do when something else was handed over."""
    begin = text.lstrip()[:200].lower()
    if begin.startswith(("<!doctype html", "<html", "<?xml")):
        return later(
            "This is a web page, not a calendar. Look for the address that ends in .ics, "
            "often called “iCal” or “subscribe”."
        )
    return later("This is not a calendar: it has no BEGIN:VCALENDAR.")


def _register_zone(block: str) -> None:
    """Let icalendar know a zone that the calendar defines itself; a bad one is passed over."""
    try:
        AnyComponent.from_ical(block)
    except DAMAGE:
        return


def _read(block: str, clocks: Clocks) -> Found:
    """One VEVENT.

    Raises:
        Invalid: we do not take it.
    """
    try:
        with warnings.catch_warnings():
            # A zone behind a vendor's prefix is no guess to us: `times.zone_named` looks it up.
            warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)
            component = AnyComponent.from_ical(block)
        if not isinstance(component, Component):
            raise Invalid("cannot be read")
        return vevents.read(component, clocks)
    except DAMAGE as error:
        raise Invalid("cannot be read") from error


def _refused(block: str, number: int, words: str) -> Row:
    """The row of a VEVENT that could not be understood; its name is found as far as possible."""
    lines = re.findall(r"(?im)^(UID|SUMMARY)[^:\n]*:(.*)$", block.replace("\r", ""))
    found = {name.upper(): value for name, value in lines}
    title = texts.line(found.get("SUMMARY", ""), texts.MAX_TITLE)
    place = texts.line(found.get("UID", ""), MAX_KEY) or f"event {number}"
    return Row(key="", place=place, kind="event", title=title, refusal=_sentence(title, words))


def _sentence(title: str, words: str) -> str:
    return sentence(filled("“{title}”", title=title) if title else filled("An event"), words)


def _rows(uid: str, founds: list[Found], window: Window, clocks: Clocks) -> Iterator[Row]:
    """The rows of what bears one UID: a series with its changed dates, and single events."""
    masters = _newest([found for found in founds if found.date_id is None])
    changed = [found for found in founds if found.date_id is not None]
    repeating = next((found for found in masters if repeats(found)), None)
    for number, found in enumerate(masters):
        # One UID for several events is wrong (RFC 5545 §3.8.4.7), and not rare.
        key = uid if number == 0 else f"{uid} {found.start.moment.isoformat()}"
        if repeats(found):
            yield _series(key, found, changed if found is repeating else [], window, clocks)
        else:
            yield _single(_known(key, found), found, window)
    if repeating is None:
        for found in changed:
            date_id: Start = found.date_id or found.start
            yield _single(f"{uid} date {date_id.moment.isoformat()}", found, window)


def _newest(masters: list[Found]) -> list[Found]:
    """Of those that start at the same moment the newest alone, the earliest start first."""
    by_start: dict[object, Found] = {}
    for found in sorted(masters, key=lambda one: one.sequence):
        by_start[found.start.moment] = found
    return sorted(by_start.values(), key=lambda one: (not repeats(one), one.start.moment))


def _known(key: str, found: Found) -> str:
    """The key; of an event without UID its title and start."""
    if found.uid:
        return key
    return f"title {digest(found.title, found.start.moment.isoformat())[:32]}"


def _single(key: str, found: Found, window: Window) -> Row:
    return Row(
        key=_short_key(key),
        place=found.uid or "without UID",
        kind="event",
        title=found.title,
        when=short(found.start.local, all_day=found.start.all_day),
        members=found.members,
        fingerprint=digest(found.members),
        over=found.is_over(window.today),
    )


def _series(key: str, master: Found, changed: list[Found], window: Window, clocks: Clocks) -> Row:
    """The row of a series."""
    when = short(master.start.local, all_day=master.start.all_day)
    row = Row(key="", place=master.uid or "without UID", kind="event", title=master.title)
    try:
        repeat = repeat_of(master, changed, window, clocks)
        mark = fingerprint(master, changed, window, clocks)
    except Invalid as refusal:
        return replace(row, when=when, refusal=_sentence(master.title, str(refusal)))
    except DAMAGE:
        return replace(row, when=when, refusal=_sentence(master.title, "cannot be read"))
    return replace(
        row,
        key=_short_key(_known(key, master)),
        when=when,
        members=master.members | {"recurrence": repeat.rule},
        fingerprint=mark,
        over=not repeat.coming,
        repeat=repeat,
    )


def _short_key(key: str) -> str:
    return key if len(key) <= MAX_KEY else f"digest {digest(key)}"
