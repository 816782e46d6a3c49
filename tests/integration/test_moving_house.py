"""A hub moves to another address, and its followers, ids and pages come along (T42, FEP-7628)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from hub.actors.models import Actor
from hub.bootstrap import opened
from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.entries.models import Entry
from hub.fediverse import facts, relocating
from hub.fediverse.models import Follow, OutboxActivity
from hub.today import moving, reach
from hub.today.checks import Check
from tests.conftest import MakeHub, Running, settle, started
from tests.towns import EVENT

OLD, NEW = "https://old.example", "https://new.example"
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
