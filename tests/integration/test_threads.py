"""Threads: gathered from elsewhere within limits, told to others, private where they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import select, update
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from federation.testing import MemorySite
from federation.vocab.activities import Announce, Create, Delete
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Event, Note
from hub.core.clock import now
from hub.entries import gathering
from hub.entries.models import HELD, SHOWN, Entry, Reply
from hub.fediverse import follows
from hub.fediverse.models import InboxActivity
from hub.jobs.models import Job
from hub.people import service
from tests.towns import EVENT, STEWARD, Town, signed_in
from tests.visitor import visiting

AS2 = {"accept": "application/activity+json"}


async def _get(town: Town, address: str) -> dict[str, Any]:
    found = await town.hub.web.get(address.removeprefix(town.hub.url), headers=AS2)
    assert found.status_code == 200, (address, found.text)
    document: dict[str, Any] = found.json()
    assert document["id"] == address
    return document


def _serve(town: Town, path: str, document: dict[str, Any]) -> str:
    """Let the town answer with any JSON; its address."""
    uri = f"{town.site.origin}{path}"
    context = "https://www.w3.org/ns/activitystreams"
    town.documents[path] = orjson.dumps({"@context": context, "id": uri, **document})
    return uri


def _chain(town: Town, length: int, end: str | None) -> list[Note]:
    """Notes that answer one another; the first answers `end`, all but the last are published."""
    notes: list[Note] = []
    for number in range(length):
        parent = notes[-1].id if notes else end
        notes.append(town.note(content=f"<p>{number}</p>", in_reply_to=parent))
        town.publish(notes[-1])
    return notes


def _asked(town: Town) -> list[str]:
    """What the hub fetched of the town's notes and lists, in order."""
    mine = [dial for dial in town.hub.wire.dials if dial.startswith("GET https://town.example")]
    return [urlsplit(dial.removeprefix("GET ")).path for dial in mine if "/actors/" not in dial]


async def _hurry(town: Town) -> None:
    """Let the jobs that wait for their turn begin, and work until nothing is left."""
    async with town.hub.services.db.write() as session:
        await session.execute(
            update(Job).where(Job.name.startswith("entries.")).values(run_at=now())
        )
    await town.hub.work()


async def _follow(town: Town) -> None:
    await follows.follow(town.hub.services, "@relay@town.example")
    await town.hub.work()
    asked = town.site.received[-1].activity
    accept = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{town.site.origin}/accepts/1",
        "type": "Accept",
        "actor": town.site.uri("relay"),
        "object": asked.document(),
    }
    await town.site.send_document("relay", accept, f"{town.events}/inbox")
    await town.hub.work()


# ---------------------------------------------------------------------------- collections


async def test_ap_40_likes_are_counted_and_boosts_enter_shares(town: Town) -> None:
    await town.send(town.like())
    await town.send(town.like("bob"), "bob")
    await town.send(town.boost())
    await town.send(replace(town.boost(), id=f"{town.site.uri('ada')}#boost-2"))
    event = await _get(town, town.event["uri"])
    likes = await _get(town, event["likes"])
    assert likes["totalItems"] == 2
    assert town.site.origin not in str(likes), "who likes it said so to us alone"
    shares = await _get(town, event["shares"])
    assert shares["totalItems"] == len(shares["first"]["items"]) == 1
    assert shares["first"]["items"][0].startswith(f"{town.site.uri('ada')}#boost")
    ada = town.site.uri("ada")
    private = Announce(id=f"{ada}#private", actor=ada, object=town.event["uri"], to=(town.events,))
    await town.send(private)
    assert (await _get(town, event["shares"]))["totalItems"] == 1


async def test_ap_40_boosts_of_a_blocked_server_leave_shares(town: Town) -> None:
    await town.send(town.boost())
    blocks = {"host": "town.example"}
    await town.hub.web.post("/api/v1/blocks", json=blocks, headers=town.hub.steward)
    shares = await _get(town, f"{town.event['uri']}/shares")
    assert (shares["totalItems"], shares["first"]["items"]) == (0, [])
    assert await town.counted() == (0, 0)


async def test_the_context_of_an_entry_is_its_whole_thread_in_order(town: Town) -> None:
    """FEP-7888, FEP-f228: an OrderedCollection of its owner, which begins with the entry."""
    await town.hear()
    first = town.note(published=now() - timedelta(minutes=5))
    second = town.note("bob", in_reply_to=first.id, published=now() - timedelta(minutes=4))
    third = town.note(published=now() - timedelta(minutes=3))
    for note, who in ((third, "ada"), (first, "ada"), (second, "bob")):
        await town.say(note, who)
    event = await _get(town, town.event["uri"])
    context = await _get(town, event["context"])
    assert (context["type"], context["attributedTo"]) == ("OrderedCollection", town.events)
    items = context["first"]["orderedItems"]
    assert items == [event["id"], first.id, second.id, third.id]
    assert context["totalItems"] == 4
    page = await _get(town, context["first"]["id"])
    assert (page["orderedItems"], page["partOf"]) == (items, context["id"])
    replies = await _get(town, event["replies"])
    assert replies["first"]["items"] == [first.id, third.id], "what answers it directly (FEP-7458)"


async def test_our_answers_copy_the_context_of_what_they_answer(town: Town) -> None:
    await town.hear()
    elsewhere = f"{town.site.origin}/threads/1"
    for context, expected in ((None, f"{town.event['uri']}/context"), (elsewhere, elsewhere)):
        note = town.note(context=context)
        await town.say(note)
        reply = next(one for one in await town.replies() if one.uri == note.id)
        async with signed_in(town.hub) as (web, csrf):
            await web.post(f"/admin/inbox/{reply.id}/answer", data={"csrf": csrf, "text": "Yes."})
        await town.hub.work()
        said = town.site.received[-1].activity.object
        assert isinstance(said, Note)
        assert said.id is not None
        assert said.context == expected
        assert (await _get(town, said.id))["context"] == expected
        again = town.note("bob", in_reply_to=said.id)
        await town.say(again, "bob")
        answers = await _get(town, f"{said.id}/replies")
        assert answers["first"]["items"] == [again.id]
        assert (await _get(town, said.id))["replies"] == answers["id"]


# ------------------------------------------------------------------------------ private


async def test_ap_48_private_replies_are_seen_by_stewards_alone(town: Town) -> None:
    """Neither the enquiry nor our answer is in a collection, feed, page or activity for others."""
    await town.hear()
    asked = town.note(content="<p>CANARY-1</p>", to=(town.events,), cc=())
    await town.say(asked)
    (message,) = await town.messages()
    async with signed_in(town.hub) as (web, csrf):
        text = {"csrf": csrf, "text": "CANARY-2"}
        await web.post(f"/admin/inbox/{message.id}/answer", data=text)
        inbox = (await web.get("/admin/inbox?show=all")).text
        assert inbox.count("CANARY-1") == inbox.count("CANARY-2") == 1
    await town.hub.work()
    said = town.site.received[-1].activity
    assert isinstance(said, Create)
    note = said.object
    assert isinstance(note, Note)
    ada = town.site.uri("ada")
    assert (said.actor, said.to, said.cc) == (town.events, (ada,), ())
    assert (note.to, note.cc, note.in_reply_to) == ((ada,), (), asked.id)
    assert [(tag.type, tag.href) for tag in note.tags] == [("Mention", ada)]
    assert (note.context, note.replies) == (None, None)
    assert town.site.received[-1].trust == "signer"
    assert b'"proof"' not in town.site.received[-1].body
    bob = town.note("bob", content="<p>CANARY-3</p>", in_reply_to=note.id)
    await town.say(bob, "bob")
    uri, path = town.event["uri"], f"/events/{town.event['id']}"
    (answer,) = [one for one in await town.replies() if one.from_us]
    public = [path, f"/api/v1{path}", f"/api/v1{path}/replies", "/events", "/", "/api/v1/events"]
    public += [
        f"{path}/{one}{page}"
        for one in ("replies", "context", "likes", "shares")
        for page in ("", "?page=first")
    ]
    public += [
        f"/actors/{one}/outbox{page}"
        for one in ("events", "relay", "board")
        for page in ("", "?page=first")
    ]
    public += [f"/replies/{answer.id}", f"/replies/{answer.id}/replies", f"{path}.ics"]
    for address in public:
        for accept in ("text/html", "application/activity+json"):
            found = await town.hub.web.get(address, headers={"accept": accept})
            for secret in ("CANARY", asked.id or "", answer.uri, bob.id or ""):
                assert secret not in found.text, (address, accept)
    assert (await town.hub.web.get(f"/replies/{answer.id}", headers=AS2)).status_code == 404
    announced = [one.activity for one in town.site.received if isinstance(one.activity, Announce)]
    assert announced == []
    assert (await _get(town, f"{uri}/context"))["totalItems"] == 1


@pytest.mark.parametrize("state", ["held", "hidden"])
async def test_ap_48_replies_that_wait_or_are_hidden_are_in_no_collection(
    town: Town, state: str
) -> None:
    await town.hear()
    note = town.note(content="<p>CANARY</p>")
    await town.say(note)
    path = f"/events/{town.event['id']}"
    assert note.id is not None
    assert note.id in (await town.hub.web.get(f"{path}/context")).text
    async with town.hub.services.db.write() as session:
        await session.execute(update(Reply).values(state=state))
    for which in ("replies", "context"):
        for page in ("", "?page=first"):
            found = await town.hub.web.get(f"{path}/{which}{page}")
            assert note.id not in found.text
    context = await _get(town, f"{town.event['uri']}/context")
    assert context["totalItems"] == 1


async def test_ap_47_the_inbox_is_not_served(town: Town) -> None:
    await town.say(town.note(content="<p>CANARY</p>"))
    for path in ("/inbox", "/actors/events/inbox", "/actors/relay/inbox"):
        found = await town.hub.web.get(path, headers={**AS2, **town.hub.steward})
        assert (found.status_code, found.headers["allow"]) == (405, "POST")
        assert "CANARY" not in found.text


# ----------------------------------------------------------------------------- gathering


async def test_a_thread_is_climbed_over_twenty_replies_and_no_more(town: Town) -> None:
    await town.hear()
    long = _chain(town, gathering.LEVELS + 1, town.event["uri"])
    await town.say(long[-1])
    assert [one.content for one in await town.thread()] == [f"<p>{n}</p>" for n in range(21)]
    too_long = _chain(town, gathering.LEVELS + 2, town.event["uri"])
    await town.say(too_long[-1])
    assert len(await town.thread()) == 21
    assert len(_asked(town)) <= 2 * (gathering.LEVELS + 1)


async def test_a_chain_that_ends_elsewhere_leaves_nothing(town: Town) -> None:
    await town.hear()
    notes = _chain(town, 4, None)
    await town.say(notes[-1])
    assert await town.replies() == []
    assert len(_asked(town)) == 4
    async with town.hub.services.db.read() as session:
        assert (await session.scalars(select(Job).where(Job.name == "entries.climb"))).all() == []


async def test_a_reply_to_our_thread_needs_no_mention_of_us(town: Town) -> None:
    """Whoever copies our context speaks of our thread (FEP-7888)."""
    await town.hear()
    above = town.note(cc=())
    town.publish(above)
    context = f"{town.event['uri']}/context"
    for note in (
        town.note("bob", in_reply_to=above.id, cc=()),
        town.note("bob", in_reply_to=above.id, cc=(), context=context),
    ):
        town.publish(note)
        assert await town.replies() == []
        await town.say(note, "bob")
    assert len(await town.replies()) == 2


async def test_what_a_server_forwards_unasked_waits_until_somebody_there_passes_it_on(
    town: Town,
) -> None:
    """Mastodon forwards every answer that it gets to all who follow what is answered."""
    await _follow(town)
    other = MemorySite("https://third.example", town.hub.wire, names=("relay", "eve"))
    above = town.publish(town.note("bob"))
    eve: dict[str, Any] = {"attributed_to": other.uri("eve"), "content": "<p>Buy pills</p>"}
    notes = [
        town.note(id=f"{other.origin}/notes/1", **eve),
        town.note(id=f"{other.origin}/notes/2", in_reply_to=above.id, **eve),
    ]
    documents = {urlsplit(one.id or "").path: one.document(context=True) for one in notes}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        document = documents.get(scope["path"])
        answers: ASGIApp = other.app
        if document is not None:
            answers = Response(orjson.dumps(document), media_type="application/activity+json")
        await answers(scope, receive, send)

    town.hub.wire.attach("third.example", app)
    for note in notes:
        create = Create(id=f"{note.id}#c", actor=other.uri("eve"), object=note, to=(PUBLIC,))
        await town.send(create, "relay")
    waiting = {one.uri: one.state for one in await town.replies()}
    assert waiting == {above.id: SHOWN, notes[0].id: HELD, notes[1].id: HELD}
    relay = town.site.uri("relay")
    for number, note in enumerate(notes):
        boost = Announce(id=f"{relay}#{number}", actor=relay, object=note.id, to=(PUBLIC,))
        await town.send(boost, "relay")
    assert {one.state for one in await town.replies()} == {SHOWN}


async def test_what_is_above_is_tried_again_when_its_server_was_away(town: Town) -> None:
    await town.hear()
    notes = _chain(town, 2, town.event["uri"])
    await town.site.send(
        "ada",
        Create(
            id=f"{notes[-1].id}#c",
            actor=town.site.uri("ada"),
            object=notes[-1],
            to=(PUBLIC,),
            cc=(town.events,),
        ),
        f"{town.events}/inbox",
    )
    town.hub.wire.down.add("town.example")
    await town.hub.work()
    assert await town.replies() == []
    town.hub.wire.down.clear()
    town.hub.services.fetcher.forget("town.example")
    await _hurry(town)
    assert len(await town.thread()) == 2


async def test_what_was_said_before_we_looked_is_found_by_context(town: Town) -> None:
    await _follow(town)
    event = Event(
        id=f"{town.site.origin}/notes/event",
        attributed_to=town.site.uri("relay"),
        name="Flea market",
        content="<p>Bring a table.</p>",
        start_time=now() + timedelta(days=9),
        published=now() - timedelta(days=1),
        to=(PUBLIC,),
        context=f"{town.site.origin}/lists/context",
        replies=f"{town.site.origin}/lists/replies",
    )
    notes = _chain(town, 3, event.id)
    ids = [event.id, *(note.id for note in notes), f"{town.hub.url}/events/1", 7, None, {"a": 1}]
    _serve(town, "/lists/context", {"type": "OrderedCollection", "orderedItems": ids})
    _serve(town, "/lists/replies", {"type": "Collection", "items": ["https://third.example/1"]})
    create = Create(id=f"{event.id}#c", actor=event.attributed_to or "", object=event, to=(PUBLIC,))
    await town.send(create, "relay")
    await _hurry(town)
    replies = await town.replies()
    assert {one.uri for one in replies} == {note.id for note in notes}
    assert {one.state for one in replies} == {"shown"}
    assert "/lists/replies" not in _asked(town)


async def test_a_stranger_names_nothing_that_others_said(town: Town) -> None:
    """Else one reply would have us fetch fifty things of a victim (SECURITY B8)."""
    await town.hear()
    other = MemorySite("https://victim.example", town.hub.wire, names=("relay", "eve"))
    mine = town.note("bob", in_reply_to="placeholder")
    note = town.note(published=now() - timedelta(hours=1), replies=f"{town.site.origin}/lists/r")
    mine = replace(mine, in_reply_to=note.id)
    town.publish(mine)
    items = [f"{other.origin}/notes/{n}" for n in range(100)] + [mine.id]
    _serve(town, "/lists/r", {"type": "Collection", "items": items[-50:]})
    await town.say(note)
    await _hurry(town)
    assert {one.uri for one in await town.replies()} == {note.id, mine.id}
    assert not any("victim.example" in dial for dial in town.hub.wire.dials)


def _itself(uri: str) -> dict[str, Any]:
    return {"type": "OrderedCollection", "first": uri, "next": uri, "orderedItems": [uri]}


def _page_of_itself(uri: str) -> dict[str, Any]:
    return {"type": "CollectionPage", "partOf": uri, "next": uri, "items": [f"{uri}/1"] * 9}


def _nested_in_itself(uri: str) -> dict[str, Any]:
    inner = {"type": "CollectionPage", "id": uri, "next": uri, "items": [{"id": uri}]}
    return {"type": "Collection", "first": inner, "items": [uri]}


def _endless(uri: str) -> dict[str, Any]:
    items = [f"{uri}/{uuid4()}" for _ in range(5_000)]
    return {"type": "Collection", "items": items, "next": f"{uri}?more"}


@pytest.mark.parametrize("shape", [_itself, _page_of_itself, _nested_in_itself, _endless])
async def test_ap_82_collections_that_name_themselves_end(
    town: Town, shape: Callable[[str], dict[str, Any]]
) -> None:
    await town.hear()
    uri = f"{town.site.origin}/lists/loop"
    _serve(town, "/lists/loop", shape(uri))
    note = town.note(published=now() - timedelta(hours=1), context=uri, replies=uri)
    await town.say(note)
    await _hurry(town)
    assert [one.uri for one in await town.replies()] == [note.id]
    assert len(_asked(town)) <= gathering.MOST + gathering.PAGES


async def test_ap_82_replies_that_answer_themselves_end(town: Town) -> None:
    await town.hear()
    own = f"{town.site.origin}/notes/own"
    loop = town.note(
        id=own, in_reply_to=own, context=own, replies=own, published=now() - timedelta(hours=1)
    )
    town.publish(loop)
    await town.say(loop)
    await town.say(replace(loop, in_reply_to=town.event["uri"], updated=now()))
    a, b = (f"{town.site.origin}/notes/{name}" for name in "ab")
    for one, two in ((a, b), (b, a)):
        town.publish(town.note(id=one, in_reply_to=two))
    await town.say(town.note(id=a, in_reply_to=b))
    await _hurry(town)
    assert [one.uri for one in await town.replies()] == [own]
    assert len(_asked(town)) < 10


# ------------------------------------------------------------------------- who is asked


async def test_b8_mail_has_us_fetch_twenty_things_a_minute(town: Town) -> None:
    """A stranger who names a victim's objects, one for each activity."""
    victim = MemorySite("https://victim.example", town.hub.wire, names=("relay", "eve"))
    ada = town.site.uri("ada")
    for number in range(60):
        named = f"{victim.origin}/notes/{number}"
        create = Create(id=f"{ada}#{number}", actor=ada, object=named, to=(PUBLIC,))
        await town.site.send("ada", create, f"{town.hub.url}/inbox")
    await town.hub.work()
    dials = [dial for dial in town.hub.wire.dials if "victim.example/notes" in dial]
    assert 1 <= len(dials) <= 21
    async with town.hub.services.db.read() as session:
        waiting = select(InboxActivity.id).where(InboxActivity.state == "waiting")
        assert len((await session.scalars(waiting)).all()) >= 39, "later may be better"


async def test_what_nobody_here_cares_for_is_not_fetched(town: Town) -> None:
    victim = MemorySite("https://victim.example", town.hub.wire, names=("relay", "eve"))
    ada = town.site.uri("ada")
    hint = Note(id=f"{victim.origin}/notes/1", attributed_to=ada, content="x", to=(PUBLIC,))
    await town.send(Create(id=f"{ada}#1", actor=ada, object=hint, to=(PUBLIC,)))
    assert not any("victim.example" in dial for dial in town.hub.wire.dials)
    to_us = (town.events,)
    await town.send(Create(id=f"{ada}#2", actor=ada, object=hint, to=(PUBLIC,), cc=to_us))
    assert any("victim.example" in dial for dial in town.hub.wire.dials)


# ----------------------------------------------------------------------------- residents


async def test_the_page_says_who_answers_whom_and_how_many_like_it(town: Town) -> None:
    await town.hear()
    first = town.note(published=now() - timedelta(minutes=5))
    await town.say(first)
    await town.say(town.note("bob", in_reply_to=first.id, content="<p>Tea.</p>"), "bob")
    await town.send(town.like())
    await town.send(town.boost("bob"), "bob")
    page = (await town.hub.web.get(f"/events/{town.event['id']}")).text
    top, below = await town.thread()
    assert (below.answers, below.answers_name) == (top.id, "ada of town.example")
    assert f'in answer to <a href="#reply-{top.id}"><bdi>ada of town.example</bdi></a>' in page
    assert "depth-1" in page
    assert "1 like" in page
    assert "passed on 1 time" in page
    assert "2 answers" in page
    assert len(await town.thread(STEWARD)) == 2


async def test_a_member_without_a_name_is_called_a_neighbour_and_answers_what_stands_there(
    town: Town,
) -> None:
    """Unsigned, `This is cancelled.` would be a word of the hub's own."""
    await town.hear()
    await town.say(town.note())
    (asked,) = await town.replies()
    other = await town.hub.web.post("/api/v1/events", json=EVENT, headers=town.hub.steward)
    async with visiting(town.hub) as member:
        async with town.hub.services.db.write() as session:
            link = await service.make_link(session, town.hub.url, "member")
        await member.press(link)
        form = f"/answer/{town.event['id']}"
        assert (await member.press(form, text="This is cancelled.")).status_code == 303
        said = next(one for one in await town.replies() if one.from_us)
        assert said.content == "<p><strong>a neighbour:</strong> This is cancelled.</p>"
        assert (await member.get(f"{form}?to={asked.id}")).status_code == 200
        elsewhere = await member.get(f"/answer/{other.json()['id']}?to={asked.id}")
        assert elsewhere.status_code == 404, "it answers something else"
        blocks = {"host": "town.example"}
        await town.hub.web.post("/api/v1/blocks", json=blocks, headers=town.hub.steward)
        assert (await member.get(f"{form}?to={asked.id}")).status_code == 404


async def test_ap_34_a_delete_of_a_reply_leaves_a_tombstone_for_its_author_alone(
    town: Town,
) -> None:
    await town.hear()
    note = town.note()
    await town.say(note)
    bob, ada = town.site.uri("bob"), town.site.uri("ada")
    await town.send(Delete(id=f"{bob}#d", actor=bob, object=note.id, to=(PUBLIC,)), "bob")
    assert len(await town.thread()) == 1
    await town.send(Delete(id=f"{ada}#d", actor=ada, object=note.id, to=(PUBLIC,)))
    await town.say(note)
    town.publish(note)
    await town.say(replace(note, id=f"{town.site.origin}/notes/below", in_reply_to=note.id))
    assert await town.replies() == []
    async with town.hub.services.db.read() as session:
        entry = await session.get_one(Entry, town.event_id)
    assert entry.deleted_at is None
