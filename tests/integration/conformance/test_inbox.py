"""PROTOCOL §4: what an inbox answers, and what becomes of what others publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from hub.entries.models import Entry, Reaction
from hub.fediverse import follows
from hub.fediverse.models import Follow, Tombstone
from tests.conftest import Running
from tests.integration.conformance.peer import (
    ACTIVITY,
    Peer,
    entry_of,
    listed,
    log_of,
    post_event,
    replies_of,
)


async def _titles(hub: Running) -> list[str]:
    return [each["title"] for each in await listed(hub)]


async def _followers(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return [row.follower.uri for row in await follows.followers(session)]


# --------------------------------------------------------------------------- AP-27 … AP-29


async def test_ap_27_the_answer_comes_before_the_effects(peer: Peer) -> None:
    said = peer.activity("Follow", f"{peer.hub.url}/actors/events", to=None)
    answer = await peer.post(said)
    assert (answer.status_code, answer.content) == (202, b"")
    assert await log_of(peer.hub) == [("waiting", "")]
    assert await _followers(peer.hub) == []
    await peer.hub.work()
    assert await _followers(peer.hub) == [peer.uri("ada")]
    assert await log_of(peer.hub) == [("done", "")]


async def test_ap_27_a_blocked_server_hears_403_even_with_a_bad_signature(peer: Peer) -> None:
    hub = peer.hub
    blocked = await hub.web.post("/api/v1/blocks", json={"host": peer.host}, headers=hub.steward)
    assert blocked.is_success
    hub.hub.site.forget()
    body = orjson.dumps(peer.activity("Like", f"{hub.url}/events/1"))
    headers = peer.signed(body)
    assert (await peer.raw(body, headers)).status_code == 403
    forged = headers["Signature"].replace('signature="', 'signature="AAAA')
    assert (await peer.raw(body, {**headers, "Signature": forged})).status_code == 403
    assert hub.wire.dials == []


@pytest.mark.parametrize("path", ["/inbox", "/actors/events/inbox"])
async def test_ap_28_the_same_activity_is_acted_upon_once(peer: Peer, path: str) -> None:
    said = peer.activity("Follow", f"{peer.hub.url}/actors/events", to=None)
    await peer.post(said)
    await peer.post(said, path=path)  # before it was acted upon
    await peer.hub.work()
    await peer.tell(said, path=path)  # and after
    await peer.tell({**said, "object": f"{peer.hub.url}/actors/offers"})  # whatever it says now
    assert len(await log_of(peer.hub)) == 1
    assert await _followers(peer.hub) == [peer.uri("ada")]
    assert len(peer.mail("Accept")) == 1


async def test_ap_29_what_lies_elsewhere_is_asked_of_its_origin(peer: Peer) -> None:
    other = Peer(peer.hub, "other.example")
    await peer.be_followed()
    await other.be_followed()
    thing = other.serve(other.event(name="As its author said it"))
    forged = {**thing, "name": "Forged"}
    await peer.tell(peer.activity("Announce", forged))
    assert await _titles(peer.hub) == ["As its author said it"]
    assert other.fetches(thing["id"]) == 1
    missing = other.event(name="Never said")
    await peer.tell(peer.activity("Announce", missing))
    assert await _titles(peer.hub) == ["As its author said it"]
    assert other.fetches(missing["id"]) == 1


# --------------------------------------------------------------------------- AP-30 … AP-34


async def test_ap_30_what_is_relevant_is_kept_and_the_rest_dropped(peer: Peer) -> None:
    hub = peer.hub
    await peer.be_followed()
    await peer.create(peer.event(name="Of one whom we follow"))
    await peer.create(peer.event("bob", name="Of a stranger"), "bob")
    meant = peer.event("bob", name="For us", cc=[f"{hub.url}/actors/events"])
    await peer.create(meant, "bob")
    assert sorted(await _titles(hub)) == ["For us", "Of one whom we follow"]
    event = await post_event(hub)
    reply = peer.event("bob", type="Note", inReplyTo=event["uri"])
    await peer.create(reply, "bob")
    await peer.create(peer.event("bob", type="Note"), "bob")
    assert [row.uri for row in await replies_of(hub)] == [reply["id"]]
    assert [state for state, _ in await log_of(hub)] == [
        "done", "done", "dropped", "done", "done", "dropped",
    ]  # fmt: skip


async def _stored(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Entry.uri).where(Entry.origin != "")))


async def test_ap_31_an_author_who_is_not_the_actor_is_not_believed(peer: Peer) -> None:
    other = Peer(peer.hub, "other.example")
    for one in (peer, other):
        await one.be_followed()
    for author in (peer.uri("bob"), other.uri("ada"), f"{peer.hub.url}/actors/events", None):
        await peer.create(peer.event(attributedTo=author))
    assert await _stored(peer.hub) == []


async def test_ap_31_an_id_of_another_origin_is_fetched_and_not_taken_as_sent(peer: Peer) -> None:
    other = Peer(peer.hub, "other.example")
    for one in (peer, other):
        await one.be_followed()
    theirs = other.serve(other.event(name="As its author said it"))
    await peer.create({**theirs, "name": "Forged", "attributedTo": peer.uri("ada")})
    assert other.fetches(theirs["id"]) == 1
    await peer.create(peer.event(id=f"{peer.origin}:8443/events/1"))
    await peer.create(peer.event(id=f"{peer.hub.url}/events/1"))
    await peer.create(peer.event(id=None))
    assert await _stored(peer.hub) == []


async def test_ap_32_an_update_is_its_owners_alone(peer: Peer) -> None:
    other = Peer(peer.hub, "other.example")
    for one in (peer, other):
        await one.be_followed()
    await peer.be_followed("bob")
    thing = await peer.create(peer.event(name="Flea market"))
    changed = {**thing, "name": "Taken over", "updated": "2026-02-01T00:00:00Z"}
    await peer.tell(peer.activity("Update", changed, "bob"), "bob")
    await peer.tell(
        peer.activity("Update", {**changed, "attributedTo": peer.uri("bob")}, "bob"), "bob"
    )
    await other.tell(other.activity("Update", changed))
    assert await _titles(peer.hub) == ["Flea market"]
    ours = await post_event(peer.hub)
    document = (await peer.hub.web.get(ours["uri"], headers=ACTIVITY)).json()
    for author in (peer.uri("ada"), document["attributedTo"]):
        forged = {**document, "name": "Taken over", "attributedTo": author}
        await peer.tell(peer.activity("Update", {**forged, "updated": "2030-01-01T00:00:00Z"}))
    assert sorted(await _titles(peer.hub)) == ["Flea market", "Repair café"]


async def test_ap_32_an_update_replaces_the_whole_copy(peer: Peer) -> None:
    await peer.be_followed()
    place = {"type": "Place", "name": "Yard", "latitude": 50.5, "longitude": 6.5}
    image = {"type": "Image", "mediaType": "image/png", "url": f"{peer.origin}/a.png"}
    thing = await peer.create(
        peer.event(
            location=place,
            attachment=[image],
            tag=[{"type": "Hashtag", "name": "#market"}],
            summary="<p>Bring a table.</p>",
        )
    )
    (before,) = await listed(peer.hub)
    assert (before["location"], before["latitude"], before["tags"]) == ("Yard", 50.5, ["market"])
    bare = ("id", "type", "attributedTo", "startTime", "to", "cc", "@context")
    less = {name: thing[name] for name in bare}
    less |= {"name": "Book market", "updated": "2026-02-01T00:00:00Z"}
    await peer.tell(peer.activity("Update", less))
    (after,) = await listed(peer.hub)
    assert (after["title"], after["location"], after["latitude"]) == ("Book market", "", None)
    assert after["tags"] == []
    entry = await entry_of(peer.hub, thing["id"])
    assert entry is not None
    assert entry.picture_id is None
    assert (entry.content, "table" in entry.summary) == ("", False)


@pytest.mark.parametrize("kind", ["Event", "Note"])
async def test_ap_33_older_and_equal_states_are_passed_over(peer: Peer, kind: str) -> None:
    hub = peer.hub
    await peer.be_followed()
    event = await post_event(hub)
    more: Mapping[str, Any] = {"inReplyTo": event["uri"]} if kind == "Note" else {}
    thing = peer.event(type=kind, content="<p>second</p>", updated="2026-01-02T00:00:00Z", **more)
    await peer.create(thing)

    async def content() -> str:
        if kind == "Note":
            return (await replies_of(hub))[0].content
        entry = await entry_of(hub, thing["id"])
        assert entry is not None
        return entry.content

    for stamp in ("2026-01-02T00:00:00Z", "2026-01-02T01:00:00+01:00", "2026-01-01T12:00:00Z"):
        stale = {**thing, "content": "<p>first</p>", "updated": stamp}
        await peer.tell(peer.activity("Update", stale))
        assert await content() == "<p>second</p>"
    fresh = {**thing, "content": "<p>third</p>", "updated": "2026-01-02T00:00:01Z"}
    await peer.tell(peer.activity("Update", fresh))
    assert await content() == "<p>third</p>"


async def test_ap_33_id_and_kind_never_change(peer: Peer) -> None:
    await peer.be_followed()
    thing = await peer.create(peer.event())
    entry = await entry_of(peer.hub, thing["id"])
    assert entry is not None
    offer = {
        **thing,
        "type": "Note",
        "purpose": "offer",
        "publishes": {"type": "Intent", "name": "A ladder", "action": "transfer"},
        "updated": "2026-02-01T00:00:00Z",
    }
    await peer.tell(peer.activity("Update", offer))
    await peer.tell(peer.activity("Update", {**offer, "type": "Article"}))
    again = await entry_of(peer.hub, thing["id"])
    assert again is not None
    assert (again.id, again.kind, again.title) == (entry.id, "event", "Flea market")
    assert len(await _stored(peer.hub)) == 1


async def test_ap_34_a_delete_of_its_owner_leaves_a_tombstone(peer: Peer) -> None:
    hub = peer.hub
    await peer.be_followed()
    for number, stone in enumerate((False, True)):
        thing = await peer.create(peer.event())
        said = {"id": thing["id"], "type": "Tombstone", "formerType": "Event"}
        (there,) = await listed(hub)
        await peer.tell(peer.activity("Delete", said if stone else thing["id"]))
        assert await listed(hub) == []
        assert (await hub.web.get(f"/events/{there['id']}")).status_code == 410
        entry = await entry_of(hub, thing["id"])
        assert entry is not None
        assert (entry.title, entry.content, entry.document) == ("", "", None)
        async with hub.services.db.read() as session:
            left = list(await session.scalars(select(Tombstone.uri)))
        assert len(left) == number + 1
        assert thing["id"] in left
        for kind in ("Create", "Update"):
            late = {**thing, "updated": "2027-01-01T00:00:00Z"}
            await peer.tell(peer.activity(kind, late))
        assert await listed(hub) == []


async def test_ap_34_a_create_after_its_delete_is_refused(peer: Peer) -> None:
    await peer.be_followed()
    thing = peer.event()
    await peer.tell(peer.activity("Delete", thing["id"]))
    await peer.create(thing)
    assert await _stored(peer.hub) == []


async def test_ap_34_nobody_else_deletes(peer: Peer) -> None:
    hub = peer.hub
    other = Peer(hub, "other.example")
    for one in (peer, other):
        await one.be_followed()
    await peer.be_followed("bob")
    thing = await peer.create(peer.event())
    event = await post_event(hub)
    reply = await peer.create(peer.event(type="Note", inReplyTo=event["uri"]))
    for uri in (thing["id"], reply["id"], event["uri"]):
        await peer.tell(peer.activity("Delete", uri, "bob"), "bob")
        await other.tell(other.activity("Delete", uri))
    await peer.tell(peer.activity("Delete", event["uri"]))
    assert len(await listed(hub)) == 2
    assert [row.uri for row in await replies_of(hub)] == [reply["id"]]
    async with hub.services.db.read() as session:
        assert list(await session.scalars(select(Tombstone.uri))) == []


# --------------------------------------------------------------------------- AP-41 … AP-46


@pytest.mark.parametrize("kind", ["Add", "Remove"])
async def test_ap_41_collections_change_by_nobodys_word(peer: Peer, kind: str) -> None:
    """We keep no collections of others, so none but our own could be meant."""
    hub = peer.hub
    await peer.be_followed()
    await peer.follow()
    event = await post_event(hub)
    thing = await peer.create(peer.event())
    names = ("featured", "upcoming", "outbox", "followers", "following")
    ours = [f"{hub.url}/actors/events/{name}" for name in names]

    async def state() -> list[Any]:
        return [(await hub.web.get(uri, headers=ACTIVITY)).json() for uri in ours]

    before = await state()
    for target in (*ours, f"{event['uri']}/replies", f"{peer.uri('bob')}/featured"):
        for what in (thing["id"], event["uri"], peer.uri("bob")):
            await peer.tell(peer.activity(kind, what, target=target))
    assert await state() == before
    assert await replies_of(hub) == []
    assert {said for said, _ in (await log_of(hub))[3:]} == {"dropped"}


async def _everything_of(peer: Peer, who: str) -> None:
    """An entry, a reply, a like, a boost, and follows both ways."""
    hub = peer.hub
    await peer.be_followed(who)
    await peer.follow("events", who)
    await peer.create(peer.event(who), who)
    event = await post_event(hub)
    await peer.create(peer.event(who, type="Note", inReplyTo=event["uri"]), who)
    for kind in ("Like", "Announce"):
        await peer.tell(peer.activity(kind, event["uri"], who), who)


async def _left(hub: Running) -> tuple[int, int, int, int]:
    async with hub.services.db.read() as session:
        reactions = list(await session.scalars(select(Reaction)))
        relations = list(await session.scalars(select(Follow)))
    entries = [uri for uri in await listed(hub) if uri["origin"] != "hub.example"]
    return len(entries), len(await replies_of(hub)), len(reactions), len(relations)


async def test_ap_45_whoever_leaves_takes_everything_along(peer: Peer) -> None:
    hub = peer.hub
    await _everything_of(peer, "ada")
    assert await _left(hub) == (1, 1, 2, 2)
    await peer.tell(peer.activity("Delete", peer.uri("ada")))
    assert await _left(hub) == (0, 0, 0, 0)
    await peer.create(peer.event())
    assert await _left(hub) == (0, 0, 0, 0)


async def test_ap_45_whoever_left_with_the_keys_is_asked_for_at_home(peer: Peer) -> None:
    hub = peer.hub
    await _everything_of(peer, "ada")
    said = peer.activity("Delete", peer.uri("ada"))
    hub.hub.site.keyring.forget(peer.uri("ada"))
    peer.withdraw(peer.uri("ada"), 410)
    await peer.tell(said)
    assert await _left(hub) == (0, 0, 0, 0)


@pytest.mark.parametrize("status", [404, 500])
async def test_ap_45_an_accident_is_not_the_end_of_an_actor(peer: Peer, status: int) -> None:
    hub = peer.hub
    await _everything_of(peer, "ada")
    hub.hub.site.keyring.forget(peer.uri("ada"))
    peer.withdraw(peer.uri("ada"), status)
    await peer.post(peer.activity("Delete", peer.uri("ada")))
    await hub.work()
    assert await _left(hub) == (1, 1, 2, 2)


async def test_ap_45_nobody_ends_another(peer: Peer) -> None:
    hub = peer.hub
    other = Peer(hub, "other.example")
    await _everything_of(peer, "ada")
    await peer.tell(peer.activity("Delete", peer.uri("ada"), "bob"), "bob")
    await other.tell(other.activity("Delete", peer.uri("ada")))
    await other.post(peer.activity("Delete", peer.uri("ada")), "ada")
    await peer.tell(peer.activity("Delete", f"{hub.url}/actors/events"))
    await hub.work()
    assert await _left(hub) == (1, 1, 2, 2)
    assert (await hub.web.get("/actors/events", headers=ACTIVITY)).status_code == 200


async def test_ap_46_what_is_not_for_all_or_not_to_be_had_is_not_passed_on(peer: Peer) -> None:
    await peer.be_followed()
    good = peer.serve(peer.event("bob", name="Good"))
    private = peer.serve(peer.event("bob", to=[f"{peer.uri('bob')}/followers"], cc=[]))
    missing = peer.event("bob")
    inner = peer.serve(peer.activity("Announce", good["id"], "bob"))
    actor = peer.uri("bob")
    for thing in (private["id"], private, missing["id"], missing, inner["id"], inner, actor):
        await peer.tell(peer.activity("Announce", thing))
    assert await _stored(peer.hub) == []
    assert {state for state, _ in (await log_of(peer.hub))[1:]} <= {"dropped", "waiting"}
    await peer.tell(peer.activity("Announce", good["id"]))
    assert await _titles(peer.hub) == ["Good"]


async def test_ap_46_only_a_public_boost_counts(peer: Peer) -> None:
    event = await post_event(peer.hub)
    await peer.tell(peer.activity("Announce", event["uri"], to=[peer.uri("bob")]))
    async with peer.hub.services.db.read() as session:
        assert list(await session.scalars(select(Reaction))) == []
