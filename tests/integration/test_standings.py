"""How other servers stand: silenced, blocked, complained about; and what our relay does."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import select, update

from federation.signatures.http import sign_request
from federation.testing import MemorySite
from federation.vocab.activities import Activity, Announce, Block, Flag, Follow
from federation.vocab.names import AS2, PUBLIC
from hub.actors import service
from hub.commands import COMMANDS
from hub.core.clock import now
from hub.core.errors import Elsewhere
from hub.entries.models import Entry
from hub.fediverse import follows, outbox, peers
from hub.fediverse.models import Delivery, InboxActivity, OutboxActivity
from tests.conftest import MakeHub, Running, settle
from tests.integration.test_two_hubs import EVENT, _follow, _listed, _post
from tests.towns import Town, signed_in

Hubs = tuple[Running, Running]


async def _command(hub: Running, name: str, **given: Any) -> list[str]:
    return [line["text"] async for line in COMMANDS[name](hub.services, **given)]


# ------------------------------------------------------------------------------ AP-43


async def test_ap_43_a_flag_reaches_the_stewards_with_what_it_names_of_ours(town: Town) -> None:
    relay, entry = town.site.uri("relay"), town.event["uri"]
    others = "https://other.example/notes/1"
    flag = Flag(
        id=f"{relay}#flag", actor=relay, objects=(town.events, others, entry), content="Spam!"
    )
    before = len(await _outbox(town.hub))
    await town.send(flag, "relay")
    await town.send(flag, "relay")
    (report,) = await town.reports()
    assert (report.about, report.about_id) == ("entry", town.event_id)
    assert (report.title, report.words) == ("Repair café", "Spam!")
    await town.send(Flag(id=f"{relay}#2", actor=relay, objects=(town.events, others)), "relay")
    (_, report) = await town.reports()
    assert (report.about, report.evidence) == ("hub", town.events)
    assert len(await _outbox(town.hub)) == before, "nothing is answered"


async def test_ap_43_a_flag_about_nothing_of_ours_is_dropped(town: Town) -> None:
    relay = town.site.uri("relay")
    await town.send(Flag(id=f"{relay}#f", actor=relay, objects=("https://o.example/1",)), "relay")
    await town.send(Flag(id=f"{relay}#g", actor=relay, objects=()), "relay")
    assert await town.messages() == ()
    assert await town.reports() == []


async def test_ap_43_a_block_ends_the_follow_and_is_not_answered(town: Town) -> None:
    await town.hear()
    ada, before = town.site.uri("ada"), len(await _outbox(town.hub))
    await town.send(Block(id=f"{ada}#b", actor=ada, object=town.events))
    await town.send(Block(id=f"{ada}#c", actor=ada, object="https://nobody.example/x"))
    async with town.hub.services.db.read() as session:
        assert await follows.followers(session) == []
    assert len(await _outbox(town.hub)) == before


async def test_ap_43_types_that_nobody_knows_are_taken_and_dropped(town: Town) -> None:
    ada = town.site.uri("ada")
    for kind in ("Travel", "Invite", "View", "Offer", "Dislike", "Wobble", "QuoteRequest", "Add"):
        document = {
            "@context": AS2,
            "id": f"{ada}#{kind}",
            "type": kind,
            "actor": ada,
            "object": {"id": f"{town.site.origin}/x/{kind}", "type": "Wobbler", "actor": ada},
            "target": f"{ada}/featured",
            "to": [PUBLIC],
        }
        outcome = await town.site.send_document("ada", document, f"{town.events}/inbox")
        assert type(outcome).__name__ == "Delivered", kind
    await town.hub.work()
    async with town.hub.services.db.read() as session:
        states = set(await session.scalars(select(InboxActivity.state)))
    assert states <= {"done", "dropped"}


async def _outbox(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(OutboxActivity.type).order_by(OutboxActivity.id))
        return list(rows)


# ------------------------------------------------------------------------------ AP-84


async def test_ap_84_a_blocked_server_can_neither_post_nor_read(hubs: Hubs) -> None:
    north, south = hubs
    event = await _post(north, "events", EVENT)
    await _command(north, "block", host="south.example")
    north.hub.site.forget()
    relay = f"{south.url}/actors/relay"
    for path in (f"/events/{event['id']}", f"/events/{event['id']}/replies", "/actors/events",
                 "/actors/events/outbox", "/@events", "/api/v1/events"):  # fmt: skip
        url = f"{north.url}{path}"
        signed = sign_request(south.services.keys[relay], "GET", url, None, now=now())
        accept = {"accept": "application/activity+json"}
        answer = await north.web.get(path, headers={**accept, **signed})
        assert answer.status_code == 403, path
        assert (await north.web.get(path, headers=accept)).status_code != 403, path
    with pytest.raises(Elsewhere):
        await follows.follow(south.services, "@events@north.example")
    body = orjson.dumps({"@context": AS2, "id": f"{relay}#1", "type": "Like", "actor": relay,
                         "object": event["uri"]})  # fmt: skip
    signed = sign_request(south.services.keys[relay], "POST", f"{north.url}/inbox", body, now=now())
    kind = {"content-type": "application/activity+json"}
    answer = await north.web.post("/inbox", content=body, headers={**kind, **signed})
    assert answer.status_code == 403


async def test_ap_84_nothing_of_a_blocked_server_is_shown_or_sent_there(make_hub: MakeHub) -> None:
    north, south, west = [await make_hub(f"{name}.example") for name in ("north", "south", "west")]
    await _follow(north, south, "events")
    await _follow(south, north, "events")
    await _follow(north, west, "relay")
    await _post(south, "events", EVENT)
    await settle(north, south, west)
    assert len(await _listed(north, "events")) == 1
    await _command(north, "block", host="south.example")
    assert await _listed(north, "events") == []
    # West passes on what the blocked server publishes: it is not even asked for.
    announced = f"{south.url}/events/{uuid4()}"
    async with west.services.db.write() as session:
        relay = await service.local(session, "relay")
        announce = Announce(id=f"{relay.uri}#a", actor=relay.uri, object=announced, to=(PUBLIC,))
        await outbox.post(session, west.services, relay, announce, to_followers=True)
    north.wire.dials.clear()
    await _post(north, "events", EVENT)
    await settle(north, west)
    assert [dial for dial in north.wire.dials if "south.example" in dial] == []


@pytest.fixture
async def crowd(hub: Running) -> dict[str, MemorySite]:
    """Servers whose relays follow our events."""
    names = ("bad.example", "bad.example:8443", "x.bad.example", "x.bad.example:8443",
             "notbad.example", "bad.example.org")  # fmt: skip
    sites = {name: MemorySite(f"https://{name}", hub.wire) for name in names}
    for site in sites.values():
        relay = site.uri("relay")
        follow = Follow(id=f"{relay}#f", actor=relay, object=f"{hub.url}/actors/events")
        await site.send("relay", follow, f"{hub.url}/inbox")
    await hub.work()
    for site in sites.values():
        site.received.clear()
    return sites


async def test_ap_84_a_block_holds_for_the_names_below_and_at_every_port(
    hub: Running, crowd: dict[str, MemorySite]
) -> None:
    for origin in ("", *crowd):
        event = await _post(hub, "events", {**EVENT, "title": f"Day at {origin}"})
        async with hub.services.db.write() as session:
            changed = update(Entry).where(Entry.uri == event["uri"])
            await session.execute(changed.values(origin=origin))
    async with hub.services.db.write() as session:
        await peers.block(session, hub.services, "bad.example")
    await hub.work()
    listed = {one["title"] for one in await _listed(hub, "events")}
    assert listed == {"Day at", "Day at notbad.example", "Day at bad.example.org"}
    assert {name for name, site in crowd.items() if site.received} == {
        "notbad.example",
        "bad.example.org",
    }


async def test_ap_84_a_block_lets_go_of_followers_at_every_port(
    hub: Running, crowd: dict[str, MemorySite]
) -> None:
    await _post(hub, "events", EVENT)
    hub.wire.down.update(crowd)
    await hub.work()
    await _command(hub, "block", host="bad.example")
    async with hub.services.db.read() as session:
        left = {row.follower.authority for row in await follows.followers(session)}
        waiting = set(await session.scalars(select(Delivery.host)))
    assert left == waiting == {"notbad.example", "bad.example.org"}


# ------------------------------------------------------------------------------ silence


async def test_what_a_silenced_server_publishes_waits_for_a_steward(hubs: Hubs) -> None:
    north, south = hubs
    await _follow(north, south, "events")
    first = await _post(south, "events", EVENT)
    await settle(north, south)
    assert await _command(north, "block", host="south.example", silence=True) == [
        "south.example is silenced: it may go on to send, but what it publishes waits for a "
        "steward before anybody sees it here."
    ]
    assert "silenced" in (await _command(north, "peers"))[0]
    second = await _post(south, "events", {**EVENT, "title": "Night walk"})
    await settle(north, south)
    assert await _listed(north, "events") == []
    async with signed_in(north) as (web, csrf):
        page = (await web.get("/admin/inbox")).text
        assert "Repair café" in page
        assert "Night walk" in page
        async with north.services.db.read() as session:
            entry = await session.scalar(select(Entry.id).where(Entry.uri == second["uri"]))
        await web.post(f"/admin/entries/{entry}/show", data={"csrf": csrf})
    assert [one["uri"] for one in await _listed(north, "events")] == [second["uri"]]
    await _command(north, "block", host="south.example", undo=True)
    uris = {one["uri"] for one in await _listed(north, "events")}
    assert uris == {first["uri"], second["uri"]}


async def test_replies_of_a_silenced_server_wait_again(town: Town) -> None:
    await town.hear()
    await town.say(town.note())
    assert len(await town.thread()) == 1
    body = {"host": "town.example", "standing": "silenced"}
    answer = await town.hub.web.post("/api/v1/blocks", json=body, headers=town.hub.steward)
    assert answer.json() == {**body, "taken_back": 0}
    await town.say(town.note())
    assert await town.thread() == []
    assert [message.kind for message in await town.messages()] == ["held", "held"]
    listed = await town.hub.web.get("/api/v1/blocks", headers=town.hub.steward)
    assert [(one["host"], one["standing"]) for one in listed.json()["items"]] == [
        ("town.example", "silenced")
    ]


async def test_a_steward_silences_and_hears_again_on_the_page_of_servers(town: Town) -> None:
    await town.hear()
    async with signed_in(town.hub) as (web, csrf):
        for deed, standing in (("silence", "silenced"), ("block", "blocked"), ("unblock", "open")):
            assert f'action="/admin/servers/{deed}"' in (await web.get("/admin/servers")).text
            form = {"csrf": csrf, "host": "town.example"}
            await web.post(f"/admin/servers/{deed}", data=form)
            peers = await town.hub.web.get("/api/v1/peers", headers=town.hub.steward)
            assert [peer["standing"] for peer in peers.json()["items"]] == [standing]


# ------------------------------------------------------------------------------ AP-86


@pytest.mark.parametrize("kind", ["events", "offers", "wants"])
async def test_ap_86_the_relay_announces_each_public_entry_once_after_its_create(
    hub: Running, kind: str
) -> None:
    offer = {"title": "Ladder", "description": "Long.", "kind": "item", "mode": "lend"}
    draft = EVENT if kind == "events" else offer
    posted = await _post(hub, kind, draft)
    path = f"/api/v1/{kind}/{posted['id']}"
    await hub.web.patch(path, json={"title": "Another title"}, headers=hub.steward)
    await _post(hub, kind, {**draft, "visibility": "hub"})
    await hub.work()
    async with hub.services.db.read() as session:
        rows = (await session.scalars(select(OutboxActivity).order_by(OutboxActivity.id))).all()
    relay = f"{hub.url}/actors/relay"
    said = [(row.type, orjson.loads(row.body)) for row in rows]
    assert [kind for kind, _ in said] == ["Create", "Announce", "Update"]
    announce = said[1][1]
    assert (announce["actor"], announce["object"]) == (relay, posted["uri"])
    assert PUBLIC in announce["to"]


@pytest.mark.parametrize("wanted", ["relay", "public"])
async def test_ap_86_the_relay_takes_both_kinds_of_follow(hub: Running, wanted: str) -> None:
    site = MemorySite("https://town.example", hub.wire)
    relay = f"{hub.url}/actors/relay"
    uri = site.uri("relay")
    follow = Follow(id=f"{uri}#f", actor=uri, object=relay if wanted == "relay" else PUBLIC)
    await site.send("relay", follow, f"{hub.url}/inbox")
    await hub.work()
    posted = await _post(hub, "events", EVENT)
    await hub.work()
    accept, announce = [one.activity for one in site.received]
    assert (accept.type, accept.actor, accept.object_id) == ("Accept", relay, follow.id)
    assert isinstance(accept.object, Activity)
    assert accept.object.object == follow.object
    assert (announce.type, announce.object) == ("Announce", posted["uri"])


@pytest.mark.parametrize(
    ("policy", "name", "back"),
    [
        ("open", "relay", True),
        ("open", "instance", False),
        ("open", "events", False),
        ("limited", "relay", False),
    ],
)
async def test_ap_86_an_open_hub_follows_relays_back(
    make_hub: MakeHub, policy: str, name: str, back: bool
) -> None:
    hub = await make_hub("hub.example", federation=policy)
    first = "relay" if name == "events" else name  # the first one is an Application
    site = MemorySite("https://town.example", hub.wire, names=(first, "events"))
    follow = Follow(id=f"{site.origin}/f", actor=site.uri(name), object=f"{hub.url}/actors/relay")
    await site.send(name, follow, f"{hub.url}/inbox")
    await site.send(name, follow, f"{hub.url}/inbox")
    await hub.work()
    asked = [one.activity.object for one in site.received if one.activity.type == "Follow"]
    assert asked == ([site.uri(name)] if back else [])
    async with hub.services.db.read() as session:
        ways = [row.relay for row in await follows.ours(session)]
    assert ways == ([follows.AS_ACTOR] if back else [])  # nobody here chose to trust it


async def test_ap_88_two_open_hubs_that_follow_each_other_back_come_to_rest(
    make_hub: MakeHub,
) -> None:
    north = await make_hub("north.example", federation="open")
    south = await make_hub("south.example", federation="open")
    await _follow(south, north, "relay")
    for hub in (north, south):
        async with hub.services.db.read() as session:
            assert [row.state for row in await follows.ours(session)] == ["accepted"]
    posted = await _post(north, "events", EVENT)
    await settle(north, south)
    assert [one["uri"] for one in await _listed(south, "events")] == [posted["uri"]]
    assert "Announce" not in await _outbox(south)
