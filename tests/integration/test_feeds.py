"""Lists to subscribe to, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from defusedxml import ElementTree
from icalendar import Calendar

from hub.feeds import importing
from tests.conftest import Running

START = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT = {
    "title": "Repair café",
    "description": "We mend.",
    "starts_at": START.isoformat(),
    "ends_at": (START + timedelta(hours=3)).isoformat(),
    "timezone": "Europe/Berlin",
    "location": "Library",
    "latitude": 50.93,
    "longitude": 6.93,
    "tags": ["repair"],
}


async def post(hub: Running, folder: str = "events", **changes: Any) -> dict[str, Any]:
    answer = await hub.web.post(
        f"/api/v1/{folder}",
        json=(EVENT if folder == "events" else {}) | changes,
        headers=hub.steward,
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def titles(hub: Running, address: str) -> list[str]:
    answer = await hub.web.get(address)
    assert answer.status_code == 200, answer.text
    if ".rss" in address:
        channel = ElementTree.fromstring(answer.text)[0]
        return [str(item.findtext("title")) for item in channel.iter("item")]
    if ".json" in address:
        return [item["title"] for item in answer.json()["items"]]
    return [str(event["SUMMARY"]) for event in Calendar.from_ical(answer.content).events]


@pytest.mark.parametrize("form", ["ics", "rss", "json"])
async def test_every_filter_of_the_list_is_one_of_the_feed(hub: Running, form: str) -> None:
    await post(hub)
    await post(hub, title="Choir", tags=["music"], location="Church", latitude=None, longitude=None)
    feed = f"/events.{form}"
    assert sorted(await titles(hub, feed)) == ["Choir", "Repair café"]
    for query in ("q=repair", "tag=repair", "place=library", "near=50.93,6.93&within=500"):
        assert await titles(hub, f"{feed}?{query}") == ["Repair café"]
    assert await titles(hub, f"{feed}?from={START + timedelta(days=2):%Y-%m-%d}") == []
    assert await titles(hub, f"{feed}?origin=other.example") == []
    assert await titles(hub, f"{feed}?q=choir&utm_source=newsletter") == ["Choir"]


@pytest.mark.parametrize("form", ["ics", "rss", "json"])
async def test_feed_that_has_not_changed_is_not_sent_again(hub: Running, form: str) -> None:
    event = await post(hub)
    first = await hub.web.get(f"/events.{form}")
    headers = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}
    again = await hub.web.get(f"/events.{form}", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    await hub.web.patch(f"/api/v1/events/{event['id']}", json={"title": "New"}, headers=hub.steward)
    assert (await hub.web.get(f"/events.{form}", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("ics", "text/calendar; charset=utf-8"),
        ("rss", "application/rss+xml; charset=utf-8"),
        ("json", "application/feed+json; charset=utf-8"),
    ],
)
async def test_feed_says_what_it_is(hub: Running, form: str, content_type: str) -> None:
    answer = await hub.web.head(f"/events.{form}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


async def test_feed_holds_only_what_is_public_whoever_asks(hub: Running) -> None:
    await post(hub, title="For us alone", visibility="hub")
    await post(hub, "wants", title="Food parcel", visibility="private")
    for address in ("/events.ics", "/events.rss", "/events.json", "/swap.rss"):
        answer = await hub.web.get(address, headers=hub.steward)
        assert "For us" not in answer.text
        assert "Food parcel" not in answer.text


async def test_one_event_can_be_put_into_a_calendar(hub: Running) -> None:
    event = await post(hub)
    answer = await hub.web.get(f"/events/{event['id']}.ics")
    assert answer.headers["content-disposition"].startswith("attachment")
    (found,) = Calendar.from_ical(answer.content).events
    assert found["UID"] == f"{event['id']}@hub.example"
    hidden = await post(hub, title="For us alone", visibility="hub")
    assert (await hub.web.get(f"/events/{hidden['id']}.ics")).status_code == 404
    mine = await hub.web.get(f"/events/{hidden['id']}.ics", headers=hub.steward)
    assert (mine.status_code, mine.headers["cache-control"]) == (200, "private, no-store")


async def test_cancelled_event_stays_in_the_calendar_as_cancelled(hub: Running) -> None:
    event = await post(hub)
    await hub.web.post(f"/api/v1/events/{event['id']}/cancel", headers=hub.steward)
    answer = await hub.web.get("/events.ics")
    (found,) = Calendar.from_ical(answer.content).events
    assert found["STATUS"] == "CANCELLED"


async def test_exported_calendar_comes_back_the_same(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    await post(north)
    data = (await north.web.get("/events.ics")).content
    taken = [v async for v in importing.run(south.services, "ics", data, "north.ics")]
    assert [v.outcome for v in taken] == ["new"]
    (here,) = (await north.web.get("/api/v1/events")).json()["items"]
    (there,) = (await south.web.get("/api/v1/events")).json()["items"]
    for name in ("title", "starts_at", "ends_at", "timezone", "location", "latitude", "tags"):
        assert here[name] == there[name]


async def test_own_calendar_is_not_taken_in_again(hub: Running) -> None:
    await post(hub)
    data = (await hub.web.get("/events.ics")).content
    taken = [v async for v in importing.run(hub.services, "ics", data, "own.ics")]
    assert [(v.outcome, v.words) for v in taken] == [("same", "is on this hub already")]


async def test_offers_and_wants_have_a_feed(hub: Running) -> None:
    await post(hub, "offers", title="Ladder", kind="item", mode="lend")
    await post(hub, "wants", title="Singing lessons", kind="skill")
    assert await titles(hub, "/swap.rss") == ["Singing lessons", "Ladder"]
    assert await titles(hub, "/swap.rss?side=want") == ["Singing lessons"]
    assert await titles(hub, "/swap.json?kind=item") == ["Ladder"]


async def test_filter_that_makes_no_sense_is_refused(hub: Running) -> None:
    assert (await hub.web.get("/events.ics?near=here")).status_code == 422
