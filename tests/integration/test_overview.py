"""A region at a glance: its hubs, what flows between them, what is missing, and all as a file."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import select, update

from hub.core.clock import now
from hub.core.licences import CC_BY
from hub.entries.models import Entry
from hub.fediverse import follows
from hub.fediverse.models import Peer
from hub.overview import exports
from tests.conftest import MakeHub, Running, settle
from tests.integration.test_areas import _make, _minute
from tests.integration.test_two_hubs import EVENT, OFFER, WANT

HTML = {"accept": "text/html"}


@pytest.fixture(autouse=True)
def _of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages show how it is, not how it was a minute ago."""
    monkeypatch.setattr("hub.overview.looking.KEPT", timedelta(0))


async def _post(hub: Running, where: str, body: dict[str, Any], **given: Any) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{where}", json={**body, **given}, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _region(hub: Running) -> dict[str, Any]:
    answer = await hub.web.get("/api/v1/region")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def region(make_hub: MakeHub) -> tuple[Running, Running, Running]:
    """South follows north, and the channel of north, which passes on what east publishes."""
    south, north = await make_hub("south.example"), await make_hub("north.example")
    east = await make_hub("east.example")
    await _make(north)
    await follows.follow(north.services, "@relay@east.example")
    for handle in ("@relay@north.example", "@valley@north.example"):
        await follows.follow(south.services, handle)
    await settle(south, north, east)
    return south, north, east


async def test_t26_each_thing_of_the_region_is_in_one_file_with_its_origin_and_its_way(
    region: tuple[Running, Running, Running],
) -> None:
    south, north, east = region
    own = await _post(south, "events", EVENT, title="=Own event")
    near = await _post(north, "offers", OFFER)
    far = await _post(east, "events", EVENT, title="Far event")
    await _post(south, "wants", WANT, visibility="hub", title="For neighbours")
    await settle(*region)
    await _minute(north)
    await settle(*region)

    rows = {row["uri"]: row for row in (await south.web.get("/region.json")).json()["items"]}
    assert rows.keys() == {own["uri"], near["uri"], far["uri"]}
    assert [(rows[one["uri"]]["origin"], rows[one["uri"]]["via"]) for one in (own, near, far)] == [
        ("south.example", None),
        ("north.example", None),
        ("east.example", "north.example"),
    ]
    assert {row["license"] for row in rows.values()} == {CC_BY}
    assert rows[far["uri"]]["sources"] == ["east.example"]
    assert rows[own["uri"]]["heard_at"] is None
    assert rows[near["uri"]]["heard_at"] is not None
    assert (rows[near["uri"]]["kind"], rows[near["uri"]]["mode"]) == ("item", "lend")

    answer = await south.web.get("/region.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    places = {one["id"]: one["geometry"]["coordinates"] for one in answer.json()["features"]}
    assert places.keys() == rows.keys()
    assert places[own["uri"]] == [6.9391, 50.9345]

    table = list(csv.DictReader(StringIO((await south.web.get("/region.csv?kind=event")).text)))
    assert {row["uri"]: row["title"] for row in table} == {
        own["uri"]: "'=Own event",  # no program runs it
        far["uri"]: "Far event",
    }
    events = Calendar.from_ical((await south.web.get("/region.ics")).content).walk("VEVENT")
    assert {(str(one["summary"]), str(one.get("x-source"))) for one in events} == {
        ("=Own event", "None"),
        ("Far event", far["uri"]),
    }

    flows = {(one["origin"], one["via"]): one for one in (await _region(south))["flows"]}
    # Stewards see what offers and wants flowed as well; of those everybody is told no small number.
    assert {way: one["total"] for way, one in flows.items()} == {
        ("south.example", ""): 1,
        ("east.example", "north.example"): 1,
    }
    details = (await south.web.get("/admin/region", headers={**HTML, **south.steward})).text
    came = re.search(r'scope="row"><bdi>north.example.*?</tr>', details, re.DOTALL)
    assert came is not None
    assert ">1</td>" in came[0]
    assert flows["east.example", "north.example"]["weeks"][-1] == 1

    listed = (await south.web.get("/api/v1/events?origin=all")).json()["items"]
    (path,) = [f"/events/{one['id']}" for one in listed if one["uri"] == far["uri"]]
    page = await south.web.get(path, headers={"accept": "text/html"})
    assert "Passed on by \u2068north.example\u2069." in page.text


async def test_a_file_holds_all_in_pages_and_nothing_twice(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE", 2)
    posted = {(await _post(hub, "events", EVENT, title=f"Event {n}"))["uri"] for n in range(5)}
    async with hub.services.db.write() as session:
        entry = (await session.scalars(select(Entry).where(Entry.title == "Event 3"))).one()
        entry.licence = "https://terms.example/by"
    items = (await hub.web.get("/region.json")).json()["items"]
    assert sorted(row["uri"] for row in items) == sorted(posted)
    assert [row["license"] for row in items] == [CC_BY, "https://terms.example/by", *[CC_BY] * 3]
    monkeypatch.setattr(exports, "MOST", 4)
    assert len((await hub.web.get("/region.json")).json()["items"]) == 4


async def test_an_empty_region_is_a_good_file_of_each_kind(hub: Running) -> None:
    assert (await hub.web.get("/region.json")).json() == {"items": []}
    assert (await hub.web.get("/region.geojson")).json()["features"] == []
    assert (await hub.web.get("/region.csv")).text.count("\n") == 1
    assert Calendar.from_ical((await hub.web.get("/region.ics")).content).walk("VEVENT") == []
    assert (await hub.web.get("/region.csv?kind=nothing")).status_code == 422


async def test_t28_a_hub_that_cannot_be_reached_is_marked(
    region: tuple[Running, Running, Running],
) -> None:
    south, north, _ = region
    await _post(north, "events", EVENT)
    await settle(*region)

    async def state(**given: Any) -> str:
        async with south.services.db.write() as session:
            peer = await session.get_one(Peer, "north.example")
            for name, value in given.items():
                setattr(peer, name, value)
        found = {one["host"]: one["state"] for one in (await _region(south))["hubs"]}
        assert found["south.example"] == "well"
        return str(found["north.example"])

    assert await state() == "well"
    assert await state(last_seen_at=now() - timedelta(days=8)) == "quiet"
    assert await state(failures=5) == "unreachable"
    page = await south.web.get("/region", headers=HTML)
    assert "cannot be reached" in page.text
    details = await south.web.get("/admin/region", headers={**HTML, **south.steward})
    assert "5 tries failed" in details.text
    assert (await south.web.get("/admin/region")).status_code in {401, 403}


async def test_the_hubs_of_the_region_are_counted_as_everybody_sees_them(
    region: tuple[Running, Running, Running],
) -> None:
    south, north, _ = region
    for title in ("One", "Two"):
        await _post(north, "events", EVENT, title=f"Event {title}")
    await _post(north, "places", {"title": "Hall"})
    await _post(south, "events", EVENT, visibility="hub")
    await settle(*region)
    async with south.services.db.write() as session:
        hidden = update(Entry).where(Entry.title == "Event Two").values(hidden_at=now())
        await session.execute(hidden)
    hubs = {one["host"]: one for one in (await _region(south))["hubs"]}
    found = {host: (one["events"], one["records"], one["fresh"]) for host, one in hubs.items()}
    assert found == {"north.example": (1, 1, 2), "south.example": (0, 0, 0)}
    assert hubs["north.example"]["url"] == "https://north.example/"
    page = (await south.web.get("/region", headers=HTML)).text
    assert '<a href="https://north.example/"' in page


async def test_d6_gaps_of_the_region_tell_no_small_number(
    region: tuple[Running, Running, Running],
) -> None:
    south, north, _ = region
    for n in range(6):
        await _post(north, "wants", WANT, title=f"A lift {n}", tags=["lift"])
    for n in range(3):
        await _post(north, "wants", WANT, title=f"A meal {n}", kind="food", tags=["meal"])
    await settle(*region)
    found = await _region(south)
    # Nor do the other numbers of the hub: what is fresh, and what flowed.
    told = {one["host"]: (one["listings"], one["fresh"]) for one in found["hubs"]}
    assert (told["north.example"], found["flows"]) == ((9, 0), [])
    gaps = {one["kind"]: (one["wants"], one["offers"], one["unanswered"]) for one in found["gaps"]}
    assert gaps == {"time": (None, 0, None), "food": (None, 0, None)}  # else 9 − 6 were told
    assert [(one["tag"], one["wants"], one["unanswered"]) for one in found["themes"]] == [
        ("lift", 6, 6)
    ]
    page = await south.web.get("/region", headers=HTML)
    assert "#lift" in page.text
    assert "#meal" not in page.text
