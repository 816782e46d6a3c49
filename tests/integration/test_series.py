"""Repeating events: looked at before they are published, and changed date by date."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import orjson
import recurring_ical_events
from icalendar import Calendar
from sqlalchemy import select

from hub.fediverse.models import OutboxActivity
from tests.conftest import Running
from tests.towns import signed_in

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = datetime.now(BERLIN).date()


def _tuesday(ahead: int) -> date:
    """The second Tuesday of the month that is so many months ahead."""
    year, month = divmod(TODAY.year * 12 + TODAY.month - 1 + ahead, 12)
    first = date(year, month + 1, 1)
    return first + timedelta(days=(1 - first.weekday()) % 7 + 7)


NOT_IN = _tuesday(3)
WORDS = f"the second Tuesday of every month, not in {NOT_IN:%B}, 7 times"


def _form(csrf: str, **given: Any) -> dict[str, Any]:
    start = _tuesday(1)
    return {
        "csrf": csrf,
        "title": "Board games",
        "starts_on": f"{start}",
        "starts_time": "19:00",
        "ends_time": "21:30",
        "location": "Linden hall",
        "visibility": "public",
        "repeat": "weekday",
        "repeat_every": "1",
        "repeat_not": [f"{NOT_IN.month}"],
        "repeat_times": "7",
        **given,
    }


def _seen(page: httpx2.Response) -> list[str]:
    return re.findall(r'name="seen" value="([^"]+)"', page.text)


async def _listed(hub: Running) -> list[dict[str, Any]]:
    found = await hub.web.get("/api/v1/events?limit=100")
    items: list[dict[str, Any]] = found.json()["items"]
    return items


async def test_t18_the_dates_are_shown_before_they_are_published(hub: Running) -> None:
    async with signed_in(hub) as (web, csrf):
        shown = await web.post("/post/event", data=_form(csrf))
        assert shown.status_code == 422
        assert WORDS in shown.text
        offered = re.findall(r'name="left_out" value="([^"]+)"', shown.text)
        assert offered == [f"{_tuesday(month)}" for month in (1, 2, 4, 5, 6, 7, 8)]
        assert await _listed(hub) == []
        form = _form(csrf, seen=_seen(shown), left_out=[f"{_tuesday(5)}"])
        assert (await web.post("/post/event", data=form)).status_code == 303
    starts = [datetime.fromisoformat(item["starts_at"]) for item in await _listed(hub)]
    days = [_tuesday(month) for month in (1, 2, 4, 6, 7, 8)]
    assert [start.date() for start in starts] == days
    # 19:00 on the wall in winter and in summer.
    assert {start.astimezone(BERLIN).hour for start in starts} == {19}
    assert len({start.utcoffset() for start in starts}) == 2
    first = (await _listed(hub))[0]
    assert first["repeats"] == WORDS


async def test_another_rule_is_shown_anew(hub: Running) -> None:
    async with signed_in(hub) as (web, csrf):
        shown = await web.post("/post/event", data=_form(csrf))
        form = _form(csrf, seen=_seen(shown), repeat="date", repeat_not=[])
        again = await web.post("/post/event", data=form)
        assert again.status_code == 422
        assert "Please look at the dates once." in again.text
        looked = await web.post("/post/event", data=_form(csrf, seen=_seen(shown), look="yes"))
        assert looked.status_code == 422
    assert await _listed(hub) == []


async def test_t18_two_at_one_place_and_time_are_told_before_it_is_published(hub: Running) -> None:
    start = datetime.combine(_tuesday(2), datetime.min.time().replace(hour=20), BERLIN)
    there = {"title": "Choir", "starts_at": start.isoformat(), "location": "Linden hall"}
    await hub.web.post("/api/v1/events", json=there, headers=hub.steward)
    other = {**there, "title": "Elsewhere", "location": "Linden hall annex"}
    await hub.web.post("/api/v1/events", json=other, headers=hub.steward)
    hidden = {**there, "title": "Secret", "visibility": "private"}
    await hub.web.post("/api/v1/events", json=hidden, headers=hub.steward)
    async with signed_in(hub) as (web, csrf):
        single = {"repeat": "", "repeat_not": [], "repeat_times": "", "location": "LINDEN  hall"}
        form = _form(csrf, **single, starts_on=f"{start.date()}")
        told = await web.post("/post/event", data=form)
        assert told.status_code == 422
        assert "Something else is at this place then." in told.text
        assert "Choir" in told.text
        assert "Elsewhere" not in told.text
        late = await web.post("/post/event", data={**form, "starts_time": "23:00", "ends_time": ""})
        assert late.status_code == 303
        series = await web.post("/post/event", data=_form(csrf))
        assert "Choir" in series.text
        without = _form(csrf, seen=_seen(series), left_out=[f"{start.date()}"])
        assert (await web.post("/post/event", data=without)).status_code == 303
        insisting = await web.post("/post/event", data={**form, "seen": _seen(told)})
        assert insisting.status_code == 303


async def _said(hub: Running, uri: str) -> list[dict[str, Any]]:
    """What was said about an event since it was published."""
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(OutboxActivity.body).order_by(OutboxActivity.id))
        found = [orjson.loads(row) for row in rows]
    return [
        one
        for one in found
        if isinstance(one["object"], dict)
        and uri in (one["object"].get("id"), one["object"].get("inReplyTo"))
    ]


async def test_t19_one_date_is_moved_and_one_called_off(hub: Running) -> None:
    """List, calendar, Update and a note for Mastodon."""
    start = (datetime.now(BERLIN) + timedelta(days=7)).replace(microsecond=0)
    draft = {
        "title": "Board games",
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=2)).isoformat(),
        "timezone": "Europe/Berlin",
        "location": "Linden hall",
        "recurrence": "FREQ=WEEKLY;COUNT=5",
    }
    made = (await hub.web.post("/api/v1/events", json=draft, headers=hub.steward)).json()
    dates = await _listed(hub)
    later = datetime.fromisoformat(dates[1]["starts_at"]) + timedelta(days=1, hours=1)
    moved = {"starts_at": later.isoformat(), "ends_at": (later + timedelta(hours=2)).isoformat()}
    path = "/api/v1/events/{}"
    answer = await hub.web.patch(path.format(dates[1]["id"]), json=moved, headers=hub.steward)
    assert answer.status_code == 200, answer.text
    async with signed_in(hub) as (web, csrf):
        off = await web.post(f"/events/{dates[2]['id']}/cancel", data={"csrf": csrf})
        assert off.status_code == 303
    await hub.web.delete(path.format(dates[3]["id"]), headers=hub.steward)
    now_listed = await _listed(hub)
    assert [item["status"] for item in now_listed] == [
        *("scheduled", "scheduled", "cancelled", "scheduled")
    ]
    page = (await hub.web.get("/events", headers={"accept": "text/html"})).text
    assert page.count("Cancelled") == 1
    assert page.count("New time") == 1
    for at, status, words in ((1, "EventRescheduled", "moved"), (2, "EventCancelled", "cancelled")):
        said = await _said(hub, dates[at]["uri"])
        assert [one["type"] for one in said] == ["Create", "Update", "Create"], words
        assert said[1]["object"]["eventStatus"] == status
        assert (said[2]["object"]["type"], said[2]["object"]["inReplyTo"]) == (
            "Note",
            dates[at]["uri"],
        )
    file = await hub.web.get(f"/series/{made['series_id']}.ics")
    assert file.headers["content-type"].startswith("text/calendar")
    calendar = Calendar.from_ical(file.text)
    named = {one.get("recurrence-id").dt: one for one in calendar.events if "recurrence-id" in one}
    assert {str(one["status"]) for one in named.values()} == {"CONFIRMED", "CANCELLED"}
    assert {one.date() for one in named} == {start.date() + timedelta(days=n) for n in (7, 14)}
    window = (start.date(), start.date() + timedelta(days=60))
    theirs = recurring_ical_events.of(calendar).between(*window)
    assert sorted((one.start.astimezone(UTC), str(one["status"])) for one in theirs) == sorted(
        (
            datetime.fromisoformat(item["starts_at"]).astimezone(UTC),
            "CANCELLED" if item["status"] == "cancelled" else "CONFIRMED",
        )
        for item in now_listed
    )


async def test_a_series_that_was_ended_has_an_end_in_calendars(hub: Running) -> None:
    start = (datetime.now(BERLIN) + timedelta(days=1)).replace(microsecond=0)
    draft = {
        "title": "Yoga",
        "starts_at": start.isoformat(),
        "timezone": "Europe/Berlin",
        "all_day": True,
        "ends_at": (start + timedelta(hours=1)).isoformat(),
        "recurrence": "FREQ=WEEKLY;UNTIL=20991231",
    }
    made = (await hub.web.post("/api/v1/events", json=draft, headers=hub.steward)).json()
    path = f"/series/{made['series_id']}.ics"
    calendar: Any = Calendar.from_ical((await hub.web.get(path)).text)
    rule = calendar.events[0]["rrule"]
    assert rule["UNTIL"] == [date(2099, 12, 31)]
    await hub.web.patch(
        f"/api/v1/events/{made['id']}", json={"recurrence": None}, headers=hub.steward
    )
    calendar = Calendar.from_ical((await hub.web.get(path)).text)
    window = (TODAY, TODAY + timedelta(days=300))
    living = [
        one
        for one in recurring_ical_events.of(calendar).between(*window)
        if one["status"] != "CANCELLED"
    ]
    assert len(living) == 1


async def test_a_series_for_neighbours_has_no_public_calendar(hub: Running) -> None:
    start = datetime.now(BERLIN) + timedelta(days=1)
    draft = {
        "title": "Inner circle",
        "starts_at": start.isoformat(),
        "recurrence": "FREQ=WEEKLY;COUNT=3",
        "visibility": "hub",
    }
    made = (await hub.web.post("/api/v1/events", json=draft, headers=hub.steward)).json()
    assert (await hub.web.get(f"/series/{made['series_id']}.ics")).status_code == 404
