"""Calendars become events of the hub, are kept up to date, and can be taken back."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI, Response
from sqlalchemy import func, select

from hub.core.errors import Conflict, Elsewhere, Invalid, NotFound
from hub.events.models import Event, Series
from hub.fediverse import follows
from hub.fediverse.models import OutboxActivity
from hub.feeds import importing, undoing
from hub.feeds.importing import Report
from hub.feeds.models import Import, ImportChange, ImportedItem
from hub.feeds.rows import Verdict
from tests.conftest import Running, settle

BERLIN = ZoneInfo("Europe/Berlin")
# A Monday some weeks ahead, so that eight weeks from now hold several dates of a series.
TODAY = datetime.now(BERLIN).date()
MONDAY = TODAY + timedelta(days=21 - TODAY.weekday())


def stamp(day: date, clock: str = "19:00") -> str:
    return f"{day:%Y%m%d}T{clock.replace(':', '')}00"


def moment(day: date, clock: str = "19:00") -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), BERLIN).astimezone(UTC)


def vevent(uid: str, title: str, day: date, *more: str, clock: str = "19:00") -> str:
    lines = (
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"SUMMARY:{title}",
        f"DTSTART;TZID=Europe/Berlin:{stamp(day, clock)}",
        *more,
        "END:VEVENT",
    )
    return "\r\n".join(lines)


def calendar(*events: str) -> bytes:
    return "\r\n".join(("BEGIN:VCALENDAR", *events, "END:VCALENDAR", "")).encode()


CHOIR = vevent(
    "choir@club.example",
    "Choir",
    MONDAY,
    f"DTEND;TZID=Europe/Berlin:{stamp(MONDAY, '21:00')}",
    "RRULE:FREQ=WEEKLY;COUNT=6",
    f"EXDATE;TZID=Europe/Berlin:{stamp(MONDAY + timedelta(days=7))}",
)
MOVED = vevent(
    "choir@club.example",
    "Choir in the park",
    MONDAY + timedelta(days=15),
    f"RECURRENCE-ID;TZID=Europe/Berlin:{stamp(MONDAY + timedelta(days=14))}",
    clock="17:00",
)
CANCELLED = vevent(
    "choir@club.example",
    "Choir",
    MONDAY + timedelta(days=21),
    f"RECURRENCE-ID;TZID=Europe/Berlin:{stamp(MONDAY + timedelta(days=21))}",
    "STATUS:CANCELLED",
)
FAIR = vevent("fair@club.example", "Street fair", MONDAY)
OLD = vevent("old@club.example", "Old fair", TODAY - timedelta(days=40))


async def take(hub: Running, data: bytes, **how: Any) -> tuple[list[Verdict], Report]:
    report = Report()
    source = how.pop("source", "club.ics")
    run = importing.run(hub.services, "ics", data, source, report=report, **how)
    return [verdict async for verdict in run], report


async def outcomes(hub: Running, data: bytes, **how: Any) -> list[str]:
    return [verdict.outcome for verdict in (await take(hub, data, **how))[0]]


async def undo(hub: Running, report: Report) -> str:
    lines = [line async for line in undoing.lines(hub.services, str(report.import_id))]
    return str(lines[-1]["text"])


async def dates(hub: Running, title: str = "Choir") -> list[tuple[datetime, str, str]]:
    async with hub.services.db.read() as session:
        query = select(Event).where(Event.title.like(f"{title}%"), Event.deleted_at.is_(None))
        found = await session.scalars(query.order_by(Event.starts_at))
        return [(event.starts_at, event.status, event.title) for event in found]


async def said(hub: Running) -> Counter[str]:
    """What the hub told others so far, by type; the relay's echoes do not count."""
    async with hub.services.db.read() as session:
        types = await session.scalars(select(OutboxActivity.type))
        return Counter(type_ for type_ in types if type_ in {"Create", "Update", "Delete"})


async def rows_in(hub: Running, table: type[Any]) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_calendar_becomes_events_with_exceptions_moved_and_cancelled_dates(
    hub: Running,
) -> None:
    verdicts, report = await take(hub, calendar(CHOIR, MOVED, CANCELLED, FAIR, OLD))
    assert [(v.title, v.outcome) for v in verdicts] == [
        ("Choir", "new"),
        ("Street fair", "new"),
        ("Old fair", "over"),
    ]
    assert verdicts[0].words == "5 dates in the coming year, 1 called off, 1 changed"
    assert await dates(hub) == [
        (moment(MONDAY), "scheduled", "Choir"),
        (moment(MONDAY + timedelta(days=15), "17:00"), "scheduled", "Choir in the park"),
        (moment(MONDAY + timedelta(days=21)), "cancelled", "Choir"),
        (moment(MONDAY + timedelta(days=28)), "scheduled", "Choir"),
        (moment(MONDAY + timedelta(days=35)), "scheduled", "Choir"),
    ]
    listed = (await hub.web.get("/api/v1/events")).json()["items"]
    assert {item["title"] for item in listed} >= {"Choir", "Street fair"}
    assert report.counts == {"new": 2, "over": 1}


async def test_dry_run_says_the_same_and_writes_nothing(hub: Running) -> None:
    data = calendar(CHOIR, MOVED, FAIR, OLD, vevent("b@x", "Busy", MONDAY))
    before, report = await take(hub, data, dry_run=True)
    assert report.import_id is None
    for table in (Event, Series, Import, ImportedItem, ImportChange, OutboxActivity):
        assert await rows_in(hub, table) == 0
    after, _ = await take(hub, data)
    assert before == after


async def test_second_import_of_the_same_doubles_nothing(hub: Running) -> None:
    data = calendar(CHOIR, MOVED, CANCELLED, FAIR)
    await take(hub, data)
    events, told = await rows_in(hub, Event), await said(hub)
    assert await outcomes(hub, data) == ["same", "same"]
    assert await rows_in(hub, Event) == events
    assert await said(hub) == told


async def test_changes_at_the_source_arrive_and_keep_the_address(hub: Running) -> None:
    await take(hub, calendar(FAIR))
    before = (await hub.web.get("/api/v1/events")).json()["items"][0]
    changed = vevent("fair@club.example", "Street fair", MONDAY, "LOCATION:Elm Street")
    assert await outcomes(hub, calendar(changed)) == ["changed"]
    after = (await hub.web.get("/api/v1/events")).json()["items"]
    assert [(item["id"], item["location"]) for item in after] == [(before["id"], "Elm Street")]
    assert (await said(hub))["Update"] == 1


async def test_change_keeps_what_was_added_here(hub: Running) -> None:
    await take(hub, calendar(FAIR))
    event = (await hub.web.get("/api/v1/events")).json()["items"][0]
    assert event["joining"] == "external", "a calendar does not say how people come along"
    patch = {"access": "Step-free", "capacity": 30, "joining": "free"}
    await hub.web.patch(f"/api/v1/events/{event['id']}", json=patch, headers=hub.steward)
    await take(hub, calendar(FAIR.replace("Street fair", "Street feast")))
    after = (await hub.web.get(f"/api/v1/events/{event['id']}")).json()
    assert after["title"] == "Street feast"
    assert {name: after[name] for name in patch} == patch


async def test_change_of_a_series_moves_its_dates_and_calls_off_those_that_are_gone(
    hub: Running,
) -> None:
    await take(hub, calendar(CHOIR))
    changed = CHOIR.replace("COUNT=6", "COUNT=5").replace("SUMMARY:Choir", "SUMMARY:Choir new")
    late = vevent(
        "choir@club.example",
        "Choir new",
        MONDAY,
        f"RECURRENCE-ID;TZID=Europe/Berlin:{stamp(MONDAY)}",
        clock="20:00",
    )
    verdicts, _ = await take(hub, calendar(changed, late))
    assert [v.outcome for v in verdicts] == ["changed"]
    found = await dates(hub)
    assert found[0] == (moment(MONDAY, "20:00"), "scheduled", "Choir new")
    assert [start for start, status, title in found if title == "Choir new"] == [
        moment(MONDAY, "20:00"),
        *(moment(MONDAY + timedelta(days=days)) for days in (14, 21, 28)),
    ]
    gone = [status for start, status, _ in found if start == moment(MONDAY + timedelta(days=35))]
    assert gone in ([], ["cancelled"])  # nobody had heard of it, or they hear that it is off


async def test_date_that_comes_back_is_there_again(hub: Running) -> None:
    await take(hub, calendar(CHOIR))
    without = CHOIR.replace("EXDATE", "X-NO").replace("COUNT=6", "COUNT=2")
    await take(hub, calendar(without))
    assert [start for start, status, _ in await dates(hub) if status == "scheduled"] == [
        moment(MONDAY),
        moment(MONDAY + timedelta(days=7)),
    ]
    await take(hub, calendar(CHOIR))
    found = [start for start, status, _ in await dates(hub) if status == "scheduled"]
    assert found == [moment(MONDAY + timedelta(days=days)) for days in (0, 14, 21, 28, 35)]


async def test_what_is_gone_from_the_source_stays_and_is_counted(hub: Running) -> None:
    await take(hub, calendar(FAIR, CHOIR))
    _, report = await take(hub, calendar(FAIR))
    assert report.gone == 1
    assert len(await dates(hub)) == 5


async def test_what_a_steward_took_down_does_not_come_back(hub: Running) -> None:
    await take(hub, calendar(FAIR))
    event = (await hub.web.get("/api/v1/events")).json()["items"][0]
    await hub.web.delete(f"/api/v1/events/{event['id']}", headers=hub.steward)
    verdicts, _ = await take(hub, calendar(FAIR.replace("fair", "feast", 1)))
    verdicts, _ = await take(hub, calendar(FAIR))
    assert [(v.outcome, v.words) for v in verdicts] == [
        ("same", "was taken down here, and is left so")
    ]


async def test_same_event_from_a_file_and_an_address_is_one(hub: Running) -> None:
    await take(hub, calendar(FAIR))
    assert await outcomes(hub, calendar(FAIR), source="https://club.example/a.ics") == ["same"]
    other = vevent("fair@club.example", "Something else", MONDAY + timedelta(days=9))
    assert await outcomes(hub, calendar(other), source="https://other.example/b.ics") == ["new"]


async def test_followers_hear_only_of_what_is_to_come(hub: Running) -> None:
    today = vevent("today@x", "Today", TODAY, clock="00:00")
    daily = vevent("daily@x", "Daily tea", MONDAY, "RRULE:FREQ=DAILY")
    await take(hub, calendar(today, OLD, FAIR, daily))
    assert await said(hub) == {"Create": 1 + 12}
    assert len(await dates(hub, "Daily")) > 300


async def test_quiet_import_tells_nobody_and_neither_does_the_next_day(hub: Running) -> None:
    await take(hub, calendar(FAIR, CHOIR, MOVED), quiet=True)
    await hub.work()
    assert await said(hub) == {}
    assert len(await dates(hub)) == 5


async def test_undo_removes_what_was_added_and_tells_those_who_have_it(hub: Running) -> None:
    _, report = await take(hub, calendar(FAIR, CHOIR, MOVED))
    told = (await said(hub))["Create"]
    assert told > 1
    assert await undo(hub, report) == "2 removed, 0 set back to what they were."
    assert (await hub.web.get("/api/v1/events")).json()["items"] == []
    assert (await said(hub))["Delete"] == told
    with pytest.raises(Conflict, match="already"):
        await undo(hub, report)


async def test_after_an_undo_the_same_file_can_come_again(hub: Running) -> None:
    _, report = await take(hub, calendar(FAIR, CHOIR))
    await undo(hub, report)
    assert await outcomes(hub, calendar(FAIR, CHOIR)) == ["new", "new"]
    assert len(await dates(hub)) == 5


async def test_undo_of_a_change_gives_back_what_was(hub: Running) -> None:
    data = calendar(FAIR, CHOIR, MOVED)
    await take(hub, data)
    before = await dates(hub), await dates(hub, "Street")
    changed = calendar(
        FAIR.replace("Street fair", "Street feast"), CHOIR.replace("COUNT=6", "COUNT=3")
    )
    verdicts, report = await take(hub, changed)
    assert [v.outcome for v in verdicts] == ["changed", "changed"]
    assert (await dates(hub), await dates(hub, "Street")) != before
    assert await undo(hub, report) == "0 removed, 2 set back to what they were."
    assert (await dates(hub), await dates(hub, "Street")) == before
    assert await outcomes(hub, changed) == ["changed", "changed"]


async def test_undo_of_something_that_never_was_says_so(hub: Running) -> None:
    with pytest.raises(NotFound):
        await undo(hub, Report())


async def test_single_event_that_becomes_a_series_is_not_doubled(hub: Running) -> None:
    await take(hub, calendar(FAIR))
    weekly = FAIR.replace("END:VEVENT", "RRULE:FREQ=WEEKLY;COUNT=3\r\nEND:VEVENT")
    assert await outcomes(hub, calendar(weekly)) == ["changed"]
    assert len(await dates(hub, "Street")) == 3
    assert await outcomes(hub, calendar(FAIR)) == ["changed"]
    assert len(await dates(hub, "Street")) == 1


async def test_bad_rows_are_refused_and_good_ones_taken(hub: Running) -> None:
    verdicts, report = await take(
        hub,
        calendar(
            vevent("a@x", "Busy", MONDAY),
            vevent("b@x", "AG", MONDAY),
            vevent("c@x", "Bomb", MONDAY, "RRULE:FREQ=SECONDLY"),
            vevent("d@x", "Never", MONDAY, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
            FAIR,
        ),
    )
    by_title = {verdict.title: verdict for verdict in verdicts}
    assert [by_title[title].outcome for title in ("Busy", "AG", "Bomb")] == ["refused"] * 3
    assert by_title["AG"].words == "“AG”: Title: must have at least 3 characters."
    assert by_title["Never"].words == "1 date in the coming year"
    assert report.counts["refused"] == 3


async def test_import_is_remembered_with_its_counts(hub: Running) -> None:
    _, report = await take(hub, calendar(FAIR, CHOIR, vevent("a@x", "Busy", MONDAY)))
    async with hub.services.db.read() as session:
        row = await session.get_one(Import, report.import_id)
    assert (row.source, row.kind, row.added, row.refused) == ("club.ics", "ics", 2, 1)
    assert row.finished_at is not None


async def test_command_shows_each_row_and_how_to_take_it_back(hub: Running) -> None:
    lines = [
        line
        async for line in importing.lines(
            hub.services, "ics", "club.ics", calendar(FAIR, OLD), dry_run=False, quiet=True
        )
    ]
    assert re.fullmatch(r"new +\d{4}-\d\d-\d\d 19:00  Street fair", lines[0]["text"])
    assert lines[0]["row"]["outcome"] == "new"
    last = lines[-1]
    assert last["text"].startswith("1 new, 0 changed, 0 unchanged, 1 over already, 0 refused. ")
    assert last["text"].endswith(f"hub import undo {last['row']['import']}")


async def test_calendar_at_an_address_is_fetched(hub: Running) -> None:
    club = FastAPI()

    @club.get("/club.ics")
    async def served() -> Response:
        return Response(calendar(FAIR), media_type="text/calendar")

    hub.wire.attach("club.example", club)
    source = "webcal://club.example/club.ics"
    lines = [line async for line in importing.lines(hub.services, "ics", source, None)]
    assert lines[0]["row"]["outcome"] == "new"
    with pytest.raises(Elsewhere, match="nothing at"):
        [line async for line in importing.lines(hub.services, "ics", f"{source}x", None)]
    with pytest.raises(Invalid, match="not lead to a public server"):
        [line async for line in importing.lines(hub.services, "ics", "http://127.0.0.1/", None)]


async def test_imported_series_reaches_another_hub_as_it_really_is(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    await follows.follow(south.services, "@events@north.example")
    await settle(north, south)
    _, report = await take(north, calendar(CHOIR, MOVED))
    await settle(north, south)
    there = await dates(south)
    assert (moment(MONDAY + timedelta(days=15), "17:00"), "scheduled", "Choir in the park") in there
    assert set(there) <= set(await dates(north))
    assert len(there) >= 3
    await undo(north, report)
    await settle(north, south)
    assert await dates(south) == []
