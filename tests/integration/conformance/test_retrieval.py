"""PROTOCOL §1.4: what the id of a thing answers, to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import pytest

from federation.fetching import is_activity_type
from federation.signatures.http import sign_request
from hub.core.clock import now
from hub.fediverse import follows
from tests.conftest import Running
from tests.integration.conformance.peer import (
    ACTIVITY,
    BROWSER,
    LD,
    Document,
    Peer,
    post_event,
    replies_of,
)
from tests.integration.test_two_hubs import OFFER, WANT


async def _ids(hub: Running) -> AsyncIterator[str]:
    """Ids of things of every kind that a hub says."""
    for kind, body in (("offers", OFFER), ("wants", WANT)):
        answer = await hub.web.post(f"/api/v1/{kind}", json=body, headers=hub.steward)
        yield answer.json()["uri"]
    event = await post_event(hub)
    yield event["uri"]
    await hub.web.post(f"/api/v1/events/{event['id']}/cancel", headers=hub.steward)
    outbox = (await hub.web.get("/actors/events/outbox?page=1", headers=ACTIVITY)).json()
    for said in outbox["orderedItems"]:
        if said["object"]["id"] != event["uri"]:
            yield said["object"]["id"]  # the reply that tells of the cancellation
    yield f"{hub.url}/actors/events"
    yield f"{event['uri']}/replies"
    for which in ("outbox", "followers", "following", "featured", "upcoming"):
        yield f"{hub.url}/actors/events/{which}"


@pytest.mark.parametrize("accept", [LD["Accept"], f"{LD['Accept']}, text/html;q=0.5"])
async def test_ap_08_an_id_answers_ld_json_with_activitystreams(hub: Running, accept: str) -> None:
    seen = set()
    async for uri in _ids(hub):
        answer = await hub.web.get(uri, headers={"Accept": accept})
        assert answer.status_code == 200, uri
        assert answer.headers["Content-Type"] == "application/activity+json; charset=utf-8", uri
        assert "https://www.w3.org/ns/activitystreams" in answer.json()["@context"]
        seen.add(answer.json()["type"])
    assert seen >= {"Event", "Note", "Service", "Collection", "OrderedCollection"}


async def test_ap_09_an_id_answers_activity_json_likewise(hub: Running) -> None:
    async for uri in _ids(hub):
        answer = await hub.web.get(uri, headers=ACTIVITY)
        assert answer.headers["Content-Type"] == "application/activity+json; charset=utf-8", uri
        assert answer.content == (await hub.web.get(uri, headers=LD)).content


async def test_ap_09_what_we_fetch_is_asked_for_by_its_proper_types(peer: Peer) -> None:
    await peer.be_followed()
    thing = peer.serve(peer.event("bob"))
    await peer.tell(peer.activity("Announce", thing["id"]))
    gets = [each for each in peer.asked if each.method == "GET"]
    assert {each.target for each in gets} >= {"/users/ada", urlsplit(thing["id"]).path}
    for each in gets:
        kinds = [kind.strip() for kind in each.headers["accept"].split(",")]
        assert "application/activity+json" in kinds
        assert LD["Accept"] in kinds
        assert all(is_activity_type(kind) for kind in kinds)


async def test_ap_10_an_id_answers_browsers_with_a_page(hub: Running) -> None:
    event = await post_event(hub)
    for uri in (event["uri"], f"{hub.url}/actors/events"):
        document = await hub.web.get(uri, headers=ACTIVITY)
        assert "Accept" in document.headers["Vary"]
        page = await hub.web.get(uri, headers=BROWSER)
        assert "Accept" in page.headers["Vary"]
        if page.status_code in {302, 303}:
            page = await hub.web.get(page.headers["Location"], headers=BROWSER)
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        link = f'<link rel="alternate" type="application/activity+json" href="{uri}">'
        assert link in page.text
        assert f'<{uri}>; rel="alternate"; type="application/activity+json"' in (
            page.headers.get("Link", "")
        )


async def test_ap_11_a_deleted_object_answers_410_with_a_tombstone(hub: Running) -> None:
    for kind, body, former in (("events", None, "Event"), ("offers", OFFER, "Note")):
        posted = (
            await post_event(hub)
            if body is None
            else (await hub.web.post(f"/api/v1/{kind}", json=body, headers=hub.steward)).json()
        )
        assert (await hub.web.get(posted["uri"], headers=ACTIVITY)).status_code == 200
        await hub.web.delete(f"/api/v1/{kind}/{posted['id']}", headers=hub.steward)
        for accept in (ACTIVITY, LD):
            answer = await hub.web.get(posted["uri"], headers=accept)
            assert answer.status_code == 410
            assert answer.headers["Content-Type"] == "application/activity+json; charset=utf-8"
            stone = answer.json()
            assert (stone["id"], stone["type"]) == (posted["uri"], "Tombstone")
            assert stone["formerType"] == former
            assert stone["deleted"]
            assert "content" not in stone
        assert (await hub.web.get(posted["uri"], headers=BROWSER)).status_code == 410


async def test_ap_11_what_we_said_of_a_deleted_object_is_gone_too(hub: Running) -> None:
    event = await post_event(hub)
    path = f"/api/v1/events/{event['id']}"
    await hub.web.post(f"{path}/cancel", headers=hub.steward)
    (said,) = await replies_of(hub)
    assert (await hub.web.get(said.uri, headers=ACTIVITY)).json()["id"] == said.uri
    await hub.web.delete(path, headers=hub.steward)
    answer = await hub.web.get(said.uri, headers=ACTIVITY)
    assert answer.status_code == 410
    stone = answer.json()
    assert (stone["id"], stone["type"], stone["formerType"]) == (said.uri, "Tombstone", "Note")


async def test_ap_11_what_never_was_answers_404(hub: Running) -> None:
    for path in (f"/events/{uuid4()}", f"/offers/{uuid4()}", f"/replies/{uuid4()}", "/actors/x"):
        for accept in (ACTIVITY, LD, BROWSER):
            assert (await hub.web.get(path, headers=accept)).status_code == 404, path


@pytest.mark.parametrize("visibility", ["hub", "private"])
async def test_ap_12_what_is_not_public_is_not_there(peer: Peer, visibility: str) -> None:
    hub = peer.hub
    await peer.follow()
    event = await post_event(hub, visibility=visibility)
    missing = await hub.web.get(f"/events/{uuid4()}", headers=ACTIVITY)
    anonymous = await hub.web.get(event["uri"], headers=ACTIVITY)
    assert (anonymous.status_code, anonymous.json()) == (404, missing.json())
    signed = sign_request(peer.keys["ada"], "GET", event["uri"], None, now=now())
    follower = await hub.web.get(event["uri"], headers={**signed, **ACTIVITY})
    assert (follower.status_code, follower.json()) == (404, missing.json())
    assert (await hub.web.get(event["uri"], headers=BROWSER)).status_code == 404
    assert (await hub.web.get(f"{event['uri']}/replies", headers=ACTIVITY)).status_code == 404
    for which in ("outbox", "outbox?page=1", "featured", "upcoming"):
        answer = await hub.web.get(f"/actors/events/{which}", headers=ACTIVITY)
        assert event["id"] not in answer.text
    await hub.work()
    assert [said["type"] for said in peer.mail()] == ["Accept"]


async def test_ap_13_what_is_served_bears_the_id_that_was_asked_for(hub: Running) -> None:
    asked = [uri async for uri in _ids(hub)]
    for uri in asked:
        document = (await hub.web.get(uri, headers=ACTIVITY)).json()
        assert document["id"] == uri
        first = document.get("first")
        if isinstance(first, str):
            assert (await hub.web.get(first, headers=ACTIVITY)).json()["id"] == first
    assert len(asked) == 11


async def test_ap_13_what_others_said_is_never_served_as_ours(peer: Peer) -> None:
    await peer.be_followed()
    theirs = await peer.create(peer.event())
    hub = peer.hub
    (there,) = (await hub.web.get("/api/v1/events", params={"origin": "all"})).json()["items"]
    answer = await hub.web.get(f"/events/{there['id']}", headers=ACTIVITY)
    if answer.status_code == 200:
        pytest.fail(f"served with the id {orjson.loads(answer.content)['id']}")
    assert answer.headers["Location"] == theirs["id"]


async def test_ap_13_ids_say_nothing_and_do_not_change(hub: Running) -> None:
    event = await post_event(hub)
    path = f"/api/v1/events/{event['id']}"
    changed: Document = (
        await hub.web.patch(path, json={"title": "Another"}, headers=hub.steward)
    ).json()
    assert changed["uri"] == event["uri"] == f"{hub.url}/events/{event['id']}"
    async with hub.services.db.read() as session:
        assert await follows.followers(session) == []
