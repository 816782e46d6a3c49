"""The simulation's lanes find due, keep and collapse what the hub's statements do."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select

from federation.delivery import Delivered, Later
from hub.actors import service
from hub.core.clock import now
from hub.fediverse import upkeep
from hub.fediverse.lanes import PER_LANE, Lanes
from hub.fediverse.ledger import Ledger, Result, Served
from hub.fediverse.models import Delivery, OutboxActivity, Peer
from tests.benchmarks.simulation import lanes as simulated
from tests.conftest import Running

HOST = "town.example"
HOUR = 3600.0


async def _seed(hub: Running, lane: simulated.Lane, began: datetime) -> None:
    """The same lane as rows; moments count from `began`."""

    def moment(seconds: float | None) -> datetime | None:
        return None if seconds is None else began + timedelta(seconds=seconds)

    async with hub.services.db.write() as session:
        for table in (Delivery, OutboxActivity, Peer):
            await session.execute(delete(table))
        actor = await service.local(session, "events")
        said = {
            "actor_id": actor.id,
            "body": b"{}",
            "digest": "",
            "public": True,
            "listed": False,
            "to_followers": True,
            "to_receivers": False,
            "inboxes": [],
            "expanded_at": began,
        }
        peer = {"host": HOST, "run_at": moment(lane.run_at), "failures": lane.failures}
        since = moment(lane.failing_since)
        await session.execute(insert(Peer).values(**peer, fence=0, failing_since=since))
        for number, parcel in lane.waiting.items():
            thing = f"https://hub.example/things/{parcel.said.thing}"
            row = {"id": number, "uri": f"{thing}#{number}", "type": parcel.said.kind}
            await session.execute(insert(OutboxActivity).values(**said, **row, object_uri=thing))
            delivery = {"activity_id": number, "object_uri": thing, "run_at": moment(parcel.run_at)}
            await session.execute(
                insert(Delivery).values(
                    id=number, inbox=f"https://{HOST}/inbox", host=HOST, **delivery
                )
            )


def _drawn(dice: random.Random) -> simulated.Lane:
    lane = simulated.Lane(run_at=-1.0, failures=dice.choice((0, 1, 6)))
    lane.failing_since = dice.choice((-HOUR, -100 * HOUR)) if lane.failures else None
    lateness = dice.choice((0.1, 0.5, 0.9))
    for number in range(1, dice.randint(2, 60)):
        kind = dice.choice(("Create", "Update", "Update", "Delete", "Follow"))
        said = simulated.Said(number, kind, dice.randint(1, 25))
        at = HOUR * dice.uniform(0.5, 5) * (1 if dice.random() < lateness else -1)
        lane.waiting[number] = simulated.Parcel(said, at, 0.0)
    return lane


async def _claimed(hub: Running) -> list[int]:
    async with hub.services.db.write() as session:
        (lane,) = await Lanes(hub.services.db, "test").claim(session, 10, 10)
    return [parcel.id for parcel in lane.parcels]


@pytest.mark.parametrize("seed", range(12))
async def test_a_simulated_lane_goes_as_the_rows_do(hub: Running, seed: int) -> None:
    dice = random.Random(seed)
    lane, began = _drawn(dice), now()
    await _seed(hub, lane, began)
    due = lane.due(0.0)
    assert await _claimed(hub) == [parcel.said.number for parcel in due]

    visit = lane.visit(0.0)
    taken = due[: len(due) // 2]
    for _ in taken:
        visit.note(Delivered(202))
    if len(taken) < len(due):
        visit.note(Later("answered 502", host_trouble=True, status=502))
    for parcel in taken:
        del lane.waiting[parcel.said.number]
    lane.give_back(visit, 0.0, -1.0)
    wait = visit.closed_for(-1.0)
    served = Served(
        host=HOST,
        fence=1,
        results=[Result(each.said.number, "", "", "dropped") for each in taken],
        scheme=None,
        refused=False,
        failures=visit.failures_now(),
        closed_until=now() + wait if wait else None,
        reason=None,
        answered=visit.answered,
        back=visit.is_back(),
    )
    await Ledger(hub.services).keep([served, replace(served, host="nobody.example")])
    async with hub.services.db.read() as session:
        peer = await session.get_one(Peer, HOST)
    assert peer.failures == lane.failures
    assert (peer.run_at is None) == (lane.run_at is None)
    if peer.run_at is not None and lane.run_at is not None:
        assert abs((peer.run_at - began).total_seconds() - lane.run_at) < 60

    lane.collapse(0.0)
    async with hub.services.db.write() as session:
        await upkeep.collapse(session)
        left = await session.scalars(select(Delivery.id).order_by(Delivery.id))
        assert list(left) == list(lane.waiting)


async def test_servers_in_doubt_are_taken_up_beside_the_others(hub: Running) -> None:
    """Longest due first of both kinds; however many of the silent wait, the sound come first."""
    async with hub.services.db.write() as session:
        for number in range(8):
            # Some failed last, some were never reached.
            failures, answered_at = (0, None) if number % 3 else (number + 1, now())
            peer = Peer(host=f"silent{number}.example", failures=failures)
            peer.run_at, peer.last_delivered_at = now() - timedelta(hours=9 - number), answered_at
            session.add(peer)
        for number in range(4):
            moment = now() - timedelta(minutes=9 - number)
            host = f"sound{number}.example"
            session.add(Peer(host=host, run_at=moment, last_delivered_at=now()))
    lanes = Lanes(hub.services.db, "test")

    async def taken(sound: int, failing: int) -> list[str]:
        async with hub.services.db.write() as session:
            found = await lanes.claim(session, sound, failing)
        return sorted(lane.host.removesuffix(".example") for lane in found)

    assert await taken(2, 1) == ["silent0", "sound0", "sound1"]
    assert await taken(9, 0) == ["sound2", "sound3"]
    assert await taken(0, 2) == ["silent1", "silent2"]
    assert await taken(200, 200) == [f"silent{number}" for number in range(3, 8)]


async def test_twenty_that_a_server_refuses_do_not_hold_up_the_next(hub: Running) -> None:
    lane = simulated.Lane(run_at=-1.0)
    for number in range(1, PER_LANE + 2):
        said = simulated.Said(number, "Delete", number)
        lane.waiting[number] = simulated.Parcel(said, HOUR, 0.0)
    lane.waiting[PER_LANE + 1].run_at = -1.0
    await _seed(hub, lane, now())
    assert await _claimed(hub) == [PER_LANE + 1]
