"""Two hubs in one process: what one publishes stands on the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from federation.errors import Unreachable
from hub.core.clock import now
from hub.fediverse import follows
from hub.fediverse.models import Delivery, InboxActivity, OutboxActivity, Peer, Receipt
from tests.clock import Clock
from tests.conftest import MakeHub, Running, settle

Hubs = tuple[Running, Running]

EVENT = {
    "title": "Repair café",
    "summary": "Bring one broken thing.",
    "description": "We mend it **together**.",
    "starts_at": (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0).isoformat(),
    "ends_at": (datetime.now(UTC) + timedelta(days=20, hours=3)).replace(microsecond=0).isoformat(),
    "timezone": "Europe/Berlin",
    "location": "Linden yard, Lindenstr. 4",
    "latitude": 50.9345,
    "longitude": 6.9391,
    "tags": ["repair"],
}
OFFER = {
    "title": "Extension ladder",
    "description": "Three sections.",
    "kind": "item",
    "mode": "lend",
    "latitude": 50.93451,
    "longitude": 6.93912,
}
WANT = {
    "title": "Lift to the clinic",
    "description": "On Tuesdays.",
    "kind": "time",
    "mode": "give",
}


async def _follow(south: Running, north: Running, *names: str) -> None:
    for name in names:
        await follows.follow(south.services, f"@{name}@{north.services.settings.authority}")
    await settle(north, south)


async def _post(hub: Running, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{kind}", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _listed(hub: Running, kind: str) -> list[dict[str, Any]]:
    answer = await hub.web.get(f"/api/v1/{kind}", params={"origin": "all"})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_follow_is_accepted_by_itself(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    async with south.services.db.read() as session:
        (row,) = await follows.ours(session)
    assert row.state == "accepted"
    async with north.services.db.read() as session:
        (follower,) = await follows.followers(session)
    assert follower.follower.handle == "relay@south.example"


async def test_asking_to_follow_twice_changes_nothing(hubs: Hubs) -> None:
    north, south = hubs
    await follows.follow(south.services, "@events@north.example")
    await _follow(south, north, "events")
    await _follow(south, north, "events")
    async with south.services.db.read() as session:
        (row,) = await follows.ours(session)
    assert row.state == "accepted"
    async with north.services.db.read() as session:
        assert len(await follows.followers(session)) == 1


async def test_an_event_published_here_is_listed_there(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    posted = await _post(north, "events", EVENT)
    await settle(north, south)
    (there,) = await _listed(south, "events")
    for name in ("uri", "title", "timezone", "location"):
        assert there[name] == posted[name], name
    assert datetime.fromisoformat(there["starts_at"]) == datetime.fromisoformat(posted["starts_at"])
    assert there["origin"] == "north.example"


@pytest.mark.parametrize(("kind", "body"), [("offers", OFFER), ("wants", WANT)])
async def test_a_listing_published_here_is_listed_there(
    hubs: Hubs, kind: str, body: dict[str, Any]
) -> None:
    north, south = hubs
    await _follow(south, north, kind)
    posted = await _post(north, kind, body)
    await settle(north, south)
    (there,) = await _listed(south, kind)
    for name in ("uri", "title", "kind", "mode", "latitude", "longitude"):
        assert there[name] == posted[name], name
    assert there["origin"] == "north.example"


async def test_an_edit_a_cancellation_and_a_deletion_follow(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    posted = await _post(north, "events", EVENT)
    await settle(north, south)
    path = f"/api/v1/events/{posted['id']}"
    answer = await north.web.patch(path, json={"title": "Mending day"}, headers=north.steward)
    assert answer.status_code == 200, answer.text
    await settle(north, south)
    (there,) = await _listed(south, "events")
    assert there["title"] == "Mending day"
    answer = await north.web.post(f"{path}/cancel", headers=north.steward)
    assert answer.status_code == 200, answer.text
    await settle(north, south)
    answer = await south.web.get(f"/api/v1/events/{there['id']}")
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["title"] == "Mending day"
    answer = await north.web.delete(path, headers=north.steward)
    assert answer.status_code == 204
    await settle(north, south)
    assert (await south.web.get(f"/api/v1/events/{there['id']}")).status_code in {404, 410}
    assert await _listed(south, "events") == []


async def test_an_event_reaches_a_hub_that_follows_only_the_relay(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "relay")
    posted = await _post(north, "events", EVENT)
    await settle(north, south)
    (there,) = await _listed(south, "events")
    assert there["uri"] == posted["uri"]


async def test_what_is_not_followed_is_not_kept(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "offers")
    await _post(north, "events", EVENT)
    await settle(north, south)
    assert await _listed(south, "events") == []


async def test_what_is_for_the_hub_alone_never_leaves_it(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "wants", "relay")
    await _post(north, "wants", {**WANT, "visibility": "hub"})
    await settle(north, south)
    assert await _listed(south, "wants") == []
    async with north.services.db.read() as session:
        said = (await session.scalars(select(OutboxActivity.type))).all()
    assert "Create" not in said
    assert "Announce" not in said


async def test_unfollowing_ends_it(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    await follows.unfollow(south.services, "@events@north.example")
    await settle(north, south)
    async with north.services.db.read() as session:
        assert await follows.followers(session) == []
    await _post(north, "events", EVENT)
    await settle(north, south)
    assert await _listed(south, "events") == []


async def test_ap_76_a_delete_reaches_those_who_left_after_they_had_it(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events", "offers")
    posted = await _post(north, "events", EVENT)
    await settle(north, south)
    await follows.unfollow(south.services, "@events@north.example")
    await settle(north, south)
    await north.web.delete(f"/api/v1/events/{posted['id']}", headers=north.steward)
    await settle(north, south)
    assert await _listed(south, "events") == []


async def test_ap_28_the_same_activity_twice_has_one_effect(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    await _post(north, "events", EVENT)
    await settle(north, south)
    async with north.services.db.write() as session:
        await session.execute(
            update(OutboxActivity).where(OutboxActivity.type == "Create").values(expanded_at=None)
        )
    await settle(north, south)
    assert len(await _listed(south, "events")) == 1


async def test_a_peer_that_is_down_gets_its_mail_when_it_is_back(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    north.wire.down.add("south.example")
    posted = await _post(north, "events", EVENT)
    await north.work()
    async with north.services.db.read() as session:
        (waiting,) = (await session.scalars(select(Delivery))).all()
        peer = await session.get(Peer, "south.example")
    assert waiting.attempts == 1
    assert peer is not None
    assert peer.failures == 1
    assert peer.run_at is not None
    assert peer.run_at > now()
    north.wire.down.discard("south.example")
    async with north.services.db.write() as session:
        await session.execute(update(Delivery).values(run_at=now()))
        await session.execute(update(Peer).values(run_at=now()))
    await settle(north, south)
    (there,) = await _listed(south, "events")
    assert there["uri"] == posted["uri"]
    async with north.services.db.read() as session:
        assert (await session.scalars(select(Delivery))).all() == []
        receipts = (await session.scalars(select(Receipt.host))).all()
    assert set(receipts) == {"south.example"}


async def test_ap_75_a_verified_request_wakes_what_waits_for_its_server(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    north.wire.down.add("south.example")
    await _post(north, "events", EVENT)
    await north.work()
    north.wire.down.discard("south.example")
    await _follow(south, north, "offers")
    assert len(await _listed(south, "events")) == 1


async def test_create_update_and_delete_of_an_object_keep_their_order(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    north.wire.down.add("south.example")
    posted = await _post(north, "events", EVENT)
    path = f"/api/v1/events/{posted['id']}"
    await north.web.patch(path, json={"title": "Second"}, headers=north.steward)
    await north.web.patch(path, json={"title": "Third"}, headers=north.steward)
    await north.work()
    north.wire.down.discard("south.example")
    async with north.services.db.write() as session:
        await session.execute(update(Delivery).values(run_at=now()))
        await session.execute(update(Peer).values(run_at=now()))
    await settle(north, south)
    async with south.services.db.read() as session:
        rows = (
            await session.scalars(
                select(InboxActivity.uri)
                .where(InboxActivity.uri.contains(posted["id"]))
                .order_by(InboxActivity.id)
            )
        ).all()
    assert rows[0].endswith("#create")
    assert len(rows) == 3
    (there,) = await _listed(south, "events")
    assert there["title"] == "Third"


async def test_e14_a_blocked_server_is_neither_heard_nor_served(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(south, north, "events")
    await _post(north, "events", EVENT)
    await settle(north, south)
    answer = await south.web.post(
        "/api/v1/blocks", json={"host": "north.example"}, headers=south.steward
    )
    assert answer.status_code in {200, 201, 204}, answer.text
    assert await _listed(south, "events") == []
    await _post(north, "events", {**EVENT, "title": "After the block"})
    await settle(north, south)
    assert await _listed(south, "events") == []


async def test_who_could_not_be_reached_is_asked_again_when_the_hubs_clock_says_so(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    north = await make_hub("north.example")
    uri = "https://south.example/actors/events"
    with pytest.raises(Unreachable):
        await north.services.fetcher.fetch(uri)
    await make_hub("south.example")
    with pytest.raises(Unreachable):
        await north.services.fetcher.fetch(uri)
    clock.pass_by(minutes=1)
    assert (await north.services.fetcher.fetch(uri)).document["id"] == uri
