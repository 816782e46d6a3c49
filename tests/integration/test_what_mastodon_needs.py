"""What a Mastodon server asks of a hub before it shows anything of it."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from PIL import Image
from sqlalchemy import select

from hub.fediverse.models import OutboxActivity
from tests.conftest import Running
from tests.integration.test_two_hubs import EVENT

ACTIVITY = {"Accept": "application/activity+json"}
LD = {"Accept": 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CHANNELS = ["events", "offers", "wants", "news", "board", "places", "relay"]


async def _posted(hub: Running, kind: str = "events", body: Any = EVENT) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{kind}", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("name", CHANNELS)
async def test_every_actor_has_a_raster_icon(hub: Running, name: str) -> None:
    actor = (await hub.web.get(f"/actors/{name}", headers=ACTIVITY)).json()
    assert actor["icon"]["mediaType"] == "image/png"
    answer = await hub.web.get(actor["icon"]["url"])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)


async def test_a_profile_page_links_its_actor(hub: Running) -> None:
    answer = await hub.web.get("/@events", headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert 'rel="alternate"' in answer.text
    assert 'href="https://hub.example/actors/events"' in answer.text


async def test_featured_lists_ids(hub: Running) -> None:
    posted = await _posted(hub)
    document = (await hub.web.get("/actors/events/featured", headers=ACTIVITY)).json()
    assert document["type"] == "OrderedCollection"
    assert document["orderedItems"] == [posted["uri"]]


async def test_the_outbox_holds_whole_creates(hub: Running) -> None:
    posted = await _posted(hub)
    outbox = (await hub.web.get("/actors/events/outbox", headers=ACTIVITY)).json()
    assert outbox["totalItems"] == 1
    page = (await hub.web.get(outbox["first"], headers=ACTIVITY)).json()
    (create,) = page["orderedItems"]
    assert create["type"] == "Create"
    assert create["object"]["id"] == posted["uri"]
    assert create["object"]["type"] == "Event"


async def test_ap_86_the_relay_announces_each_entry_once(hub: Running) -> None:
    posted = await _posted(hub)
    path = f"/api/v1/events/{posted['id']}"
    await hub.web.patch(path, json={"title": "Another title"}, headers=hub.steward)
    outbox = (await hub.web.get("/actors/relay/outbox", headers=ACTIVITY)).json()
    page = (await hub.web.get(outbox["first"], headers=ACTIVITY)).json()
    (announce,) = page["orderedItems"]
    assert announce["type"] == "Announce"
    assert announce["object"] == posted["uri"]


async def test_ap_54_a_cancellation_is_an_update_and_a_short_reply(hub: Running) -> None:
    posted = await _posted(hub)
    answer = await hub.web.post(f"/api/v1/events/{posted['id']}/cancel", headers=hub.steward)
    assert answer.status_code == 200
    async with hub.services.db.read() as session:
        bodies = await session.scalars(select(OutboxActivity.body).order_by(OutboxActivity.id))
        said = [orjson.loads(body) for body in bodies]
    update = next(each for each in said if each["type"] == "Update")
    assert update["object"]["status"] == "CANCELLED"
    assert update["object"]["eventStatus"] == "EventCancelled"
    assert update["object"]["name"].lower().startswith("cancelled: ")
    reply = said[-1]
    assert reply["type"] == "Create"
    assert reply["object"]["type"] == "Note"
    assert reply["object"]["inReplyTo"] == posted["uri"]
    assert "Delete" not in {each["type"] for each in said}
