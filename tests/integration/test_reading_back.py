"""What a hub published before it was followed: read from its collections, told to nobody as new."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from federation.errors import Unreachable
from hub.core.clock import now
from hub.entries.models import Entry
from hub.events.models import Event
from hub.fediverse import backfill, follows, peers
from hub.fediverse.models import Backfill, InboxActivity, OutboxActivity
from hub.trust import service as trust
from tests.clock import Clock
from tests.conftest import Running, settle
from tests.integration.test_two_hubs import EVENT, OFFER, WANT, Hubs, _listed, _post
from tests.jobs import ask

NEWS = {"title": "The bridge is open", "description": "At last."}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def _reading(hub: Running) -> Backfill:
    async with hub.services.db.read() as session:
        return (await session.scalars(select(Backfill))).one()


async def _read_all(clock: Clock, *hubs: Running) -> None:
    """Let hubs work until everything of old is read, and the clock go on between pages."""
    for _ in range(40):
        await settle(*hubs)
        clock.pass_by(seconds=2)
        async with hubs[-1].services.db.read() as session:
            open_ = select(func.count()).where(Backfill.finished_at.is_(None))
            if not await session.scalar(open_):
                break
    await settle(*hubs)


async def test_what_was_published_before_appears_after_the_follow(hubs: Hubs, clock: Clock) -> None:
    north, south = hubs
    bodies: dict[str, dict[str, Any]] = {
        "events": EVENT,
        "offers": OFFER,
        "wants": WANT,
        "news": NEWS,
    }
    posted = {kind: await _post(north, kind, body) for kind, body in bodies.items()}
    gone = await _post(north, "offers", {**OFFER, "title": "Taken already"})
    await north.web.post(f"/api/v1/offers/{gone['id']}/close", headers=north.steward)
    await settle(north)
    for kind in bodies:
        await follows.follow(south.services, f"@{kind}@north.example")
    await _read_all(clock, north, south)
    for kind, entry in posted.items():
        (there,) = await _listed(south, kind)
        assert there["uri"] == entry["uri"], kind
        assert there["origin"] == "north.example"


async def test_whom_we_follow_again_after_a_block_is_read_again(hubs: Hubs, clock: Clock) -> None:
    """Else a hub that is quiet would be lost after thirty days, though it is there."""
    north, south = hubs
    await follows.follow(south.services, "@events@north.example")
    await _read_all(clock, north, south)
    async with south.services.db.write() as session:
        await trust.block(session, south.services, "north.example")
    await settle(north, south)
    posted = await _post(north, "events", EVENT)
    await settle(north, south)
    async with south.services.db.write() as session:
        await trust.unblock(session, "north.example")
    await _read_all(clock, north, south)
    assert (await _reading(south)).finished_at is not None
    assert [one["uri"] for one in await _listed(south, "events")] == [posted["uri"]]


async def test_what_is_old_is_not_told_as_new(hubs: Hubs, clock: Clock) -> None:
    north, south = hubs
    posted = await _post(north, "offers", OFFER)
    await settle(north)
    clock.pass_by(days=20)
    await follows.follow(south.services, "@offers@north.example")
    await _read_all(clock, north, south)
    later = await _post(north, "offers", {**OFFER, "title": "Saw"})
    await settle(north, south)
    async with south.services.db.read() as session:
        rows = await session.execute(select(Entry.uri, Entry.created_at))
        came = dict(rows.all())
    assert came[posted["uri"]] < now() - timedelta(days=19)
    assert came[later["uri"]] > now() - timedelta(minutes=1)


async def test_what_was_published_quietly_is_found_among_what_comes(
    hubs: Hubs, clock: Clock
) -> None:
    """An import with --quiet sends no activity; `upcoming` lists it all the same (SETTLED 20)."""
    north, south = hubs
    posted = await _post(north, "events", EVENT)
    async with north.services.db.write() as session:
        await session.execute(update(OutboxActivity).values(listed=False))
    await follows.follow(south.services, "@events@north.example")
    await _read_all(clock, north, south)
    (there,) = await _listed(south, "events")
    assert there["uri"] == posted["uri"]


async def test_t28_nobody_says_of_another_hubs_things_that_they_stand(
    hubs: Hubs, clock: Clock
) -> None:
    north, south = hubs
    posted = await _post(north, "events", EVENT)
    await follows.follow(south.services, "@events@north.example")
    await _read_all(clock, north, south)

    async def heard(host: str) -> datetime | None:
        clock.pass_by(minutes=1)
        async with south.services.db.write() as session:
            await backfill.note_standing(session, host, [posted["uri"]])
            return await session.scalar(select(Entry.heard_at))

    first = await heard("north.example")
    assert first is not None
    assert await heard("liar.example") == first
    later = await heard("north.example")
    assert later is not None
    assert later > first


async def test_what_is_over_is_not_taken(hubs: Hubs, clock: Clock) -> None:
    north, south = hubs
    await _post(north, "events", EVENT)
    await settle(north)
    clock.pass_by(days=30)
    await follows.follow(south.services, "@events@north.example")
    await _read_all(clock, north, south)
    row = await _reading(south)
    assert (row.items, row.taken) == (1, 0)
    async with south.services.db.read() as session:
        assert await session.scalar(select(func.count(Event.id))) == 0


async def test_page_by_page_over_restarts_and_a_server_that_goes_away(
    hubs: Hubs, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = hubs
    monkeypatch.setattr(backfill, "PACE", timedelta(hours=1))
    for number in range(25):
        await _post(north, "offers", {**OFFER, "title": f"Ladder {number}"})
    await settle(north)
    await follows.follow(south.services, "@offers@north.example")
    await settle(north, south)
    first = await _reading(south)
    assert 0 < first.taken < 25
    assert first.total == 25
    real = south.services.fetcher.fetch

    async def away(*args: Any, **more: Any) -> Any:
        raise Unreachable("the line is down")

    monkeypatch.setattr(south.services.fetcher, "fetch", away)
    clock.pass_by(hours=1)
    await settle(south)
    stuck = await _reading(south)
    assert (stuck.taken, stuck.tried) == (first.taken, 1)
    assert stuck.error is not None
    assert stuck.page == first.page
    monkeypatch.setattr(south.services.fetcher, "fetch", real)
    clock.pass_by(minutes=2)
    await settle(north, south)
    clock.pass_by(hours=1)
    await _read_all(clock, north, south)
    done = await _reading(south)
    assert (done.taken, done.items, done.error) == (25, 30, None)  # `featured` names five again
    assert done.finished_at is not None
    async with south.services.db.read() as session:
        assert await session.scalar(select(func.count(Entry.id))) == 25


async def test_a_new_follow_reads_anew_and_doubles_nothing(hubs: Hubs, clock: Clock) -> None:
    north, south = hubs
    await _post(north, "offers", OFFER)
    await settle(north)
    await follows.follow(south.services, "@offers@north.example")
    await _read_all(clock, north, south)
    await follows.unfollow(south.services, "@offers@north.example")
    await settle(north, south)
    async with south.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Backfill)) == 0
    await _post(north, "offers", {**OFFER, "title": "Meanwhile"})
    await settle(north, south)
    await follows.follow(south.services, "@offers@north.example")
    await _read_all(clock, north, south)
    assert len(await _listed(south, "offers")) == 2


async def test_a_collection_that_lists_others_things_is_not_believed(
    hubs: Hubs, clock: Clock
) -> None:
    """What stands in an outbox counts as said by its owner alone, and of its own things."""
    north, south = hubs
    await follows.follow(south.services, "@offers@north.example")
    await settle(north, south)
    async with south.services.db.read() as session:
        (row,) = await follows.ours(session)
    event = {"id": "https://elsewhere.example/e/1", "type": "Event", "name": "x"}
    item = {"id": "https://elsewhere.example/c/1", "type": "Create", "object": event}
    found = await backfill._worth(
        south.services, row.followee, [{**item, "actor": "https://elsewhere.example/u/a"}]
    )
    assert found.bodies == ()
    found = await backfill._worth(
        south.services, row.followee, [{**item, "actor": row.followee.uri}]
    )
    assert found.bodies
    async with south.services.db.write() as session:
        reading = await session.get_one(Backfill, row.id)
        await backfill._hand_on(session, row.followee, reading, found)
    await settle(south)
    async with south.services.db.read() as session:
        assert await session.scalar(select(func.count(Event.id))) == 0
        kept = await session.scalars(
            select(InboxActivity.reason).where(InboxActivity.trust == "listed")
        )
        assert all(kept.all())


async def test_t28_what_a_hub_deleted_is_gone_within_the_hour_though_nobody_said_so(
    hubs: Hubs, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hub")
    north, south = hubs
    await follows.follow(south.services, "@offers@north.example")
    await settle(north, south)
    stays, goes, changes = [
        await _post(north, "offers", {**OFFER, "title": title}) for title in ("Saw", "Drill", "Axe")
    ]
    await settle(north, south)
    assert len(await _listed(south, "offers")) == 3
    clock.pass_by(minutes=1)
    await north.web.delete(f"/api/v1/offers/{goes['id']}", headers=north.steward)
    path = f"/api/v1/offers/{changes['id']}"
    await north.web.patch(path, json={"title": "Long axe"}, headers=north.steward)
    async with north.services.db.write() as session:
        await session.execute(delete(OutboxActivity).where(OutboxActivity.type != "Create"))
    await settle(north, south)
    assert len(await _listed(south, "offers")) == 3
    for _ in range(11):
        clock.pass_by(minutes=5)
        await ask(south.services, "fediverse.read_again")
        await _read_all(clock, north, south)
    left = {each["uri"]: each["title"] for each in await _listed(south, "offers")}
    assert left == {stays["uri"]: "Saw", changes["uri"]: "Long axe"}
    async with south.services.db.read() as session:
        sent = b"\n".join(await session.scalars(select(InboxActivity.body)))
    assert b"Saw" in sent
    assert b"Drill" not in sent, "what it sent of it is not kept either (D7)"
    assert caplog.text.count("north.example says that one offer of its own is gone") == 1


async def test_t28_a_hub_that_is_lost_is_marked_then_hidden_and_back_when_it_is_heard(
    hubs: Hubs, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hub")
    north, south = hubs
    await follows.follow(south.services, "@offers@north.example")
    await settle(north, south)
    await _post(north, "offers", OFFER)
    await settle(north, south)
    north.wire.down.add("north.example")

    async def wait(days: int) -> dict[str, datetime]:
        clock.pass_by(days=days)
        for name in ("fediverse.read_again", "fediverse.upkeep"):
            await ask(south.services, name)
        await settle(south)
        async with south.services.db.read() as session:
            return await peers.quiet(session, ["north.example"])

    async def seen() -> tuple[str, bool]:
        """How the region says that it is, and whether its offers bear a mark."""
        found = (await south.web.get("/api/v1/region")).json()["hubs"]
        page = await south.web.get("/swap", headers={"accept": "text/html"})
        (state,) = [one["state"] for one in found if not one["ours"]]
        return state, "not heard of since" in page.text

    assert await wait(1) == {}
    assert await seen() == ("unreachable", False)
    assert set(await wait(3)) == {"north.example"}
    assert await seen() == ("unreachable", True)
    assert len(await _listed(south, "offers")) == 1
    await wait(28)
    assert await _listed(south, "offers") == []
    assert await seen() == ("lost", False)
    assert caplog.text.count("nothing was heard of north.example for 30 days") == 1
    north.wire.down.clear()
    south.services.fetcher.forget("north.example")
    assert await wait(1) == {}
    assert len(await _listed(south, "offers")) == 1
    assert await seen() == ("well", False)
