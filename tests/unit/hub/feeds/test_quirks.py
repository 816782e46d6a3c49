"""Whole calendars with the habits of Outlook and of Google, and what each of them comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.feeds import calendars, reading
from hub.feeds.rows import Row

QUIRKS = Path(__file__).parent / "quirks"
BERLIN = "Europe/Berlin"
NOW = datetime(2026, 9, 10, 12, tzinfo=ZoneInfo(BERLIN))


def read(name: str, *, change: tuple[str, str] = ("", "")) -> dict[str, Row]:
    """The rows of a file by title."""
    data = (QUIRKS / name).read_bytes().replace(change[0].encode(), change[1].encode())
    return {row.title: row for row in _rows(data)}


def coming(row: Row) -> list[str]:
    assert row.repeat is not None
    special = {one.occurs_at: one.members for one in row.repeat.dates}
    found = []
    for start in row.repeat.coming:
        members = special.get(start)
        begins = datetime.fromisoformat(members["starts_at"] if members else start)
        state = members["status"] if members else "scheduled"
        local = begins.astimezone(ZoneInfo(row.repeat.timezone))
        found.append(f"{local:%m-%d %H:%M} {state}")
    return found


def test_outlook_names_zones_as_windows_does_and_defines_none() -> None:
    choir = read("outlook.ics")["Choir practice"]
    assert choir.members["timezone"] == BERLIN
    # An hour stays an hour: 20:00 on the wall before and after the clocks change on 25 October.
    assert coming(choir) == [
        "09-15 20:00 scheduled",
        "09-24 19:00 scheduled",
        "09-29 20:00 scheduled",
        "10-13 20:00 scheduled",
        "10-20 20:00 scheduled",
        "10-27 20:00 scheduled",
    ]


def test_outlook_ends_whole_days_with_the_midnight_after_them() -> None:
    fair = read("outlook.ics")["Street fair"].members
    assert fair["all_day"] is True
    starts, ends = (datetime.fromisoformat(fair[name]) for name in ("starts_at", "ends_at"))
    assert (ends - starts) == timedelta(days=2)


def test_outlook_s_placeholders_are_left_out_in_words_and_what_is_off_is_off() -> None:
    rows = read("outlook.ics")
    assert rows["Busy"].refusal == "“Busy” only says that somebody is busy."
    assert rows["Canceled: Board meeting"].members["status"] == "cancelled"
    assert rows["Canceled: Board meeting"].members["ends_at"] is None, "no end is invented"


def test_google_moves_a_date_to_another_day_and_calls_one_off() -> None:
    cafe = read("google.ics")["Repair café"]
    assert coming(cafe) == [
        "09-12 14:00 scheduled",
        "11-21 10:00 scheduled",
        "12-12 14:00 cancelled",
    ]
    assert cafe.members["location"] == "Alternates between Hulme and Moss Side"
    assert cafe.members["description"] == (
        "Bring one thing.\n\n[The rules](https://club.example/rules)"
    )


def test_google_writes_single_events_in_utc_and_means_the_calendar_s_clock() -> None:
    rows = read("google.ics")
    talk = rows["Talk: mending clothes"].members
    assert (talk["starts_at"], talk["timezone"]) == ("2026-09-30T18:00:00+01:00", "Europe/London")
    bare = rows["Without zone, without end, without place"].members
    assert (bare["starts_at"], bare["ends_at"]) == ("2026-10-01T19:00:00+01:00", None)
    assert bare["location"] == ""


def test_one_uid_for_two_events_and_an_empty_slot() -> None:
    rows = read("google.ics")
    twins = ("Open day", "Another one that bears the same UID")
    assert not any(rows[title].refusal for title in twins)
    assert len({rows[title].key for title in twins}) == 2
    assert "somebody is busy" in rows["empty slot"].refusal


@pytest.mark.parametrize("name", ["outlook.ics", "google.ics"])
def test_time_of_writing_alone_changes_nothing(name: str) -> None:
    before = {row.key: row.fingerprint for row in read(name).values()}
    later = read(name, change=("DTSTAMP:20260901T080000Z", "DTSTAMP:20260908T111213Z"))
    assert {row.key: row.fingerprint for row in later.values()} == before


def test_a_calendar_in_latin_1_keeps_its_letters() -> None:
    (row,) = read("latin1.ics").values()
    assert row.title == "Café für alle"
    assert row.members["location"] == "Gemeindehaus, Bücherstraße 4"
    assert row.members["description"] == "Kaffee und Kuchen – jeder ist willkommen"


def test_a_calendar_of_more_than_5_mb_is_read() -> None:
    padding = f"X-PADDING:{'x' * 60}\r\n" * 80_000
    end = "END:VCALENDAR"
    data = (QUIRKS / "google.ics").read_bytes().decode().replace(end, padding + end)
    assert 5_000_000 < len(data) < reading.MAX_BYTES
    titles = [row.title for row in _rows(data.encode())]
    expected = [row.title for row in _rows((QUIRKS / "google.ics").read_bytes())]
    assert titles == expected


def _rows(data: bytes) -> list[Row]:
    window = reading.window_of(NOW, BERLIN, timedelta(days=365))
    return calendars.rows_of(data, BERLIN, window)
