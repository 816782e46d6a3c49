"""Files are read in a process that can be stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.core.errors import Invalid, TooBig
from hub.feeds import reading
from hub.feeds.calendars import rows_of

WINDOW = reading.window_of(
    datetime(2026, 9, 1, 10, tzinfo=UTC), "Europe/Berlin", timedelta(days=365)
)
CALENDAR = b"BEGIN:VEVENT\nUID:a\nSUMMARY:Choir\nDTSTART:20260907T190000\nRRULE:FREQ=WEEKLY\n"


def test_window_begins_at_midnight_on_the_clock_of_the_hub() -> None:
    assert WINDOW.today == datetime(2026, 8, 31, 22, tzinfo=UTC)


async def test_another_process_reads_the_same() -> None:
    rows = await reading.read("ics", CALENDAR, "Europe/Berlin", WINDOW)
    assert rows == rows_of(CALENDAR, "Europe/Berlin", WINDOW)


async def test_refusal_comes_back_in_its_words() -> None:
    with pytest.raises(Invalid, match="web page"):
        await reading.read("ics", b"<html>", "Europe/Berlin", WINDOW)


async def test_f5_file_that_is_too_big_or_of_another_kind_is_not_read_at_all() -> None:
    with pytest.raises(TooBig):
        await reading.read("ics", b"x" * 10_000_001, "Europe/Berlin", WINDOW)
    with pytest.raises(Invalid, match="ics, csv and osm"):
        await reading.read("gpx", b"", "Europe/Berlin", WINDOW)


async def test_f5_reader_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SECONDS", 0.01)
    with pytest.raises(Invalid, match="too long"):
        await reading.read("ics", CALENDAR, "Europe/Berlin", WINDOW)


async def test_reader_that_breaks_down_is_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reading.READERS, "unknown there", rows_of)
    with pytest.raises(Invalid, match="damaged"):
        await reading.read("unknown there", CALENDAR, "Europe/Berlin", WINDOW)
