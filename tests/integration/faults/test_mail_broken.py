"""R24: a mail server that is away, says later, hangs up or takes its time."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from email.message import EmailMessage
from uuid import UUID

import pytest
from sqlalchemy import func, select

from hub.jobs.models import Job
from hub.jobs.queue import enqueue
from hub.jobs.registry import KINDS, JobKind, Run
from hub.jobs.running import OF_A_KIND, Runner
from hub.mail import outbox, sending
from hub.mail.composing import Letter
from hub.mail.models import Mail
from hub.mail.sending import UNSURE
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.integration.faults.scale import noted, patience, scaled
from tests.mailserver import MailServer, mail_server

LETTERS = scaled(24, 1_000)
MOODS = ("well", "later", "hangs up", "hangs up after the letter")


async def _put(hub: Running, count: int) -> list[UUID]:
    async with hub.services.db.write() as session:
        letters = [
            Letter(to=f"ann{number}@mail.example", subject=f"No {number}", lines=("Good day.",))
            for number in range(count)
        ]
        return [(await outbox.put(session, hub.services, letter)).id for letter in letters]


async def _rows(hub: Running) -> list[Mail]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Mail)))


def _name(letter: EmailMessage) -> str:
    return str(letter["Message-ID"])


def _upset(server: MailServer, chance: random.Random) -> None:
    """The next letters meet a server in these moods, in any order."""
    moods = chance.choices(MOODS, weights=(3, 1, 1, 1), k=20)
    server.refuse_letters = ["451 later"] * moods.count("later")
    stages = {"hangs up": "DATA", "hangs up after the letter": "."}
    server.break_off = [stages[mood] for mood in moods if mood in stages]


@pytest.mark.timeout(patience(120, 3600))
async def test_r24_a_mail_server_in_any_mood_gets_every_letter_and_at_most_one_twice(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each letter there is one; a second with the same Message-ID where it hung up after it."""
    clock, chance = Clock(monkeypatch), random.Random(24)
    with mail_server() as server, noted("R24", "letters to a moody mail server") as figures:
        hub: Running = await make_hub(smtp_url=server.url)
        put = await _put(hub, LETTERS)
        for _ in range(4):
            _upset(server, chance)
            await hub.work()
            clock.pass_by(hours=7)
        server.refuse_letters, server.break_off = [], []
        while await hub.work():
            clock.pass_by(hours=13)
        came = Counter(map(_name, server.letters))
        rows = {row.id: row for row in await _rows(hub)}
        assert came.keys() == {f"<{each}@hub.example>" for each in put}, "none is lost"
        assert set(came.values()) == {1, 2}, "and none came a third time"
        for each in put:
            again = came[f"<{each}@hub.example>"] == 2
            unsent = rows[each].sent_at is None
            assert rows[each].given_up_at is not None if unsent else not rows[each].last_error
            assert again or not unsent
        twice = sum(count == 2 for count in came.values())
        figures |= {"letters": LETTERS, "lost": 0, "came twice": twice, "came more often": 0}


async def test_r24_a_letter_of_unknown_fate_goes_once_more_and_never_a_third_time(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with mail_server() as server:
        hub: Running = await make_hub(smtp_url=server.url)
        await _put(hub, 1)
        server.break_off = ["DATA", "DATA", "."]
        for _ in range(3):
            await hub.work()
            (row,) = await _rows(hub)
            assert (row.sent_at, row.given_up_at) == (None, None)
            clock.pass_by(hours=1)
        assert (row.last_error, row.attempts, len(server.letters)) == (UNSURE, 3, 1)
        server.refuse_letters = ["451 later"]
        await hub.work()
        (row,) = await _rows(hub)
        assert row.last_error == UNSURE, "what it met since does not make its fate known"
        server.break_off = ["."]
        for _ in range(3):
            clock.pass_by(hours=3)
            await hub.work()
        (row,) = await _rows(hub)
        assert (row.last_error, row.given_up_at is None) == (UNSURE, False), "stewards see it"
        assert [_name(letter) for letter in server.letters] == [f"<{row.id}@hub.example>"] * 2


async def test_r24_a_slow_mail_server_keeps_nothing_else_waiting(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = asyncio.Event()

    async def quick(run: Run) -> None:
        async with run.finish():
            done.set()

    monkeypatch.setattr(sending, "TIMEOUT_S", 300)

    monkeypatch.setitem(KINDS, "rig.quick", JobKind("rig.quick", quick))
    with mail_server() as server:
        hub: Running = await make_hub(smtp_url=server.url)
        await hub.work()
        server.hold = threading.Event()
        put = await _put(hub, OF_A_KIND + 2)
        async with hub.services.db.write() as session:
            await enqueue(session, KINDS["rig.quick"])
        runner = Runner(hub.services, "rig")
        assert await runner.start_due() == OF_A_KIND + 1
        async with asyncio.timeout(120):
            await done.wait()
        waiting = select(func.count()).select_from(Job).where(Job.name == "mail.send")
        async with hub.services.db.read() as session:
            assert await session.scalar(waiting) == len(put), "no letter is answered yet"
        server.hold.set()
        await runner.settle()
        await hub.work()
    assert Counter(map(_name, server.letters)) == {f"<{each}@hub.example>": 1 for each in put}
