"""A hub as it runs in the field, on uvloop, with each of its clients: aiohttp's and libcurl's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.interop.fedify import Fedify
from tests.interop.hubs import Client, Hub
from tests.interop.processes import until
from tests.interop.town import Town
from tests.interop.world import missing

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

STARTS = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT = {"title": "Street party", "starts_at": STARTS.isoformat(), "location": "Linden yard"}
HUBS: dict[str, Client] = {"north": "aiohttp", "south": "libcurl"}
LIBRARIES = {"uvloop": "/uvloop/loop.", "libcurl": "/pycurl."}


@dataclass(frozen=True)
class Scene:
    """A hub with one of the clients, and a Fedify server whose @fred follows its events."""

    town: Town
    hub: Hub
    client: Client
    fedify: Fedify

    @property
    def libraries(self) -> set[str]:
        """What the hub's process has loaded of that which dials below Python."""
        maps = Path(f"/proc/{self.hub.pid}/maps").read_text()
        return {name for name, file in LIBRARIES.items() if file in maps}


@pytest.fixture(scope="module")
def fedify(world: Town) -> Iterator[Fedify]:
    made = world.fedify()
    yield made
    assert made.ask("refused") == [], "Fedify refused signatures of ours"


@pytest.fixture(scope="module", params=HUBS, ids=HUBS.get)
def scene(world: Town, fedify: Fedify, request: pytest.FixtureRequest) -> Scene:
    client = HUBS[request.param]
    made = Scene(world, world.hub(request.param, client=client), client, fedify)
    fedify.ask("follow", actor=made.hub.actor("events"))
    events = made.hub.actor("events")
    until(lambda: events in {one["actor"] for one in fedify.received("Accept")}, "the Accept")
    return made


@pytest.fixture(scope="module", autouse=True)
def _in_the_field() -> None:
    """What this file is about is there, or it is skipped in a sentence."""
    if missing():
        pytest.skip(f"Servers cannot run as in the field here: {missing()}")


def test_the_hub_runs_on_uvloop_and_delivers_with_this_client(scene: Scene) -> None:
    beside = {"libcurl"} if scene.client == "libcurl" else set[str]()
    assert scene.libraries == {"uvloop"} | beside


def test_what_is_published_changed_and_deleted_arrives_signed(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    uri, path = event["uri"], f"events/{event['id']}"
    assert scene.fedify.waits_for("Create", uri)["name"] == "Street party"
    scene.hub.api("PATCH", path, {"title": "Yard party"})
    assert scene.fedify.waits_for("Update", uri)["name"] == "Yard party"
    scene.hub.api("DELETE", path)
    assert scene.fedify.waits_for("Delete", uri)["kind"] == "Tombstone"
    for kind in ("Create", "Update", "Delete"):
        brought = scene.town.proxy.delivered(scene.fedify.host, kind)
        ours = [one for one in brought if uri in one.body.decode()]
        assert [(one.scheme, one.status) for one in ours] == [("rfc9421", 202)]


def test_the_hub_follows_somebody_and_hears_a_reply(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    scene.hub.command("follow", scene.fedify.handle)
    assert scene.hub.accepted()["uri"] == scene.fedify.fred
    assert scene.hub.actor("relay") in scene.fedify.ask("followers")
    reply = scene.fedify.ask(
        "post",
        kind="Note",
        content="<p>I bring a guitar.</p>",
        inReplyTo=event["uri"],
        to=["public", scene.hub.actor("events")],
        mention={"href": scene.hub.actor("events"), "name": f"@events@{scene.hub.host}"},
        inboxOf=scene.hub.actor("events"),
    )["id"]
    until(lambda: scene.hub.replies(event) == [reply], "the reply under the event")
    assert "I bring a guitar." in scene.hub.page(f"/events/{event['id']}")
    scene.hub.command("unfollow", scene.fedify.handle)
    relay = scene.hub.actor("relay")
    until(lambda: relay not in scene.fedify.ask("followers"), "the Undo at Fedify")
