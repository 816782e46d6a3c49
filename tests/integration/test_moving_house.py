"""A hub moves to another address, and its followers, ids and pages come along (T42, FEP-7628)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from sqlalchemy import func, select, update

from federation.testing import MemorySite
from federation.vocab.actors import Actor as ActorDocument
from hub.actors.models import Actor
from hub.bootstrap import opened
from hub.core.clock import now
from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.entries.models import Entry
from hub.fediverse import facts, follows, peers, relocating
from hub.fediverse.models import Backfill, Follow, InboxActivity, OutboxActivity
from hub.today import moving, reach
from hub.today.checks import Check
from hub.trust import service as trust
from tests.clock import Clock
from tests.conftest import MakeHub, Running, settle, started
from tests.integration.test_reading_back import NEWS
from tests.integration.test_reading_back import _read_all as read_all
from tests.integration.test_two_hubs import OFFER
from tests.integration.test_two_hubs import _listed as listed
from tests.integration.test_two_hubs import _post as post
from tests.jobs import ask
from tests.towns import EVENT

OLD, NEW, LAST = (f"https://{name}.example" for name in ("old", "new", "last"))
AS2 = {"accept": "application/activity+json"}


@pytest.fixture
async def hubs(make_hub: MakeHub) -> tuple[Running, Running]:
    """The hub that will move, and one whose people follow it and whom it follows."""
    old, other = await make_hub("old.example"), await make_hub("other.example")
    for follower, followed in ((other, "events@old"), (old, "events@other")):
        answer = await follower.web.post(
            "/api/v1/follows", json={"handle": f"@{followed}.example"}, headers=follower.steward
        )
        assert answer.status_code == 201, answer.text
    await settle(old, other)
    return old, other


def _moved(old: Running, **given: Any) -> Settings:
    kept = old.services.settings.model_dump()
    where = {"url": NEW, "former_urls": OLD, **given}
    return Settings(_env_file=None, **{**kept, **where})


@asynccontextmanager
async def _moving(old: Running) -> AsyncIterator[Running]:
    """The same hub, started at its new address; the old name leads to it too."""
    async with old.services.db.write() as session:
        await relocating.intend(session, NEW)
    async with started(_moved(old), old.wire) as new:
        old.wire.attach("old.example", new.app)
        yield new


async def _titles(hub: Running) -> set[str]:
    async with hub.services.db.read() as session:
        return set(await session.scalars(select(Entry.title).where(Entry.deleted_at.is_(None))))


async def _post(hub: Running, title: str) -> dict[str, Any]:
    answer = await hub.web.post(
        "/api/v1/events", json={**EVENT, "title": title}, headers=hub.steward
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_t42_followers_come_along_and_old_ids_stay_good(
    hubs: tuple[Running, Running],
) -> None:
    old, other = hubs
    before = await _post(old, "Said before")
    gone = await _post(old, "Taken back later")
    await settle(old, other)
    async with _moving(old) as new:
        await settle(new, other)
        # The other hub follows the new address, and no longer the old one.
        async with other.services.db.read() as session:
            followed = await session.scalars(
                select(Actor.uri).join(Follow, Follow.followee_id == Actor.id)
                .where(Follow.state == "accepted", Actor.local.is_(False))
            )  # fmt: skip
            assert followed.all() == [f"{NEW}/actors/events"]
        async with new.services.db.read() as session:
            done = await relocating.progress(session)
            assert done == relocating.Progress(stayed=0, came=1, waiting=0, delivered=1)
        assert "came along: 1" in moving.told(done)
        # What is new arrives; what is old is changed and deleted by whoever said it.
        after = await _post(new, "Said after")
        assert after["uri"].startswith(f"{NEW}/events/")
        change = {"title": "Changed after"}
        path = before["uri"].removeprefix(OLD)
        assert (
            await new.web.patch(f"/api/v1{path}", json=change, headers=new.steward)
        ).status_code == 200
        await new.web.delete(f"/api/v1/events/{gone['id']}", headers=new.steward)
        await settle(new, other)
        assert await _titles(other) == {"Said after", "Changed after"}
        # And the other way round: the hub follows on whom it followed.
        await _post(other, "From the other")
        await settle(new, other)
        assert "From the other" in await _titles(new)
        await _check_names(new, before["uri"])


async def _check_names(new: Running, uri: str) -> None:
    """What is answered under the old name, and under the new one."""
    transport = httpx2.ASGITransport(app=new.app)
    async with httpx2.AsyncClient(transport=transport, base_url=OLD) as web:
        thing = await web.get(uri, headers=AS2)
        assert (thing.status_code, thing.json()["id"]) == (200, uri)
        was = (await web.get("/actors/events", headers=AS2)).json()
        assert (was["id"], was["movedTo"]) == (f"{OLD}/actors/events", f"{NEW}/actors/events")
        assert was["webfinger"] == "events@old.example"
        finger = await web.get("/.well-known/webfinger?resource=acct:events@old.example")
        assert finger.json()["subject"] == "acct:events@new.example"
        page = await web.get(f"{uri}?from=mail", headers={"accept": "text/html"})
        path = uri.removeprefix(OLD)
        assert (page.status_code, page.headers["location"]) == (301, f"{NEW}{path}?from=mail")
        form = await web.post("/sign-in", data={"email": "a@b.example"})
        assert (form.status_code, form.headers["location"]) == (308, f"{NEW}/sign-in")
        assert (await web.get("/actors/nobody", headers=AS2)).status_code == 404
    now = (await new.web.get("/actors/events", headers=AS2)).json()
    assert now["alsoKnownAs"] == [f"{OLD}/actors/events"]
    assert "movedTo" not in now
    assert now["publicKey"]["publicKeyPem"] != "" != was["publicKey"]["publicKeyPem"]
    # Whoever was led to the new name by a proxy finds the same thing there, under its own id.
    assert (await new.web.get(path, headers=AS2)).json()["id"] == uri
    upcoming = await new.web.get("/actors/events/upcoming?page=1", headers=AS2)
    assert uri in upcoming.text
    assert (await new.web.get("/actors/events@%00", headers=AS2)).status_code == 404


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def _told(old: Running) -> dict[str, list[dict[str, Any]]]:
    """What the hub published before it moved: more offers than a profile pins, events, news."""
    told: dict[str, list[dict[str, Any]]] = {
        "offers": [{**OFFER, "title": f"Ladder {n}"} for n in range(7)],
        "events": [EVENT, {**EVENT, "title": "Choir"}],
        "news": [{**NEWS}],
    }
    return {kind: [await post(old, kind, body) for body in bodies] for kind, bodies in told.items()}


async def test_t42_who_follows_after_the_move_has_what_was_said_before_it(
    hubs: tuple[Running, Running], make_hub: MakeHub, clock: Clock
) -> None:
    old, _ = hubs
    told = await _told(old)
    await settle(old)
    region = await make_hub("region.example")
    async with _moving(old) as new:
        told["offers"].append(await post(new, "offers", {**OFFER, "title": "Said after"}))
        for kind in told:
            await follows.follow(region.services, f"@{kind}@new.example")
        await read_all(clock, new, region)
        for kind, entries in told.items():
            there = {each["uri"]: each["origin"] for each in await listed(region, kind)}
            assert there == {one["uri"]: urlsplit(one["uri"]).netloc for one in entries}, kind
        # What goes there goes here with the next reading, although nobody tells (T28).
        clock.pass_by(minutes=1)
        gone = told["offers"].pop(0)
        await new.web.delete(f"/api/v1/offers/{gone['id']}", headers=new.steward)
        clock.pass_by(hours=1)
        await ask(region.services, "fediverse.read_again")
        await read_all(clock, new, region)
        left = {each["uri"] for each in await listed(region, "offers")}
        assert left == {one["uri"] for one in told["offers"]}
        async with region.services.db.read() as session:
            assert set(await session.scalars(select(Backfill.error))) == {None}
            doubted = select(InboxActivity.uri).where(InboxActivity.uri.contains("#gone-"))
            assert await session.scalar(doubted) == f"{gone['uri']}#gone-2", "and nothing else is"
            assert await session.scalar(select(func.count()).select_from(doubted.subquery())) == 1


async def test_t42_what_a_hub_said_at_both_addresses_before_counts_as_its_own(
    hubs: tuple[Running, Running], make_hub: MakeHub, clock: Clock
) -> None:
    """It is read, passed on by channels, and hidden and shown again with the hub itself."""
    old, _ = hubs
    region = await make_hub("region.example")
    said = {(await post(old, "offers", OFFER))["uri"]}
    forgotten = (await post(old, "offers", {**OFFER, "title": "Of somebody else"}))["uri"]
    await settle(old)
    async with _moving(old) as new:
        said.add((await post(new, "offers", {**OFFER, "title": "Said next"}))["uri"])
        async with new.services.db.write() as session:
            await relocating.intend(session, LAST)
    async with started(_moved(old, url=LAST, former_urls=f"{OLD},{NEW}"), old.wire) as last:
        for host in ("old.example", "new.example"):
            last.wire.attach(host, last.app)
        said.add((await post(last, "offers", {**OFFER, "title": "Said last"}))["uri"])
        rules = {"name": "valley", "title": "The valley"}
        made = await region.web.post("/api/v1/areas", json=rules, headers=region.steward)
        assert made.status_code == 201, made.text
        await follows.follow(region.services, "@offers@last.example")
        await read_all(clock, last, region)
        await _leave_traces(region, forgotten)
        await ask(region.services, "areas.pass_on")
        await region.work()
    assert {each["uri"] for each in await listed(region, "offers")} == said
    async with region.services.db.read() as session:
        passed_on = await session.scalars(
            select(OutboxActivity.object_uri).where(OutboxActivity.type == "Announce")
        )
        assert set(passed_on) == said
    clock.pass_by(days=31)
    await ask(region.services, "fediverse.upkeep")
    await region.work()
    assert await listed(region, "offers") == []
    async with region.services.db.write() as session:
        await peers.answered(session, "last.example")
    await ask(region.services, "fediverse.upkeep")
    await region.work()
    assert {each["uri"] for each in await listed(region, "offers")} == said


async def _leave_traces(region: Running, uri: str) -> None:
    """Somebody who stayed at the old address took this back, and did not want to be followed."""
    name = f"{OLD}/actors/stayed"
    stayed = Actor(uri=name, kind="Person", name="stayed", authority="old.example", inbox=name)
    async with region.services.db.write() as session:
        session.add(stayed)
        ours = (await session.scalars(select(Actor.id).where(Actor.local).limit(1))).one()
        await session.flush()
        refused = {"uri": f"{name}#f", "state": follows.REJECTED}
        session.add(Follow(follower_id=ours, followee_id=stayed.id, **refused))
        theirs = update(Entry).where(Entry.uri == uri)
        await session.execute(theirs.values(author_id=stayed.id, deleted_at=now()))


async def test_nobody_is_somebody_elses_new_address_by_saying_so(
    hub: Running, make_hub: MakeHub, clock: Clock
) -> None:
    """What an actor says that it was before is asked; else its word would bring others' things."""
    region = await make_hub("region.example")
    site = MemorySite("https://elsewhere.example", hub.wire, names=("relay", "ada"))
    site.collections["ada", "outbox"] = [orjson.dumps(f"{site.origin}/events/1")]
    await follows.follow(region.services, "@events@hub.example")
    await read_all(clock, hub, region)
    async with region.services.db.write() as session:
        (row,) = await follows.ours(session)
        claims = {**orjson.loads(row.followee.document or b""), "alsoKnownAs": [site.uri("ada")]}
        row.followee.document = orjson.dumps(claims)

    async def taken(moved_to: str | None) -> tuple[int, str | None]:
        """How much was taken from ada, once she says that she moved there, and why not more."""
        ada = site.actors["ada"]
        assert isinstance(ada, ActorDocument)
        site.actors["ada"] = replace(ada, moved_to=moved_to)
        clock.pass_by(hours=1)
        await ask(region.services, "fediverse.read_again")
        await read_all(clock, hub, region)
        async with region.services.db.read() as session:
            of_ada = select(func.count()).where(InboxActivity.host == "elsewhere.example")
            reading = (await session.scalars(select(Backfill))).one()
            return await session.scalar(of_ada) or 0, reading.error

    events = f"{hub.url}/actors/events"
    not_so = (0, "the former actor does not say that it became this one")
    assert await taken(None) == not_so
    assert await taken(f"{hub.url}/actors/news") == not_so
    async with region.services.db.write() as session:
        await trust.block(session, region.services, "elsewhere.example")
    assert await taken(events) == (0, "nothing is taken from the former address")
    async with region.services.db.write() as session:
        await trust.unblock(session, "elsewhere.example")
    assert await taken(events) == (1, None)


async def test_a_former_address_that_does_not_answer_keeps_nothing_waiting(
    hubs: tuple[Running, Running], make_hub: MakeHub, clock: Clock
) -> None:
    old, _ = hubs
    await post(old, "offers", OFFER)
    await settle(old)
    region = await make_hub("region.example")
    async with _moving(old) as new:
        after = await post(new, "offers", {**OFFER, "title": "Said after"})
        new.wire.down.add("old.example")
        await follows.follow(region.services, "@offers@new.example")
        await read_all(clock, new, region)
        assert [each["uri"] for each in await listed(region, "offers")] == [after["uri"]]
        new.wire.down.clear()
        region.services.fetcher.forget("old.example")
        clock.pass_by(hours=1)
        await ask(region.services, "fediverse.read_again")
        await read_all(clock, new, region)
        assert len(await listed(region, "offers")) == 2


async def test_a_second_start_moves_nothing_twice(hubs: tuple[Running, Running]) -> None:
    old, other = hubs
    async with _moving(old) as new:
        await settle(new, other)
    async with started(_moved(old), old.wire) as again:
        await settle(again, other)
        async with again.services.db.read() as session:
            said = select(func.count()).where(OutboxActivity.type == "Move")
            assert await session.scalar(said) == 6 + 1  # each channel, and the relay
            local = select(func.count()).where(Actor.local)
            assert await session.scalar(local) == 14


async def test_who_does_not_obey_a_move_stays_a_follower_of_the_old_name(
    hubs: tuple[Running, Running],
) -> None:
    """Its server was not reached yet, which is said."""
    old, other = hubs
    async with _moving(old) as new:
        other.wire.down.add("other.example")
        await new.work()
        other.wire.down.discard("other.example")
        async with new.services.db.read() as session:
            done = await relocating.progress(session)
            assert done is not None
            assert (done.stayed, done.came, done.waiting) == (1, 0, 1)


async def test_it_is_refused_with_clear_words_where_it_cannot_work(
    hubs: tuple[Running, Running], make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = hubs
    with pytest.raises(CommandFailed, match=f"cannot simply become {NEW}.*hub move {NEW}"):
        async with opened(_moved(old)):
            pass
    with pytest.raises(CommandFailed, match="is not an address"):
        moving.origin("new.example")
    with pytest.raises(CommandFailed, match=f"This hub is at {OLD}"):
        await _prepare(old, OLD)
    with pytest.raises(CommandFailed, match=r"cannot move yet.*is not known"):
        await _prepare(old, "https://nowhere.invalid")
    lonely = await make_hub("lonely.example")
    with pytest.raises(CommandFailed, match="No other server knows this hub yet"):
        await _prepare(lonely, NEW)

    async def reached(_settings: Settings, url: str) -> Check:
        return Check("reach", "", "ok", url)

    key = {"key": "another"}

    async def asked(_settings: Settings, _url: str, _path: str) -> Any:
        return {"publicKey": {"publicKeyPem": key["key"]}}

    monkeypatch.setattr(reach, "reached", reached)
    monkeypatch.setattr(reach, "asked", asked)
    with pytest.raises(CommandFailed, match="Another hub answers"):
        await _prepare(old, NEW)
    key["key"] = old.services.keys[f"{OLD}/actors/relay"].public_pem or ""
    said = await _prepare(old, NEW, only_try=True)
    assert said[-1] == "Nothing was changed."
    async with old.services.db.read() as session:
        assert await facts.get(session, relocating.MOVING) is None
    said = await _prepare(old, NEW)
    assert f"  HUB_FORMER_URLS={OLD}" in said
    # The old name must go on to lead here, as far as the hub knows.
    with pytest.raises(CommandFailed, match=f"Set HUB_FORMER_URLS={OLD} too"):
        async with opened(_moved(old, former_urls="")):
            pass


async def _prepare(hub: Running, new: str, *, only_try: bool = False) -> list[str]:
    return [line async for line in moving.prepare(hub.services, new, only_try=only_try)]
