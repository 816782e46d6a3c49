"""Who may say what of whom, and what mail may do to the rest: ways around it, each closed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import func, select, update
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation.testing import MemorySite
from federation.vocab.activities import Create, Delete, Follow, Like, Undo
from federation.vocab.base import Object
from federation.vocab.names import AS2, PUBLIC
from hub.core.clock import now
from hub.fediverse import follows, peers
from hub.fediverse.inbox import Processor
from hub.fediverse.models import Follow as FollowRow
from hub.fediverse.models import InboxActivity, Tombstone
from hub.fediverse.upkeep import forget_tombstones
from tests.conftest import Running
from tests.integration import test_replies
from tests.towns import Town


def _serve(hub: Running, site: MemorySite, things: list[Object]) -> None:
    """Let a server answer for its objects too."""
    inner = site.app
    documents = {
        (thing.id or "").removeprefix(site.origin): orjson.dumps(thing.document(context=True))
        for thing in things
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        document = documents.get(scope["path"])
        if document is None:
            await inner(scope, receive, send)
        else:
            await Response(document, media_type="application/activity+json")(scope, receive, send)

    hub.wire.attach(site.origin.removeprefix("https://"), app)


async def _followers(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return [row.follower.uri for row in await follows.followers(session)]


async def test_a_thread_cannot_put_words_into_the_mouth_of_another_server(town: Town) -> None:
    """A reply above another one is fetched from its server, which may only speak for itself."""
    await town.hear()
    evil = MemorySite("https://evil.example", town.hub.wire, names=("relay", "mallory"))
    for author in (town.site.uri("ada"), town.events):
        forged = town.note(
            id=f"{evil.origin}/notes/{uuid4()}", attributed_to=author, content="<p>Cancelled!</p>"
        )
        bait = town.note(
            id=f"{evil.origin}/notes/{uuid4()}",
            attributed_to=evil.uri("mallory"),
            in_reply_to=forged.id,
        )
        _serve(town.hub, evil, [forged])
        document = {
            "@context": AS2,
            "id": f"{bait.id}#create",
            "type": "Create",
            "actor": evil.uri("mallory"),
            "to": [PUBLIC],
            "object": bait.document(),
        }
        await evil.send_document("mallory", document, f"{town.events}/inbox")
        await town.hub.work()
    assert [reply.content for reply in await town.replies()] == []


async def test_a_neighbour_on_the_same_server_does_not_bury_what_another_is_yet_to_say(
    town: Town,
) -> None:
    """Servers speak for many people; whose an unknown thing is, its Create says (AP-34)."""
    note = town.note("ada")
    bob = town.site.uri("bob")
    await town.send(Delete(id=f"{bob}#d", actor=bob, object=note.id), "bob")
    await town.say(note)
    assert [one.uri for one in await town.replies()] == [note.id]


async def test_ap_34_a_delete_that_came_first_holds_whoever_said_the_same(town: Town) -> None:
    note, (ada, bob) = town.note("ada"), map(town.site.uri, ("ada", "bob"))
    await town.send(Delete(id=f"{bob}#d", actor=bob, object=note.id), "bob")
    await town.send(Delete(id=f"{ada}#d", actor=ada, object=note.id))
    await town.say(note)
    assert await town.replies() == []


async def test_an_undo_does_not_bury_what_its_sender_never_did(town: Town) -> None:
    ada = town.site.uri("ada")
    theirs = "https://good.example/events/1"
    mine = town.note()
    await town.say(mine)
    undone = [theirs, town.event["uri"], mine.id or ""]
    for uri in undone:
        await town.send(Undo(id=f"{ada}#{uuid4()}", actor=ada, object=uri))
        inner = Like(id=uri, actor=ada, object=town.event["uri"])
        await town.send(Undo(id=f"{ada}#{uuid4()}", actor=ada, object=inner))
    async with town.hub.services.db.read() as session:
        assert list(await session.scalars(select(Tombstone.uri))) == []


async def test_a_server_that_we_follow_cannot_undo_or_answer_follows_of_others(town: Town) -> None:
    """What is only passed on, without a proof, is at most a hint to ask its origin."""
    await test_replies._follow_relay(town)
    good = MemorySite("https://good.example", town.hub.wire, names=("relay", "carla"))
    follow = Follow(id=f"{good.origin}/f/1", actor=good.uri("carla"), object=town.events)
    await good.send("carla", follow, f"{town.events}/inbox")
    await follows.follow(town.hub.services, "@relay@good.example")
    await town.hub.work()
    asked = next(each.activity for each in good.received if each.activity.type == "Follow")
    for kind, actor, uri in (
        ("Undo", good.uri("carla"), follow.id),
        ("Accept", good.uri("relay"), asked.id),
    ):
        document = {
            "@context": AS2,
            "id": f"{good.origin}/{kind}",
            "type": kind,
            "actor": actor,
            "object": uri,
        }
        await town.site.send_document("relay", document, f"{town.events}/inbox")
    await town.hub.work()
    assert good.uri("carla") in await _followers(town.hub)
    async with town.hub.services.db.read() as session:
        states = dict((await session.execute(select(FollowRow.uri, FollowRow.state))).all())
    assert states[asked.id or ""] == "pending"


async def test_one_activity_that_the_database_refuses_does_not_stop_the_others(town: Town) -> None:
    """Two Follows with one id cannot both be kept; the mail behind them is."""
    ada, bob = town.site.uri("ada"), town.site.uri("bob")
    wanting = {"@context": AS2, "type": "Follow", "actor": ada, "object": town.events}
    await town.site.send_document("ada", wanting, f"{town.events}/inbox")
    await town.hub.work()
    async with town.hub.services.db.read() as session:
        (taken,) = await session.scalars(select(FollowRow.uri))
    await town.site.send(
        "bob", Follow(id=taken, actor=bob, object=town.events), f"{town.events}/inbox"
    )
    note = town.note()
    await town.say(note)
    assert [reply.uri for reply in await town.replies()] == [note.id]
    assert await _followers(town.hub) == [ada]


async def test_an_address_that_no_index_holds_is_refused_and_stops_nobody(town: Town) -> None:
    ada = town.site.uri("ada")
    strange = "".join(chr(0x4E00 + (n * 7919) % 20000) for n in range(1900))
    long = f"{town.site.origin}/{strange}"
    await town.send(Delete(id=f"{ada}#d", actor=ada, object=long))
    await town.site.send(
        "ada", Like(id=long, actor=ada, object=town.event["uri"]), f"{town.events}/inbox"
    )
    note = town.note()
    await town.say(note)
    assert [reply.uri for reply in await town.replies()] == [note.id]


async def test_activities_without_an_id_are_told_apart_by_what_they_say(town: Town) -> None:
    ada = town.site.uri("ada")
    for name in ("events", "offers"):
        document: dict[str, Any] = {
            "@context": AS2,
            "type": "Follow",
            "actor": ada,
            "object": f"{town.hub.url}/actors/{name}",
        }
        for _ in range(2):
            await town.site.send_document("ada", document, f"{town.events}/inbox")
    await town.hub.work()
    assert await _followers(town.hub) == [ada, ada]
    async with town.hub.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(InboxActivity)) == 2


async def test_a_blocked_server_is_not_asked_for_what_others_pass_on(town: Town) -> None:
    await test_replies._follow_relay(town)
    evil = MemorySite("https://evil.example", town.hub.wire, names=("relay", "mallory"))
    note = town.note(id=f"{evil.origin}/notes/1", attributed_to=evil.uri("mallory"))
    _serve(town.hub, evil, [note])
    async with town.hub.services.db.write() as session:
        await peers.block(session, town.hub.services, "evil.example")
    await town.send(test_replies._passed_on(town, note.id), "relay")
    assert await town.replies() == []
    assert not [dial for dial in town.hub.wire.dials if "evil.example" in dial]


async def test_a_server_that_answers_slowly_does_not_hold_up_the_mail_of_others(town: Town) -> None:
    waited_for = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await waited_for.wait()
        await Response(status_code=404)(scope, receive, send)

    town.hub.wire.attach("slow.example", slow)
    for number in range(3):
        document = {
            "@context": AS2,
            "id": f"{town.site.origin}/slow/{number}",
            "type": "Create",
            "actor": town.site.uri("bob"),
            "to": [PUBLIC],
            "object": f"https://slow.example/{number}",
        }
        await town.site.send_document("bob", document, f"{town.events}/inbox")
    worker = Processor(town.hub.services, town.hub.hub.handlers, "w")
    async with asyncio.timeout(5):
        assert await worker.process() == 3
        note = town.note()
        create = Create(id=f"{note.id}#c", actor=town.site.uri("ada"), object=note, to=note.to)
        await town.site.send("ada", create, f"{town.events}/inbox")
        assert await worker.process() == 1
        assert [reply.uri for reply in await town.replies()] == [note.id]
    waited_for.set()
    await worker.settle()
    async with town.hub.services.db.read() as session:
        states = list(await session.scalars(select(InboxActivity.state)))
    assert sorted(states) == ["done", "dropped", "dropped", "dropped"]


async def test_an_accident_at_an_actors_server_is_not_the_end_of_the_actor(town: Town) -> None:
    """A server that we follow passes on the end of an actor, whose server only says 404."""
    await test_replies._follow_relay(town)
    good = MemorySite("https://good.example", town.hub.wire, names=("relay", "carla"))
    carla = good.uri("carla")
    follow = Follow(id=f"{good.origin}/f/1", actor=carla, object=town.events)
    await good.send("carla", follow, f"{town.events}/inbox")
    await town.hub.work()
    del good.actors["carla"]
    document = {
        "@context": AS2,
        "id": f"{carla}#delete",
        "type": "Delete",
        "actor": carla,
        "object": carla,
    }
    await town.site.send_document("relay", document, f"{town.events}/inbox")
    await town.hub.work()
    assert carla in await _followers(town.hub)


async def test_deletions_of_things_that_never_were_here_are_forgotten(town: Town) -> None:
    ada = town.site.uri("ada")
    await town.send(Delete(id=f"{ada}#d", actor=ada, object=f"{town.site.origin}/never"))
    await town.hub.web.delete(f"/api/v1/events/{town.event['id']}", headers=town.hub.steward)
    async with town.hub.services.db.write() as session:
        await session.execute(update(Tombstone).values(deleted_at=now() - timedelta(days=91)))
    await forget_tombstones(town.hub.services)
    async with town.hub.services.db.read() as session:
        assert list(await session.scalars(select(Tombstone.uri))) == [town.event["uri"]]
