"""Moderators hear of what waits for more than a day: once a day, in their language, or not."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from hub.core.clock import now
from hub.entries.models import Report
from hub.mail.models import Mail
from hub.people.models import Person
from tests.clock import Clock
from tests.conftest import Running
from tests.jobs import ask
from tests.visitor import path_in, visiting

EVE = "eve@mail.example"


async def _moderator(hub: Running, **given: object) -> None:
    async with hub.services.db.write() as session:
        session.add(Person(name="Eve", role="moderator", email=EVE, **given))


async def _report(hub: Running, *, hours: int) -> None:
    at = now() - timedelta(hours=hours)
    async with hub.services.db.write() as session:
        session.add(Report(about="hub", about_id=uuid4(), words="Look here", created_at=at))


async def _letters(hub: Running) -> list[Mail]:
    await ask(hub.services, "moderation.remind")
    await hub.work()
    async with hub.services.db.read() as session:
        query = select(Mail).where(Mail.recipient == EVE).order_by(Mail.created_at)
        return list(await session.scalars(query))


async def test_a_letter_a_day_while_something_waits_and_none_when_nothing_does(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await _moderator(hub)
    assert await _letters(hub) == []
    await _report(hub, hours=23)
    assert await _letters(hub) == []
    await _report(hub, hours=25)
    assert [one.subject for one in await _letters(hub)] == ["1 thing waits for a decision"]
    clock.pass_by(hours=20)
    assert len(await _letters(hub)) == 1
    clock.pass_by(hours=5)
    subjects = [one.subject for one in await _letters(hub)]
    assert subjects == ["1 thing waits for a decision", "2 things wait for a decision"]
    async with hub.services.db.write() as session:
        for row in await session.scalars(select(Report)):
            row.decided_at = now()
    clock.pass_by(hours=30)
    assert len(await _letters(hub)) == 2


async def test_it_speaks_the_moderators_language_and_ends_by_one_tap(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await _moderator(hub, language="de")
    await _report(hub, hours=30)
    [letter] = await _letters(hub)
    assert letter.subject == "1 Sache wartet auf eine Entscheidung"
    stop = path_in(letter.content["unsubscribe"], "unsubscribe")
    async with visiting(hub) as eve:
        assert (await eve.web.post(stop)).status_code == 200
    clock.pass_by(days=2)
    assert len(await _letters(hub)) == 1
