"""People on a Fedify server like, pass on, join, quote, and post to the board."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.interop.fedify import Fedify
from tests.interop.hubs import Hub, Json
from tests.interop.processes import until
from tests.interop.town import Town

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

STARTS = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT = {"title": "Street party", "starts_at": STARTS.isoformat(), "location": "Linden yard"}


@dataclass(frozen=True)
class Scene:
    """A hub, and a Fedify server whose people do something to what stands there."""

    town: Town
    hub: Hub
    fedify: Fedify

    @property
    def channel(self) -> str:
        """Who says our events."""
        return self.hub.actor("events")

    def does(self, who: str, kind: str, event: Json, **given: Any) -> str:
        """Somebody does something to an event; the id of the activity."""
        return self.fedify.act(who, kind, event["uri"], self.channel, **given)

    def undoes(self, who: str, activity: str) -> None:
        """Somebody takes it back."""
        self.fedify.ask("undo", **{"as": who}, id=activity, inboxOf=self.channel)

    def event(self, **given: Any) -> Json:
        """A fresh event of the hub."""
        return self.hub.post("events", **{**EVENT, **given})

    def now(self, event: Json) -> Json:
        """The event as the API shows it now."""
        shown: Json = self.hub.api("GET", f"events/{event['id']}")
        return shown


@pytest.fixture(scope="module")
def scene(world: Town) -> Iterator[Scene]:
    made = Scene(world, world.hub(), world.fedify())
    yield made
    assert made.fedify.ask("refused") == [], "Fedify refused signatures of ours"


def test_ap_40_likes_and_boosts_of_fedify_are_counted_once_each(scene: Scene) -> None:
    event = scene.event()
    for who in ("fred", "frida", "fred"):
        scene.does(who, "Like", event, to=[scene.channel])
    scene.does("fred", "Announce", event, to=["public"])
    until(lambda: scene.now(event)["boosts"] == 1, "the boost")
    until(lambda: scene.now(event)["likes"] == 2, "the likes")
    page = scene.hub.page(f"/events/{event['id']}")
    assert "2 likes" in page
    assert "passed on 1 time" in page
    assert scene.hub.document(f"{event['uri']}/likes")["totalItems"] == 2
    assert scene.hub.document(f"{event['uri']}/shares")["totalItems"] == 1


def test_ap_39_what_fedify_undoes_is_counted_no_more(scene: Scene) -> None:
    event = scene.event()
    like = scene.does("fred", "Like", event, to=[scene.channel])
    boost = scene.does("fred", "Announce", event, to=["public"])
    scene.does("frida", "Like", event, to=[scene.channel])
    until(lambda: _counted(scene.now(event)) == (2, 1), "both likes and the boost")
    scene.undoes("fred", like)
    scene.undoes("fred", boost)
    until(lambda: _counted(scene.now(event)) == (1, 0), "frida's like alone")
    assert "1 like" in scene.hub.page(f"/events/{event['id']}")


def test_ap_57_a_join_of_fedify_is_accepted_and_the_accept_names_it(scene: Scene) -> None:
    event = scene.event(capacity=5)
    join = scene.does("fred", "Join", event, to=[scene.channel])
    accept = scene.fedify.hears("Accept", join)
    assert accept["actor"] == scene.channel
    assert accept["object"]["kind"] == "Join"
    assert accept["object"]["id"] == join
    assert accept["object"]["actor"] == scene.fedify.fred
    assert accept["object"]["objectId"] == event["uri"]
    assert (scene.now(event)["coming"], scene.now(event)["places_left"]) == (1, 4)
    assert scene.hub.document(event["uri"])["participantCount"] == 1


def test_ap_57_who_comes_when_it_is_full_is_rejected_until_somebody_leaves(scene: Scene) -> None:
    event = scene.event(capacity=1)
    first = scene.does("fred", "Join", event, to=[scene.channel])
    assert scene.fedify.hears("Accept", first)["actor"] == scene.channel
    second = scene.does("frida", "Join", event, to=[scene.channel])
    reject = scene.fedify.hears("Reject", second)
    assert (reject["actor"], reject["object"]["id"]) == (scene.channel, second)
    assert reject["object"]["actor"] == scene.fedify.person("frida")
    assert scene.fedify.about("Accept", second) == []
    assert scene.now(event)["places_left"] == 0

    scene.does("fred", "Leave", event, to=[scene.channel])
    until(lambda: scene.now(event)["places_left"] == 1, "the place that fred left")
    third = scene.does("frida", "Join", event, to=[scene.channel])
    assert scene.fedify.hears("Accept", third)["actor"] == scene.channel
    assert scene.now(event)["places_left"] == 0
    scene.undoes("frida", third)
    until(lambda: scene.now(event)["coming"] == 0, "the place that frida took back")


def test_ap_57_the_organisers_word_arrives_when_it_comes(scene: Scene) -> None:
    event = scene.event(joining="restricted")
    join = scene.does("fred", "Join", event, to=[scene.channel])
    path = f"events/{event['id']}/responses"
    (asked,) = until(lambda: scene.hub.api("GET", path)["items"], "the question at the organiser")
    assert (asked["state"], asked["uri"]) == ("asked", scene.fedify.fred)
    assert scene.fedify.about("Accept", join) == []
    scene.hub.api("PATCH", f"{path}/{asked['id']}", {"state": "accepted"})
    accept = scene.fedify.hears("Accept", join)
    assert (accept["actor"], accept["object"]["kind"]) == (scene.channel, "Join")


def test_ap_64_fedify_may_quote_and_can_look_it_up(scene: Scene) -> None:
    event = scene.event()
    words = {"kind": "Note", "content": "<p>Look at this.</p>", "to": ["public"]}
    note = scene.fedify.ask("post", **words)["id"]
    asked = scene.does("fred", "QuoteRequest", event, instrument=note, to=[scene.channel])
    accept = scene.fedify.hears("Accept", asked)
    assert accept["actor"] == scene.channel
    assert accept["object"]["kind"] == "QuoteRequest"
    found = scene.fedify.ask("lookup", what=accept["resultId"])
    assert (found["kind"], found["id"]) == ("QuoteAuthorization", accept["resultId"])
    assert found["author"] == scene.channel
    assert found["interactingObject"] == note
    assert found["interactionTarget"] == event["uri"]

    scene.hub.api("DELETE", f"events/{event['id']}")
    scene.fedify.waits_for("Delete", accept["resultId"])
    with pytest.raises(AssertionError, match="did not find"):
        scene.fedify.ask("lookup", what=accept["resultId"])


def test_ap_85_a_post_that_mentions_the_board_is_announced_to_who_follows_it(scene: Scene) -> None:
    board = scene.hub.actor("board")
    scene.fedify.ask("follow", actor="@board@north.test")
    until(lambda: board in _actors(scene.fedify.received("Accept")), "the board's Accept")
    row = scene.hub.api("POST", "follows", {"handle": scene.fedify.handle})
    scene.hub.accepted()
    note = scene.fedify.ask(
        "post",
        kind="Note",
        content="<p>Lost: a grey cat.</p>",
        to=["public", board],
        mention={"href": board, "name": "@board@north.test"},
        inboxOf=board,
    )["id"]
    announce = scene.fedify.hears("Announce", note)
    assert announce["actor"] == board
    assert (announce["object"]["kind"], announce["object"]["id"]) == ("Note", note)
    assert "Lost: a grey cat." in scene.hub.page("/@board")
    (brought,) = scene.town.proxy.delivered(scene.fedify.host, "Announce")
    assert brought.document["object"] == note

    scene.fedify.act("fred", "Delete", note, board, to=["public"])
    undo = until(lambda: scene.fedify.received("Undo", "Announce"), "the board's Undo")[0]
    assert (undo["actor"], undo["object"]["objectId"]) == (board, note)
    assert "Lost: a grey cat." not in scene.hub.page("/@board")
    scene.hub.api("DELETE", f"follows/{row['id']}")


def _counted(event: Json) -> tuple[int, int]:
    return event["likes"], event["boosts"]


def _actors(activities: list[Json]) -> set[str]:
    return {one["actor"] for one in activities}
