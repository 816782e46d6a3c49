"""Offers and wants through the JSON API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from hub.exchange.models import Listing
from hub.fediverse.models import OutboxActivity
from tests.conftest import Running
from tests.jobs import ask

DRAFT: dict[str, Any] = {
    "title": "Extension ladder",
    "description": "Three sections, *solid*.",
    "kind": "item",
    "mode": "lend",
    "quantity": 1,
    "location": "Linden",
    "latitude": 50.934561,
    "longitude": 6.939143,
    "tags": ["tools"],
}


async def post(hub: Running, folder: str = "offers", **members: Any) -> dict[str, Any]:
    draft = {**DRAFT, **members}
    answer = await hub.web.post(f"/api/v1/{folder}", json=draft, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def titles(hub: Running, path: str, **headers: str) -> list[str]:
    answer = await hub.web.get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def sent(hub: Running) -> list[dict[str, Any]]:
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(OutboxActivity.body).order_by(OutboxActivity.id))
        return [orjson.loads(body) for body in rows]


@pytest.mark.parametrize(("folder", "purpose"), [("offers", "offer"), ("wants", "request")])
async def test_listing_is_published_and_read_back(hub: Running, folder: str, purpose: str) -> None:
    made = await post(hub, folder)
    assert made["uri"] == made["url"] == f"{hub.url}/{folder}/{made['id']}"
    assert (made["status"], made["quantity"], made["visibility"]) == ("open", "1", "public")
    again = await hub.web.get(f"/api/v1/{folder}/{made['id']}")
    assert again.json() == made
    other = "wants" if folder == "offers" else "offers"
    assert (await hub.web.get(f"/api/v1/{other}/{made['id']}")).status_code == 404
    create, announce = await sent(hub)
    assert (create["type"], announce["type"]) == ("Create", "Announce")
    assert (create["object"]["type"], create["object"]["purpose"]) == ("Note", purpose)
    assert "name" not in create["object"]


async def test_nobody_learns_where_exactly_somebody_lives(hub: Running) -> None:
    made = await post(hub)
    assert (made["latitude"], made["longitude"]) == (50.93, 6.94)
    (create, _) = await sent(hub)
    place = create["object"]["location"]
    assert (place["latitude"], place["longitude"]) == (50.93, 6.94)
    async with hub.services.db.read() as session:
        row = (await session.scalars(select(Listing))).one()
    assert (row.latitude, row.longitude) == (50.93, 6.94)


async def test_closed_listing_says_that_it_is_taken(hub: Running) -> None:
    made = await post(hub)
    path = f"/api/v1/offers/{made['id']}"
    answer = await hub.web.post(f"{path}/close", headers=hub.steward)
    assert (answer.status_code, answer.json()["status"]) == (200, "done")
    assert await titles(hub, "offers") == []
    assert await titles(hub, "offers?status=done") == ["Extension ladder"]
    update = (await sent(hub))[-1]
    assert update["type"] == "Update"
    assert update["object"]["content"].startswith("<p><strong>Taken: ")
    assert update["object"]["publishes"]["availableQuantity"]["hasNumericalValue"] == "0"
    opened = await hub.web.patch(path, json={"status": "open"}, headers=hub.steward)
    assert opened.json()["status"] == "open"
    assert await titles(hub, "offers") == ["Extension ladder"]


async def test_close_can_say_what_became_of_it(hub: Running) -> None:
    made = await post(hub)
    path = f"/api/v1/offers/{made['id']}/close"
    answer = await hub.web.post(path, json={"status": "promised"}, headers=hub.steward)
    assert answer.json()["status"] == "promised"
    assert await titles(hub, "offers") == ["Extension ladder"]
    bad = await hub.web.post(path, json={"status": "eaten"}, headers=hub.steward)
    assert bad.status_code == 422


async def test_time_runs_out_by_itself(hub: Running) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await post(hub, expires_at=soon)
    async with hub.services.db.write() as session:
        row = (await session.scalars(select(Listing))).one()
        row.expires_at = row.relevant_until = datetime.now(UTC) - timedelta(seconds=1)
    assert await titles(hub, "offers") == []
    await ask(hub.services, "exchange.expire")
    await hub.work()
    assert await titles(hub, "offers?status=expired") == ["Extension ladder"]
    assert (await sent(hub))[-1]["type"] == "Update"
    over = {**DRAFT, "expires_at": "2020-01-01"}
    answer = await hub.web.post("/api/v1/offers", json=over, headers=hub.steward)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["expires_at"])


async def test_newest_comes_first_page_by_page(hub: Running) -> None:
    for number in range(5):
        await post(hub, "wants", title=f"Want {number}")
    first = (await hub.web.get("/api/v1/wants?limit=3")).json()
    assert [item["title"] for item in first["items"]] == ["Want 4", "Want 3", "Want 2"]
    assert await titles(hub, f"wants?limit=3&cursor={first['next']}") == ["Want 1", "Want 0"]


async def test_filters_narrow_the_list(hub: Running) -> None:
    await post(hub)
    await post(hub, title="Soup", kind="food", mode="give", tags=[], latitude=None, longitude=None)
    for query, found in {
        "": ["Soup", "Extension ladder"],
        "?kind=food": ["Soup"],
        "?mode=lend": ["Extension ladder"],
        "?q=ladder": ["Extension ladder"],
        "?tag=Tools": ["Extension ladder"],
        "?near=50.93,6.94&within=1500": ["Extension ladder"],
        "?status=done": [],
        "?status=all&origin=local": ["Soup", "Extension ladder"],
    }.items():
        assert await titles(hub, f"offers{query}") == found, query
    for bad in ("kind=house", "status=x", "within=5", "mode=steal", "page=2"):
        answer = await hub.web.get(f"/api/v1/offers?{bad}")
        assert answer.status_code == 422, bad
        assert answer.json()["fields"], bad


async def test_private_want_is_nowhere_but_with_its_owner_and_stewards(hub: Running) -> None:
    made = await post(hub, "wants", visibility="private")
    assert await titles(hub, "wants") == []
    assert (await hub.web.get(f"/api/v1/wants/{made['id']}")).status_code == 404
    assert await titles(hub, "wants", **hub.steward) == ["Extension ladder"]
    assert await sent(hub) == []


async def test_deleted_listing_is_gone_for_good(hub: Running) -> None:
    made = await post(hub)
    path = f"/api/v1/offers/{made['id']}"
    assert (await hub.web.delete(path, headers=hub.steward)).status_code == 204
    assert (await hub.web.get(path)).status_code == 410
    delete = (await sent(hub))[-1]
    assert delete["type"] == "Delete"
    assert delete["object"]["type"] == "Tombstone"
    assert delete["object"]["formerType"] == "Note"
