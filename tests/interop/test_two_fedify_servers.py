"""What goes between two Fedify servers and a hub: mail that others bring, people who move or go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.interop.fedify import Fedify
from tests.interop.hubs import Hub, Json
from tests.interop.processes import until
from tests.interop.proxy import Exchange
from tests.interop.town import Town

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

STARTS = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT = {"title": "Street party", "starts_at": STARTS.isoformat(), "location": "Linden yard"}
OFFER = {"title": "Extension ladder", "description": "Three parts.", "mode": "lend"}


@dataclass(frozen=True)
class Scene:
    """A hub, and two Fedify servers; only `near` follows the hub at first."""

    town: Town
    hub: Hub
    near: Fedify
    far: Fedify

    def brought(self, to: Hub | Fedify, kind: str, uri: str) -> Exchange:
        """The one delivery of a kind about an object to a server."""
        brought = self.town.proxy.delivered(to.host, kind)
        (found,) = [one for one in brought if _about(one.document) == uri]
        return found

    @contextmanager
    def following(self, handle: str) -> Iterator[None]:
        """The hub follows somebody for a while."""
        row = self.hub.api("POST", "follows", {"handle": handle})
        self.hub.accepted()
        try:
            yield
        finally:
            self.hub.api("DELETE", f"follows/{row['id']}")

    def post_event(self, server: Fedify, who: str, name: str) -> str:
        """Somebody announces an event to their followers; its id."""
        words = {"name": name, "content": "<p>Come.</p>", "startTime": STARTS.isoformat()}
        posted = server.ask("post", **{"as": who}, kind="Event", to=["public"], **words)
        uri: str = posted["id"]
        return uri


@pytest.fixture(scope="module")
def scene(world: Town) -> Iterator[Scene]:
    made = Scene(world, world.hub(), world.fedify(), world.fedify("older"))
    for name in ("events", "offers", "relay"):
        made.near.ask("follow", actor=made.hub.actor(name))
    until(lambda: len(made.near.received("Accept")) == 3, "three Accepts")
    yield made
    for server in (made.near, made.far):
        assert server.ask("refused") == [], "Fedify refused signatures of ours"


def test_ap_23_fedify_verifies_our_proofs_and_sees_what_was_changed(scene: Scene) -> None:
    event = scene.hub.post("events", **EVENT)
    uri = event["uri"]
    scene.near.waits_for("Create", uri)
    scene.near.hears("Announce", uri)
    scene.hub.api("PATCH", f"events/{event['id']}", {"title": "Yard party"})
    scene.near.waits_for("Update", uri)
    scene.hub.api("DELETE", f"events/{event['id']}")
    scene.near.waits_for("Delete", uri)
    for kind in ("Create", "Announce", "Update", "Delete"):
        document = scene.brought(scene.near, kind, uri).document
        assert scene.near.ask("proven", document=document), kind
        changed = {**document, "published": "2026-01-01T00:00:00Z"}
        assert not scene.near.ask("proven", document=changed), kind
        ours, another = scene.hub.actor(""), scene.hub.actor("wants")
        assert document["actor"].startswith(ours)
        assert not scene.near.ask("proven", document={**document, "actor": another}), kind


def test_ap_23_what_another_server_passes_on_of_us_is_believed_by_its_proof(scene: Scene) -> None:
    scene.near.ask("forward", to=scene.far.fred)
    offer = scene.hub.post("offers", **OFFER)
    uri = offer["uri"]
    there = scene.far.waits_for("Create", uri)
    assert there["author"] == scene.hub.actor("offers")
    assert "Extension ladder" in there["content"]
    scene.hub.api("PATCH", f"offers/{offer['id']}", {"title": "Long ladder"})
    assert "Long ladder" in scene.far.waits_for("Update", uri)["content"]
    for kind in ("Create", "Update"):
        passed_on = scene.brought(scene.far, kind, uri)
        assert passed_on.status == 202
        assert _signer_host(passed_on) == scene.near.host
        sent = scene.brought(scene.near, kind, uri)
        assert passed_on.document["proof"] == sent.document["proof"]
    scene.near.ask("forward", to=None)


def test_ap_42_a_reply_goes_to_our_followers_elsewhere_byte_by_byte(scene: Scene) -> None:
    events = scene.hub.actor("events")
    scene.far.ask("follow", actor=events)
    until(lambda: scene.far.received("Accept"), "the Accept at the other server")
    event = scene.hub.post("events", **EVENT)
    with scene.following(scene.near.handle):
        reply = scene.near.ask(
            "post",
            kind="Note",
            content="<p>I bring a guitar.</p>",
            inReplyTo=event["uri"],
            to=["public", events, f"{events}/followers"],
            inboxOf=events,
        )["id"]
        there = scene.far.waits_for("Create", reply)
    assert there["author"] == scene.near.fred
    assert there["inReplyTo"] == event["uri"]
    passed_on = scene.brought(scene.far, "Create", reply)
    assert _signer_host(passed_on) == scene.hub.host
    assert passed_on.body == scene.brought(scene.hub, "Create", reply).body
    assert scene.hub.replies(event) == [reply]


def test_ap_44_whom_we_follow_we_follow_to_another_server(scene: Scene) -> None:
    old, new = scene.near.person("finn"), scene.far.person("finn")
    relay = scene.hub.actor("relay")
    scene.hub.command("follow", f"@finn@{scene.near.host}")
    until(lambda: _followed(scene.hub) == {old: "accepted"}, "the Accept of the old account")
    scene.near.ask("become", **{"as": "finn"}, successor=new)
    scene.near.act("finn", "Move", old, None, target=new, to=["public"])
    # The new account does not know of the old one: nobody is led anywhere.
    until(lambda: scene.town.proxy.delivered(scene.hub.host, "Move"), "the Move")
    assert scene.far.ask("followers", **{"as": "finn"}) == []
    scene.far.ask("become", **{"as": "finn"}, aliases=[old])
    scene.near.act("finn", "Move", old, None, target=new, to=["public"])
    until(lambda: _followed(scene.hub) == {new: "accepted"}, "the follow of the new account")
    assert scene.far.ask("followers", **{"as": "finn"}) == [relay]
    until(lambda: not scene.near.ask("followers", **{"as": "finn"}), "the Undo at the old one")

    uri = scene.post_event(scene.far, "finn", "Housewarming")
    (there,) = until(lambda: _listed(scene.hub, uri), "an event from the new account")
    assert there["origin"] == scene.far.host
    scene.hub.command("unfollow", f"@finn@{scene.far.host}")


def test_ap_45_who_deletes_their_account_is_forgotten(scene: Scene) -> None:
    frida = scene.near.person("frida")
    scene.hub.command("follow", f"@frida@{scene.near.host}")
    until(lambda: _followed(scene.hub) == {frida: "accepted"}, "frida's Accept")
    uri = scene.post_event(scene.near, "frida", "Farewell")
    until(lambda: _listed(scene.hub, uri), "frida's event")
    scene.near.ask("become", **{"as": "frida"}, gone=True)
    scene.near.act("frida", "Delete", frida, None, to=["public"])
    until(lambda: not _listed(scene.hub, uri), "the end of her event")
    assert _followed(scene.hub) == {}
    assert "Farewell" not in scene.hub.page("/events")


def _about(activity: Json) -> str:
    thing = activity["object"]
    return str(thing["id"] if isinstance(thing, dict) else thing)


def _signer_host(exchange: Exchange) -> str:
    """The host whose key signed a delivery."""
    signed = exchange.headers.get("signature-input") or exchange.headers["signature"]
    _, _, rest = signed.replace("keyId", "keyid").partition('keyid="https://')
    return rest.partition("/")[0]


def _followed(hub: Hub) -> dict[str, str]:
    return {row["uri"]: row["state"] for row in hub.follows()}


def _listed(hub: Hub, uri: str) -> list[Json]:
    return [row for row in hub.listed("events") if row["uri"] == uri]
