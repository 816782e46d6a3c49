"""PROTOCOL §4.2: follows, their answers, and what is taken back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from hub.actors.channels import CHANNELS
from hub.entries.models import Reaction
from hub.fediverse import follows
from hub.fediverse.models import Follow
from tests.conftest import MakeHub, Running
from tests.integration.conformance.peer import (
    PUBLIC,
    Document,
    Peer,
    listed,
    post_event,
)

NAMES = [channel.name for channel in CHANNELS]


async def _followers(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return [row.follower.uri for row in await follows.followers(session)]


async def _state(hub: Running) -> str | None:
    """What became of the one Follow of ours; None when there is none."""
    async with hub.services.db.read() as session:
        rows = await follows.ours(session)
    assert len(rows) <= 1
    return rows[0].state if rows else None


async def _reactions(hub: Running) -> list[tuple[str, str]]:
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(Reaction).order_by(Reaction.actor_uri, Reaction.kind))
        return [(row.actor_uri, row.kind) for row in rows]


@pytest.mark.parametrize("name", [*NAMES, PUBLIC])
async def test_ap_35_a_follow_is_accepted_with_the_follow_inside(peer: Peer, name: str) -> None:
    hub = peer.hub
    uri = f"{hub.url}/actors/{'relay' if name == PUBLIC else name}"
    asked = PUBLIC if name == PUBLIC else uri
    said = peer.activity("Follow", asked, to=None)
    await peer.tell(said)
    assert await _followers(hub) == [peer.uri("ada")]
    (answer,) = peer.mail()
    assert (answer["type"], answer["actor"]) == ("Accept", uri)
    assert answer["to"] == [peer.uri("ada")]
    assert answer["object"] == {
        "id": said["id"],
        "type": "Follow",
        "actor": peer.uri("ada"),
        "object": asked,
    }
    (sent,) = [each for each in peer.asked if each.method == "POST"]
    assert sent.target == "/users/ada/inbox"


async def test_ap_35_who_may_not_follow_is_told(make_hub: MakeHub) -> None:
    hub: Running = await make_hub(federation="allow-list")
    peer = Peer(hub)
    said = peer.activity("Follow", f"{hub.url}/actors/events", to=None)
    assert (await peer.post(said)).status_code == 403
    assert await _followers(hub) == []


async def test_ap_35_whom_we_are_not_cannot_be_followed_here(peer: Peer) -> None:
    for uri in (f"{peer.hub.url}/actors/nobody", peer.uri("bob"), f"{peer.hub.url}/events/1"):
        await peer.tell(peer.activity("Follow", uri, to=None))
    assert peer.mail() == []
    assert await _followers(peer.hub) == []


async def test_ap_36_a_follow_again_is_one_follower_and_another_accept(peer: Peer) -> None:
    first = await peer.follow()
    second = await peer.follow()
    assert await _followers(peer.hub) == [peer.uri("ada")]
    assert [said["object"]["id"] for said in peer.mail("Accept")] == [first["id"], second["id"]]
    assert len({said["id"] for said in peer.mail("Accept")}) == 2


async def _ask(peer: Peer) -> Document:
    """Our Follow of ada, not yet answered."""
    await follows.follow(peer.hub.services, peer.uri("ada"))
    await peer.hub.work()
    (asked,) = peer.mail("Follow")
    assert await _state(peer.hub) == "pending"
    return asked


@pytest.mark.parametrize("form", ["whole", "id", "without id"])
async def test_ap_37_an_accept_of_its_target_counts(peer: Peer, form: str) -> None:
    asked = await _ask(peer)
    less = {name: asked[name] for name in ("type", "actor", "object")}
    thing: Any = {"whole": asked, "id": asked["id"], "without id": less}[form]
    await peer.tell(peer.activity("Accept", thing, to=None))
    assert await _state(peer.hub) == "accepted"
    await peer.create(peer.event())
    assert len(await listed(peer.hub)) == 1
    total = (await peer.hub.web.get("/actors/relay/following")).json()["totalItems"]
    assert total == 1


@pytest.mark.parametrize("form", ["whole", "id", "without id"])
async def test_ap_37_an_accept_of_anybody_else_does_not(peer: Peer, form: str) -> None:
    asked = await _ask(peer)
    other = Peer(peer.hub, "other.example")
    less = {name: asked[name] for name in ("type", "actor", "object")}
    thing: Any = {"whole": asked, "id": asked["id"], "without id": less}[form]
    await peer.tell(peer.activity("Accept", thing, "bob", to=None), "bob")
    await other.tell(other.activity("Accept", thing, to=None))
    assert await _state(peer.hub) == "pending"
    await peer.create(peer.event())
    assert await listed(peer.hub) == []


async def test_ap_37_an_accept_of_what_we_never_asked_adds_nobody(peer: Peer) -> None:
    relay = f"{peer.hub.url}/actors/relay"
    never = {"type": "Follow", "id": f"{relay}#1", "actor": relay, "object": peer.uri("ada")}
    await peer.tell(peer.activity("Accept", never, to=None))
    assert await _state(peer.hub) is None


async def test_ap_38_a_reject_never_adds_and_ends_what_was(peer: Peer) -> None:
    asked = await _ask(peer)
    await peer.tell(peer.activity("Reject", asked, "bob", to=None), "bob")
    assert await _state(peer.hub) == "pending"
    await peer.tell(peer.activity("Reject", asked, to=None))
    assert await _state(peer.hub) == "rejected"
    assert (await peer.hub.web.get("/actors/relay/following")).json()["totalItems"] == 0
    await peer.create(peer.event())
    assert await listed(peer.hub) == []


async def test_ap_38_a_later_reject_ends_what_was_accepted(peer: Peer) -> None:
    asked = await peer.be_followed()
    await peer.create(peer.event())
    await peer.tell(peer.activity("Reject", asked["id"], "bob", to=None), "bob")
    assert await _state(peer.hub) == "accepted"
    await peer.tell(peer.activity("Reject", asked["id"], to=None))
    assert await _state(peer.hub) == "rejected"
    await peer.create(peer.event())
    assert len(await listed(peer.hub)) == 1


@pytest.mark.parametrize("form", ["whole", "id"])
async def test_ap_39_an_undo_takes_back_ones_own_follow(peer: Peer, form: str) -> None:
    other = Peer(peer.hub, "other.example")
    said = await peer.follow()
    thing: Any = said if form == "whole" else said["id"]
    await peer.tell(peer.activity("Undo", thing, "bob", to=None), "bob")
    await other.tell(other.activity("Undo", thing, to=None))
    assert await _followers(peer.hub) == [peer.uri("ada")]
    await peer.tell(peer.activity("Undo", thing, to=None))
    assert await _followers(peer.hub) == []


@pytest.mark.parametrize("form", ["whole", "id"])
@pytest.mark.parametrize(("kind", "counted"), [("Like", "like"), ("Announce", "boost")])
async def test_ap_39_an_undo_takes_back_ones_own_reaction(
    peer: Peer, kind: str, counted: str, form: str
) -> None:
    other = Peer(peer.hub, "other.example")
    event = await post_event(peer.hub)
    mine = peer.activity(kind, event["uri"])
    await peer.tell(mine)
    await peer.tell(peer.activity(kind, event["uri"], "bob"), "bob")
    thing: Any = mine if form == "whole" else mine["id"]
    await other.tell(other.activity("Undo", thing))
    await other.tell(other.activity("Undo", {**mine, "actor": other.uri("ada")}))
    stolen = peer.activity("Undo", thing, "bob")
    await peer.tell(stolen, "bob")
    assert (peer.uri("ada"), counted) in await _reactions(peer.hub)
    await peer.tell(peer.activity("Undo", thing))
    assert (peer.uri("ada"), counted) not in await _reactions(peer.hub)


async def test_ap_39_an_undo_of_nothing_ends_nothing(peer: Peer) -> None:
    await peer.follow()
    event = await post_event(peer.hub)
    for thing in (event["uri"], f"{peer.origin}/never", {"type": "Block", "object": event["uri"]}):
        await peer.tell(peer.activity("Undo", thing))
    assert await _followers(peer.hub) == [peer.uri("ada")]
    assert len(await listed(peer.hub)) == 1
    async with peer.hub.services.db.read() as session:
        assert len(list(await session.scalars(select(Follow)))) == 1
