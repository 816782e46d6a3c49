"""Facts about getting in: said, shown, asked for, and known elsewhere."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from hub.fediverse import follows
from tests.conftest import Running, settle

START = (datetime.now(UTC) + timedelta(days=5)).replace(microsecond=0)
HTML = {"accept": "text/html"}


async def _post(hub: Running, title: str, **facts: Any) -> dict[str, Any]:
    body = {"title": title, "starts_at": START.isoformat(), "location": "Hall"}
    answer = await hub.web.post(
        "/api/v1/events", json={**body, "access_facts": facts}, headers=hub.steward
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _titles(hub: Running, address: str) -> set[str]:
    text = (await hub.web.get(address, headers=HTML)).text
    return {title for title in ("Choir", "Chess", "Dance") if title in text}


@pytest.fixture
async def three(hub: Running) -> Running:
    await _post(hub, "Choir", entrance="yes", toilet={"state": "part", "note": "narrow door"})
    await _post(hub, "Chess", entrance="yes", toilet="yes")
    await _post(hub, "Dance", entrance="no", toilet="unknown")
    return hub


async def test_only_a_clear_yes_is_found(three: Running) -> None:
    asked = {
        "?access=entrance": {"Choir", "Chess"},
        "?access=entrance,toilet": {"Chess"},
        "?access=entrance&access=toilet": {"Chess"},
        "?access=captions": set(),
    }
    for query, titles in asked.items():
        assert await _titles(three, f"/events{query}") == titles, query
        assert await _titles(three, f"/events{query}&view=month&from={START.date()}") == titles
    for form in ("ics", "rss", "json"):
        assert await _titles(three, f"/events.{form}?access=entrance,toilet") == {"Chess"}
    found = (await three.web.get("/api/v1/events?access=toilet,entrance")).json()["items"]
    assert [item["title"] for item in found] == ["Chess"]
    nonsense = await three.web.get("/api/v1/events?access=magic")
    assert (nonsense.status_code, list(nonsense.json()["fields"])) == (422, ["access"])


async def test_a_page_says_what_is_known_and_what_is_not(hub: Running) -> None:
    made = await _post(
        hub, "Choir", entrance="yes", toilet={"state": "part", "note": "narrow door"}
    )
    assert made["access_facts"]["toilet"] == {"state": "part", "note": "narrow door"}
    path = httpx2.URL(made["url"]).path
    page = (await hub.web.get(path, headers=HTML)).text
    assert "Step-free way in: <b>yes</b>" in page
    assert 'Accessible toilet: <b>in part</b> <span class="meta">narrow door</span>' in page
    assert "Hearing loop" in page.partition("What is not known")[2]
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    features = json.loads(block[1])["location"]["amenityFeature"]
    assert [(one["name"], one["value"]) for one in features] == [
        ("Step-free way in", True),
        ("Accessible toilet", "partly"),
    ]
    file = (await hub.web.get(f"{path}.ics")).text.replace("\r\n ", "")
    assert "Accessible toilet: in part (narrow door)" in file


async def test_another_hub_knows_them_too(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    await follows.follow(south.services, "@events@north.example")
    await settle(north, south)
    await _post(north, "Choir", entrance="yes", quiet_room={"state": "no", "note": "sorry"})
    await settle(north, south)
    (item,) = (await south.web.get("/api/v1/events?access=entrance")).json()["items"]
    assert item["access_facts"] == {
        "entrance": {"state": "yes", "note": ""},
        "quiet_room": {"state": "no", "note": "sorry"},
    }
