"""What is written on a Fedify server reaches the hub: replies, messages, and events of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
EURO = "https://www.wikidata.org/wiki/Q4916"
EVENT = {"title": "Street party", "starts_at": STARTS.isoformat(), "location": "Linden yard"}


@dataclass(frozen=True)
class Scene:
    """A hub, and a Fedify server that it does not follow."""

    hub: Hub
    fedify: Fedify

    def reply(self, event: Json, words: str, *, to: tuple[str, ...]) -> str:
        """Fred answers an event; the id of what he wrote."""
        return self._post(
            kind="Note",
            content=f"<p>{words}</p>",
            inReplyTo=event["uri"],
            to=[*to, self.hub.actor("events")],
            mention={"href": self.hub.actor("events"), "name": "@events@north.test"},
            inboxOf=self.hub.actor("events"),
        )

    def post_event(self, name: str) -> str:
        """Fred announces an event to his followers; its id."""
        return self._post(
            kind="Event",
            name=name,
            content="<p>Everybody is welcome.</p>",
            startTime=STARTS.isoformat(),
            endTime=(STARTS + timedelta(hours=2)).isoformat(),
            place="Fedify park",
            to=["public"],
        )

    def post_proposal(self, purpose: str, name: str) -> str:
        """Fred tells his followers what he has or looks for, in FEP-0837's own type; its id."""
        return self._post(
            kind="Proposal",
            name=name,
            content="<p>Green, of wood.</p>",
            purpose=purpose,
            publishes={"action": "transfer", "unit": "one", "number": "2"},
            reciprocal={"action": "transfer", "conformsTo": EURO, "unit": "one", "number": "10"},
            to=["public"],
        )

    @contextmanager
    def following(self) -> Iterator[None]:
        """The hub follows fred for a while."""
        row = self.hub.api("POST", "follows", {"handle": self.fedify.handle})
        self.hub.accepted()
        try:
            yield
        finally:
            self.hub.api("DELETE", f"follows/{row['id']}")

    def _post(self, **given: Any) -> str:
        uri: str = self.fedify.ask("post", **given)["id"]
        return uri


@pytest.fixture(scope="module")
def scene(world: Town) -> Iterator[Scene]:
    made = Scene(world.hub(), world.fedify())
    yield made
    assert made.fedify.ask("refused") == [], "Fedify refused signatures of ours"


def test_a_reply_of_a_server_we_do_not_know_waits_for_a_steward(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    uri = scene.reply(event, "Shall I bring chairs?", to=("public",))
    message = until(lambda: scene.hub.message("Shall I bring chairs?"), "the reply that waits")
    assert scene.hub.replies(event) == []
    assert "Shall I bring chairs?" not in scene.hub.page(f"/events/{event['id']}")
    scene.hub.click(message, "pass")
    assert scene.hub.replies(event) == [uri]
    assert "Shall I bring chairs?" in scene.hub.page(f"/events/{event['id']}")


def test_a_reply_of_a_server_we_follow_stands_under_the_event_at_once(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    with scene.following():
        uri = scene.reply(event, "I bring a guitar.", to=("public",))
        until(lambda: scene.hub.replies(event) == [uri], "the reply under the event")
    assert "I bring a guitar." in scene.hub.page(f"/events/{event['id']}")
    assert scene.hub.api("GET", f"events/{event['id']}")["replies"] == 1


def test_a_private_reply_reaches_the_stewards_alone_and_their_answer_arrives(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    question = scene.reply(event, "Is there a ramp?", to=())
    message = until(lambda: scene.hub.message("Is there a ramp?"), "the private reply")
    assert scene.hub.replies(event) == []
    assert "Is there a ramp?" not in scene.hub.page(f"/events/{event['id']}")
    assert scene.hub.web.get("/admin/inbox").status_code != 200

    scene.hub.click(message, "answer", text="Yes, at the back door.")
    answer = until(lambda: _answers(scene.fedify, question), "the answer at Fedify")[0]
    assert "Yes, at the back door." in answer["content"]
    assert answer["author"] == scene.hub.actor("events")
    assert answer["to"] == [scene.fedify.fred]
    mentions = [tag for tag in answer["tags"] if tag["kind"] == "Mention"]
    assert [tag["href"] for tag in mentions] == [scene.fedify.fred]
    assert scene.hub.web.get(answer["id"]).status_code == 404
    assert "back door" not in scene.hub.page(f"/events/{event['id']}")


def test_an_event_of_a_server_we_follow_is_listed_with_its_origin(scene: Scene) -> None:
    with scene.following():
        uri = scene.post_event("Fedify picnic")
        (there,) = until(lambda: _listed(scene.hub, uri), "fred's event in our list")
    assert there["title"] == "Fedify picnic"
    assert there["origin"] == "fedify.test"
    assert there["location"] == "Fedify park"
    assert datetime.fromisoformat(there["starts_at"]) == STARTS
    assert datetime.fromisoformat(there["ends_at"]) == STARTS + timedelta(hours=2)
    page = scene.hub.page("/events")
    assert "Fedify picnic" in page
    assert "fedify.test" in page


@pytest.mark.parametrize(("purpose", "kind"), [("offer", "offers"), ("request", "wants")])
def test_ap_59_a_proposal_of_fedifys_vocabulary_is_listed(
    scene: Scene, purpose: str, kind: str
) -> None:
    with scene.following():
        uri = scene.post_proposal(purpose, "Two garden chairs")
        (there,) = until(lambda: _listed(scene.hub, uri, kind), "fred's proposal in our list")
    assert there["title"] == "Two garden chairs"
    assert there["origin"] == "fedify.test"
    assert there["quantity"] == "2"
    assert there["price"] == "10 €"
    assert "Green, of wood." in there["content"]
    page = scene.hub.page("/swap")
    assert "Two garden chairs" in page
    other = "wants" if kind == "offers" else "offers"
    assert _listed(scene.hub, uri, other) == []


def test_we_follow_somebody_by_handle_and_let_them_go_again(scene: Scene) -> None:
    scene.hub.command("follow", scene.fedify.handle)
    row = scene.hub.accepted()
    assert row["uri"] == scene.fedify.fred
    assert scene.fedify.ask("followers") == [scene.hub.actor("relay")]
    scene.hub.command("unfollow", scene.fedify.handle)
    until(lambda: scene.fedify.ask("followers") == [], "the Undo at Fedify")
    assert scene.hub.follows() == []


def _answers(fedify: Fedify, question: str) -> list[Json]:
    notes = [one["object"] for one in fedify.received("Create", "Note")]
    return [note for note in notes if note["inReplyTo"] == question]


def _listed(hub: Hub, uri: str, kind: str = "events") -> list[Json]:
    return [row for row in hub.listed(kind) if row["uri"] == uri]
