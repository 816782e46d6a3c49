"""Moderators ask the author of what waits: it waits on, they answer and change it, and it shows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import select

from hub.audit.models import Act
from hub.entries.models import Entry, Reply
from hub.mail.models import Mail
from hub.moderation import upkeep
from hub.people.models import Person, Submission, Told
from tests.clock import Clock
from tests.conftest import Running
from tests.towns import Town
from tests.visitor import Visitor, card_in, visiting

EVE = "eve@mail.example"
QUEUE = "/admin/moderation"
ASKED = "Which Elm Road is it?"
ANSWERED = "The one by the canal."


@pytest.fixture
async def moderator(hub: Running) -> AsyncIterator[Visitor]:
    """Somebody who looks after the hub."""
    async with visiting(hub, ("192.0.2.8", 4000)) as visitor:
        await visitor.sign_in("moderator")
        yield visitor


async def _posted(hub: Running, title: str = "Oak ladder") -> Entry:
    """A want of somebody without an account."""
    fields = {"kind": "item", "mode": "lend", "location": "Elm Road", "visibility": "public"}
    async with visiting(hub, ("192.0.2.9", 4000)) as guest:
        draft = (await guest.press("/post/want", title=title, **fields)).headers["location"]
        await guest.press(draft, email=EVE)
        await guest.press((await _letter(hub)).link.removeprefix(hub.url))
    async with hub.services.db.read() as session:
        return (await session.scalars(select(Entry).where(Entry.title == title))).one()


async def _letter(hub: Running, email: str = EVE) -> Mail:
    """The newest letter to an address."""
    async with hub.services.db.read() as session:
        query = select(Mail).where(Mail.recipient == email).order_by(Mail.created_at.desc())
        return (await session.scalars(query.limit(1))).one()


async def _ask(moderator: Visitor, words: str = ASKED) -> str:
    """Ask about the card that comes first; the link that its author gets."""
    page = await moderator.get(QUEUE)
    answer = await moderator.send(page, card_in(page), deed="ask", note=words)
    assert answer.status_code == 303, answer.text
    return (await _letter(moderator.hub)).link.removeprefix(moderator.hub.url)


async def test_an_author_without_account_is_asked_answers_and_changes_the_post(
    moderator: Visitor,
) -> None:
    hub = moderator.hub
    entry = await _posted(hub)
    link = await _ask(moderator)
    letter = await _letter(hub)
    assert letter.subject == "A question about your post"
    assert ASKED in letter.content["lines"]
    page = await moderator.get(QUEUE)
    assert re.search(r"Asked on \d+ ", page.text)
    assert "Not answered yet" in page.text
    assert 'value="ask"' not in page.text  # one question at a time
    async with visiting(hub, ("192.0.2.9", 4000)) as eve:
        page = await eve.get(link)
        assert ASKED in page.text
        opened = await eve.send(page, f"{link}/open")
        form = await eve.get(opened.headers["location"])
        values = {"title": "Oak ladder, three metres", "kind": "item", "mode": "lend"}
        path = f"{entry.path}/edit"
        assert (await eve.send(form, path, location="Elm Road", **values)).status_code == 303
        assert (await eve.press(link, words=ANSWERED)).status_code == 303
        assert ANSWERED in (await eve.get(link)).text
        assert (await eve.press(link, words="And more.")).status_code == 409
    page = await moderator.get(QUEUE)
    assert re.search(r"Answered on \d+ ", page.text)
    assert ANSWERED in page.text
    assert "Oak ladder, three metres" in page.text
    await moderator.send(page, card_in(page), deed="pass")
    async with visiting(hub) as stranger:
        assert (await stranger.get(entry.path)).status_code == 200
        assert (await stranger.get(link)).status_code == 410  # decided: it lets nobody in any more
        assert (await stranger.get("/question/" + "x" * 27)).status_code == 410


async def test_what_is_asked_about_is_shown_to_nobody_more_by_the_clock(
    moderator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, clock = moderator.hub, Clock(monkeypatch)
    entry = await _posted(hub)
    await _ask(moderator)
    clock.pass_by(hours=2)
    await hub.work()
    async with visiting(hub) as stranger:
        assert (await stranger.get(entry.path)).status_code == 404
    async with hub.services.db.read() as session:
        row = (await session.scalars(select(Submission))).one()
    assert (row.verdict, row.release_at) == (None, None)


async def test_t38_the_author_of_a_reported_entry_is_asked_and_the_next_card_comes(
    moderator: Visitor,
) -> None:
    hub = moderator.hub
    async with visiting(hub, ("192.0.2.10", 4000)) as bob:
        await bob.sign_in("member")
        fields = {"kind": "item", "mode": "lend", "location": "Elm Road", "visibility": "public"}
        path = (await bob.press("/post/offer", title="Old drill", **fields)).headers["location"]
        entry_id = path.partition("?")[0].rpartition("/")[2]
        async with hub.services.db.write() as session:
            entry = await session.get_one(Entry, UUID(entry_id))
            owner = await session.get_one(Person, entry.owner_id)
            owner.email = "bob@mail.example"
            (asking,) = await session.scalars(select(Person).where(Person.role == "moderator"))
            asking.email = "ann@mail.example"
        await moderator.press(f"/report/entry/{entry_id}", rule="0")
        await _posted(hub)
        page = await moderator.get(QUEUE)
        assert "Old drill" in page.text  # reports come first
        await moderator.send(page, card_in(page), deed="ask", note="Is it yours?")
        page = await moderator.get(QUEUE)
        assert "Oak ladder" in page.text  # what its author has to answer comes last
        assert "Old drill" not in page.text
        link = (await _letter(hub, "bob@mail.example")).link.removeprefix(hub.url)
        await bob.press(link, words="It was my aunt's.")
        assert (await bob.get(path.partition("?")[0])).status_code == 200
    page = await moderator.get(QUEUE)
    assert "Old drill" in page.text
    assert "It was my aunt&#39;s." in page.text
    async with hub.services.db.read() as session:
        told = list(await session.scalars(select(Told.item)))
        deeds = list(await session.scalars(select(Act.deed)))
    assert f"queue {QUEUE}#card" in told  # the moderator hears of the answer
    assert "author asked" in deeds


async def test_a_question_needs_words_and_is_forgotten_in_time(
    moderator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = moderator.hub
    await _posted(hub)
    page = await moderator.get(QUEUE)
    without = await moderator.send(page, card_in(page), deed="ask")
    assert without.status_code == 422
    assert "Please write what you want to ask" in without.text
    link = await _ask(moderator)
    assert (await moderator.send(page, card_in(page), deed="ask", note="?")).status_code == 409
    async with visiting(hub) as eve:
        for words in ("", "x" * 2001):
            assert (await eve.press(link, words=words)).status_code == 422
    clock = Clock(monkeypatch)
    clock.pass_by(days=89)
    assert await upkeep.forget_questions(hub.services) == 0
    clock.pass_by(days=2)
    assert await upkeep.forget_questions(hub.services) == 1


async def test_an_author_elsewhere_is_asked_by_a_private_message(town: Town) -> None:
    await town.say(town.note())
    async with visiting(town.hub) as moderator:
        await moderator.sign_in("moderator")
        page = await moderator.get(QUEUE)
        answer = await moderator.send(page, card_in(page), deed="ask", note="Who are you?")
        assert answer.status_code == 303, answer.text
        async with town.hub.services.db.read() as session:
            query = select(Reply.content).where(Reply.public.is_(False), Reply.from_us.is_(True))
            (message,) = await session.scalars(query)
        assert "Who are you?" in message
        link = re.search(r"/question/[\w-]+", message)
        assert link is not None
        page = await moderator.get(link[0])
        assert f"{link[0]}/open" not in page.text  # there is nothing of theirs to change here
        assert (await moderator.send(page, f"{link[0]}/open")).status_code == 404
