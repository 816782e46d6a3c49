"""The catalogue of threats against authenticity, each tried at the door of a whole hub."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response

from federation.signatures.http import sign_request
from federation.testing import keys_for
from federation.vocab.names import AS2, PUBLIC
from hub.actors.models import Actor
from hub.entries.models import Entry, Reply
from hub.fediverse import follows
from hub.fediverse.models import Follow as FollowRow
from hub.fediverse.models import InboxActivity, Tombstone
from hub.fediverse.models import Peer as PeerRow
from tests.conftest import MakeHub, Running
from tests.peer import Peer, knock
from tests.towns import EVENT

KINDS = """
Create Update Delete Follow Accept Reject Undo Announce Like Dislike EmojiReact Add Remove Block
Flag Move Join Leave Ignore Offer Invite QuoteRequest View
"""
KNOCKS = itertools.count()


@dataclass
class Scene:
    """A hub with one event; mallory and nora on north, sara on south."""

    hub: Running
    event: dict[str, Any]
    north: Peer
    south: Peer

    @property
    def events(self) -> str:
        return f"{self.hub.url}/actors/events"

    def note(self, peer: Peer, who: str, number: int | str = 1, **given: Any) -> dict[str, Any]:
        """A public reply to the event."""
        return {
            "id": f"{peer.origin}/notes/{number}",
            "type": "Note",
            "attributedTo": peer.uri(who),
            "content": "<p>as it was</p>",
            "inReplyTo": self.event["uri"],
            "to": [PUBLIC],
            "published": "2026-01-01T00:00:00Z",
            **given,
        }

    async def said(self, peer: Peer, who: str, number: int | str = 1) -> str:
        """Let somebody reply; the id of the reply."""
        note = self.note(peer, who, number)
        peer.serves({"@context": AS2, **note})
        status = await peer.post(who, activity(peer, who, "Create", note, number))
        assert status == 202
        await self.hub.work()
        uri: str = note["id"]
        assert uri in await self.replies()
        return uri

    async def replies(self) -> dict[str, str]:
        async with self.hub.services.db.read() as session:
            return {row.uri: row.content for row in await session.scalars(select(Reply))}

    async def count(self, table: Any) -> int:
        async with self.hub.services.db.read() as session:
            return await session.scalar(select(func.count()).select_from(table)) or 0


def activity(
    peer: Peer, who: str, kind: str, thing: Any, number: int | str = 1, **given: Any
) -> dict[str, Any]:
    return {
        "@context": AS2,
        "id": f"{peer.origin}/{kind}/{number}",
        "type": kind,
        "actor": peer.uri(who),
        "object": thing,
        "to": [PUBLIC],
        **given,
    }


@pytest.fixture
async def scene(make_hub: MakeHub) -> Scene:
    hub = await make_hub("hub.example", inbox_burst=100_000, peer_burst=100_000)
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    north = Peer(hub, "north.example", "mallory", "nora")
    return Scene(hub, answer.json(), north, Peer(hub, "south.example", "sara"))


async def send_as(scene: Scene, document: dict[str, Any], signer: str, key_id: str) -> int:
    """A POST signed by `signer` under any key id: the signature does not cover the name."""
    keys, body = keys_for(signer), orjson.dumps(document)
    signed = sign_request(keys, "POST", f"{scene.hub.url}/inbox", body, now=datetime.now(UTC))
    signed["Signature"] = signed["Signature"].replace(keys.rsa_id, key_id)
    # Each from another address: who is refused too often is not listened to (SECURITY B8).
    client = f"2001:db8::{next(KNOCKS):x}"
    return (await knock(scene.hub, body, signed, client=client)).status


# ------------------------------------------------------------------------- A1: keys and actors


def _person(uri: str, key: dict[str, Any] | list[Any] | None) -> dict[str, Any]:
    return {
        "@context": AS2,
        "id": uri,
        "type": "Person",
        "inbox": f"{uri}/inbox",
        "preferredUsername": "x",
        **({} if key is None else {"publicKey": key}),
    }


def _mismatches(scene: Scene) -> dict[str, tuple[str, str]]:
    """Ways in which key and actor do not belong together: key id and claimed actor of each."""
    north, south = scene.north, scene.south
    mallory, nora, sara = north.uri("mallory"), north.uri("nora"), south.uri("sara")
    pem = keys_for(mallory).public_pem

    def key(key_id: str, owner: str) -> dict[str, Any]:
        return {"id": key_id, "owner": owner, "publicKeyPem": pem}

    def made(name: str, key_of: Callable[[str], Any], actor: str) -> tuple[str, str]:
        uri = f"{north.origin}/made/{name}"
        north.serves(_person(uri, key_of(uri)))
        return f"{uri}#main-key", actor

    lone = f"{north.origin}/keys/1"
    north.serves({"@context": AS2, **key(lone, sara)})
    listed = f"{north.origin}/keys/2"
    north.serves({"@context": AS2, **key(listed, nora)})
    moved = f"{north.origin}/moved"
    north.answers["/moved"] = RedirectResponse(sara, 302)
    posing = f"{north.origin}/posing"
    north.serves(_person(sara, key(f"{posing}#main-key", sara)), at=posing)
    return {
        "a neighbour": (keys_for(mallory).rsa_id, nora),
        "another server": (keys_for(mallory).rsa_id, sara),
        "the victim's key id": (keys_for(sara).rsa_id, sara),
        "a key that says it is hers": (lone, sara),
        "a key that its owner does not list": (listed, nora),
        "a key in an actor that says it is hers": made(
            "a", lambda uri: key(f"{uri}#main-key", sara), sara
        ),
        "a key of hers in an actor of ours": made(
            "b", lambda uri: key(keys_for(sara).rsa_id, sara), sara
        ),
        "an actor without key": made("c", lambda _: None, f"{north.origin}/made/c"),
        "the second of two keys": made(
            "d", lambda uri: [key(f"{uri}#x", uri), key(f"{uri}#main-key", sara)], sara
        ),
        "a redirect to her": (f"{moved}#main-key", sara),
        "a document with her id": (f"{posing}#main-key", sara),
        "another spelling": (keys_for(mallory).rsa_id, mallory.replace("north", "NORTH")),
        "another path": (keys_for(mallory).rsa_id, f"{mallory}/"),
    }


async def test_a1_a_key_that_is_not_the_actors_moves_nothing(scene: Scene) -> None:
    mismatches = _mismatches(scene)
    assert len(mismatches) >= 12
    taken = []
    for (name, (key_id, actor)), kind in itertools.product(mismatches.items(), KINDS.split()):
        origin = "https://" + actor.split("/")[2]
        document = {
            "@context": AS2,
            "id": f"{origin}/{kind}/1",
            "type": kind,
            "actor": actor,
            "object": scene.events,
        }
        status = await send_as(scene, document, scene.north.uri("mallory"), key_id)
        if status != 401:
            taken.append((name, kind, status))
    assert taken == []
    assert await scene.count(InboxActivity) == 0
    assert await scene.count(FollowRow) == 0
    document = activity(scene.north, "mallory", "Follow", scene.events)
    assert await scene.north.post("mallory", document) == 202  # the same key is good for its own


# --------------------------------------------------------------------- A3: what belongs to whom


@pytest.mark.parametrize("kind", ["Update", "Delete", "Undo"])
@pytest.mark.parametrize("form", ["embedded", "by id", "tombstone"])
async def test_a3_nobody_changes_deletes_or_undoes_what_is_of_others(
    scene: Scene, kind: str, form: str
) -> None:
    people = [(scene.north, "mallory"), (scene.north, "nora"), (scene.south, "sara")]
    kept = {who: await scene.said(peer, who, f"{who}") for peer, who in people}
    for peer, who in people:
        like = activity(peer, who, "Like", scene.event["uri"], who)
        assert await peer.post(who, like) == 202
    await scene.hub.work()
    before = await scene.replies()
    for (peer, signer), (owner_peer, owner) in itertools.product(people, people):
        if signer == owner:
            continue
        changed = scene.note(owner_peer, owner, owner, content="<p>hacked</p>")
        changed["updated"] = "2026-02-01T00:00:00Z"
        thing: Any = {
            "embedded": changed,
            "by id": kept[owner],
            "tombstone": {"id": kept[owner], "type": "Tombstone"},
        }[form]
        if kind == "Undo":
            like = activity(owner_peer, owner, "Like", scene.event["uri"], owner)
            thing = like["id"] if form == "by id" else like
        number = f"{signer}-{owner}"
        assert await peer.post(signer, activity(peer, signer, kind, thing, number)) == 202
    await scene.hub.work()
    assert await scene.replies() == before
    listed = await scene.hub.web.get(f"/api/v1/events/{scene.event['id']}")
    assert listed.json()["likes"] == 3
    # The owner may: else the matrix above would prove nothing.
    peer, who = people[2]
    assert await peer.post(who, activity(peer, who, "Delete", kept[who], "own")) == 202
    await scene.hub.work()
    assert set(await scene.replies()) == {kept["mallory"], kept["nora"]}


async def test_a3_a_follow_is_taken_back_by_its_follower_alone(scene: Scene) -> None:
    follow = activity(scene.south, "sara", "Follow", scene.events)
    await scene.south.post("sara", follow)
    own = activity(scene.north, "mallory", "Follow", scene.events)
    await scene.north.post("mallory", own)
    await scene.hub.work()
    for number, thing in enumerate((follow, follow["id"])):
        undo = activity(scene.north, "mallory", "Undo", thing, number)
        assert await scene.north.post("mallory", undo) == 202
    await scene.hub.work()
    assert await scene.count(FollowRow) == 2


async def test_a3_nothing_of_ours_is_deleted_from_outside(scene: Scene) -> None:
    for number, thing in enumerate((scene.event["uri"], scene.events)):
        delete = activity(scene.north, "mallory", "Delete", thing, number)
        assert await scene.north.post("mallory", delete) == 202
    await scene.hub.work()
    assert (await scene.hub.web.get(f"/events/{scene.event['id']}")).status_code == 200
    assert (await scene.hub.web.get("/actors/events")).status_code == 200
    assert await scene.count(Tombstone) == 0


# ------------------------------------------------------------------------ A5: what is passed on


@pytest.mark.parametrize("origin", ["up", "down", "404", "says otherwise"])
async def test_a5_a_body_inside_an_announce_is_never_believed(scene: Scene, origin: str) -> None:
    await follow_actor(scene, scene.north, "mallory")
    forged = scene.note(scene.south, "sara", content="<p>forged</p>")
    uri = forged["id"]
    if origin == "up":
        scene.south.serves({"@context": AS2, **forged, "content": "<p>true</p>"})
    elif origin == "says otherwise":
        there = {**forged, "attributedTo": scene.north.uri("mallory"), "content": "<p>forged</p>"}
        scene.south.serves({"@context": AS2, **there})
    elif origin == "down":
        scene.hub.wire.down.add("south.example")
    for number, thing in enumerate(
        (forged, activity(scene.south, "sara", "Create", forged), [forged])
    ):
        announce = activity(scene.north, "mallory", "Announce", thing, number)
        assert await scene.north.post("mallory", announce) == 202
    await scene.hub.work()
    expected = {uri: "<p>true</p>"} if origin == "up" else {}
    assert await scene.replies() == expected


async def test_ap_84_a_redirect_does_not_lead_past_a_block(scene: Scene) -> None:
    """A followed server passes on an address of its own, which leads to one that is blocked."""
    await scene.said(scene.south, "sara", "before")
    await follow_actor(scene, scene.north, "mallory")
    hidden = scene.note(scene.south, "sara", "after", content="<p>still here</p>")
    scene.south.serves({"@context": AS2, **hidden})
    scene.north.answers["/short"] = RedirectResponse(hidden["id"], 302)
    answer = await scene.hub.web.post(
        "/api/v1/blocks", json={"host": "south.example"}, headers=scene.hub.steward
    )
    assert answer.is_success, answer.text
    announce = activity(scene.north, "mallory", "Announce", f"{scene.north.origin}/short")
    assert await scene.north.post("mallory", announce) == 202
    await scene.hub.work()
    assert hidden["id"] not in await scene.replies()


async def follow_actor(scene: Scene, peer: Peer, name: str) -> str:
    """Let the hub follow somebody who accepts; the id of its Follow."""
    asked = await ask(scene, peer, name)
    accept = activity(peer, name, "Accept", asked, f"of-{name}")
    assert await peer.post(name, accept) == 202
    await scene.hub.work()
    scene.hub.hub.site.forget()
    return asked


async def ask(scene: Scene, peer: Peer, name: str) -> str:
    await follows.follow(scene.hub.services, peer.uri(name))
    await scene.hub.work()
    found = [one.activity for one in peer.site.received if one.activity.type == "Follow"]
    assert found[-1].id is not None
    return found[-1].id


# --------------------------------------------------------- A7, A8: what was fetched, and whence


@pytest.mark.parametrize(
    "kind", ["application/json", "text/html", "application/ld+json", "image/png", "text/plain"]
)
async def test_a7_an_upload_that_looks_like_an_object_is_none(scene: Scene, kind: str) -> None:
    forged = {"@context": AS2, **scene.note(scene.south, "sara", "upload")}
    scene.south.serves(forged, kind=kind)
    create = activity(scene.south, "sara", "Create", forged["id"])
    assert await scene.south.post("sara", create) == 202
    await scene.hub.work()
    assert await scene.replies() == {}


async def test_a7_pictures_that_people_upload_are_no_activities(scene: Scene) -> None:
    answer = await scene.hub.web.get("/media/nothing.json")
    assert "activity" not in answer.headers.get("content-type", "")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("redirect to the true one", "south"),
        ("redirect to a forged one", "none"),
        ("the id of the true one", "south"),
        ("the id of another", "none"),
        ("a circle of ids", "none"),
        ("no id", "none"),
    ],
)
async def test_a8_a_document_counts_for_where_it_was_found(
    scene: Scene, found: str, said: str
) -> None:
    """A followed server names an address; whatever lies there, nobody is misquoted."""
    await follow_actor(scene, scene.north, "mallory")
    true = scene.note(scene.south, "sara", content="<p>south</p>")
    scene.south.serves({"@context": AS2, **true})
    start = f"{scene.north.origin}/start"
    forged = {"@context": AS2, **true, "content": "<p>forged</p>"}
    if found.startswith("redirect"):
        there = f"{scene.north.origin}/forged"
        scene.north.serves({**forged, "id": there})
        to = true["id"] if "true" in found else there
        scene.north.answers["/start"] = RedirectResponse(to, 302)
    elif found == "the id of the true one":
        scene.north.serves(forged, at=start)
    elif found == "the id of another":
        scene.north.serves({**forged, "id": f"{scene.south.origin}/nothing"}, at=start)
    elif found == "a circle of ids":
        scene.north.serves({**forged, "id": f"{scene.north.origin}/b"}, at=start)
        scene.north.serves({**forged, "id": start}, at=f"{scene.north.origin}/b")
    else:
        nameless = {name: value for name, value in forged.items() if name != "id"}
        body = orjson.dumps(nameless)
        scene.north.answers["/start"] = Response(body, media_type="application/activity+json")
    announce = activity(scene.north, "mallory", "Announce", start)
    assert await scene.north.post("mallory", announce) == 202
    await scene.hub.work()
    assert list((await scene.replies()).values()) == ([f"<p>{said}</p>"] if said != "none" else [])


# ---------------------------------------------------------------------- A9: ids that are ours

OURS = [
    "https://hub.example/{}",
    "https://HUB.example/{}",
    "https://hub.EXAMPLE:443/{}",
    "https://hub.example:0443/{}",
    "http://hub.example/{}",
    "http://hub.example:80/{}",
    "HTTPS://hub.example/{}",
    "https://hub.example./{}",
    "https://user@hub.example/{}",
    "https://hub.example\\@north.example/{}",
    "https://hub%2eexample/{}",
    "https://ｈub.example/{}",
    "https://hub。example/{}",
    "https://hub.example#@north.example/{}",
    "https://hub.example?x=/{}",
    "https://hub.example//{}",
]


async def test_a9_no_document_from_outside_becomes_one_of_ours(scene: Scene) -> None:
    await follow_actor(scene, scene.north, "mallory")
    path = scene.event["uri"].removeprefix(f"{scene.hub.url}/")
    paths = [path, "actors/events", "events/new", f"{path}#x", f"{path}/"]
    mallory = scene.north.uri("mallory")
    kinds = ("Create", "Update", "Delete", "Announce")
    cases = itertools.product(OURS, paths, kinds, ("whole", "id"))
    for number, (shape, where, kind, form) in enumerate(cases):
        uri = shape.format(where)
        thing: Any = scene.note(scene.north, "mallory", content="<p>hacked</p>", id=uri)
        thing |= {"type": "Event", "name": "hacked", "startTime": "2027-01-01T00:00:00Z"}
        document = activity(scene.north, "mallory", kind, uri if form == "id" else thing, number)
        status = await scene.north.post("mallory", document)
        assert status in {202, 400}, (uri, status)
    await scene.hub.work()
    scene.hub.wire.dials.clear()
    async with scene.hub.services.db.read() as session:
        entries = list(await session.scalars(select(Entry)))
        assert [(one.title, one.local) for one in entries] == [(EVENT["title"], True)]
        assert [one.uri for one in await session.scalars(select(Reply))] == []
        gone = list(await session.scalars(select(Tombstone.uri)))
        assert gone == []
        ours = await session.scalars(select(Actor.uri).where(Actor.local.is_(False)))
        assert set(ours) == {mallory}
    # A neighbour's name that only begins like ours is a neighbour's.
    thing = scene.note(scene.north, "mallory", 9)
    await scene.north.post("mallory", activity(scene.north, "mallory", "Create", thing, "last"))
    await scene.hub.work()
    assert list(await scene.replies()) == [thing["id"]]


# ----------------------------------------------------------------------------- A12: said again


async def test_a12_a_request_holds_once_here_and_now(scene: Scene) -> None:
    document = activity(scene.north, "mallory", "Like", scene.event["uri"])
    body, keys = orjson.dumps(document), keys_for(scene.north.uri("mallory"))

    def signed(url: str, at: datetime) -> dict[str, str]:
        return sign_request(keys, "POST", url, body, now=at)

    now = datetime.now(UTC)
    good = signed(f"{scene.hub.url}/inbox", now)
    for elsewhere in ("https://other.example/inbox", f"{scene.hub.url}/actors/events/inbox"):
        headers = signed(elsewhere, now)
        assert (await knock(scene.hub, body, headers)).status == 401
        assert (await knock(scene.hub, body, {**headers, "Host": "hub.example"})).status == 401
    for hours in (-14, 2, 24 * 400):
        late = signed(f"{scene.hub.url}/inbox", now + timedelta(hours=hours))
        assert (await knock(scene.hub, body, late)).status == 401
    assert (await knock(scene.hub, body, good, "/actors/events/inbox")).status == 401
    assert (await knock(scene.hub, body, good, "/inbox?x=1")).status in {202, 401}
    for _ in range(1000):
        assert (await knock(scene.hub, body, good)).status == 202
    await scene.hub.work()
    listed = await scene.hub.web.get(f"/api/v1/events/{scene.event['id']}")
    assert listed.json()["likes"] == 1
    assert await scene.count(InboxActivity) == 1


# -------------------------------------------------------------------- A13: who follows whom


@pytest.mark.parametrize("steps", list(itertools.permutations(("other", "wrong", "true", "undo"))))
async def test_a13_we_follow_only_whom_we_asked_and_who_said_yes(
    scene: Scene, steps: tuple[str, ...]
) -> None:
    """Answers of others and to other questions change nothing, in any order."""
    asked = await ask(scene, scene.south, "sara")
    expected = "pending"
    for step in steps:
        if step == "other":
            inner = {"id": asked, "type": "Follow", "actor": f"{scene.hub.url}/actors/relay"}
            inner["object"] = scene.south.uri("sara")
            for thing in (asked, inner):
                number = f"{step}-{thing is asked}"
                accept = activity(scene.north, "mallory", "Accept", thing, number)
                await scene.north.post("mallory", accept)
        elif step == "wrong":
            accept = activity(scene.south, "sara", "Accept", f"{asked}-not", step)
            await scene.south.post("sara", accept)
        elif step == "true":
            accept = activity(scene.south, "sara", "Accept", asked, step)
            await scene.south.post("sara", accept)
            expected = "accepted"
        else:
            undo = activity(scene.north, "mallory", "Undo", asked, step)
            await scene.north.post("mallory", undo)
        await scene.hub.work()
        async with scene.hub.services.db.read() as session:
            assert list(await session.scalars(select(FollowRow.state))) == [expected], step
    reject = activity(scene.south, "sara", "Reject", asked, "last")
    await scene.south.post("sara", reject)
    await scene.hub.work()
    async with scene.hub.services.db.read() as session:
        assert list(await session.scalars(select(FollowRow.state))) == ["rejected"]


# -------------------------------------------------------------------------- A15: ways in


async def test_a15_no_odd_path_method_or_host_leads_past_a_guard(scene: Scene) -> None:
    document = orjson.dumps(activity(scene.north, "mallory", "Follow", scene.events))
    plain = {"Content-Type": "application/activity+json", "Host": "hub.example"}
    hosts = ["hub.example", "evil.example", "127.0.0.1", "hub.example:1", "", "a b", "admin/"]
    paths = ["/inbox", "/actors/events/inbox", "/inbox/", "//inbox", "/Inbox", "/inbox?a=/inbox"]
    paths += ["/admin/inbox", "/admin/people", "/api/v1/blocks", "/api/v1/deliveries"]
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"]
    for path, host, method in itertools.product(paths, hosts, methods):
        answer = await knock(scene.hub, document, {**plain, "Host": host}, path, method)
        assert 300 <= answer.status < 500, (path, host, method, answer.status)
    assert await scene.count(InboxActivity) == 0
    assert await scene.count(PeerRow) == 0
