"""A hub that was tried out under one address gets another, until others know it (decision 0009)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import select

from federation.signatures.digest import digest_header
from federation.signatures.proofs import verify_proof
from federation.testing import Wire
from hub.core.clock import now
from hub.core.db import Base
from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.fediverse import facts
from hub.fediverse.models import OutboxActivity
from tests.conftest import Databases, Running, started
from tests.integration.test_two_hubs import EVENT, OFFER

OLD, NEW = "http://localhost:8000", "https://hub.example"
AS_ACTIVITY = {"accept": "application/activity+json"}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

EXCEPT = {
    ("entry", "source"),  # what people wrote themselves is theirs
    ("idempotency", "body"),  # answers of the last day say which host they were given by
}


@pytest.fixture
def settings(databases: Databases, tmp_path: Path) -> Settings:
    """A hub that is tried out on somebody's own machine."""
    return Settings(
        _env_file=None,
        url=OLD,
        data_dir=tmp_path / "data",
        database_url=databases.fresh(),
        timezone="Europe/Berlin",
    )


def _at(settings: Settings, url: str) -> Settings:
    return Settings(_env_file=None, **{**settings.model_dump(exclude_unset=True), "url": url})


async def _lived_in(settings: Settings) -> dict[str, Any]:
    """Publish, repeat, change and delete; the event that stays."""
    async with started(settings, Wire()) as hub:
        picture = {"data": PIXEL, "alt": "a dot"}
        about = f"More on [our page]({OLD}/about)."
        event = await _post(hub, "events", {**EVENT, "image": picture, "description": about})
        await _post(hub, "events", {**EVENT, "recurrence": "FREQ=WEEKLY;COUNT=3"})
        path = f"/api/v1/events/{event['id']}"
        await hub.web.patch(path, json={"title": "Mending day"}, headers=hub.steward)
        offer = await _post(hub, "offers", OFFER)
        await hub.web.delete(f"/api/v1/offers/{offer['id']}", headers=hub.steward)
        await hub.work()
    return event


async def _post(hub: Running, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {**hub.steward, "Idempotency-Key": str(uuid4())}
    answer = await hub.web.post(f"/api/v1/{kind}", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _leftovers(hub: Running, old: str) -> list[str]:
    """Every cell that still bears the old address, but for those in EXCEPT."""
    found = []
    async with hub.services.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in (await session.execute(select(table))).mappings():
                found += [
                    f"{table.name}.{name}: {value!r:.200}"
                    for name, value in row.items()
                    if old in _text(value) and (table.name, name) not in EXCEPT
                ]
    return found


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


async def test_before_it_federates_a_hub_moves_with_everything_it_has(settings: Settings) -> None:
    event = await _lived_in(settings)
    async with started(_at(settings, NEW), Wire()) as hub:
        assert await _leftovers(hub, OLD.removeprefix("http://")) == []
        uri = f"{NEW}/events/{event['id']}"
        document = (await hub.web.get(f"/events/{event['id']}", headers=AS_ACTIVITY)).json()
        assert (document["id"], document["attributedTo"]) == (uri, f"{NEW}/actors/events")
        actor = (await hub.web.get("/actors/events", headers=AS_ACTIVITY)).json()
        assert actor["publicKey"]["id"] == f"{NEW}/actors/events#main-key"
        known = await hub.web.get("/.well-known/webfinger?resource=acct:events@hub.example")
        assert known.status_code == 200
        listed = (await hub.web.get("/api/v1/events")).json()["items"]
        assert {each["uri"].partition("/events/")[0] for each in listed} == {NEW}


async def test_what_was_said_is_said_again_with_true_proofs_and_digests(
    settings: Settings,
) -> None:
    await _lived_in(settings)
    async with started(_at(settings, NEW), Wire()) as hub:
        async with hub.services.db.read() as session:
            rows = list(await session.scalars(select(OutboxActivity)))
        assert {row.type for row in rows} >= {"Create", "Update", "Announce"}
        for row in rows:
            document = orjson.loads(row.body)
            keys = hub.services.keys[document["actor"]]
            proved = next(key for key in keys.public_keys if key.id == keys.ed25519_id)
            verify_proof(document, proved, now())
            assert row.digest == digest_header(row.body)
            assert document["id"] == row.uri


async def test_the_same_address_again_changes_nothing(settings: Settings) -> None:
    await _lived_in(settings)
    bodies = []
    for _ in range(2):
        async with started(settings, Wire()) as hub, hub.services.db.read() as session:
            bodies.append(list(await session.scalars(select(OutboxActivity.body))))
    assert bodies[0] == bodies[1]


async def test_a_hub_that_others_know_keeps_its_address(settings: Settings) -> None:
    async with started(settings, Wire()) as hub, hub.services.db.write() as session:
        await facts.note_federated(session)
    with pytest.raises(CommandFailed) as told:
        async with started(_at(settings, NEW), Wire()):
            pass
    assert str(told.value) == (
        f"Other servers know this hub as {OLD}; it cannot simply become {NEW}. "
        f"Set HUB_URL={OLD}, and say: hub move {NEW}"
    )
    async with started(settings, Wire()) as hub:
        assert (
            (await hub.web.get("/actors/events", headers=AS_ACTIVITY)).json()["id"].startswith(OLD)
        )


async def test_following_somebody_is_what_makes_a_hub_known(
    settings: Settings, hub: Running
) -> None:
    async with started(_at(settings, "https://young.example"), hub.wire) as young:
        answer = await young.web.post(
            "/api/v1/follows", json={"handle": "@events@hub.example"}, headers=young.steward
        )
        assert answer.status_code == 201, answer.text
    with pytest.raises(CommandFailed, match="Other servers know this hub"):
        async with started(_at(settings, NEW), Wire()):
            pass
