"""Coming along without an account: asked, confirmed by letter, waited for, brought along, told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.db import WRITES
from hub.events import queries
from hub.events.models import Attendance, Event
from hub.events.schemas import Seats
from hub.mail.models import Mail
from tests.clock import Clock
from tests.conftest import ENGINE, Running
from tests.jobs import ask
from tests.towns import csrf_of, signed_in

START = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT: dict[str, Any] = {
    "title": "Long table",
    "starts_at": START.isoformat(),
    "location": "Linden yard",
    "bring": ["Cake", "Cups"],
}


async def _post(hub: Running, **given: Any) -> str:
    """The path of a new event."""
    answer = await hub.web.post("/api/v1/events", json={**EVENT, **given}, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    return str(urlsplit(answer.json()["url"]).path)


@asynccontextmanager
async def _browser(hub: Running) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    """A browser that nobody is signed in with, and its form token."""
    transport = httpx2.ASGITransport(app=hub.app)
    async with httpx2.AsyncClient(transport=transport, base_url=hub.url) as web:
        yield web, csrf_of(await web.get("/sign-in"))


async def _letters(hub: Running) -> list[tuple[str, str, str]]:
    """To whom, what about, and where the link leads; the oldest first."""
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(Mail).order_by(Mail.created_at))
        return [(row.recipient, row.subject, urlsplit(row.link).path) for row in rows]


async def _say(hub: Running, path: str, who: str, **given: Any) -> httpx2.Response:
    async with _browser(hub) as (web, csrf):
        form = {"csrf": csrf, "name": who.title(), "email": f"{who}@mail.example", "people": "1"}
        return await web.post(f"{path}/coming", data={**form, **given})


async def _press(hub: Running, link: str, deed: str, **given: Any) -> httpx2.Response:
    async with _browser(hub) as (web, csrf):
        return await web.post(link, data={"csrf": csrf, "deed": deed, **given})


async def _link(hub: Running, who: str) -> str:
    return [link for to, _, link in await _letters(hub) if to == f"{who}@mail.example"][-1]


async def _comes(hub: Running, path: str, who: str, **given: Any) -> str:
    """Somebody says that they come, and confirms it; the answer is their link."""
    assert (await _say(hub, path, who, **given)).status_code == 303
    link = await _link(hub, who)
    assert (await _press(hub, link, "confirm")).status_code == 303
    return link


async def _states(hub: Running) -> dict[str, str]:
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(Attendance))
        return {row.name: row.state for row in rows}


async def test_a_guest_comes_by_pressing_the_button_of_a_letter(hub: Running) -> None:
    path = await _post(hub, capacity=3)
    sent = await _say(hub, path, "ann", people="2", brings=["Cake", "Gold"], message="Hello")
    assert sent.headers["location"] == f"{path}?said=look-into-your-mail#come"
    assert await _states(hub) == {"Ann": "unconfirmed"}
    ((to, subject, link),) = await _letters(hub)
    assert (to, subject) == ("ann@mail.example", "Are you coming? Long table")
    looked = await hub.web.get(link)
    assert "Please press the button" in looked.text
    assert looked.headers["referrer-policy"] == "no-referrer"
    assert await _states(hub) == {"Ann": "unconfirmed"}, (
        "a mail program that looks confirms nothing"
    )
    assert (await _press(hub, link, "confirm")).status_code == 303
    assert await _states(hub) == {"Ann": "accepted"}
    view = (await hub.web.get(f"/api/v1{path}")).json()
    assert (view["coming"], view["places_left"]) == (2, 1)
    public = (await hub.web.get(path, headers={"accept": "text/html"})).text
    assert "2 people come, 1 place left" in public
    assert "1 brings it" in public
    assert "Ann" not in public
    listed = await hub.web.get(f"/api/v1{path}/responses", headers=hub.steward)
    (item,) = listed.json()["items"]
    assert (item["name"], item["email"], item["brings"]) == ("Ann", "ann@mail.example", ["Cake"])
    assert "Ann" in (await hub.web.get(link)).text, "who brings what is told to those who come"


async def test_saying_it_twice_is_one_answer_and_tells_no_stranger(hub: Running) -> None:
    path = await _post(hub)
    await _comes(hub, path, "ann")
    again = await _say(hub, path, "ann", name="Somebody else", email="ANN@mail.example ")
    assert again.headers["location"].endswith("look-into-your-mail#come")
    assert await _states(hub) == {"Ann": "accepted"}
    assert [subject for _, subject, _ in await _letters(hub)] == [
        "Are you coming? Long table",
        "Your answer: Long table",
    ]


async def test_what_makes_no_sense_is_told_beside_the_field(hub: Running) -> None:
    path = await _post(hub)
    for given, words in (
        ({"email": "nobody"}, "Please enter an e-mail address"),
        ({"name": ""}, "please say who you are"),
        ({"people": "99"}, "must be a number from 1 to 10"),
    ):
        answer = await _say(hub, path, "ann", **given)
        assert answer.status_code == 422
        assert words in answer.text
        assert "Ann" in answer.text or "name" in given
    assert await _letters(hub) == []


async def test_whoever_waits_moves_up_in_turn_and_is_told(hub: Running) -> None:
    path = await _post(hub, capacity=2)
    ann = await _comes(hub, path, "ann", people="2")
    await _comes(hub, path, "bob", people="2")
    await _comes(hub, path, "cem")
    assert await _states(hub) == {"Ann": "accepted", "Bob": "waiting", "Cem": "waiting"}
    before = len(await _letters(hub))
    assert (await _press(hub, ann, "change", people="1")).status_code == 303
    # Bob would be too many for the one place that is free.
    assert (await _states(hub))["Cem"] == "accepted"
    assert (await _press(hub, ann, "change", people="2")).status_code == 409
    await _press(hub, ann, "leave")
    assert await _states(hub) == {"Ann": "left", "Bob": "waiting", "Cem": "accepted"}
    edited = await hub.web.patch(f"/api/v1{path}", json={"capacity": 3}, headers=hub.steward)
    assert edited.status_code == 200
    assert (await _states(hub))["Bob"] == "accepted"
    told = [(to, subject) for to, subject, _ in (await _letters(hub))[before:]]
    assert told == [
        ("cem@mail.example", "There is room for you: Long table"),
        ("bob@mail.example", "There is room for you: Long table"),
    ]


async def test_a_place_that_became_free_elsewhere_is_given_on(hub: Running) -> None:
    path = await _post(hub, capacity=1)
    await _comes(hub, path, "ann")
    await _comes(hub, path, "bob")
    async with hub.services.db.write() as session:
        row = await session.scalar(select(Attendance).where(Attendance.name == "Ann"))
        await session.delete(row)
    await ask(hub.services, "events.move_up")
    await hub.work()
    assert await _states(hub) == {"Bob": "accepted"}


async def test_no_more_come_than_there_is_room_for_when_all_press_at_once(hub: Running) -> None:
    path = await _post(hub, capacity=3)
    people = [f"guest{n}" for n in range(8)]
    for who in people:
        assert (await _say(hub, path, who)).status_code == 303
    links = [await _link(hub, who) for who in people]
    await asyncio.gather(*(_press(hub, link, "confirm") for link in links))
    states = list((await _states(hub)).values())
    assert (states.count("accepted"), states.count("waiting")) == (3, 5)
    leaving = [
        links[people.index(name.lower())]
        for name, state in (await _states(hub)).items()
        if state == "accepted"
    ]
    await asyncio.gather(*(_press(hub, link, "leave") for link in leaving))
    states = list((await _states(hub)).values())
    assert (states.count("accepted"), states.count("left")) == (3, 3)


@pytest.mark.skipif(ENGINE == "sqlite", reason="there one writes at a time")
async def test_while_places_are_counted_nobody_else_can_decide_who_comes(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two processes promise the last place at once, now and then."""
    path, count, held = await _post(hub, capacity=3), queries.places, list[bool]()

    async def counted(session: AsyncSession, events: Sequence[Event]) -> dict[UUID, Seats]:
        if session.info.get(WRITES):
            query = select(Event.id).where(Event.id == events[0].id)
            async with hub.services.db.read() as other:
                try:
                    await other.execute(query.with_for_update(nowait=True, key_share=True))
                except DBAPIError:
                    held.append(True)
                else:
                    held.append(False)
        return await count(session, events)

    monkeypatch.setattr(queries, "places", counted)
    link = await _comes(hub, path, "ann")
    assert (await _press(hub, link, "change", people="2")).status_code == 303
    assert held
    assert all(held)


async def test_the_organiser_decides_and_the_guest_is_told(hub: Running) -> None:
    path = await _post(hub, joining="restricted")
    await _comes(hub, path, "ann")
    assert await _states(hub) == {"Ann": "asked"}
    (item,) = (await hub.web.get(f"/api/v1{path}/responses", headers=hub.steward)).json()["items"]
    answered = await hub.web.patch(
        f"/api/v1{path}/responses/{item['id']}", json={"state": "accepted"}, headers=hub.steward
    )
    assert answered.status_code == 200, answered.text
    assert (await _letters(hub))[-1][1] == "You can come: Long table"


async def test_t19_who_comes_is_told_when_one_date_is_called_off_or_moved(hub: Running) -> None:
    """Mail to those who said that they come."""
    path = await _post(hub, recurrence="FREQ=WEEKLY;COUNT=3")
    items = (await hub.web.get("/api/v1/events")).json()["items"]
    second = urlsplit(items[1]["url"]).path
    await _comes(hub, path, "ann")
    await _comes(hub, second, "bob")
    before = len(await _letters(hub))
    await hub.web.post(f"/api/v1{second}/cancel", headers=hub.steward)
    later = {"starts_at": (START + timedelta(hours=2)).isoformat()}
    await hub.web.patch(f"/api/v1{path}", json=later, headers=hub.steward)
    told = [(to, subject) for to, subject, _ in (await _letters(hub))[before:]]
    assert [to for to, _ in told] == ["bob@mail.example", "ann@mail.example"]
    assert told[0][1].startswith("Cancelled: Long table")
    assert "Long table" in told[1][1]
    before = len(await _letters(hub))
    await hub.web.delete(f"/api/v1{path}", headers=hub.steward)
    assert (await _letters(hub))[before:][0][1].startswith("Cancelled: Long table")


async def test_somebody_with_an_account_needs_no_letter(hub: Running) -> None:
    path = await _post(hub, visibility="hub")
    async with signed_in(hub) as (web, csrf):
        form = {"csrf": csrf, "name": "Stew", "people": "1", "brings": ["Cups"]}
        sent = await web.post(f"{path}/coming", data=form)
        page = await web.get(sent.headers["location"])
        assert "You are coming." in page.text
        assert "Your answer" in (await web.get(path)).text
    assert await _states(hub) == {"Stew": "accepted"}
    assert await _letters(hub) == []
    assert (await hub.web.get(f"{path}/coming")).status_code == 404


async def test_nobody_comes_to_what_is_over_or_elsewhere(hub: Running) -> None:
    for given in ({"joining": "external"}, {"status": "cancelled"}):
        path = await _post(hub, **given)
        page = (await hub.web.get(path, headers={"accept": "text/html"})).text
        assert "I’m coming" not in page
        assert (await _say(hub, path, "ann")).status_code == 409
    assert await _letters(hub) == []
    path = await _post(hub)
    assert (await hub.web.get(f"{path}/coming/guess")).status_code == 404


async def test_names_and_addresses_of_guests_are_forgotten(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    path = await _post(hub)
    await _comes(hub, path, "ann")
    await _say(hub, path, "bob")
    clock.pass_by(days=3)
    await ask(hub.services, "retention.forget")
    await hub.work()
    assert await _states(hub) == {"Ann": "accepted"}
    clock.pass_by(days=60)
    await ask(hub.services, "retention.forget")
    await hub.work()
    async with hub.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Attendance)) == 0


async def test_the_form_works_without_scripts_and_shows_what_to_bring(hub: Running) -> None:
    path = await _post(hub)
    page = (await hub.web.get(f"{path}/coming", headers={"accept": "text/html"})).text
    assert re.findall(r'name="brings" value="([^"]+)"', page) == ["Cake", "Cups"]
    assert page.count("<h1") == 1
    assert 'type="email"' in page
