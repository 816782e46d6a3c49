"""The worker goes on, whatever happens to one round of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from federation.errors import BadUrl
from federation.vocab.activities import Follow
from hub import worker
from hub.fediverse.delivery import Carrier
from hub.fediverse.inbox import Processor
from hub.fediverse.models import OutboxActivity
from hub.jobs.queue import enqueue
from hub.jobs.registry import KINDS, JobKind, Run
from hub.jobs.running import Runner
from tests.towns import EVENT, Town

PLACES = {
    "inbox": (Processor, "process"),
    "outbox": (Carrier, "send_due"),
    "jobs": (Runner, "start_due"),
}


def _fail_once(monkeypatch: pytest.MonkeyPatch, place: type, name: str, error: Exception) -> None:
    """The first call of a method fails, the others do what they always did."""
    method: Callable[..., Awaitable[int]] = getattr(place, name)
    errors = [error]

    async def failing(self: Any) -> int:
        if errors:
            raise errors.pop()
        return await method(self)

    monkeypatch.setattr(place, name, failing)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ExceptionGroup("two", [KeyError("a")])])
@pytest.mark.parametrize("loop", PLACES)
async def test_r14_a_loop_survives_a_round_that_fails_whatever_the_fault(
    town: Town,
    monkeypatch: pytest.MonkeyPatch,
    failed_rounds: list[logging.LogRecord],
    loop: str,
    error: Exception,
) -> None:
    monkeypatch.setattr(worker, "TROUBLE_S", 0.01)
    _fail_once(monkeypatch, *PLACES[loop], error)
    done = asyncio.Event()

    async def errand(run: Run) -> None:
        async with run.finish():
            done.set()

    kind: JobKind[Any] = JobKind("tests.errand", errand)
    monkeypatch.setitem(KINDS, "tests.errand", kind)
    actor = town.site.uri("ada")
    async with town.hub.worker.running(), asyncio.timeout(20):
        async with town.hub.services.db.write() as session:
            await enqueue(session, kind)
        follow = Follow(id=f"{actor}#{uuid4()}", actor=actor, object=town.events)
        await town.site.send("ada", follow, f"{town.events}/inbox")
        await done.wait()
        while not town.site.received:  # noqa: ASYNC110 - the server elsewhere tells nobody
            await asyncio.sleep(0.05)
    assert [one.activity.type for one in town.site.received] == ["Accept"]
    assert [record.exc_info and record.exc_info[1] for record in failed_rounds] == [error]
    failed_rounds.clear()


async def test_r14_an_activity_that_cannot_be_addressed_holds_up_no_other(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    hub = town.hub
    await hub.work()
    for _ in range(2):
        await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    waiting = select(OutboxActivity).where(OutboxActivity.expanded_at.is_(None)).order_by("id")
    async with hub.services.db.write() as session:
        first = (await session.scalars(waiting)).all()[0]
        await session.execute(
            update(OutboxActivity).where(OutboxActivity.id == first.id).values(inboxes=["no"])
        )
    await hub.work()
    async with hub.services.db.read() as session:
        assert [row.uri for row in await session.scalars(waiting)] == [first.uri]
    assert f"outbound {first.uri} could not be addressed" in caplog.text
    assert BadUrl.__name__ in caplog.text
