"""Nothing that was taken down, hidden or kept to the hub is found where nobody thought of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.entries.models import Entry, Picture
from hub.fediverse import peers
from hub.fediverse.fanout import expand
from hub.fediverse.models import Delivery, OutboxActivity, Receipt
from tests.conftest import Running
from tests.integration.test_two_hubs import EVENT


async def _posted(hub: Running) -> str:
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _outbox(hub: Running, name: str) -> tuple[int, str]:
    home = f"/actors/{name}/outbox"
    total = (await hub.web.get(home)).json()["totalItems"]
    return total, (await hub.web.get(f"{home}?page=1")).text


async def test_what_was_deleted_is_in_no_outbox(hub: Running) -> None:
    event = await _posted(hub)
    assert (await _outbox(hub, "events"))[0] == 1
    await hub.web.delete(f"/api/v1/events/{event}", headers=hub.steward)
    for name in ("events", "relay"):
        total, page = await _outbox(hub, name)
        assert total == 0
        assert event not in page


async def test_what_a_steward_hid_is_in_no_outbox(hub: Running) -> None:
    event = await _posted(hub)
    async with hub.services.db.write() as session:
        await session.execute(
            update(Entry).where(Entry.id == UUID(event)).values(hidden_at=datetime.now(UTC))
        )
    for name in ("events", "relay"):
        total, page = await _outbox(hub, name)
        assert total == 0
        assert event not in page


async def test_two_who_change_one_event_at_once_both_have_their_change_told(hub: Running) -> None:
    event = await _posted(hub)
    path = f"/api/v1/events/{event}"
    changes = [{"title": "Another title"}, {"location": "Another place"}, {"price": "3 euros"}]
    answers = await asyncio.gather(
        *(hub.web.patch(path, json=change, headers=hub.steward) for change in changes)
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    async with hub.services.db.read() as session:
        said = await session.scalar(select(Entry.document).where(Entry.id == UUID(event)))
    for change in changes:
        assert next(iter(change.values())).encode() in (said or b"")


async def test_an_event_made_public_twice_at_once_is_announced_once(hub: Running) -> None:
    answer = await hub.web.post(
        "/api/v1/events", json={**EVENT, "visibility": "hub"}, headers=hub.steward
    )
    path = f"/api/v1/events/{answer.json()['id']}"
    answers = await asyncio.gather(
        *(hub.web.patch(path, json={"visibility": "public"}, headers=hub.steward) for _ in "abc")
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    async with hub.services.db.read() as session:
        kinds = list(await session.scalars(select(OutboxActivity.type)))
    assert kinds.count("Create") == 1


async def test_to_end_the_series_of_an_event_that_has_none_changes_nothing(hub: Running) -> None:
    path = f"/api/v1/events/{await _posted(hub)}"
    answer = await hub.web.patch(path, json={"recurrence": None}, headers=hub.steward)
    assert (answer.status_code, answer.json()["status"]) == (200, "scheduled")


async def test_a_picture_that_many_look_at_is_fetched_once(hub: Running) -> None:
    asked = 0

    async def gallery(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        await Response(status_code=404)(scope, receive, send)

    hub.wire.attach("gallery.example", gallery)
    event = UUID(await _posted(hub))
    picture = Picture(url="https://gallery.example/a.png", media_type="image/png")
    async with hub.services.db.write() as session:
        session.add(picture)
        await session.flush()
        await session.execute(update(Entry).values(picture_id=picture.id).where(Entry.id == event))
    answers = await asyncio.gather(*(hub.web.get(f"/media/remote/{picture.id}") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {404}
    assert asked == 1


async def test_what_lies_below_a_blocked_name_hears_of_no_change(hub: Running) -> None:
    event = await _posted(hub)
    uri = f"{hub.url}/events/{event}"
    async with hub.services.db.write() as session:
        for host in ("under.bad.example", "notbad.example"):
            inbox = f"https://{host}/inbox"
            session.add(
                Receipt(object_uri=uri, inbox=inbox, host=host, delivered_at=datetime.now(UTC))
            )
        await peers.block(session, hub.services, "bad.example")
    await hub.web.patch(f"/api/v1/events/{event}", json={"title": "New"}, headers=hub.steward)
    while await expand(hub.services):
        continue
    async with hub.services.db.read() as session:
        assert set(await session.scalars(select(Delivery.host))) == {"notbad.example"}
