"""New keys for all our actors: what is said next is believed, and what was said before too (H1)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from federation.signatures import proofs
from federation.signatures.keys import public_key_from_multibase
from hub.actors.models import ActorKey
from hub.commands import COMMANDS
from hub.core import clock
from hub.core.services import Services
from hub.entries.models import Entry
from hub.fediverse import rekeying
from hub.fediverse.models import InboxActivity, OutboxActivity
from hub.setup import chosen
from tests.conftest import ENGINE, Running, settle
from tests.towns import EVENT

AS2 = {"accept": "application/activity+json"}


async def _post(hub: Running, title: str) -> None:
    answer = await hub.web.post(
        "/api/v1/events", json={**EVENT, "title": title}, headers=hub.steward
    )
    assert answer.status_code == 201, answer.text


async def test_h1_new_keys_count_at_once_and_others_find_them(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    await south.web.post(
        "/api/v1/follows", json={"handle": "@events@north.example"}, headers=south.steward
    )
    await settle(north, south)
    await _post(north, "Signed before")
    await settle(north, south)
    async with north.services.db.read() as session:
        sealed = set(await session.scalars(select(ActorKey.ed25519)))
    ed25519 = (await north.web.get("/actors/events", headers=AS2)).json()["assertionMethod"]
    said = [line["text"] async for line in COMMANDS["keys rotate"](north.services)]
    assert said[0].startswith("7 actors have new keys")
    async with north.services.db.read() as session:
        assert sealed.isdisjoint(await session.scalars(select(ActorKey.ed25519)))
    now = (await north.web.get("/actors/events", headers=AS2)).json()
    assert now["assertionMethod"] != ed25519, "the document was kept with the old one"
    await _post(north, "Signed after")
    await settle(north, south)
    async with south.services.db.read() as session:
        assert set(await session.scalars(select(Entry.title))) == {"Signed before", "Signed after"}
        states = set(await session.scalars(select(InboxActivity.state)))
    assert states == {"done"}
    await _check_proofs(north, now)


async def _check_proofs(hub: Running, actor: dict[str, Any]) -> None:
    """All that `@events` said in public, before and after, is proved by its new key."""
    (listed,) = actor["assertionMethod"]
    key = public_key_from_multibase(listed["id"], actor["id"], listed["publicKeyMultibase"])
    async with hub.services.db.read() as session:
        bodies = await session.scalars(select(OutboxActivity.body).where(OutboxActivity.public))
        documents = [orjson.loads(body) for body in bodies]
    mine = [each for each in documents if each["actor"] == actor["id"]]
    assert len(mine) == 3  # two events, and that it has new keys
    for document in mine:
        proofs.verify_proof(document, key, clock.now())


async def test_other_processes_take_the_new_keys_up(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL by looking every second or two; on SQLite there is no other process."""
    monkeypatch.setattr(chosen, "LOOKS_EVERY_S", 0.05)
    other = replace(hub.services, keys=dict(hub.services.keys))
    async with chosen.followed(other):
        for _ in range(2):  # it looks once in any case, when it begins
            await rekeying.rotate(hub.services)
            async with asyncio.timeout(20):
                while ENGINE != "sqlite" and _public(other) != _public(hub.services):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    assert (_public(other) == _public(hub.services)) is (ENGINE != "sqlite")


def _public(services: Services) -> dict[str, str]:
    return {uri: keys.public_multibase for uri, keys in services.keys.items()}


async def test_new_proofs_are_made_in_steps(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rekeying, "AT_ONCE", 2)
    for number in range(3):
        await _post(hub, f"Event {number}")
    await rekeying.rotate(hub.services)
    async with hub.services.db.read() as session:
        public = select(func.count()).where(OutboxActivity.public)
        assert await rekeying.prove_again(hub.services) == await session.scalar(public) == 13
