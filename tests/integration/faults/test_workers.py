"""R14, R17, R18: poisonous activities, workers that fall asleep, hubs that are told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from federation.inbox import Inbox
from federation.vocab.activities import Activity
from hub.core.clock import now
from hub.core.services import Services
from hub.entries.models import Reply
from hub.fediverse import hearing
from hub.fediverse.hearing import TRIES, Case
from hub.fediverse.inbox import BATCH, DEATHS, InboxLog, Processor
from hub.fediverse.models import InboxActivity, OutboxActivity
from hub.fediverse.received import Received
from hub.jobs.queue import claim, release
from tests.conftest import Databases
from tests.integration.faults import seeded as faults
from tests.integration.faults.peer import Line, peer, read_message
from tests.integration.faults.scale import ENGINE, note, noted, patience, scaled
from tests.integration.faults.test_killed import FREE
from tests.integration.faults.test_reordered import PEOPLE, Square, Story
from tests.integration.faults.test_reordered import square as square
from tests.processes import HubProcess, seeded
from tests.towns import EVENT

STOPS = scaled(2, 100)
UNDER_WAY = 16  # requests that have begun when the hub is told to stop
NAPS = scaled(2, 20)

# ------------------------------------------------------------------------------ poison


class Sickly:
    """Handlers that break at one activity, and do the rest."""

    def __init__(self, well: Inbox[Received], poison: str, *, late: bool = False) -> None:
        self._well = well
        self._poison = poison
        self._late = late
        self.tries = 0

    async def look_ahead(self, *given: Any) -> None:
        await self._well.look_ahead(*given)

    async def dispatch(self, received: Received, activity: Activity) -> bool:
        if activity.id == self._poison:
            self.tries += 1
            if self._late:
                await self._well.dispatch(received, activity)
            raise RuntimeError("a handler has a fault")
        return await self._well.dispatch(received, activity)


@pytest.mark.parametrize("late", [False, True], ids=["at once", "after it wrote"])
async def test_r14_a_poisonous_activity_is_given_up_and_stops_nobody(
    square: Square, *, late: bool
) -> None:
    services = square.hub.services
    stories = [Story(PEOPLE[n % 3], "reply", 0, ends=False) for n in range(BATCH)]
    mail = [
        document
        for number, story in enumerate(stories)
        for document in story.told(number, "https://town.example/x", square.ours, "")
    ]
    poison = mail[BATCH // 2]["id"]
    sickly = Sickly(square.hub.hub.handlers, poison, late=late)
    processor = Processor(services, sickly, "rig")  # type: ignore[arg-type]
    for document in mail:
        await square.log.keep(square.verified(document))
    for tries in range(1, TRIES + 3):
        await processor.process()
        async with services.db.write() as session:
            rows = await session.execute(select(InboxActivity.uri, InboxActivity.state))
            states = dict(rows.all())
            assert states.pop(poison) == ("waiting" if tries < TRIES else "failed")
            assert set(states.values()) == {"done"}, "its neighbours were not kept waiting"
            again = update(InboxActivity).where(InboxActivity.run_at.is_not(None))
            await session.execute(again.values(run_at=now()))
        async with services.db.read() as session:
            kept = set(await session.scalars(select(Reply.uri)))
            assert kept == {one["object"]["id"] for one in mail if one["id"] != poison}
    # After it wrote it is heard twice: with the others, of which nothing is kept then, and alone.
    heard = TRIES + 1 if late else TRIES
    assert sickly.tries == heard
    note("R14", "a handler that breaks", neighbours=len(states), delayed=0, tries=TRIES)


class Died(BaseException):
    """What the end of a process looks like from inside."""


class Deadly(Sickly):
    """Handlers that end the process at one activity."""

    async def dispatch(self, received: Received, activity: Activity) -> bool:
        if activity.id == self._poison:
            self.tries += 1
            raise Died
        return await self._well.dispatch(received, activity)


async def test_r14_what_kills_the_process_is_given_up_and_takes_nobody_along(
    square: Square,
) -> None:
    services = square.hub.services
    stories = [Story(PEOPLE[n % 3], "reply", 0, ends=False) for n in range(12)]
    mail = [
        document
        for number, story in enumerate(stories)
        for document in story.told(number, "https://town.example/x", square.ours, "")
    ]
    poison = mail[4]["id"]
    deadly = Deadly(square.hub.hub.handlers, poison)
    for document in mail:
        await square.log.keep(square.verified(document))
    while await _until_it_dies(services, deadly):
        async with services.db.write() as session:
            await release(session, [InboxActivity], ["rig"])
    async with services.db.read() as session:
        rows = await session.execute(select(InboxActivity.uri, InboxActivity.state))
        states = dict(rows.all())
    assert states.pop(poison) == "failed"
    assert set(states.values()) == {"done"}
    assert deadly.tries == DEATHS
    note("R14", "an activity that kills the process", neighbours=len(states), lost=0, deaths=DEATHS)


async def _until_it_dies(services: Services, handlers: Sickly) -> bool:
    """Whether the worker died; it works until there is nothing left to do."""
    processor = Processor(services, handlers, "rig")  # type: ignore[arg-type]
    try:
        while await processor.process():
            pass
    except Died:
        return True
    return False


# ------------------------------------------------------------------------------ sleepers


async def _taken_over(square: Square) -> int:
    """How often a Follow is accepted when its first worker sleeps and a second one takes over."""
    services = square.hub.services
    (follow,) = Story("ada", "follow", 0, ends=False).told(
        0, "https://town.example/y", square.ours, f"{square.hub.url}/actors/events"
    )
    await InboxLog(services).keep(square.verified(follow))
    async with services.db.write() as session:
        rows = await claim(session, InboxActivity, "sleeper")
    assert len(rows) == 1
    async with services.db.write() as session:
        await session.execute(update(InboxActivity).values(lease_until=now() - timedelta(hours=1)))
    handlers = square.hub.hub.handlers
    assert await Processor(services, handlers, "second").process() == 1
    await Processor(services, handlers, "sleeper")._round([Case(row) for row in rows])
    async with services.db.read() as session:
        accepts = select(OutboxActivity.uri).where(OutboxActivity.type == "Accept")
        return len((await session.scalars(accepts)).all())


async def test_r17_a_worker_that_slept_past_its_lease_does_nothing(square: Square) -> None:
    assert await _taken_over(square) == 1


async def test_r17_the_rig_finds_a_worker_that_goes_on_without_its_lease(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def all_of_them(_: Any, cases: list[Case]) -> list[Case]:
        return list(cases)

    monkeypatch.setattr(hearing, "_held", all_of_them)
    assert await _taken_over(square) == 2


@pytest.mark.slow
@pytest.mark.skipif(ENGINE != "postgresql", reason="SQLite has one worker, and nobody to take over")
@pytest.mark.timeout(patience(240, 3600))
async def test_r17_workers_that_are_stopped_and_go_on_do_nothing_twice(
    tmp_path: Path, databases: Databases
) -> None:
    """Two workers beside a web server; now one, now the other sleeps longer than its lease."""
    env = {**FREE, "HUB_DATABASE_URL": databases.fresh()}
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(peer())
        web = seeded(HubProcess(tmp_path / "hub", env=env), haste="leases")
        web.program = (*web.program, "--no-worker")
        await asyncio.to_thread(web.start)
        stack.callback(web.stop)
        workers = [await _worker(web, stack) for _ in range(2)]
        channel, follows = f"{web.url}/actors/events", 0
        line = Line(web.port)
        with noted("R17", "workers stopped past their lease") as figures:
            for nap in range(NAPS):
                for _ in range(20):
                    follows += 1
                    who = f"p{follows}"
                    uri = f"{there.home}/follow/{follows}"
                    follow = there.activity(who, "Follow", uri, channel)
                    status, _ = await line.ask(there.request(who, f"{web.url}/inbox", follow))
                    assert status == 202
                    if follows % 20 == 8:
                        workers[nap % 2].send_signal(signal.SIGSTOP)
                await asyncio.sleep(faults.LEASE_S + 1)
                workers[nap % 2].send_signal(signal.SIGCONT)
            line.close()
            await _accepted(there.received, follows)
            answers = {each["id"]: each["object"]["id"] for each in there.received}
            counted = Counter(answers.values())
            assert counted == {f"{there.home}/follow/{n}": 1 for n in range(1, follows + 1)}
            figures |= {"naps": NAPS, "follows": follows, "answered twice": 0}


async def _worker(web: HubProcess, stack: AsyncExitStack) -> asyncio.subprocess.Process:
    words = [*web.program[:-2], "work"]
    process = await asyncio.create_subprocess_exec(*words, env=web.environment)

    async def end() -> None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    return process


async def _accepted(received: list[dict[str, Any]], count: int) -> None:
    """Wait for so many answers, and then a while for one too many."""
    for _ in range(600):
        if len({each["object"]["id"] for each in received}) >= count:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(faults.LEASE_S + 1)


# ------------------------------------------------------------------------------ told to stop


async def _dropped(folder: Path, stops: int, fault: str = "") -> list[str]:
    """Requests that had begun when the hub was told to stop, and got no proper answer."""
    hub = seeded(HubProcess(folder, env=FREE), fault)
    dropped: list[str] = []
    await asyncio.to_thread(hub.start)
    token = await asyncio.to_thread(hub.token)
    try:
        for number in range(stops):
            begun = [await _begin(hub, token, f"{number}.{n}") for n in range(UNDER_WAY)]
            assert hub.process is not None
            hub.process.terminate()
            await asyncio.sleep(0.3)
            dropped += [each for each in [await _end(*one) for one in begun] if each]
            assert await asyncio.to_thread(hub.process.wait, 40) == 0
            await asyncio.to_thread(hub.start)
        titles = {each["title"] for each in await asyncio.to_thread(hub.everything, "events")}
    finally:
        hub.stop()
    wanted = {f"{number}.{n}" for number in range(stops) for n in range(UNDER_WAY)}
    return [*dropped, *(f"{title} is not there" for title in sorted(wanted - titles))]


async def _begin(hub: HubProcess, token: str, title: str) -> tuple[Any, Any, bytes]:
    """A request that the hub has begun to read: it said 100, and waits for the body."""
    body = orjson.dumps({**EVENT, "title": title})
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(
        f"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 100"), head
    return reader, writer, body


async def _end(reader: Any, writer: Any, body: bytes) -> str | None:
    try:
        writer.write(body)
        head, _ = await read_message(reader)
    except (OSError, EOFError) as error:
        return f"dropped: {error!r}"
    finally:
        writer.close()
    return None if head.startswith("HTTP/1.1 201") else head


@pytest.mark.slow
@pytest.mark.skipif(ENGINE != "sqlite", reason="the web server is the same on both databases")
@pytest.mark.timeout(patience(120, 3600))
async def test_r18_a_hub_that_is_told_to_stop_finishes_what_it_began(tmp_path: Path) -> None:
    with noted("R18", "SIGTERM under load") as figures:
        assert await _dropped(tmp_path / "hub", STOPS) == []
        figures |= {"stops": STOPS, "requests under way": STOPS * UNDER_WAY, "dropped": 0}


@pytest.mark.slow
@pytest.mark.skipif(ENGINE != "sqlite", reason="the web server is the same on both databases")
async def test_r18_the_rig_finds_a_hub_that_drops_what_it_began(tmp_path: Path) -> None:
    assert await _dropped(tmp_path / "hub", 1, "no grace") != []
