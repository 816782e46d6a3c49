"""The made-up neighbourhood: it moves in once, and looks like what people post."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from datetime import UTC, datetime

from hub import demo
from hub.maps import shelf
from tests.conftest import Running

RECORDS = ("places", "organisations")


async def test_the_neighbourhood_moves_in_once(hub: Running) -> None:
    count = await demo.fill(hub.services)
    assert await demo.fill(hub.services) == count
    data = tomllib.loads(demo.DATA.read_text(encoding="utf-8"))
    assert count == sum(
        len(data[folder]) for folder in ("events", "offers", "wants", "news", *RECORDS)
    )
    for folder in ("offers", "wants", "news", *RECORDS):
        answer = await hub.web.get(f"/api/v1/{folder}?limit=100", headers=hub.steward)
        titles = [item["title"] for item in answer.json()["items"]]
        assert sorted(titles) == sorted(entry["title"] for entry in data[folder])


async def test_its_events_lie_ahead_and_one_is_called_off(hub: Running) -> None:
    await demo.fill(hub.services)
    events = (await hub.web.get("/api/v1/events?limit=100")).json()["items"]
    data = tomllib.loads(demo.DATA.read_text(encoding="utf-8"))
    assert {event["title"] for event in events} == {entry["title"] for entry in data["events"]}
    assert all(datetime.fromisoformat(event["starts_at"]) > datetime.now(UTC) for event in events)
    assert [e["title"] for e in events if e["status"] == "cancelled"] == ["Winter coat swap"]
    assert sum(1 for event in events if event["title"] == "Language café") > 1, "it repeats"


async def test_it_stands_on_a_map_of_its_own_streets(hub: Running) -> None:
    await demo.fill(hub.services)
    (hall,) = (await hub.web.get("/api/v1/addresses?q=mill+road+31&limit=1")).json()["items"]
    assert hall["words"].startswith("Mill Road 31")
    drawn = (await hub.web.get("/map.svg")).text
    assert '<path class="road"' in drawn
    found = (await hub.web.get("/map.geojson")).json()["features"]
    shown = {feature["properties"]["title"] for feature in found}
    assert {"Repair café", "Four new trees on Elm Street", "Jam jars with lids"} <= shown


async def test_a_hub_keeps_the_map_that_it_has(hub: Running) -> None:
    target = shelf.folder_of(hub.services.settings)
    shutil.copytree(demo.MAP, target)
    there = shelf.at(target)
    assert there is not None
    mine = replace(there, source="ours.osm.pbf")
    shelf.put_up(mine)
    await demo.fill(hub.services)
    assert shelf.at(target) == mine


async def test_its_pictures_say_what_is_seen(hub: Running) -> None:
    await demo.fill(hub.services)
    events = (await hub.web.get("/api/v1/events?limit=100")).json()["items"]
    pictures = [event["image"] for event in events if event["image"]]
    assert len(pictures) == 3
    for picture in pictures:
        assert picture["alt"].startswith("Drawing: ")
        shown = await hub.web.get(picture["url"])
        assert shown.status_code == 200
        assert shown.headers["content-type"].startswith("image/")
