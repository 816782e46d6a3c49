"""Jobs: done once, tried again, given up, and never in the way of others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.core.clock import now
from hub.jobs.models import Job
from hub.jobs.queue import enqueue
from hub.jobs.registry import KINDS, JobKind, Run
from hub.jobs.retention import CLOCKS
from hub.jobs.running import FIRST_PAUSE, TRIES, run_due, start_timers
from tests.clock import Clock
from tests.conftest import Running
from tests.jobs import ask


@dataclass
class Errand:
    """A job of the test; `fails` says how often it still will."""

    fails: int = 0
    runs: list[str] = field(default_factory=list)

    async def run(self, run: Run, *, what: str = "") -> None:
        self.runs.append(what)
        if self.fails > 0:
            self.fails -= 1
            raise OSError("the disk is full")
        async with run.finish():
            pass


@pytest.fixture
def errand(monkeypatch: pytest.MonkeyPatch) -> Errand:
    errand = Errand()
    monkeypatch.setitem(KINDS, "tests.errand", JobKind("tests.errand", errand.run))
    return errand


async def _jobs(hub: Running) -> list[Job]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Job).where(Job.name.startswith("tests."))))


async def _all_due(hub: Running) -> None:
    async with hub.services.db.write() as session:
        await session.execute(update(Job).where(Job.run_at.is_not(None)).values(run_at=now()))


async def test_a_job_is_done_and_its_row_is_gone(hub: Running, errand: Errand) -> None:
    await ask(hub.services, "tests.errand", what="bread")
    assert await run_due(hub.services, "w") == 1
    assert errand.runs == ["bread"]
    assert await _jobs(hub) == []
    assert await run_due(hub.services, "w") == 0


async def test_a_job_that_failed_is_tried_again_later_and_later(
    hub: Running, errand: Errand
) -> None:
    errand.fails = 2
    await ask(hub.services, "tests.errand")
    for attempt in (1, 2):
        begun = now()
        await run_due(hub.services, "w")
        (row,) = await _jobs(hub)
        assert (row.attempts, row.last_error) == (attempt, "OSError: the disk is full")
        assert row.lease_until is None
        assert row.run_at is not None
        pause = FIRST_PAUSE * 4 ** (attempt - 1)
        assert pause <= row.run_at - begun < pause + timedelta(seconds=10)
        assert await run_due(hub.services, "w") == 0, "it is not due yet"
        await _all_due(hub)
    await run_due(hub.services, "w")
    assert await _jobs(hub) == []


async def test_a_job_that_always_fails_is_given_up_and_stays_to_be_looked_at(
    hub: Running, errand: Errand
) -> None:
    errand.fails = 99
    async with hub.services.db.write() as session:
        await enqueue(session, KINDS["tests.errand"], key="once")
        await enqueue(session, KINDS["tests.errand"], key="once")
    for _ in range(TRIES + 2):
        await _all_due(hub)
        await run_due(hub.services, "w")
    assert len(errand.runs) == TRIES
    (row,) = await _jobs(hub)
    assert row.failed_at is not None
    assert (row.run_at, row.key) == (None, None), "its key is free for the next one"


async def test_a_job_that_fails_is_not_in_the_way_of_others(hub: Running, errand: Errand) -> None:
    errand.fails = 1
    for what in ("first", "second"):
        await ask(hub.services, "tests.errand", what=what)
    await run_due(hub.services, "w")
    assert errand.runs == ["first", "second"]
    (row,) = await _jobs(hub)
    assert row.arguments == {"what": "first"}


async def test_a_job_of_another_version_is_left_to_it_and_dropped_after_a_day(
    hub: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A newer version beside this one does it (R26); one that is gone never will."""
    clock = Clock(monkeypatch)
    async with hub.services.db.write() as session:
        await enqueue(session, JobKind("tests.unknown", Errand().run), key="timer:tests.unknown")
    assert await hub.work() == await run_due(hub.services, "w") == 0
    (row,) = await _jobs(hub)
    assert (row.attempts, row.fence, row.failed_at) == (0, 0, None), "nobody here touched it"
    clock.pass_by(hours=23)
    assert await CLOCKS["jobs.unknown"].forget(hub.services) == 0
    clock.pass_by(hours=2)
    ready = (await hub.web.get("/readyz")).json()
    with caplog.at_level(logging.INFO, "hub.jobs"):
        assert await CLOCKS["jobs.unknown"].forget(hub.services) == 1
    assert await _jobs(hub) == []
    (line,) = caplog.records
    assert line.getMessage() == "dropped what this version does not know: tests.unknown"
    assert "tests.unknown" not in str(ready)


async def test_a_worker_whose_job_was_taken_over_keeps_nothing(
    hub: Running, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(run: Run) -> None:
        async with run.services.db.write() as session:
            await session.execute(update(Job).values(lease_until=now(), fence=Job.fence + 1))
        async with run.finish() as session:
            await enqueue(session, KINDS["tests.errand"], what="must not be kept")

    monkeypatch.setitem(KINDS, "tests.slow", JobKind("tests.slow", slow))
    await ask(hub.services, "tests.slow")
    await run_due(hub.services, "w")
    (row,) = await _jobs(hub)
    assert (row.name, row.attempts) == ("tests.slow", 0)


async def test_a_timer_asks_for_itself_again_even_when_it_failed(
    hub: Running, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: JobKind[Any] = JobKind("tests.errand", errand.run, every=timedelta(hours=1))
    monkeypatch.setitem(KINDS, "tests.errand", kind)
    await start_timers(hub.services)
    await start_timers(hub.services)
    assert len(await _jobs(hub)) == 1
    errand.fails = 1
    for _ in range(2):
        await _all_due(hub)
        while await run_due(hub.services, "w"):
            continue
        (row,) = await _jobs(hub)
        assert row.run_at is not None
        assert row.run_at > now()
    assert row.key == "timer:tests.errand"
    assert row.attempts == 0
    assert len(errand.runs) == 2
