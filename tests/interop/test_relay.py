"""ActivityRelay carries an event of one hub to another that does not follow it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.interop.hubs import Hub
from tests.interop.processes import until
from tests.interop.town import Town

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

STARTS = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT = {"title": "Flea market", "starts_at": STARTS.isoformat(), "location": "Linden yard"}
HANDLE = "@relay@relay.test"


def test_an_event_reaches_a_hub_by_way_of_a_relay_once(world: Town) -> None:
    relay = world.relay()
    north, south = world.hub("north"), world.hub("south")
    north.command("follow", relay)
    south.api("POST", "follows", {"handle": HANDLE})
    assert [hub.accepted()["uri"] for hub in (north, south)] == [relay, relay]
    until(lambda: _followed_by_relay(north, relay), "the relay's own Follow")
    until(lambda: _followed_by_relay(south, relay), "the relay's own Follow")

    event = north.post("events", **EVENT)
    (there,) = until(lambda: south.listed("events"), "the event at the other hub")
    assert there["uri"] == event["uri"]
    assert there["title"] == "Flea market"
    assert there["origin"] == "north.test"
    assert datetime.fromisoformat(there["starts_at"]) == STARTS

    announces = [one.document for one in world.proxy.delivered("south.test", "Announce")]
    assert [announce["actor"] for announce in announces] == [relay]
    assert [announce["object"] for announce in announces] == [event["uri"]]
    fetched = [one for one in world.proxy.fetched("north.test") if one.target in event["uri"]]
    assert any("south.test" in one.headers.get("user-agent", "") for one in fetched)
    assert [row["uri"] for row in north.listed("events")] == [event["uri"]]

    # What comes later is forwarded as we signed it: the proof counts, not who brought it.
    north.api("PATCH", f"events/{event['id']}", {"title": "Flea market in the yard"})
    until(lambda: _titles(south) == ["Flea market in the yard"], "the edit at the other hub")
    north.api("DELETE", f"events/{event['id']}")
    until(lambda: south.listed("events") == [], "the deletion at the other hub")
    for kind in ("Update", "Delete"):
        (brought,) = world.proxy.delivered("south.test", kind)
        assert relay in brought.headers["signature"]
        assert brought.document["proof"]["verificationMethod"].startswith(north.actor("events"))


def _titles(hub: Hub) -> list[str]:
    return [row["title"] for row in hub.listed("events")]


def _followed_by_relay(hub: Hub, relay: str) -> bool:
    return relay in {row["uri"] for row in hub.api("GET", "followers")["items"]}
