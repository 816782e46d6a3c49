"""Moments in words, on the place's clock and in the reader's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.core import dates

STARTS = datetime(2026, 9, 12, 13, 0, tzinfo=UTC)
ENDS = datetime(2026, 9, 12, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Sat 12 Sep 2026, 15:00–18:00"),
        ("en-GB", "Sat 12 Sep 2026, 15:00–18:00"),
        ("de", "Sa., 12. Sept. 2026, 15:00–18:00"),
        ("fr", "sam. 12 sept. 2026, 15:00–18:00"),
        ("cy", "Sad, 12 Medi 2026, 15:00–18:00"),
        ("pl", "sob., 12 wrz 2026, 15:00–18:00"),
        ("xx-unknown", "Sat 12 Sep 2026, 15:00–18:00"),
    ],
)
def test_a_span_is_said_on_the_clock_of_its_place(language: str, expected: str) -> None:
    assert dates.span(STARTS, ENDS, "Europe/Berlin", language) == expected


def test_arabic_has_its_own_comma_and_words() -> None:
    said = dates.span(STARTS, ENDS, "Europe/Berlin", "ar")
    assert "سبتمبر" in said
    assert "،" in said


def test_an_open_end_names_only_the_start() -> None:
    assert dates.span(STARTS, None, "Europe/Berlin", "en") == "Sat 12 Sep 2026, 15:00"


def test_more_days_name_both() -> None:
    said = dates.span(STARTS, STARTS + timedelta(days=1), "Europe/Berlin", "en", year=False)
    assert said == "Sat 12 Sep, 15:00 – Sun 13 Sep, 15:00"


def test_a_night_out_is_one_evening() -> None:
    said = dates.span(
        STARTS + timedelta(hours=7), STARTS + timedelta(hours=13), "Europe/Berlin", "en"
    )
    assert said == "Sat 12 Sep 2026, 22:00–04:00"


def test_an_all_day_event_names_only_days_and_its_end_is_the_midnight_after() -> None:
    midnight = datetime(2026, 9, 11, 22, 0, tzinfo=UTC)
    one = dates.span(midnight, midnight + timedelta(days=1), "Europe/Berlin", "en", all_day=True)
    two = dates.span(midnight, midnight + timedelta(days=2), "Europe/Berlin", "en", all_day=True)
    open_end = dates.span(midnight, None, "Europe/Berlin", "en", all_day=True)
    assert one == open_end == "Sat 12 Sep 2026"
    assert two == "Sat 12 Sep 2026 – Sun 13 Sep 2026"


def test_a_tile_has_weekday_day_and_month() -> None:
    late = datetime(2026, 9, 12, 23, 30, tzinfo=UTC)
    assert dates.tile(late, "Europe/Berlin", "en") == ("Sun", "13", "Sep")
    assert dates.tile(late, "Mars/Olympus", "en") == ("Sat", "12", "Sep")


def test_how_long_ago_is_said_in_words() -> None:
    assert dates.since(STARTS, ENDS, "en") == "3 hours ago"
    assert dates.since(ENDS, STARTS, "de") == "in 3 Stunden"
