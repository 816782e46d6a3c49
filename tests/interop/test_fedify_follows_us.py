"""A Fedify server finds our channels, follows them, and hears of what the hub publishes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.interop.fedify import Fedify
from tests.interop.hubs import Hub
from tests.interop.processes import until
from tests.interop.proxy import Exchange
from tests.interop.town import Town

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

STARTS = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT = {
    "title": "Repair café",
    "summary": "Bring one broken thing.",
    "description": "We mend it **together**.",
    "starts_at": STARTS.isoformat(),
    "ends_at": (STARTS + timedelta(hours=3)).isoformat(),
    "location": "Linden yard, Lindenstr. 4",
    "latitude": 50.9345,
    "longitude": 6.9391,
    "tags": ["repair"],
}
FOR_SALE = {
    "title": "Garden chairs",
    "description": "Green, of wood.",
    "mode": "sell",
    "quantity": "2",
    "price": "10 €",
}
LISTINGS = {
    "offers": {"title": "Extension ladder", "description": "Three parts.", "mode": "lend"},
    "wants": {"title": "Lift to the clinic", "description": "On Tuesdays.", "kind": "time"},
}


@dataclass(frozen=True)
class Scene:
    """A hub whose channels a Fedify server follows."""

    town: Town
    hub: Hub
    fedify: Fedify

    def sent_by_hub(self, kind: str) -> list[Exchange]:
        """What the hub delivered of a kind of activity."""
        return self.town.proxy.delivered("fedify.test", kind)

    def knocks(self, peer: Fedify) -> list[Exchange]:
        """Every try of a server to bring a Follow, in order."""
        brought = self.town.proxy.delivered("north.test", "Follow")
        return [one for one in brought if one.document["actor"] == peer.fred]


@pytest.fixture(scope="module")
def scene(world: Town) -> Iterator[Scene]:
    """All three channels are followed, and have accepted."""
    made = Scene(world, world.hub(), world.fedify())
    for channel in ("events", "offers", "wants"):
        made.fedify.ask("follow", actor=f"@{channel}@north.test")
    until(lambda: len(made.fedify.received("Accept")) == 3, "three Accepts at Fedify")
    yield made
    assert made.fedify.ask("refused") == [], "Fedify refused signatures of ours"


@pytest.fixture(scope="module")
def older(scene: Scene) -> Fedify:
    """A server that signs as servers did before RFC 9421."""
    return scene.town.fedify("older", first_knock="draft-cavage-http-signatures-12")


def test_a_follow_from_fedify_is_accepted(scene: Scene) -> None:
    accepts = scene.fedify.received("Accept")
    channels = {scene.hub.actor(name) for name in ("events", "offers", "wants")}
    assert {accept["actor"] for accept in accepts} == channels
    followers = scene.hub.api("GET", "followers")["items"]
    assert {row["handle"].removeprefix("@") for row in followers} == {"fred@fedify.test"}
    assert len(followers) == 3


def test_fedify_signs_by_rfc_9421_first_and_is_believed(scene: Scene) -> None:
    knocks = scene.knocks(scene.fedify)
    assert [(one.scheme, one.status) for one in knocks] == [("rfc9421", 202)] * 3


def test_a_server_that_knocks_with_draft_cavage_is_believed(scene: Scene, older: Fedify) -> None:
    _follow(older, scene.hub.actor("events"))
    knocks = [one for one in scene.knocks(older) if b"/actors/events" in one.body]
    assert [(one.scheme, one.status) for one in knocks] == [("cavage", 202)]
    answers = scene.town.proxy.delivered(older.host, "Accept")
    assert [(one.scheme, one.status) for one in answers] == [("cavage", 202)]


def test_ap_20_a_server_that_takes_only_rfc_9421_is_sent_it(scene: Scene, older: Fedify) -> None:
    scene.town.proxy.deaf_to.add((older.host, "cavage"))
    _follow(older, scene.hub.actor("offers"))
    _follow(older, scene.hub.actor("wants"))
    tries = scene.town.proxy.delivered(older.host, "Accept")[-3:]
    # The first delivery learns it, the next remembers.
    assert [(one.scheme, one.status) for one in tries] == [
        ("cavage", 401),
        ("rfc9421", 202),
        ("rfc9421", 202),
    ]
    assert older.ask("refused") == []


def test_ap_20_who_signed_by_rfc_9421_is_answered_so_without_a_second_try(scene: Scene) -> None:
    answers = [(one.scheme, one.status) for one in scene.sent_by_hub("Accept")]
    assert answers == [("rfc9421", 202)] * 3
    assert all("proof" not in one.document for one in scene.sent_by_hub("Accept"))


def test_an_event_arrives_with_title_time_and_place(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    there = scene.fedify.waits_for("Create", event["uri"])
    assert there["kind"] == "Event"
    assert there["name"] == "Repair café"
    assert there["author"] == scene.hub.actor("events")
    assert _moment(there["startTime"]) == STARTS
    assert _moment(there["endTime"]) == STARTS + timedelta(hours=3)
    assert there["location"]["kind"] == "Place"
    assert there["location"]["name"].startswith("Linden yard")
    assert (there["location"]["latitude"], there["location"]["longitude"]) == (50.9345, 6.9391)
    assert "Bring one broken thing." in there["summary"]
    assert "Repair café" in there["content"]
    assert ("Hashtag", "#repair") in {(tag["kind"], tag["name"]) for tag in there["tags"]}


def test_an_edit_a_cancellation_and_a_deletion_arrive(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    uri, path = event["uri"], f"events/{event['id']}"
    scene.fedify.waits_for("Create", uri)

    scene.hub.api("PATCH", path, {"title": "Mending day"})
    assert scene.fedify.waits_for("Update", uri)["name"] == "Mending day"

    scene.hub.api("POST", f"{path}/cancel")
    cancelled = scene.fedify.waits_for("Update", uri, 2)
    assert cancelled["name"] == "Cancelled: Mending day"
    told = [one for one in scene.sent_by_hub("Update") if one.document["object"]["id"] == uri]
    assert told[-1].document["object"]["status"] == "CANCELLED"
    note = until(lambda: _notes_about(scene.fedify, uri), "the Note about the cancellation")[0]
    assert "cancelled" in note["content"].lower()
    assert note["author"] == scene.hub.actor("events")

    scene.hub.api("DELETE", path)
    gone = scene.fedify.waits_for("Delete", uri)
    assert gone["kind"] == "Tombstone"
    with pytest.raises(AssertionError, match="did not find"):
        scene.fedify.ask("lookup", what=uri)


@pytest.mark.parametrize(("kind", "word"), [("offers", "Offer"), ("wants", "Wanted")])
def test_an_offer_and_a_want_arrive_as_notes(scene: Scene, kind: str, word: str) -> None:
    listing = scene.hub.post(kind, **LISTINGS[kind])
    there = scene.fedify.waits_for("Create", listing["uri"])
    assert there["kind"] == "Note"
    assert there["name"] is None
    assert there["summary"] is None
    assert there["author"] == scene.hub.actor(kind)
    assert f"{word}: {listing['title']}" in there["content"]
    sent = scene.hub.document(listing["uri"])
    assert sent["purpose"] in {"offer", "request"}
    assert sent["publishes"]["name"] == listing["title"]

    scene.hub.api("POST", f"{kind}/{listing['id']}/close")
    assert scene.fedify.waits_for("Update", listing["uri"])["kind"] == "Note"
    scene.hub.api("DELETE", f"{kind}/{listing['id']}")
    assert scene.fedify.waits_for("Delete", listing["uri"])["kind"] == "Tombstone"


def test_an_offer_is_a_proposal_to_fedifys_own_vocabulary(scene: Scene) -> None:
    offer = scene.hub.post("offers", **FOR_SALE)
    there = scene.fedify.ask("proposal", what=offer["uri"])
    assert (there["purpose"], there["title"]) == ("offer", "Garden chairs")
    pieces = {"unit": "one", "number": "2"}
    swap = f"{scene.hub.url}/swap?kind=item&mode=sell"
    assert there["publishes"] == {
        "action": "transfer",
        "conformsTo": swap,
        "quantity": pieces,
        "available": pieces,
    }
    assert there["reciprocal"] == {
        "action": "transfer",
        "conformsTo": "https://www.wikidata.org/wiki/Q4916",
        "quantity": {"unit": "one", "number": "10"},
        "available": None,
    }
    assert there["unitBased"] is False


def test_a_want_is_a_proposal_to_fedifys_own_vocabulary(scene: Scene) -> None:
    want = scene.hub.post("wants", **LISTINGS["wants"])
    there = scene.fedify.ask("proposal", what=want["uri"])
    assert (there["purpose"], there["title"]) == ("request", "Lift to the clinic")
    assert there["publishes"]["action"] == "deliverService"
    assert there["publishes"]["quantity"] == {"unit": "one", "number": "1"}
    assert there["reciprocal"] is None


@pytest.mark.parametrize("name", ["events", "offers", "wants", "news", "board", "relay"])
def test_fedify_finds_our_actors_by_handle(scene: Scene, name: str) -> None:
    found = scene.fedify.ask("lookup", what=f"@{name}@north.test")
    assert found["id"] == scene.hub.actor(name)
    assert found["handle"] == name
    assert found["kind"] in {"Service", "Group", "Application"}


def test_fedify_finds_an_event_by_its_address_and_in_the_outbox(scene: Scene) -> None:
    event = scene.hub.post("events", **{**EVENT, "title": "Found by address"})
    found = scene.fedify.ask("lookup", what=event["url"])
    assert (found["kind"], found["id"]) == ("Event", event["uri"])
    assert found["name"] == "Found by address"
    outbox = scene.fedify.ask("outbox", actor=scene.hub.actor("events"))
    creates = [item for item in outbox["items"] if item["kind"] == "Create"]
    assert event["uri"] in {item["object"]["id"] for item in creates}
    assert {item["object"]["kind"] for item in creates} <= {"Event", "Note"}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _follow(fedify: Fedify, channel: str) -> None:
    """Follow a channel, and wait for its Accept."""
    fedify.ask("follow", actor=channel)

    def accepted() -> bool:
        return channel in {accept["actor"] for accept in fedify.received("Accept")}

    until(accepted, f"the Accept of {channel}")


def _notes_about(fedify: Fedify, uri: str) -> list[dict[str, Any]]:
    notes = [one["object"] for one in fedify.received("Create", "Note")]
    return [note for note in notes if note["inReplyTo"] == uri]


def test_ap_88_fedify_follows_a_channel_of_an_area_and_gets_what_fits_once(scene: Scene) -> None:
    scene.hub.api("POST", "areas", {"name": "valley", "title": "Valley", "tags": ["valley"]})
    scene.fedify.ask("follow", actor="@valley@north.test")
    event = scene.hub.post("events", **{**EVENT, "title": "Street party", "tags": ["valley"]})

    def announced() -> list[Any]:
        return [
            one for one in scene.fedify.received("Announce") if one["actor"].endswith("/valley")
        ]

    until(announced, "the channel's Announce at Fedify", 180)
    assert [one["object"]["id"] for one in announced()] == [event["uri"]]
