"""That the validators find what is wrong: else what they find nothing in would prove nothing."""

from __future__ import annotations

import pytest

from hub.events.ical import calendar_of
from tests import validators
from tests.unit.hub.events.test_ical import PAGE, event

GOOD = calendar_of(
    [event(title="Long " * 30), event(uri="https://town.example/e/1", timezone="UTC")],
    "Elm",
    PAGE,
)
FEED = b"""<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>Elm</title><link>https://elm.example</link><description>All</description>
<language>en</language><atom:link rel="self" href="https://elm.example/a.rss"/>
<item><title>A</title><link>https://elm.example/a</link><guid>a</guid>
<pubDate>Sat, 12 Sep 2026 13:00:00 +0000</pubDate></item></channel></rss>"""
BLOCK = {
    "@context": "https://schema.org",
    "@type": "Event",
    "name": "Choir",
    "startDate": "2026-09-12T15:00:00+02:00",
    "location": {"@type": "Place", "name": "Hall"},
    "url": "https://elm.example/events/1",
    "organizer": {"@type": "Organization", "name": "Elm"},
    "eventStatus": "https://schema.org/EventScheduled",
}


def test_what_is_right_has_no_faults() -> None:
    assert validators.calendar_faults(GOOD) == []
    assert validators.rss_faults(FEED) == []
    assert validators.data_block_faults(BLOCK) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\r\n", b"\n"),
        (b"\r\n ", b""),
        (b"SUMMARY:", b"SUMMARY:\x07"),
        (b"END:VEVENT\r\n", b""),
        (b"VERSION:2.0\r\n", b""),
        (b"TZID:Europe/Berlin", b"TZID:Europe/Paris"),
        (b"DTSTART;TZID=Europe/Berlin:", b"DTSTART:"),
        (b"DTSTART;TZID=Europe/Berlin:2026", b"DTSTART;TZID=Europe/Berlin:2027"),
        (b"UID:https://town.example/e/1", b"UID:0f6f7a3c-5f3e-4f4b-9f0e-0d6a1c9b2e11@hub.example"),
        (b"STATUS:CONFIRMED", b"STATUS:SURE"),
        (b"DTSTAMP:20260501T120000Z", b"DTSTAMP:20260501T120000"),
        (b"DTSTART;TZID=Europe/Berlin:20260912T150000", b"DTSTART;VALUE=DATE:20260912"),
        (b"END:VEVENT", b"RRULE:FREQ=DAILY;COUNT=3;UNTIL=20261001T000000Z\r\nEND:VEVENT"),
        (b"END:VEVENT", b"RRULE:FREQ=DAILY;UNTIL=20261001\r\nEND:VEVENT"),
    ],
)
def test_a_fault_in_a_calendar_is_found(before: bytes, after: bytes) -> None:
    broken = GOOD.replace(before, after)
    assert broken != GOOD
    assert validators.calendar_faults(broken) != []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"</item>", b""),
        (b"<title>Elm</title>", b""),
        (b"<guid>a</guid>", b""),
        (b"https://elm.example/a<", b"/a<"),
        (b"Sat, 12 Sep 2026 13:00:00 +0000", b"2026-09-12"),
        (b'rel="self"', b'rel="other"'),
        (b"<language>en</language>", b""),
    ],
)
def test_a_fault_in_a_feed_is_found(before: bytes, after: bytes) -> None:
    broken = FEED.replace(before, after)
    assert broken != FEED
    try:
        assert validators.rss_faults(broken) != []
    except SyntaxError:
        assert before == b"</item>", "what is not well-formed is not parsed at all"


@pytest.mark.parametrize(
    "change",
    [
        {"@context": "http://example.org"},
        {"@type": "Thing"},
        {"name": ""},
        {"startDate": "2026-09-12T15:00:00"},
        {"startDate": "soon"},
        {"eventStatus": "EventScheduled"},
        {"url": "/events/1"},
        {"location": None},
    ],
)
def test_a_fault_in_a_data_block_is_found(change: dict[str, str]) -> None:
    assert validators.data_block_faults({**BLOCK, **change}) != []
