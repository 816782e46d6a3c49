"""The calendar as people look at it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from hub.events import agenda
from hub.events.models import Event

BERLIN = ZoneInfo("Europe/Berlin")


def _event(start: str, end: str | None = None, timezone: str = "Europe/Berlin") -> Event:
    zone = ZoneInfo(timezone)
    moments = [
        datetime.fromisoformat(one).replace(tzinfo=zone) if one else None for one in (start, end)
    ]
    first, last = (one and one.astimezone(UTC) for one in moments)
    return Event(title=start, starts_at=first, ends_at=last, timezone=timezone)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_events_stand_under_their_month_and_their_day() -> None:
    events = [
        _event("2026-11-28T10:00"),
        _event("2026-11-28T18:00"),
        _event("2026-11-30T10:00"),
        _event("2026-12-01T10:00"),
    ]
    months = agenda.by_month(events, _moment("2026-11-22T10:00"), BERLIN, "en")
    shown = [(month.name, [len(day.events) for day in month.days]) for month in months]
    assert shown == [("November 2026", [2, 1]), ("December 2026", [1])]


def test_what_began_before_stands_under_today() -> None:
    events = [_event("2026-11-20T10:00", "2026-11-24T18:00"), _event("2026-11-22T20:00")]
    ((month),) = agenda.by_month(events, _moment("2026-11-22T10:00"), BERLIN, "en")
    (day,) = month.days
    assert (day.going_on, day.events) == ([events[0]], [events[1]])
    assert day.moment.date() == date(2026, 11, 22)


def test_an_event_stands_under_the_day_of_its_own_clock() -> None:
    late = _event("2026-11-28T23:30", timezone="America/New_York")
    (month,) = agenda.by_month([late], _moment("2026-11-22T10:00"), BERLIN, "en")
    assert month.days[0].moment.date() == date(2026, 11, 28)


@pytest.mark.parametrize(
    ("today", "week", "weekend"),
    [
        ("2026-11-25", ("2026-11-25", "2026-11-29"), ("2026-11-28", "2026-11-29")),
        ("2026-11-29", ("2026-11-29", "2026-11-29"), ("2026-11-29", "2026-11-29")),
        ("2026-11-30", ("2026-11-30", "2026-12-06"), ("2026-12-05", "2026-12-06")),
    ],
)
def test_spans_end_with_the_week(
    today: str, week: tuple[str, str], weekend: tuple[str, str]
) -> None:
    found = {
        one.name: (str(one.first), str(one.last)) for one in agenda.spans(date.fromisoformat(today))
    }
    assert (found["week"], found["weekend"]) == (week, weekend)


def test_a_sheet_has_whole_weeks_as_the_language_has_them() -> None:
    german, english = (agenda.grid(date(2026, 12, 24), one) for one in ("de", "en"))
    assert german.name == "Dezember 2026"
    assert (german.start, german.end) == (date(2026, 11, 30), date(2027, 1, 3))
    assert german.weekdays[0].startswith("Mo")
    assert english.start.weekday() in {0, 6}
    assert (german.before, german.after) == (date(2026, 11, 1), date(2027, 1, 1))
    assert all(len(week) == 7 for week in german.weeks)


def test_an_event_of_several_days_hangs_on_each_of_them() -> None:
    sheet = agenda.grid(date(2026, 12, 1), "de")
    camp = _event("2026-12-05T10:00", "2026-12-07T12:00")
    party = _event("2026-12-12T20:00", "2026-12-13T02:00")
    holiday = _event("2026-11-20T00:00", "2026-12-02T00:00")
    agenda.hang(sheet, [camp, party, holiday])
    days = {
        event.title[:10]: [
            square.day.day for week in sheet.weeks for square in week if event in square.events
        ]
        for event in (camp, party, holiday)
    }
    assert days == {"2026-12-05": [5, 6, 7], "2026-12-12": [12], "2026-11-20": [30, 1]}
