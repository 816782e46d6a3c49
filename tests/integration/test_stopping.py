"""Every letter that was not asked for ends by one tap, and that ends its kind alone (RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from hub.core.clock import now
from hub.events.models import Attendance
from hub.people import notices, searches, stopping
from hub.people.models import KeptSearch, Person
from hub.people.notices import Notice
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.jobs import ask
from tests.mailserver import MailServer, body, mail_server
from tests.visitor import path_in, visiting

ANN = "ann@mail.example"
# One notice of each sort, and the sort's name in the address that ends it.
OF_EACH = {
    "match": Notice("match", "A ladder", (), "/wants/1"),
    "talk": Notice("request", "Somebody asks", (), "/matches/1"),
    "rest": Notice("loan", "It is due", (), "/offers/1"),
    "search": Notice("search", "New for “Saws”", (), "/offers/2", when="now"),
}


@pytest.fixture
async def mailing(make_hub: MakeHub) -> AsyncIterator[tuple[Running, MailServer]]:
    with mail_server() as server:
        yield await make_hub(smtp_url=server.url), server


async def _person(hub: Running, **given: object) -> Person:
    person = Person(name="Ann", role="member", email=ANN, **given)
    async with hub.services.db.write() as session:
        session.add(person)
        await session.flush()
        row = await searches.keep(session, person.id, "Saws", "/search", "q=saw")
        row.told = "now"
    return person


async def _tell_each(hub: Running, person: Person, words: str) -> None:
    async with hub.services.db.write() as session:
        for notice in OF_EACH.values():
            said = Notice(notice.kind, f"{notice.subject} {words}", (), notice.path)
            if notice.kind == "search":
                told = await session.scalar(select(KeptSearch.told))
                if told != "now":
                    continue
            await notices.tell(session, hub.services, person.id, said)
    await hub.work()


def _stop(hub: Running, letter: EmailMessage) -> str:
    """The path that ends such letters; it stands in the head, and in the words for people."""
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = str(letter["List-Unsubscribe"]).strip(" <>")
    for kind in ("plain", "html"):
        assert address in body(letter, kind)
    return address.removeprefix(hub.url)


@pytest.mark.parametrize("sort", OF_EACH)
async def test_one_tap_ends_letters_of_one_sort(
    mailing: tuple[Running, MailServer], sort: str
) -> None:
    hub, server = mailing
    person = await _person(hub)
    await _tell_each(hub, person, "one")
    (letter,) = (one for one in server.letters if OF_EACH[sort].subject in one["Subject"])
    path = _stop(hub, letter)
    assert path.endswith(f"/{sort}")
    assert "No more of these letters" in (await hub.web.get(path)).text  # looking ends nothing
    answer = await hub.web.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "no more letters" in answer.text
    server.envelopes.clear()
    await _tell_each(hub, person, "two")
    told = {str(one["Subject"]).removesuffix(" two") for one in server.letters}
    assert told == {one.subject for name, one in OF_EACH.items() if name != sort}
    every = re.search(r'href="(/unsubscribe/[^"]+/all)"', answer.text)
    assert every is not None
    await hub.web.post(every[1], data={"List-Unsubscribe": "One-Click"})
    server.envelopes.clear()
    await _tell_each(hub, person, "three")
    assert server.letters == []


async def test_one_tap_ends_the_weekly_letter_and_what_would_be_in_it(
    mailing: tuple[Running, MailServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, server = mailing
    clock = Clock(monkeypatch)
    person = await _person(hub, notices="weekly", channels={"talk": "now"})
    await _tell_each(hub, person, "one")
    clock.pass_by(days=7, hours=1)
    await ask(hub.services, "people.weekly")
    await hub.work()
    letter = next(one for one in server.letters if one["Subject"] == "This week at Hub")
    await hub.web.post(_stop(hub, letter), data={"List-Unsubscribe": "One-Click"})
    server.envelopes.clear()
    await _tell_each(hub, person, "two")
    clock.pass_by(days=8)
    await ask(hub.services, "people.weekly")
    await hub.work()
    assert [one["Subject"] for one in server.letters] == ["Somebody asks two"]


async def test_letters_about_an_event_end_by_one_tap_and_the_answer_stays(
    mailing: tuple[Running, MailServer],
) -> None:
    hub, server = mailing
    starts = now() + timedelta(days=9)
    event = {"title": "Choir", "starts_at": starts.isoformat()}
    made = await hub.web.post("/api/v1/events", json=event, headers=hub.steward)
    path = made.json()["url"].removeprefix(hub.url)
    async with visiting(hub) as guest:
        await guest.press(f"{path}/coming", name="Ann", people="1", email=ANN)
        await hub.work()
        (asked,) = server.letters
        assert asked["List-Unsubscribe"] is None  # they wait for it
        await guest.press(path_in(body(asked), "events"), deed="confirm")
    for day in (10, 11):
        moved = {"starts_at": (now() + timedelta(days=day)).isoformat()}
        api = f"/api/v1{path}"
        assert (await hub.web.patch(api, json=moved, headers=hub.steward)).status_code == 200
        await hub.work()
        if day == 10:
            stop = _stop(hub, server.letters[1])
            assert "about this event" in (await hub.web.get(stop)).text
            await hub.web.post(stop, data={"List-Unsubscribe": "One-Click"})
    assert len(server.letters) == 2
    async with hub.services.db.read() as session:
        (row,) = await session.scalars(select(Attendance))
    assert (row.state, row.quiet) == ("accepted", True)


@pytest.mark.parametrize("path", ["/unsubscribe/x/match", "/unsubscribe/x", "/unsubscribe/{}/it"])
async def test_addresses_that_end_nothing_say_so(
    mailing: tuple[Running, MailServer], path: str
) -> None:
    hub, _ = mailing
    person = await _person(hub)
    async with hub.services.db.write() as session:
        again = await session.get_one(Person, person.id)
        notices.stop_address(again, hub.url, stopping.ALL)
        secret = again.stop_secret
    for method in (hub.web.get, hub.web.post):
        assert (await method(path.format(secret))).status_code == 404
