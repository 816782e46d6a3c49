"""What a form says becomes the draft that is meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.core.errors import Invalid
from hub.events import forms, planning
from hub.events.models import Event
from hub.web.forms import Form, Upload

FILLED = {
    "title": "Repair café",
    "starts_on": "2026-12-05",
    "starts_time": "18:00",
    "visibility": "public",
    "tags": "repair, tools",
}


def _form(**fields: str) -> Form:
    return Form({name: [value] for name, value in {**FILLED, **fields}.items()})


def _draft(**fields: str) -> Any:
    return forms.draft(_form(**fields), "Europe/Berlin")


def _told(**fields: str) -> dict[str, str]:
    form = _form(**fields)
    with pytest.raises(Invalid) as refused:
        forms.draft(form, "Europe/Berlin")
    return forms.errors(refused.value, form)


def test_times_are_read_on_the_clock_of_the_place() -> None:
    draft = _draft(ends_time="19:30")
    assert draft.starts_at == datetime(2026, 12, 5, 17, tzinfo=UTC)
    assert draft.ends_at == datetime(2026, 12, 5, 18, 30, tzinfo=UTC)
    assert _draft(timezone="Europe/London").starts_at == datetime(2026, 12, 5, 18, tzinfo=UTC)


def test_no_end_means_an_open_end() -> None:
    assert _draft().ends_at is None


def test_an_end_before_the_start_is_of_the_next_day() -> None:
    assert _draft(ends_time="01:00").ends_at == datetime(2026, 12, 6, 0, tzinfo=UTC)


def test_whole_days_end_with_the_last_of_them() -> None:
    draft = _draft(all_day="yes", ends_on="2026-12-06", starts_time="")
    assert draft.starts_at == datetime(2026, 12, 4, 23, tzinfo=UTC)
    assert draft.ends_at == datetime(2026, 12, 6, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("chosen", "rule"),
    [
        ("", None),
        ("weekly", "FREQ=WEEKLY;BYDAY=SA"),
        ("weekday", "FREQ=MONTHLY;BYDAY=1SA"),
        ("date", "FREQ=MONTHLY;BYMONTHDAY=5"),
    ],
)
def test_a_rule_is_chosen_in_words(chosen: str, rule: str | None) -> None:
    assert _draft(repeat=chosen).recurrence == rule


def test_a_rule_may_end() -> None:
    draft = _draft(repeat="weekly", repeat_until="2027-03-01")
    assert draft.recurrence == "FREQ=WEEKLY;BYDAY=SA;UNTIL=20270301"
    assert _told(repeat="weekly", repeat_until="2026-01-01") == {
        "repeat_until": "must be a day after the first"
    }
    assert _told(repeat="always") == {"repeat": "must be one of the list"}
    assert _draft(repeat="daily", repeat_times="3").recurrence == "FREQ=DAILY;COUNT=3"
    assert set(_told(repeat="daily", repeat_times="3", repeat_until="2027-03-01")) == {
        "repeat_times"
    }
    assert set(_told(repeat="daily", repeat_times="0")) == {"repeat_times"}


def test_every_second_week_is_a_number() -> None:
    draft = _draft(repeat="weekly", repeat_every="2")
    assert draft.recurrence == "FREQ=WEEKLY;BYDAY=SA;INTERVAL=2"
    assert set(_told(repeat="weekly", repeat_every="often")) == {"repeat_every"}


def test_the_last_weekday_of_a_month_begins_on_one() -> None:
    last = _draft(repeat="last", starts_on="2026-12-26")
    assert last.recurrence == "FREQ=MONTHLY;BYDAY=-1SA"
    assert set(_told(repeat="last")) == {"repeat"}


def test_every_second_tuesday_but_not_in_august() -> None:
    fields = {**FILLED, "starts_on": "2027-06-08", "repeat": "weekday"}
    form = Form({name: [value] for name, value in fields.items()} | {"repeat_not": ["8"]})
    draft = forms.draft(form, "Europe/Berlin")
    assert draft.recurrence == "FREQ=MONTHLY;BYDAY=2TU;BYMONTH=1,2,3,4,5,6,7,9,10,11,12"
    dates = planning.ahead(draft, datetime(2027, 6, 1, tzinfo=UTC), limit=6)
    # 18:00 on the wall, in summer and in winter.
    assert [date.starts_at.isoformat() for date in dates] == [
        "2027-06-08T16:00:00+00:00",
        "2027-07-13T16:00:00+00:00",
        "2027-09-14T16:00:00+00:00",
        "2027-10-12T16:00:00+00:00",
        "2027-11-09T17:00:00+00:00",
        "2027-12-14T17:00:00+00:00",
    ]


def test_facts_that_nobody_knows_are_not_kept() -> None:
    draft = _draft(access_entrance="yes", access_entrance_note="ramp", access_toilet="unknown")
    assert {name: fact.model_dump() for name, fact in draft.access_facts.items()} == {
        "entrance": {"state": "yes", "note": "ramp"}
    }
    assert set(_told(access_entrance="maybe")) == {"access_facts"}
    assert _draft(bring="Cake\n\n Cups ").bring == ("Cake", "Cups")


def test_a_month_that_is_left_out_is_not_that_of_the_first_day() -> None:
    assert set(_told(repeat="weekday", repeat_not="12")) == {"repeat_not"}
    assert set(_told(repeat="yearly", repeat_not="8")) == {"repeat_not"}


def test_single_days_are_left_out_on_the_clock_of_the_place() -> None:
    fields = {**FILLED, "starts_on": "2027-03-22", "starts_time": "00:30", "repeat": "weekly"}
    form = Form({name: [value] for name, value in fields.items()} | {"left_out": ["2027-03-29"]})
    dates = planning.ahead(forms.draft(form, "Europe/Berlin"), datetime(2027, 3, 1, tzinfo=UTC))
    assert [date.starts_at.isoformat() for date in dates[:2]] == [
        "2027-03-21T23:30:00+00:00",
        "2027-04-04T22:30:00+00:00",
    ]
    assert set(_told(repeat="weekly", left_out="soon")) == {"repeat"}


def test_everything_that_is_missing_is_told_at_once() -> None:
    assert _told(title="", starts_on="", starts_time="") == {
        "title": "please fill this in",
        "starts_on": "please fill this in",
        "starts_time": "please fill this in",
    }


def test_mistakes_stand_at_the_fields_of_the_form() -> None:
    told = _told(ends_on="2026-12-01", ends_time="10:00", capacity="many", online_url="zoom")
    assert told["ends_time"] == "must be after the start"
    assert set(told) == {"ends_time", "capacity", "online_url"}
    assert set(_told(all_day="yes", ends_on="2026-12-01")) == {"ends_on"}
    assert _told(starts_time="noon") == {"starts_on": "must be a day and a time"}


def test_a_picture_without_words_is_told_at_the_words() -> None:
    form = Form(
        {name: [value] for name, value in FILLED.items()},
        {"picture": Upload("x.jpg", "image/jpeg", b"...")},
    )
    with pytest.raises(Invalid) as refused:
        forms.draft(form, "Europe/Berlin")
    told = forms.errors(refused.value, form)
    assert told["picture_alt"] == "needs alt: say in words what the picture shows"
    assert told["picture"] == "please choose the picture again"


def test_themes_become_tags() -> None:
    form = Form({**{name: [value] for name, value in FILLED.items()}, "themes": ["food", "x"]})
    assert forms.draft(form, "Europe/Berlin").tags == ("repair", "tools", "food")


def test_a_form_of_an_event_gives_the_event_again() -> None:
    event = Event(
        title="Camp",
        timezone="Europe/Berlin",
        all_day=True,
        starts_at=datetime(2026, 12, 4, 23, tzinfo=UTC),
        ends_at=datetime(2026, 12, 6, 23, tzinfo=UTC),
        summary="",
        organiser="",
        price="",
        access="",
        access_facts={"toilet": {"state": "yes", "note": "upstairs"}},
        bring=["Cake", "Cups"],
        place="",
        source="",
        tags=["food", "tents"],
        visibility="hub",
        picture=None,
    )
    values = forms.of_event(event)
    assert (values["starts_on"], values["ends_on"], values["starts_time"]) == (
        "2026-12-05",
        "2026-12-06",
        "",
    )
    assert (values["access_toilet"], values["access_toilet_note"]) == ("yes", "upstairs")
    assert values["bring"] == "Cake\nCups"
    assert (values["tags"], values["themes"]) == ("tents", ["food"])
    form = Form(
        {
            name: list(value) if isinstance(value, list) else [str(value or "")]
            for name, value in values.items()
        }
    )
    draft = forms.draft(form, "Europe/Berlin")
    assert (draft.starts_at, draft.ends_at) == (event.starts_at, event.ends_at)
    assert (draft.tags, draft.visibility) == (("tents", "food"), "hub")


def test_where_the_pin_was_is_forgotten_with_the_place() -> None:
    before = {"location": "Old hall", "latitude": 50.0, "longitude": 7.0}
    moved = forms.draft(_form(location="New hall"), "Europe/Berlin", None, before)
    stays = forms.draft(_form(location="Old hall"), "Europe/Berlin", None, before)
    assert (moved.latitude, stays.latitude) == (None, 50.0)
