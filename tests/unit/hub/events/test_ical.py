"""Events as calendar programs read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from icalendar import Calendar

from hub.events.ical import calendar_of, uid
from hub.events.models import Event

HUB = "https://hub.example"
ID = UUID("0f6f7a3c-5f3e-4f4b-9f0e-0d6a1c9b2e11")
PAGE = f"{HUB}/events"


def event(**given: object) -> Event:
    made = datetime(2026, 5, 1, 12, tzinfo=UTC)
    values: dict[str, object] = {
        "id": ID,
        "kind": "event",
        "uri": f"{HUB}/events/{ID}",
        "url": f"{HUB}/events/{ID}",
        "origin": "",
        "title": "Repair café; bring, things",
        "summary": "",
        "content": "<p>We mend.</p><p>You watch.</p>",
        "status": "scheduled",
        "place": "Library, room 2",
        "latitude": 52.52,
        "longitude": 13.4,
        "tags": ["repair", "café"],
        "price": "",
        "access": "Step-free",
        "online_url": None,
        "timezone": "Europe/Berlin",
        "all_day": False,
        "starts_at": datetime(2026, 9, 12, 13, tzinfo=UTC),
        "ends_at": datetime(2026, 9, 12, 16, tzinfo=UTC),
        "created_at": made,
        "updated_at": made,
    }
    return Event(**(values | given))


def read(*events: Event) -> Calendar:
    data = calendar_of(events, "Elm Street", PAGE)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    return Calendar.from_ical(data)


def test_event_comes_back_as_it_went() -> None:
    calendar = read(event())
    found = calendar.events[0]
    assert found["SUMMARY"] == "Repair café; bring, things"
    assert found["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert found.start == datetime(2026, 9, 12, 15, tzinfo=ZoneInfo("Europe/Berlin"))
    assert found.end - found.start == timedelta(hours=3)
    assert found["LOCATION"] == "Library, room 2"
    assert found["DESCRIPTION"] == "We mend.\n\nYou watch.\n\nStep-free"
    assert found["GEO"].to_ical() == "52.52;13.4"
    assert found.categories == ["repair", "café"]
    assert found["STATUS"] == "CONFIRMED"
    assert found["URL"] == f"{HUB}/events/{ID}"


def test_calendar_says_its_name_and_how_often_to_look() -> None:
    text = calendar_of([], "Elm Street", PAGE).decode()
    assert "NAME:Elm Street\r\n" in text
    assert "X-WR-CALNAME:Elm Street\r\n" in text
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in text
    assert "X-PUBLISHED-TTL:PT1H\r\n" in text


def test_same_events_give_the_same_bytes() -> None:
    assert calendar_of([event()], "Elm", PAGE) == calendar_of([event()], "Elm", PAGE)


def test_whole_days_are_dates_with_the_day_after_as_end() -> None:
    found = read(
        event(
            all_day=True,
            starts_at=datetime(2026, 9, 11, 22, tzinfo=UTC),
            ends_at=datetime(2026, 9, 13, 22, tzinfo=UTC),
        )
    ).events[0]
    assert (found.start, found.end) == (date(2026, 9, 12), date(2026, 9, 14))


def test_open_end_stays_open() -> None:
    assert "DTEND" not in read(event(ends_at=None)).events[0]


def test_cancelled_event_says_so_with_a_higher_sequence() -> None:
    changed = event(status="cancelled", updated_at=datetime(2026, 5, 2, 12, tzinfo=UTC))
    found = read(changed).events[0]
    assert found["STATUS"] == "CANCELLED"
    assert read(event()).events[0]["SEQUENCE"] == 0
    assert found["SEQUENCE"] == 86400


def test_postponed_event_is_tentative_and_utc_needs_no_zone() -> None:
    calendar = read(event(status="postponed", timezone="UTC"))
    assert calendar.events[0]["STATUS"] == "TENTATIVE"
    assert calendar.events[0]["DTSTART"].to_ical() == b"20260912T130000Z"
    assert calendar.timezones == []


def test_event_of_another_hub_keeps_its_uid_and_opens_here() -> None:
    theirs = event(
        origin="other.example:8001",
        uri=f"https://other.example:8001/events/{ID}",
        url=f"https://other.example:8001/events/{ID}",
    )
    found = read(theirs).events[0]
    assert found["UID"] == f"{ID}@other.example:8001"
    assert found["URL"] == f"{HUB}/events/{ID}"


def test_uid_of_other_software_is_its_id() -> None:
    assert uid("https://gancio.example/federation/m/7") == "https://gancio.example/federation/m/7"


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo"],
)
def test_zone_tells_every_hour_of_the_year_right(zone: str) -> None:
    text = calendar_of([event(timezone=zone)], "Elm", PAGE).decode()
    # Under another name a reader has only what we wrote to go by.
    calendar = Calendar.from_ical(text.replace(zone, "Somewhere/Else"))
    told = calendar.timezones[0].to_tz(lookup_tzid=False)
    real = ZoneInfo(zone)
    for hour in range(366 * 24):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        local = moment.astimezone(real)
        if local.fold or local.replace(fold=1).utcoffset() != local.utcoffset():
            continue  # an hour that the clock shows twice
        assert local.replace(tzinfo=told).utcoffset() == local.utcoffset(), moment


def test_other_programs_find_the_event_in_its_week() -> None:
    found = recurring_ical_events.of(read(event())).between((2026, 9, 7), (2026, 9, 14))
    assert [str(one["UID"]) for one in found] == [f"{ID}@hub.example"]
