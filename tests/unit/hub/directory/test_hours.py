"""Opening hours: whether it is open, until when, and the coming week."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from hub.directory import hours

BERLIN = ZoneInfo("Europe/Berlin")
WORK = "Mo-Fr 10:00-13:00,14:00-18:00; Sa 10:00-13:00; PH off"


def _told(stated: str, moment: str, language: str = "en") -> hours.Hours:
    told = hours.told(stated, BERLIN, datetime.fromisoformat(moment), language)
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("moment", "open_", "changes"),
    [
        ("2026-09-16T12:30+02:00", True, "13:00"),
        ("2026-09-16T11:30Z", False, "14:00"),  # on the clock of the place
        ("2026-09-16T21:00+02:00", False, "Thursday 10:00"),
        ("2026-09-19T21:00+02:00", False, "Monday 10:00"),
        ("2026-12-24T20:00+01:00", False, "Monday 10:00"),  # two holidays, one of them a Saturday
    ],
)
def test_it_says_whether_it_is_open_and_until_when(moment: str, open_: bool, changes: str) -> None:
    told = _told(WORK, moment)
    assert (told.open, told.changes) == (open_, changes)


def test_the_week_begins_today_and_knows_holidays() -> None:
    told = _told(WORK, "2026-12-24T20:00+01:00", "de")
    assert [day.name for day in told.days][:3] == ["Donnerstag", "Freitag", "Samstag"]
    assert told.days[0].times == (("10:00–13:00", ""), ("14:00–18:00", ""))
    assert [day.times for day in told.days[1:4]] == [(), (), ()]
    assert len(told.days) == 7


def test_nights_belong_to_their_evening_and_long_spans_to_each_day() -> None:
    bar = _told("Fr-Sa 20:00-02:00", "2026-09-16T12:00+02:00")
    assert [day.times for day in bar.days[2:5]] == [(("20:00–02:00", ""),)] * 2 + [()]
    camp = _told("2026 Sep 18 10:00-24:00; 2026 Sep 19 00:00-24:00; 2026 Sep 20 00:00-16:00",
                 "2026-09-16T12:00+02:00")  # fmt: skip
    assert camp.days[2].times == (("10:00–24:00", ""),)
    assert camp.days[3].always
    assert camp.days[4].times == (("00:00–16:00", ""),)


def test_always_never_and_what_is_said_besides() -> None:
    always = _told("24/7", "2026-09-16T12:00+02:00")
    assert (always.open, always.changes, always.days[6].always) == (True, "", True)
    never = _told("off", "2026-09-16T12:00+02:00")
    assert (never.open, never.changes, never.days[0].times) == (False, "", ())
    surgery = _told('Th 10:00-12:00 "by appointment"', "2026-09-16T12:00+02:00")
    assert surgery.days[1].times == (("10:00–12:00", "by appointment"),)
    far = _told("Dec 1-24 10:00-12:00", "2026-09-16T12:00+02:00")
    assert far.changes == "Tue 1 Dec 2026 10:00"


@pytest.mark.parametrize(
    "stated",
    ["", "nach Vereinbarung", "Mo-Fr 9-17", "unknown", "Mo 10:00+", "sunrise-sunset", "SH off"],
)
def test_what_cannot_be_told_stays_as_it_is_written(stated: str) -> None:
    moment = datetime.fromisoformat("2026-09-16T12:00+02:00")
    assert hours.told(stated, BERLIN, moment, "en") is None
    assert hours.told(stated, ZoneInfo("UTC"), moment, "xx") is None


def test_where_no_country_is_known_holidays_are_not_guessed() -> None:
    moment = datetime.fromisoformat("2026-09-16T12:00+02:00")
    assert hours.told(WORK, ZoneInfo("UTC"), moment, "en") is None
    assert hours.told("Mo-Fr 10:00-13:00", ZoneInfo("UTC"), moment, "en") is not None
