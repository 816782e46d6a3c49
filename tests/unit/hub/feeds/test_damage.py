"""Calendars with damage of every kind: rows or a sentence, never a fault."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.errors import Invalid
from hub.feeds.calendars import rows_of
from hub.feeds.repeating import Window

NOW = datetime(2026, 9, 1, 10, tzinfo=UTC)
WINDOW = Window(NOW, datetime(2026, 8, 31, 22, tzinfo=UTC), NOW + timedelta(days=365))
TEXT = """
BEGIN:VCALENDAR
X-WR-TIMEZONE:Europe/London
BEGIN:VTIMEZONE
TZID:Own
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:a
SUMMARY:Choir
DTSTART;TZID=Europe/Berlin:20260907T190000
DTEND;TZID=Europe/Berlin:20260907T210000
RRULE:FREQ=WEEKLY;COUNT=4;UNTIL=20261001T000000Z
EXDATE;TZID=Own:20260914T190000,20260921T190000
RDATE;VALUE=PERIOD:20260910T170000Z/PT1H
DESCRIPTION;LANGUAGE=en:<p>Come along</p>
GEO:52.5;13.4
CATEGORIES:Music,Singing
ORGANIZER;CN="Club":mailto:club@x.example
END:VEVENT
BEGIN:VEVENT
UID:a
SUMMARY:Choir moved
RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260921T190000
DTSTART;VALUE=DATE:20260922
DURATION:P1DT2H
STATUS:CANCELLED
SEQUENCE:3
BEGIN:VALARM
TRIGGER:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
"""
SAMPLE = TEXT.strip().splitlines()
VALUES = ("", ";", ":", "99999999T999999", "20260230", "P1W", "FREQ=", "\x00", "é", '"', "a" * 400)
LINES = st.integers(0, len(SAMPLE) - 1)


def survive(lines: list[str]) -> None:
    with contextlib.suppress(Invalid):
        for row in rows_of("\r\n".join(lines).encode(), "Europe/Berlin", WINDOW):
            assert row.refusal or (row.key and row.fingerprint)


@settings(max_examples=400)
@given(st.lists(st.tuples(LINES, st.integers(0, 40), st.sampled_from(VALUES)), max_size=4))
def test_values_that_make_no_sense_do_no_harm(changes: list[tuple[int, int, str]]) -> None:
    lines = list(SAMPLE)
    for at, position, value in changes:
        lines[at] = lines[at][:position] + value
    survive(lines)


@settings(max_examples=200)
@given(st.lists(st.tuples(LINES, LINES), max_size=6), st.sets(LINES, max_size=6))
def test_lines_that_are_swapped_or_missing_do_no_harm(
    swaps: list[tuple[int, int]], missing: set[int]
) -> None:
    lines = list(SAMPLE)
    for one, other in swaps:
        lines[one], lines[other] = lines[other], lines[one]
    survive([line for at, line in enumerate(lines) if at not in missing])


@settings(max_examples=200)
@given(st.lists(st.tuples(LINES, LINES), min_size=1, max_size=6))
def test_lines_that_stand_twice_do_no_harm(copies: list[tuple[int, int]]) -> None:
    lines = list(SAMPLE)
    for source, target in copies:
        lines.insert(target, SAMPLE[source])
    survive(lines)
