"""ActivityRelay carries an event of one hub to another that does not follow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tests.interop.hubs import Hub, Json
from tests.interop.processes import until
from tests.interop.proxy import Exchange
from tests.interop.town import Town

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

STARTS = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT = {"title": "Flea market", "starts_at": STARTS.isoformat(), "location": "Linden yard"}
INBOX = "https://relay.test/inbox"


@dataclass(frozen=True)
class Scene:
    """Two hubs that subscribe to a relay, each in another way; they do not know each other.

    The north follows its actor, as Pleroma does; the south asks it for what is public, as Mastodon
    does.
    """

    town: Town
    relay: str
    north: Hub
    south: Hub

    def arrived(self, event: Json) -> Json:
        """What stands at the other hub of an event, once it is there; it stands there once."""

        def look() -> list[Json]:
            return [row for row in self.south.listed("events") if row["uri"] == event["uri"]]

        (there,) = until(look, "the event at the other hub")
        return there

    def brought(self, kind: str, event: Json) -> list[Exchange]:
        """What was brought to the other hub of a kind about an event."""
        return [
            one
            for one in self.town.proxy.delivered(self.south.host, kind)
            if event["uri"] in one.body.decode()
        ]


@pytest.fixture(scope="module")
def scene(world: Town) -> Scene:
    relay = world.relay()
    made = Scene(world, relay, world.hub("north", client="libcurl"), world.hub("south"))
    made.north.command("follow", "--relay", relay)
    made.south.api("POST", "follows", {"handle": INBOX})
    assert [hub.accepted()["uri"] for hub in (made.north, made.south)] == [relay, relay]
    for hub in (made.north, made.south):
        until(partial(_followers, hub), "the relay's own Follow")
    return made


def test_each_hub_asks_in_its_own_way(scene: Scene) -> None:
    asked = [one.document for one in scene.town.proxy.delivered("relay.test", "Follow")]
    objects = {one["actor"]: one["object"] for one in asked}
    assert objects == {
        scene.north.actor("relay"): scene.relay,
        scene.south.actor("relay"): "https://www.w3.org/ns/activitystreams#Public",
    }
    ways = [hub.follows()[0]["relay"] for hub in (scene.north, scene.south)]
    assert ways == ["actor", "public"]


def test_the_relay_follows_each_of_us_back(scene: Scene) -> None:
    for hub in (scene.north, scene.south):
        (row,) = _followers(hub)
        assert row["uri"] == scene.relay
        follows = [
            one for one in scene.town.proxy.delivered(hub.host, "Follow") if one.status == 202
        ]
        assert [one.document["actor"] for one in follows] == [scene.relay]
        until(partial(_accepts, scene, hub), "our Accept at the relay")


def test_ap_86_an_event_reaches_the_other_hub_by_its_id_and_is_listed_once(scene: Scene) -> None:
    event = scene.north.post("events", **EVENT)
    there = scene.arrived(event)
    assert there["title"] == "Flea market"
    assert there["origin"] == "north.test"
    assert datetime.fromisoformat(there["starts_at"]) == STARTS

    (announce,) = [one.document for one in scene.brought("Announce", event)]
    assert (announce["actor"], announce["object"]) == (scene.relay, event["uri"])
    fetched = scene.town.proxy.fetched("north.test")
    by_south = [one for one in fetched if "south.test" in one.headers.get("user-agent", "")]
    assert [one.target for one in by_south].count(f"/events/{event['id']}") == 1
    assert [row["uri"] for row in scene.north.listed("events")].count(event["uri"]) == 1


def test_an_edit_and_a_cancellation_reach_the_other_hub_by_their_proof(scene: Scene) -> None:
    event = scene.north.post("events", **{**EVENT, "title": "Concert"})
    scene.arrived(event)
    path = f"events/{event['id']}"
    scene.north.api("PATCH", path, {"title": "Concert in the yard"})
    until(lambda: scene.arrived(event)["title"] == "Concert in the yard", "the edit")
    scene.north.api("POST", f"{path}/cancel")
    until(lambda: scene.arrived(event)["status"] == "cancelled", "the cancellation")
    assert "Cancelled" in scene.south.page(f"/events/{scene.arrived(event)['id']}")
    updates = scene.brought("Update", event)
    assert len(updates) == 2
    for brought in updates:
        _is_vouched_for_by_proof(scene, brought)


def test_a_deletion_reaches_the_other_hub_by_its_proof(scene: Scene) -> None:
    event = scene.north.post("events", **{**EVENT, "title": "Matinée"})
    scene.arrived(event)
    scene.north.api("DELETE", f"events/{event['id']}")

    def titles() -> set[str]:
        return {row["title"] for row in scene.south.listed("events")}

    until(lambda: "Matinée" not in titles(), "the deletion at the other hub")
    (brought,) = scene.brought("Delete", event)
    _is_vouched_for_by_proof(scene, brought)


def _accepts(scene: Scene, hub: Hub) -> list[Exchange]:
    brought = scene.town.proxy.delivered("relay.test", "Accept")
    own = [one for one in brought if one.document["actor"] == hub.actor("relay")]
    return [one for one in own if one.status == 202]


def _is_vouched_for_by_proof(scene: Scene, brought: Exchange) -> None:
    """The relay signed the request; what counts is that we signed what it carries."""
    assert scene.relay in brought.headers["signature"]
    proof = brought.document["proof"]
    assert proof["verificationMethod"].startswith(scene.north.actor("events"))


def _followers(hub: Hub) -> list[Json]:
    rows: list[Json] = hub.api("GET", "followers")["items"]
    return rows
