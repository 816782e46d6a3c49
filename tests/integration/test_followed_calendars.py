"""Calendars of groups: asked every hour, followed in what they change, troubles told in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response

from hub.core.clock import now
from hub.feeds.models import FollowedCalendar, Import
from hub.mail.models import Mail
from hub.people.models import Person
from tests.clock import Clock
from tests.conftest import Running
from tests.integration.test_import_ics import (
    CANCELLED,
    CHOIR,
    FAIR,
    MONDAY,
    MOVED,
    calendar,
    dates,
    moment,
    vevent,
)
from tests.jobs import ask
from tests.towns import signed_in

ADDRESS = "https://club.example/public.ics"
WEEK = timedelta(days=7)


class Club:
    """A server with one calendar; it knows its versions by an ETag, if it is told to."""

    def __init__(self, hub: Running, *events: str) -> None:
        self.events = events
        self.status = 200
        self.body: bytes | None = None
        self.with_etag = True
        self.asked: list[dict[str, str]] = []
        hub.wire.attach("club.example", self)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as a calendar server does."""
        request = Request(scope)
        self.asked.append(dict(request.headers))
        body = self.body if self.body is not None else calendar(*self.events)
        etag = f'"{hash(body)}"'
        if self.status != 200:
            answer = Response("no", self.status)
        elif self.with_etag and request.headers.get("if-none-match") == etag:
            answer = Response(status_code=304)
        else:
            headers = {"etag": etag} if self.with_etag else {}
            answer = Response(body, media_type="text/calendar", headers=headers)
        await answer(scope, receive, send)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def _add(hub: Running, url: str = ADDRESS) -> None:
    async with signed_in(hub) as (web, csrf):
        form = {"csrf": csrf, "url": url, "title": "Street choir"}
        shown = await web.post("/admin/calendars", data=form)
        assert shown.status_code == 200, shown.text
        taken = await web.post("/admin/calendars", data={**form, "deed": "take"})
        assert taken.headers["location"] == "/admin/calendars?said=added"
    await hub.work()


async def _page(hub: Running) -> str:
    return (await hub.web.get("/admin/calendars", headers=hub.steward)).text


async def _an_hour_later(hub: Running, clock: Clock) -> None:
    clock.pass_by(hours=1, minutes=6)
    await ask(hub.services, "feeds.look")
    await hub.work()


async def _imports(hub: Running) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Import)) or 0


async def test_what_is_in_a_calendar_is_shown_before_it_is_taken(hub: Running) -> None:
    bad = vevent("x@club.example", "", MONDAY)
    Club(hub, CHOIR, MOVED, CANCELLED, FAIR, bad)
    async with signed_in(hub) as (web, csrf):
        form = {"csrf": csrf, "url": "webcal://club.example/public.ics", "title": ""}
        page = (await web.post("/admin/calendars", data=form)).text
    assert "2 new" in page
    assert "1 refused" in page
    assert "has no title" in page
    assert page.index("has no title") < page.index("Street fair"), "what is refused stands first"
    assert await dates(hub) == []


async def test_t16_a_group_pastes_its_address_and_its_changes_follow(
    hub: Running, clock: Clock
) -> None:
    """Repeating events with exceptions; edits within the hour; what is off, is off."""
    club = Club(hub, CHOIR, MOVED, CANCELLED)
    await _add(hub)
    assert await dates(hub) == [
        (moment(MONDAY), "scheduled", "Choir"),
        (moment(MONDAY + 2 * WEEK + timedelta(days=1), "17:00"), "scheduled", "Choir in the park"),
        (moment(MONDAY + 3 * WEEK), "cancelled", "Choir"),
        (moment(MONDAY + 4 * WEEK), "scheduled", "Choir"),
        (moment(MONDAY + 5 * WEEK), "scheduled", "Choir"),
    ]
    off = CANCELLED.replace(f"{MONDAY + 3 * WEEK:%Y%m%d}", f"{MONDAY + 4 * WEEK:%Y%m%d}")
    club.events = (CHOIR, MOVED, CANCELLED, off)
    await _an_hour_later(hub, clock)
    assert [status for _, status, _ in await dates(hub)] == [
        *("scheduled", "scheduled", "cancelled", "cancelled", "scheduled")
    ]
    shown = (await hub.web.get("/events", headers={"accept": "text/html"})).text
    assert shown.count("Cancelled") == 2


async def test_what_did_not_change_is_not_sent_again(hub: Running, clock: Clock) -> None:
    club = Club(hub, CHOIR)
    await _add(hub)
    before, imports = len(club.asked), await _imports(hub)
    await _an_hour_later(hub, clock)
    assert len(club.asked) == before + 1
    assert "if-none-match" in club.asked[-1]
    assert await _imports(hub) == imports == 1
    clock.pass_by(hours=24)
    await _an_hour_later(hub, clock)
    assert "if-none-match" not in club.asked[-1], "once a day it is read in full"
    assert await _imports(hub) == 1, "an import that changed nothing leaves nothing behind"
    club.with_etag = False
    await _an_hour_later(hub, clock)
    await _an_hour_later(hub, clock)
    assert await _imports(hub) == 1


async def test_it_is_asked_once_an_hour_and_no_more(hub: Running, clock: Clock) -> None:
    club = Club(hub, CHOIR)
    await _add(hub)
    before = len(club.asked)
    for _ in range(3):
        await ask(hub.services, "feeds.look")
        await hub.work()
    assert len(club.asked) == before
    await _an_hour_later(hub, clock)
    assert len(club.asked) == before + 1


async def test_a_calendar_that_is_being_asked_is_not_found_due_again(
    hub: Running, clock: Clock
) -> None:
    """Two looks may run at once; the second would ask again when the first is through."""
    due_meanwhile = []

    class Watched(Club):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async with hub.services.db.read() as session:
                query = select(FollowedCalendar).where(FollowedCalendar.next_run_at <= now())
                due_meanwhile.append(len(list(await session.scalars(query))))
            await super().__call__(scope, receive, send)

    Watched(hub, CHOIR)
    await _add(hub)
    await _an_hour_later(hub, clock)
    assert due_meanwhile[-1] == 0


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, None, f"There is nothing at {ADDRESS}. Has the address changed?"),
        (503, None, "could not be fetched"),
        (200, b"<html><body>Sign in</body></html>", "not a calendar"),
        (200, b"BEGIN:VCALENDAR\r\n" + b"X" * 10_100_000, "more than 10 MB"),
    ],
)
async def test_trouble_is_told_in_plain_words_and_nothing_is_lost(
    hub: Running, clock: Clock, status: int, body: bytes | None, words: str
) -> None:
    club = Club(hub, FAIR)
    await _add(hub)
    club.status, club.body = status, body
    await _an_hour_later(hub, clock)
    page = await _page(hub)
    assert words in page.replace("&#39;", "’")
    assert "cannot be read" in page
    assert "Tried 1 time." in page
    assert "It worked last" in page
    assert len(await dates(hub, "Street fair")) == 1
    club.status, club.body = 200, None
    await _an_hour_later(hub, clock)
    assert "cannot be read" not in await _page(hub)


async def test_whoever_added_it_hears_of_it_once_and_it_is_asked_less_often(
    hub: Running, clock: Clock
) -> None:
    club = Club(hub, FAIR)
    await _add(hub)
    async with hub.services.db.write() as session:
        row = await session.scalar(select(FollowedCalendar))
        assert row is not None
        person = await session.get_one(Person, row.person_id)
        person.email = "ann@mail.example"
    club.status = 410
    for _ in range(6):
        await _an_hour_later(hub, clock)
    async with hub.services.db.read() as session:
        letters = list(await session.scalars(select(Mail.subject)))
    assert letters == ["The calendar “Street choir” cannot be read"]
    before = len(club.asked)
    await _an_hour_later(hub, clock)
    assert len(club.asked) == before
    clock.pass_by(hours=5)
    await _an_hour_later(hub, clock)
    assert len(club.asked) == before + 1


async def test_what_needs_a_steward_is_listed_until_they_have_seen_it(
    hub: Running, clock: Clock
) -> None:
    club = Club(hub, CHOIR, FAIR)
    await _add(hub)
    club.events = (CHOIR, vevent("x@club.example", "", MONDAY))
    await _an_hour_later(hub, clock)
    page = await _page(hub)
    assert "2 need you" in page
    assert "It is no longer in the calendar" in page
    assert "has no title" in page
    assert (await dates(hub, "Street fair"))[0][1] == "scheduled", "nothing vanishes by itself"
    async with signed_in(hub) as (web, csrf):
        async with hub.services.db.read() as session:
            row = await session.scalar(select(FollowedCalendar))
            assert row is not None
        for need in row.needs:
            form = {"csrf": csrf, "key": need["key"]}
            await web.post(f"/admin/calendars/{row.id}/keep", data=form)
    assert "need you" not in await _page(hub)
    club.events = (CHOIR, vevent("x@club.example", "", MONDAY), MOVED)
    await _an_hour_later(hub, clock)
    assert "need you" not in await _page(hub), "what was seen stays seen"


async def test_a_calendar_is_kept_up_with_no_more(hub: Running, clock: Clock) -> None:
    club = Club(hub, FAIR)
    await _add(hub)
    async with signed_in(hub) as (web, csrf):
        again = await web.post(
            "/admin/calendars", data={"csrf": csrf, "url": ADDRESS, "title": "x", "deed": "take"}
        )
        assert again.status_code == 409
        async with hub.services.db.read() as session:
            row = await session.scalar(select(FollowedCalendar))
            assert row is not None
        await web.post(f"/admin/calendars/{row.id}/stop", data={"csrf": csrf})
    before = len(club.asked)
    await _an_hour_later(hub, clock)
    assert len(club.asked) == before
    assert len(await dates(hub, "Street fair")) == 1


async def test_only_stewards_look_after_calendars(hub: Running) -> None:
    for path in ("/admin/calendars", "/admin/calendars/0190aaaa-0000-4000-8000-000000000001/stop"):
        answer: httpx2.Response = await hub.web.post(path, data={"url": ADDRESS})
        assert answer.status_code == 401
    assert (await hub.web.get("/admin/calendars")).status_code == 401


async def test_an_address_inside_the_house_is_not_asked(hub: Running) -> None:
    async with signed_in(hub) as (web, csrf):
        for url in ("https://127.0.0.1/x.ics", "ftp://club.example/x.ics", "nonsense"):
            form = {"csrf": csrf, "url": url, "title": "x"}
            answer = await web.post("/admin/calendars", data=form)
            assert answer.status_code == 422, url
