"""Relays that this hub subscribes to, in Mastodon's way and in LitePub's, and what they bring."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from federation.rates import Rates
from federation.vocab.activities import Accept, Announce, Follow
from federation.vocab.names import AS2, PUBLIC, Document
from hub.core.errors import Elsewhere
from hub.entries.models import Entry
from hub.fediverse import follows, relays
from hub.fediverse.models import Follow as FollowRow
from hub.fediverse.models import InboxActivity
from hub.fediverse.received import LOOK_UPS
from tests.conftest import Running
from tests.integration.test_two_hubs import EVENT
from tests.peer import Peer

INBOX = "https://relay.example/inbox"
STARTS = EVENT["starts_at"]


@pytest.fixture
async def relay(hub: Running) -> Peer:
    return Peer(hub, "relay.example")


@pytest.fixture
async def town(hub: Running) -> Peer:
    """A server that nobody here follows."""
    return Peer(hub, "town.example", "ada")


async def _subscribe(hub: Running, relay: Peer, address: str) -> Follow:
    """Ask, and let the relay accept; what it was asked."""
    await relays.follow(hub.services, address, relay=True)
    await hub.work()
    asked = relay.site.received[-1].activity
    assert isinstance(asked, Follow)
    accept = Accept(
        id=f"{relay.uri('relay')}#{uuid4()}",
        actor=relay.uri("relay"),
        object=Follow(id=asked.id, actor=asked.actor, object=relay.uri("relay")),
    )
    await relay.site.send("relay", accept, f"{hub.url}/inbox")
    await hub.work()
    relay.site.received.clear()
    return asked


async def _state(hub: Running) -> str:
    async with hub.services.db.read() as session:
        (row,) = await follows.ours(session)
    return row.state


def _event(town: Peer) -> Document:
    return {
        "id": f"{town.origin}/events/{uuid4()}",
        "type": "Event",
        "attributedTo": town.uri("ada"),
        "name": "Street party",
        "content": "<p>With a band.</p>",
        "startTime": STARTS,
        "published": "2026-01-01T00:00:00Z",
        "to": [PUBLIC],
        "cc": [],
    }


def _note(town: Peer) -> Document:
    thing = {**_event(town), "type": "Note", "inReplyTo": f"{town.origin}/notes/before"}
    return {**thing, "id": f"{town.origin}/notes/{uuid4()}"}


def _serve(town: Peer, thing: Document) -> Document:
    town.serves({"@context": AS2, **thing})
    return thing


async def _carry(hub: Running, relay: Peer, kind: str, thing: Any) -> None:
    """Somebody's activity as Mastodon's relays pass it on: as it was, signed by the relay."""
    actor = "https://town.example/actors/ada"
    carried = {
        "@context": AS2,
        "id": f"https://town.example/activities/{uuid4()}",
        "type": kind,
        "actor": actor,
        "object": thing,
        "to": [PUBLIC],
        "cc": [],
        "signature": {"type": "RsaSignature2017", "creator": actor, "signatureValue": "AA=="},
    }
    assert await relay.post("relay", carried) == 202
    await hub.work()


async def _announce(hub: Running, relay: Peer, uri: str) -> None:
    activity = Announce(
        id=f"{relay.uri('relay')}#{uuid4()}", actor=relay.uri("relay"), object=uri, to=(PUBLIC,)
    )
    await relay.site.send("relay", activity, f"{hub.url}/inbox")
    await hub.work()


async def _titles(hub: Running) -> list[tuple[str, str]]:
    listed = (await hub.web.get("/api/v1/events")).json()["items"]
    return [(row["title"], row["origin"]) for row in listed]


# --------------------------------------------------------------------------- asking and leaving


async def test_mastodons_way_asks_at_the_inbox_for_what_is_public_and_gives_ours(
    hub: Running, relay: Peer
) -> None:
    asked = await _subscribe(hub, relay, INBOX)
    assert (asked.object, asked.actor) == (PUBLIC, f"{hub.url}/actors/relay")
    assert await _state(hub) == "accepted"
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    await hub.work()
    got = [(one.activity.type, one.activity.object) for one in relay.site.received]
    assert got == [("Announce", answer.json()["uri"])]

    relay.site.received.clear()
    await follows.unfollow(hub.services, INBOX)
    await hub.work()
    (undo,) = [one.activity for one in relay.site.received]
    assert isinstance(undo.object, Follow)
    assert (undo.type, undo.object.id, undo.object.object) == ("Undo", asked.id, PUBLIC)
    async with hub.services.db.read() as session:
        assert list(await session.scalars(select(FollowRow))) == []


async def test_litepubs_way_follows_the_relays_actor(hub: Running, relay: Peer) -> None:
    asked = await _subscribe(hub, relay, relay.uri("relay"))
    assert asked.object == relay.uri("relay")
    async with hub.services.db.read() as session:
        (row,) = await follows.ours(session)
        assert await follows.followers(session) == []
    assert (row.state, row.relay) == ("accepted", "actor")


async def test_an_inbox_behind_which_is_no_relay_is_refused(hub: Running, relay: Peer) -> None:
    with pytest.raises(Elsewhere, match="There is no relay"):
        await relays.follow(hub.services, "https://relay.example/other/inbox")
    assert relay.site.received == []


async def test_stewards_subscribe_by_page_and_programs_by_api(hub: Running, relay: Peer) -> None:
    answer = await hub.web.post("/api/v1/follows", json={"handle": INBOX}, headers=hub.steward)
    assert (answer.status_code, answer.json()["relay"]) == (201, "public")
    page = await hub.web.get("/admin/servers", headers=hub.steward)
    assert "Subscribe to a relay" in page.text
    assert '<span class="tag word">relay</span>' in page.text


# --------------------------------------------------------------------------- what they bring


@pytest.mark.parametrize("address", [INBOX, "https://relay.example/actors/relay"])
async def test_an_event_is_taken_from_its_origin_alone(
    hub: Running, relay: Peer, town: Peer, address: str
) -> None:
    await _subscribe(hub, relay, address)
    carried, named = _serve(town, _event(town)), _serve(town, _event(town))
    await _carry(hub, relay, "Create", {**carried, "name": "Forged"})
    await _announce(hub, relay, named["id"])
    assert await _titles(hub) == [("Street party", "town.example")] * 2
    for thing in (carried, named):
        assert (await hub.web.get("/api/v1/events?origin=town.example")).status_code == 200
        assert town.asked.count(thing["id"].removeprefix(town.origin)) == 1


async def test_posts_of_people_are_not_even_looked_at(
    hub: Running, relay: Peer, town: Peer
) -> None:
    await _subscribe(hub, relay, INBOX)
    await _carry(hub, relay, "Create", _serve(town, _note(town)))
    await _carry(hub, relay, "Update", _serve(town, _note(town)))
    await _carry(hub, relay, "Delete", f"{town.origin}/notes/unknown")
    await _carry(hub, relay, "Like", f"{town.origin}/notes/unknown")
    assert town.asked == []


async def test_a_post_that_is_only_named_is_fetched_and_dropped_with_its_thread(
    hub: Running, relay: Peer, town: Peer
) -> None:
    await _subscribe(hub, relay, INBOX)
    note = _serve(town, _note(town))
    await _announce(hub, relay, note["id"])
    assert town.asked == [note["id"].removeprefix(town.origin)]
    async with hub.services.db.read() as session:
        reasons = set(await session.scalars(select(InboxActivity.reason)))
    assert "Unauthorised: a relay passed on what this hub does not show" in reasons


async def test_what_is_gone_at_its_origin_goes_when_a_relay_says_so(
    hub: Running, relay: Peer, town: Peer
) -> None:
    await _subscribe(hub, relay, INBOX)
    event = _serve(town, _event(town))
    await _announce(hub, relay, event["id"])
    await _carry(hub, relay, "Delete", event["id"])
    assert len(await _titles(hub)) == 1
    del town.answers[event["id"].removeprefix(town.origin)]
    await _carry(hub, relay, "Delete", event["id"])
    assert await _titles(hub) == []


async def test_a_relay_has_this_hub_fetch_a_bounded_number_of_documents(
    hub: Running, relay: Peer, town: Peer
) -> None:
    await _subscribe(hub, relay, INBOX)
    # However long the test takes, no minute passes for the limit.
    hub.worker._processor._look_ups = Rates(LOOK_UPS, 1e-9)
    for _ in range(LOOK_UPS + 5):
        await _announce(hub, relay, _serve(town, _note(town))["id"])
    assert len(town.asked) == LOOK_UPS


async def test_one_author_of_many_things_is_looked_up_and_counted_once(
    hub: Running, relay: Peer, town: Peer
) -> None:
    await _subscribe(hub, relay, INBOX)
    hub.worker._processor._look_ups = Rates(LOOK_UPS, 1e-9)
    things = [_serve(town, _event(town))["id"] for _ in range(LOOK_UPS - 1)]  # and their author
    for uri in things:
        id_ = f"{relay.uri('relay')}#{uuid4()}"
        said = Announce(id=id_, actor=relay.uri("relay"), object=uri, to=(PUBLIC,))
        await relay.site.send("relay", said, f"{hub.url}/inbox")
    await hub.work()
    async with hub.services.db.read() as session:
        assert set(await session.scalars(select(InboxActivity.state))) == {"done"}
        assert len((await session.scalars(select(Entry.id))).all()) == len(things)
