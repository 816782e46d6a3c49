"""Accounts with e-mail: the link, the limits, invitations and roles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from hub.core.errors import Invalid
from hub.mail.addresses import address
from hub.mail.models import Mail
from hub.people import knocking, letters
from hub.people.models import Person, Session
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.mailserver import body, mail_server
from tests.visitor import Visitor, csrf, path_in, visiting

ANN = "ann@mail.example"


@pytest.fixture
async def visitor(hub: Running) -> AsyncIterator[Visitor]:
    async with visiting(hub) as somebody:
        yield somebody


async def _last_link(hub: Running, to: str = ANN) -> str:
    async with hub.services.db.read() as session:
        query = select(Mail.link).where(Mail.recipient == to).order_by(Mail.created_at.desc())
        return (await session.scalar(query.limit(1))) or ""


async def _person(hub: Running, email: str = ANN) -> Person | None:
    async with hub.services.db.read() as session:
        return await session.scalar(select(Person).where(Person.email == email))


async def _count(hub: Running, table: type[Session] | type[Mail]) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def _come(visitor: Visitor, email: str = ANN, name: str = "Ann") -> None:
    """Sign in by a letter."""
    await visitor.press("/sign-in", email=email)
    await visitor.press(await _last_link(visitor.hub, email))
    if not (await _person(visitor.hub, email) or Person()).name:
        await visitor.press("/welcome", name=name)


async def test_a_link_by_mail_makes_an_account_and_later_leads_back_to_it(
    make_hub: MakeHub,
) -> None:
    with mail_server() as server:
        hub = await make_hub(smtp_url=server.url)
        async with visiting(hub) as first, visiting(hub) as second:
            page = await first.press("/sign-in", email=" Ann@Mail.Example ")
            assert "Look into your mail" in page.text
            await hub.work()
            (letter,) = server.to(ANN)
            path = path_in(body(letter), "sign-in")
            for _ in range(3):  # mail programs look at links
                assert (await first.get(path)).status_code == 200
            assert await _count(hub, Session) == 0
            answer = await first.press(path)
            assert answer.headers["location"] == "/welcome"
            await first.press("/welcome", name="Ann")
            assert (await second.get(path)).status_code == 410
            await second.press("/sign-in", email=ANN)
            await hub.work()
            path = path_in(body(server.to(ANN)[1]), "sign-in")
            assert (await second.press(path)).headers["location"] == "/"
    person = await _person(hub)
    assert person is not None
    assert (person.name, person.role) == ("Ann", "guest")
    assert await _count(hub, Session) == 2


async def test_e7_a_link_that_is_pressed_a_hundred_times_at_once_signs_in_once(
    hub: Running, visitor: Visitor
) -> None:
    await visitor.press("/sign-in", email=ANN)
    path = (await _last_link(hub)).removeprefix(hub.url)
    page = await visitor.get(path)
    answers = await asyncio.gather(*(visitor.send(page, path) for _ in range(100)))
    assert sorted(answer.status_code for answer in answers) == [303] + [410] * 99
    assert await _count(hub, Session) == 1


async def test_e7_a_link_by_mail_is_good_for_thirty_minutes(
    hub: Running, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await visitor.press("/sign-in", email=ANN)
    clock.pass_by(minutes=29)
    assert (await visitor.get(await _last_link(hub))).status_code == 200
    clock.pass_by(minutes=2)
    assert (await visitor.get(await _last_link(hub))).status_code == 410
    assert timedelta(minutes=30) == letters.MAIL_LINK_LASTS


async def test_e10_nobody_learns_whether_an_address_is_known(
    hub: Running, visitor: Visitor
) -> None:
    """The answers are the same to the letter, and the work that they take is too."""
    await _come(visitor)
    asked: dict[str, list[str]] = {}
    answers = set()
    for name in ("ann", "bea"):
        email = f"{name}@mail.example"
        async with visiting(hub) as stranger:
            page = await stranger.get("/sign-in")
            with _statements(hub) as asked[name]:
                answer = await stranger.send(page, "/sign-in", email=email)
        words = answer.text.replace(email, "X").replace(csrf(page), "Y")
        answers.add((answer.status_code, words))
    assert len(answers) == 1
    assert asked["ann"] == asked["bea"]
    assert any(statement.startswith("INSERT INTO mail") for statement in asked["bea"])


@contextmanager
def _statements(hub: Running) -> Iterator[list[str]]:
    """What the database is asked meanwhile, without the values."""
    heard: list[str] = []

    def listen(*said: Any) -> None:
        heard.append(said[2])

    engine = hub.services.db.writer.sync_engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", listen)


async def test_one_who_is_shut_out_gets_no_link_and_the_same_answer(
    hub: Running, visitor: Visitor
) -> None:
    await _come(visitor)
    person = await _person(hub)
    assert person is not None
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/people")
        await steward.send(page, f"/admin/people/{person.id}/disable")
    assert (await visitor.get("/welcome")).status_code == 401
    written = await _count(hub, Mail)
    answer = await visitor.press("/sign-in", email=ANN)
    assert "Look into your mail" in answer.text
    assert await _count(hub, Mail) == written


async def test_e9_letters_to_one_address_are_limited_and_the_next_one_is_refused(
    hub: Running,
) -> None:
    for number in range(knocking.LETTERS_TO.most + 1):
        async with visiting(hub, (f"192.0.2.{number}", 4000)) as somebody:
            answer = await somebody.press("/sign-in", email=ANN)
        expected = 200 if number < knocking.LETTERS_TO.most else 429
        assert answer.status_code == expected
    assert int(answer.headers["retry-after"]) > 60
    assert await _count(hub, Mail) == knocking.LETTERS_TO.most


@pytest.mark.parametrize(
    ("first", "neighbour"),
    [("192.0.2.1", "192.0.2.2"), ("2001:db8:1:2::1", "2001:db8:1:3::1")],
    ids=["IPv4", "IPv6"],
)
async def test_e9_letters_from_one_connection_are_limited_and_the_next_one_is_refused(
    hub: Running, first: str, neighbour: str
) -> None:
    for number in range(knocking.LETTERS_FROM.most + 1):
        where = first if ":" not in first else f"2001:db8:1:2::{number + 1:x}"  # one household
        async with visiting(hub, (where, 4000)) as somebody:
            answer = await somebody.press("/sign-in", email=f"a{number}@mail.example")
        assert answer.status_code == (200 if number < knocking.LETTERS_FROM.most else 429)
    async with visiting(hub, (neighbour, 4000)) as somebody:
        assert (await somebody.press("/sign-in", email=ANN)).status_code == 200


@pytest.mark.parametrize(
    "entered",
    [
        "",
        "ann",
        "@b.example",
        "ann@",
        "a,b@c.example",
        '"a b"@c.example',
        "a%b@c.example",
        "a!b@c.example",
        "ann@mail.example,bea@mail.example",
        "ann@mail.example\nBcc: all@mail.example",
        "ann@localhost",
        "ann@127.0.0.1",
        "ann@[127.0.0.1]",
        "a..b@c.example",
        ".a@c.example",
        "ann@-c.example",
        "x" * 65 + "@c.example",
        "a@" + "b." * 126 + "example",
        "a\u0430@c.example",
    ],
)
async def test_e12_only_plain_addresses_are_written_to(entered: str) -> None:
    with pytest.raises(Invalid):
        address(entered)


def test_an_address_is_kept_in_one_form() -> None:
    assert address(" Ann.B+x@Büro.Example ") == "ann.b+x@xn--bro-hoa.example"


async def test_an_invitation_lets_as_many_in_as_it_says_and_shows_its_code(hub: Running) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/people")
        answer = await steward.send(page, "/admin/people/links", role="member", uses="2")
        assert "<svg" in answer.text
        path = path_in(answer.text, "sign-in")
        for expected in (303, 303, 410):
            async with visiting(hub) as neighbour:
                page = await neighbour.get(path)
                if page.status_code == 200:
                    page = await neighbour.send(page, path)
                assert page.status_code == expected
        page = await steward.get("/admin/people")
        answer = await steward.send(page, "/admin/people/links", role="steward", uses="2")
        assert answer.status_code == 422


async def test_an_invitation_can_be_taken_back(hub: Running) -> None:
    async with visiting(hub) as steward, visiting(hub) as neighbour:
        await steward.sign_in("steward")
        page = await steward.get("/admin/people")
        page = await steward.send(page, "/admin/people/links", role="member", uses="30")
        path = path_in(page.text, "sign-in")
        digest = page.text.partition('name="digest" value="')[2].partition('"')[0]
        await steward.send(page, "/admin/people/invitations/withdraw", digest=digest)
        assert (await neighbour.get(path)).status_code == 410


async def test_t04_a_steward_makes_a_neighbour_of_a_guest(hub: Running, visitor: Visitor) -> None:
    await _come(visitor)
    person = await _person(hub)
    assert person is not None
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/people")
        await steward.send(page, f"/admin/people/{person.id}/role", role="member")
    person = await _person(hub)
    assert person is not None
    assert person.role == "member"


async def test_the_last_steward_stays_one(hub: Running, visitor: Visitor) -> None:
    await visitor.sign_in("steward")
    async with hub.services.db.read() as session:
        mine = (await session.scalars(select(Person).where(Person.name == "Ann"))).one()
    page = await visitor.get("/admin/people")
    answer = await visitor.send(page, f"/admin/people/{mine.id}/role", role="member")
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("role", "inbox", "people"),
    [
        ("guest", 403, 403),
        ("reader", 403, 403),
        ("member", 403, 403),
        ("reporter", 403, 403),
        ("editor", 403, 403),
        ("moderator", 200, 403),
        ("steward", 200, 200),
    ],
)
async def test_e6_each_role_opens_its_rooms_and_no_others(
    hub: Running, visitor: Visitor, role: str, inbox: int, people: int
) -> None:
    await visitor.sign_in(role)
    assert (await visitor.get("/admin/inbox")).status_code == inbox
    assert (await visitor.get("/admin/servers")).status_code == inbox
    assert (await visitor.get("/admin/people")).status_code == people
    assert (await visitor.get("/admin/letters")).status_code == people


async def test_without_a_mail_server_a_steward_hands_the_link_over(
    hub: Running, visitor: Visitor
) -> None:
    answer = await visitor.press("/sign-in", email=ANN)
    assert "no mail server yet" in answer.text
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/letters")
        assert ANN in page.text
        path = path_in(page.text, "sign-in")
    assert (await visitor.press(path)).status_code == 303


async def test_with_a_mail_server_stewards_see_no_links(make_hub: MakeHub) -> None:
    with mail_server() as server:
        url = server.url
    hub = await make_hub(smtp_url=url)
    async with visiting(hub) as somebody, visiting(hub) as steward:
        await somebody.press("/sign-in", email=ANN)
        await hub.work()
        await steward.sign_in("steward")
        page = await steward.get("/admin/letters")
        assert ANN in page.text
        assert "cannot be used" in page.text
        assert await _last_link(hub) not in page.text
