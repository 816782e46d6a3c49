"""Mail on its way out: fan-out in steps, what the silent are spared, and followers who are gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy import update as sql_update
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation.testing import MemorySite
from federation.vocab.activities import Create, Follow, Update
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub.actors import service
from hub.actors.models import Actor
from hub.core.clock import now
from hub.fediverse import fanout, outbox, upkeep
from hub.fediverse.models import Delivery, OutboxActivity, Peer, Receipt
from hub.fediverse.models import Follow as FollowRow
from tests.benchmarks.hubs import follow_from
from tests.conftest import Running
from tests.integration.test_two_hubs import EVENT

BOXES = [f"https://peer{number}.example/inbox" for number in range(8)]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "CHUNK", 3)


async def _say(hub: Running, *, update_of: str | None = None) -> str:
    """Let @events say something to its followers; the id of what it is about."""
    async with hub.services.db.write() as session:
        actor = await service.local(session, "events")
        uri = update_of or f"{hub.url}/things/{uuid4()}"
        note = Note(id=uri, attributed_to=actor.uri, content="<p>Hello</p>")
        kind = Update if update_of else Create
        said = kind(id=f"{uri}#{uuid4()}", actor=actor.uri, object=note, to=(PUBLIC,))
        await outbox.post(session, hub.services, actor, said, to_followers=True)
    return uri


async def _waiting(hub: Running) -> list[tuple[int, str]]:
    async with hub.services.db.read() as session:
        query = select(Delivery.activity_id, Delivery.inbox).order_by(Delivery.id)
        return [(activity, inbox) for activity, inbox in await session.execute(query)]


async def _unexpanded(hub: Running) -> int:
    async with hub.services.db.read() as session:
        query = select(func.count()).where(OutboxActivity.expanded_at.is_(None))
        return await session.scalar(query) or 0


# ------------------------------------------------------------------------------ fan-out


@pytest.mark.usefixtures("small_steps")
async def test_fan_out_in_small_steps_reaches_every_inbox_once_and_in_order(hub: Running) -> None:
    await follow_from(hub.hub, "events", BOXES)
    await _say(hub)
    await _say(hub)
    sizes = []
    while await _unexpanded(hub):
        before = len(await _waiting(hub))
        await fanout.expand(hub.services)
        sizes.append(len(await _waiting(hub)) - before)
    assert max(sizes) == 3
    waiting = await _waiting(hub)
    first, second = sorted({activity for activity, _ in waiting})
    assert waiting == [(activity, box) for activity in (first, second) for box in BOXES]
    async with hub.services.db.read() as session:
        due = list(await session.scalars(select(Peer.host).where(Peer.run_at <= now())))
    assert sorted(due) == [f"peer{number}.example" for number in range(8)]


@pytest.mark.usefixtures("small_steps")
async def test_an_update_is_not_fanned_out_before_all_of_its_create_is(hub: Running) -> None:
    await follow_from(hub.hub, "events", BOXES[:4])
    uri = await _say(hub)
    await _say(hub, update_of=uri)
    await fanout.expand(hub.services)
    assert len({activity for activity, _ in await _waiting(hub)}) == 1
    while await _unexpanded(hub):
        await fanout.expand(hub.services)
    waiting = await _waiting(hub)
    assert waiting == sorted(waiting)
    assert len(waiting) == 8


@pytest.mark.usefixtures("small_steps")
async def test_a_crash_between_steps_loses_nothing_and_doubles_nothing(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow_from(hub.hub, "events", BOXES)
    await _say(hub)
    await fanout.expand(hub.services)
    sent = [box for _, box in await _waiting(hub)]
    async with hub.services.db.write() as session:
        await session.execute(delete(Delivery))  # they were delivered meanwhile

    async def power_cut(*_: Any) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(fanout, "_open_lanes", power_cut)
        with pytest.raises(OSError, match="power"):
            await fanout.expand(hub.services)
    assert await _waiting(hub) == [], "a step is one transaction"
    while await _unexpanded(hub):
        await fanout.expand(hub.services)
    sent += [box for _, box in await _waiting(hub)]
    assert sent == BOXES


@pytest.mark.usefixtures("small_steps")
async def test_a_server_that_was_blocked_is_left_out_and_holds_nobody_up(hub: Running) -> None:
    await follow_from(hub.hub, "events", BOXES)
    async with hub.services.db.write() as session:
        session.add(Peer(host="peer4.example", standing="blocked"))
    await _say(hub)
    while await _unexpanded(hub):
        await fanout.expand(hub.services)
    assert [box for _, box in await _waiting(hub)] == [*BOXES[:4], *BOXES[5:]]


# ------------------------------------------------------------------------------ the silent


async def test_of_what_waits_for_a_long_silent_server_the_newest_state_is_kept(
    hub: Running,
) -> None:
    await follow_from(hub.hub, "events", BOXES[:2])
    first, second = await _say(hub), await _say(hub)
    for uri in (first, first, second):
        await _say(hub, update_of=uri)
    await fanout.expand(hub.services)
    async with hub.services.db.write() as session:
        for host, days in (("peer0.example", 5), ("peer1.example", 3)):
            since = now() - timedelta(days=days)
            await session.execute(
                sql_update(Peer).where(Peer.host == host).values(failing_since=since)
            )
        await upkeep.collapse(session)
    activities = sorted({activity for activity, _ in await _waiting(hub)})
    waiting = await _waiting(hub)
    assert [activity for activity, box in waiting if box == BOXES[1]] == activities
    # Both things as they were made, the second change of the first, and the change of the second.
    assert [activity for activity, box in waiting if box == BOXES[0]] == [
        *activities[:2],
        *activities[-2:],
    ]


async def test_a_deletion_is_what_stays_for_a_silent_server(hub: Running) -> None:
    await follow_from(hub.hub, "events", BOXES[:1])
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    path = f"/api/v1/events/{answer.json()['id']}"
    await hub.web.patch(path, json={"title": "Mending day"}, headers=hub.steward)
    await fanout.expand(hub.services)
    await hub.web.delete(path, headers=hub.steward)
    await fanout.expand(hub.services)
    async with hub.services.db.write() as session:
        await session.execute(sql_update(Peer).values(failing_since=now() - timedelta(days=5)))
        await upkeep.collapse(session)
        kept = await session.execute(
            select(OutboxActivity.type).join(Delivery, Delivery.activity_id == OutboxActivity.id)
        )
        assert list(kept.scalars()) == ["Delete"]


# ------------------------------------------------------------------------------ the gone


async def test_a_follower_is_forgotten_only_when_their_own_server_says_that_they_are_gone(
    hub: Running,
) -> None:
    """An inbox that answers 410 is a hint; 410 for the actor itself is the word."""
    names = ("relay", "gone", "here", "lost")
    site = MemorySite("https://town.example", hub.wire, names=names)
    for name in names[1:]:
        follow = Follow(
            id=f"{site.uri(name)}#f", actor=site.uri(name), object=f"{hub.url}/actors/events"
        )
        await site.send(name, follow, f"{hub.url}/inbox")
    await hub.work()
    inner, statuses = site.app, {"/actors/gone": 410, "/actors/lost": 404}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        status = 410 if scope["method"] == "POST" else statuses.get(scope["path"])
        answers = inner if status is None else Response(status_code=status)
        await answers(scope, receive, send)

    hub.wire.attach("town.example", app)
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    await hub.work()
    async with hub.services.db.read() as session:
        query = select(Actor.name).join(FollowRow, FollowRow.follower_id == Actor.id)
        assert sorted(await session.scalars(query)) == ["here", "lost"]
        query = select(Actor.name).where(Actor.deleted_at.is_not(None))
        assert list(await session.scalars(query)) == ["gone"]
        assert await session.scalar(select(func.count()).select_from(Delivery)) == 0
        object_uri = answer.json()["uri"]
        receipt = select(Receipt.host).where(Receipt.object_uri == object_uri)
        assert list(await session.scalars(receipt)) == []
