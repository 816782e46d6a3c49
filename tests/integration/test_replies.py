"""What people on other servers answer: shown, held, private, changed, deleted, counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from federation.vocab.activities import (
    Announce,
    Create,
    Delete,
    Follow,
    Undo,
    Update,
)
from federation.vocab.base import Tag
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Article, Note, Tombstone
from hub.actors.models import Actor
from hub.core.clock import now
from hub.fediverse import follows
from hub.fediverse.models import InboxActivity, OutboxActivity, Peer
from tests.towns import EVENT, STEWARD, Town, signed_in

# ------------------------------------------------------------------------------ who is heard


async def test_a_reply_of_an_unknown_server_waits_for_a_steward(town: Town) -> None:
    await town.say(town.note())
    assert await town.thread() == []
    (held,) = await town.thread(STEWARD)
    assert held.state == "held"
    (message,) = await town.messages()
    assert (message.kind, message.entry_title) == ("held", "Repair café")
    assert message.author_handle == "ada@town.example"


async def test_a_reply_of_a_server_that_is_heard_stands_at_once(town: Town) -> None:
    await town.hear()
    await town.say(town.note())
    (shown,) = await town.thread()
    assert shown.content == "<p>Is there coffee?</p>"


async def test_a_young_follower_does_not_make_its_server_heard(town: Town) -> None:
    await town.send(
        Follow(id=f"{town.site.origin}/f/1", actor=town.site.uri("ada"), object=town.events)
    )
    async with town.hub.services.db.write() as session:
        await session.execute(update(Peer).values(passed_at=now()))
    await town.say(town.note())
    assert await town.thread() == []


async def test_what_a_steward_passes_is_shown(town: Town) -> None:
    await town.say(town.note())
    (message,) = await town.messages()
    async with signed_in(town.hub) as (web, csrf):
        answer = await web.post(
            f"/admin/inbox/{message.id}/pass",
            data={"csrf": csrf, "back": f"/events/{town.event['id']}"},
        )
        assert answer.headers["location"] == f"/events/{town.event['id']}"
        assert [said.id for said in await town.thread()] == [message.id]
        assert await town.messages() == ()
        await web.post(f"/admin/inbox/{message.id}/hide", data={"csrf": csrf})
        assert await town.thread() == []
        await web.post(f"/admin/inbox/{message.id}/show", data={"csrf": csrf})
        assert len(await town.thread()) == 1
    async with town.hub.services.db.read() as session:
        peer = await session.get(Peer, "town.example")
    assert peer is not None
    assert peer.passed_at is not None


async def test_a_steward_can_pass_all_that_waits_from_a_server(town: Town) -> None:
    await town.say(town.note())
    await town.say(town.note("bob"), "bob")
    first, _ = await town.messages()
    async with signed_in(town.hub) as (web, csrf):
        path = f"/admin/inbox/{first.id}/pass"
        await web.post(path, data={"csrf": csrf, "server": "yes"})
    assert len(await town.thread()) == 2


async def test_a_reply_that_calls_a_crowd_waits_even_when_its_server_is_heard(town: Town) -> None:
    await town.hear()
    crowd = tuple(Tag(type="Mention", href=f"https://x.example/{i}", name="@x") for i in range(21))
    await town.say(town.note(tags=crowd))
    assert await town.thread() == []
    assert len(await town.messages()) == 1


# ------------------------------------------------------------------------------ what is kept


async def test_html_of_others_is_cleaned_before_it_is_kept(town: Town) -> None:
    await town.say(
        town.note(content='<p onclick="x">Hi<script>alert(1)</script><img src=x onerror=y></p>')
    )
    (reply,) = await town.replies()
    assert reply.content == "<p>Hi</p>"
    assert reply.cleaned_by == 1


async def test_the_same_reply_twice_is_kept_once(town: Town) -> None:
    note = town.note()
    await town.say(note)
    await town.say(note)
    assert len(await town.replies()) == 1


async def test_a_note_that_answers_nothing_here_is_dropped(town: Town) -> None:
    await town.say(town.note(in_reply_to=None))
    await town.say(town.note(in_reply_to=f"{town.hub.url}/events/{uuid4()}"))
    await town.say(town.note(in_reply_to="https://elsewhere.example/notes/1", cc=()))
    assert await town.replies() == []
    assert "GET https://elsewhere.example/notes/1" not in town.hub.wire.dials


async def test_a_vote_is_no_reply(town: Town) -> None:
    await town.say(town.note(content=None, name="Yes"))
    assert await town.replies() == []


async def test_replies_to_replies_make_a_thread(town: Town) -> None:
    await town.hear()
    first = town.note(published=now() - timedelta(minutes=5))
    await town.say(first)
    await town.say(town.note(content="<p>Another.</p>", published=now() - timedelta(minutes=4)))
    await town.say(town.note("bob", content="<p>Yes!</p>", in_reply_to=first.id), "bob")
    assert [(said.content, said.depth) for said in await town.thread()] == [
        ("<p>Is there coffee?</p>", 0),
        ("<p>Yes!</p>", 1),
        ("<p>Another.</p>", 0),
    ]


async def test_what_is_missing_of_a_thread_is_fetched_from_its_origin(town: Town) -> None:
    await town.hear()
    first = town.publish(town.note("bob", content="<p>First.</p>"))
    second = town.publish(town.note("ada", content="<p>Second.</p>", in_reply_to=first.id))
    third = town.note("bob", content="<p>Third.</p>", in_reply_to=second.id)
    town.publish(third)
    await town.say(third, "bob")
    assert [(said.content, said.depth) for said in await town.thread()] == [
        ("<p>First.</p>", 0),
        ("<p>Second.</p>", 1),
        ("<p>Third.</p>", 2),
    ]


async def test_a_thread_that_bites_its_tail_ends(town: Town) -> None:
    await town.hear()
    first, second = (f"{town.site.origin}/notes/{name}" for name in ("a", "b"))
    town.publish(town.note(id=first, in_reply_to=second))
    town.publish(town.note(id=second, in_reply_to=first))
    third = town.note(in_reply_to=first)
    town.publish(third)
    await town.say(third)
    assert await town.replies() == []


async def test_an_edit_changes_a_reply_and_an_older_one_does_not(town: Town) -> None:
    note = town.note(updated=now())
    await town.say(note)
    later = replace(note, content="<p>Tea?</p>", updated=now() + timedelta(minutes=1))
    await town.say(later, kind=Update)
    await town.say(replace(note, content="<p>Old</p>", updated=now()), kind=Update)
    (reply,) = await town.replies()
    assert reply.content == "<p>Tea?</p>"


async def test_only_its_author_changes_or_deletes_a_reply(town: Town) -> None:
    note = town.note()
    await town.say(note)
    forged = replace(note, content="<p>!</p>", updated=now() + timedelta(minutes=1))
    await town.say(forged, "bob", Update)
    await town.send(
        Delete(id=f"{note.id}#d1", actor=town.site.uri("bob"), object=note.id, to=(PUBLIC,)), "bob"
    )
    (reply,) = await town.replies()
    assert reply.content == "<p>Is there coffee?</p>"


async def test_a_deleted_reply_is_gone_and_does_not_come_back(town: Town) -> None:
    await town.hear()
    note = town.note()
    await town.say(note)
    await town.say(town.note("bob", content="<p>Yes!</p>", in_reply_to=note.id), "bob")
    gone = Tombstone(id=note.id or "", former_type="Note")
    await town.send(
        Delete(id=f"{note.id}#d", actor=town.site.uri("ada"), object=gone, to=(PUBLIC,))
    )
    assert [(said.content, said.depth) for said in await town.thread()] == [("<p>Yes!</p>", 0)]
    await town.say(note)
    assert len(await town.replies()) == 1


async def test_a_delete_before_its_create_is_remembered(town: Town) -> None:
    note = town.note()
    await town.hear()
    await town.send(
        Delete(id=f"{note.id}#d", actor=town.site.uri("ada"), object=note.id, to=(PUBLIC,))
    )
    await town.say(note)
    assert await town.replies() == []


async def test_somebody_who_is_gone_takes_everything_along(town: Town) -> None:
    await town.hear()
    await town.say(town.note())
    await town.send(town.like())
    ada = town.site.uri("ada")
    await town.send(Delete(id=f"{ada}#delete", actor=ada, object=ada, to=(PUBLIC,)))
    assert await town.replies() == []
    assert await town.counted() == (0, 0)
    async with town.hub.services.db.read() as session:
        assert await follows.followers(session) == []
        actor = await session.scalar(select(Actor).where(Actor.uri == ada))
    assert actor is not None
    assert actor.deleted_at is not None


async def test_replies_of_a_blocked_server_vanish(town: Town) -> None:
    await town.hear()
    await town.say(town.note())
    answer = await town.hub.web.post(
        "/api/v1/blocks", json={"host": "town.example"}, headers=town.hub.steward
    )
    assert answer.status_code == 201
    assert await town.thread() == []
    await town.say(town.note())
    assert len(await town.replies()) == 1


# ------------------------------------------------------------------------------ private ones


def _private(town: Town, **given: Any) -> Note:
    mention = Tag(type="Mention", href=town.events, name="@events@hub.example")
    return town.note(
        **{
            "content": "<p>CANARY: may I bring my mother?</p>",
            "to": (town.events,),
            "cc": (),
            "tags": (mention,),
            **given,
        }
    )


@pytest.mark.parametrize("answers_event", [True, False])
async def test_a_private_message_is_for_the_stewards_alone(town: Town, answers_event: bool) -> None:
    await town.hear()
    await town.say(_private(town, in_reply_to=town.event["uri"] if answers_event else None))
    assert await town.thread() == []
    assert await town.thread(STEWARD) == []
    (message,) = await town.messages()
    assert message.kind == "private"
    assert message.channel_name == "@events"
    (reply,) = await town.replies()
    path = f"/events/{town.event['id']}"
    for address in (
        f"{path}/replies",
        f"{path}/replies?page=first",
        f"/api/v1{path}/replies",
        f"/api/v1{path}",
        "/api/v1/events",
        f"/replies/{reply.id}",
        "/actors/events/outbox",
        "/actors/events/outbox?page=first",
    ):
        answer = await town.hub.web.get(address, headers={"accept": "application/activity+json"})
        assert "CANARY" not in answer.text, address
        assert reply.uri not in answer.text, address
    assert (await town.hub.web.get("/admin/inbox")).status_code == 401
    async with signed_in(town.hub) as (web, _):
        assert "CANARY" in (await web.get("/admin/inbox")).text


async def test_a_private_message_is_answered_directly_and_without_a_proof(town: Town) -> None:
    note = _private(town)
    await town.say(note)
    (message,) = await town.messages()
    async with signed_in(town.hub) as (web, csrf):
        path = f"/admin/inbox/{message.id}/answer"
        empty = await web.post(path, data={"csrf": csrf, "text": " "})
        assert empty.status_code == 422
        answer = await web.post(path, data={"csrf": csrf, "text": "Of course!\n\nUntil then <3"})
        assert answer.status_code == 303
    await town.hub.work()
    received = town.site.received[-1]
    assert isinstance(received.activity, Create)
    said = received.activity.object
    assert isinstance(said, Note)
    ada = town.site.uri("ada")
    assert received.actor == town.events
    assert received.trust == "signer"
    assert b"proof" not in received.body
    assert (said.to, said.cc, said.in_reply_to) == ((ada,), (), note.id)
    assert [(tag.type, tag.href, tag.name) for tag in said.tags] == [
        ("Mention", ada, "@ada@town.example")
    ]
    assert said.content is not None
    assert "Of course!</p><p>Until then &lt;3</p>" in said.content
    assert 'class="u-url mention"' in said.content
    async with town.hub.services.db.read() as session:
        row = await session.scalar(select(OutboxActivity).order_by(OutboxActivity.id.desc()))
    assert row is not None
    assert (row.public, row.listed, row.inboxes) == (False, False, [f"{ada}/inbox"])
    assert await town.messages() == ()
    (answered,) = await town.messages("all")
    assert len(answered.answers) == 1
    hidden = await town.hub.web.get(
        urlsplit(said.id or "").path, headers={"accept": "application/activity+json"}
    )
    assert hidden.status_code == 404


async def test_an_answer_to_our_private_answer_stays_private(town: Town) -> None:
    await town.say(_private(town))
    (message,) = await town.messages()
    async with signed_in(town.hub) as (web, csrf):
        await web.post(
            f"/admin/inbox/{message.id}/answer", data={"csrf": csrf, "text": "Which mother?"}
        )
    await town.hub.work()
    ours = town.site.received[-1].activity.object_id
    await town.hear()
    await town.say(town.note(content="<p>CANARY 2</p>", in_reply_to=ours))
    assert await town.thread() == []
    assert "CANARY 2" in {reply.content[3:11] for reply in await town.replies()}
    assert len(await town.messages()) == 1


async def test_a_public_reply_is_answered_publicly_and_the_answer_can_be_taken_back(
    town: Town,
) -> None:
    await town.say(town.note())
    (message,) = await town.messages()
    async with signed_in(town.hub) as (web, csrf):
        await web.post(f"/admin/inbox/{message.id}/answer", data={"csrf": csrf, "text": "Yes."})
        await town.hub.work()
        said = town.site.received[-1].activity.object
        assert isinstance(said, Note)
        assert PUBLIC in said.to
        shown = await town.thread()
        assert [(one.from_us, one.depth) for one in shown] == [(False, 0), (True, 1)]
        address = urlsplit(said.id or "").path
        found = await town.hub.web.get(address, headers={"accept": "application/activity+json"})
        assert found.json()["id"] == said.id
        page = await town.hub.web.get(address, headers={"accept": "text/html"})
        assert page.headers["location"].startswith(f"/events/{town.event['id']}#reply-")
        await web.post(f"/admin/inbox/{shown[1].id}/hide", data={"csrf": csrf})
    await town.hub.work()
    gone = town.site.received[-1].activity
    assert isinstance(gone, Delete)
    assert gone.object_id == said.id
    assert len(await town.thread()) == 1


# ------------------------------------------------------------------------------ collections


async def test_the_collection_of_replies_has_the_public_ids_in_pages(town: Town) -> None:
    await town.hear()
    notes = [town.note(published=now() - timedelta(minutes=90 - i)) for i in range(60)]
    for note in notes[:-1]:
        await town.site.send(
            "ada",
            Create(id=f"{note.id}#c", actor=note.attributed_to or "", object=note, to=note.to),
            f"{town.events}/inbox",
        )
    await town.say(notes[-1])
    await town.say(_private(town))
    path = f"/events/{town.event['id']}/replies"
    answer = await town.hub.web.get(path)
    assert answer.headers["content-type"].startswith("application/activity+json")
    found = answer.json()
    assert (found["type"], found["totalItems"]) == ("Collection", 60)
    first = found["first"]
    rest = (await town.hub.web.get(first["next"])).json()
    assert [*first["items"], *rest["items"]] == [note.id for note in notes]
    assert "next" not in rest
    assert (await town.hub.web.get(f"/offers/{town.event['id']}/replies")).status_code == 404
    assert (await town.hub.web.get(f"{path}?cursor=rubbish")).status_code == 422


async def test_an_entry_for_the_hub_alone_has_no_collection_outside(town: Town) -> None:
    answer = await town.hub.web.post(
        "/api/v1/events", json={**EVENT, "visibility": "hub"}, headers=town.hub.steward
    )
    path = f"/events/{answer.json()['id']}/replies"
    assert (await town.hub.web.get(path)).status_code == 404


async def test_programs_read_the_replies_that_are_shown_page_by_page(town: Town) -> None:
    await town.say(town.note("bob", content="<p>Held</p>"), "bob")
    await town.hear()
    first = town.note(published=now() - timedelta(minutes=2))
    await town.say(first)
    await town.say(town.note("bob", in_reply_to=first.id, content="<p>There is.</p>"), "bob")
    path = f"/api/v1/events/{town.event['id']}/replies"
    page = await town.hub.web.get(path, params={"limit": 1})
    (asked,) = page.json()["items"]
    assert asked["uri"] == first.id
    assert (asked["author"], asked["author_name"]) == ("ada@town.example", "ada of town.example")
    assert (asked["content"], asked["answers"]) == ("<p>Is there coffee?</p>", None)
    assert datetime.fromisoformat(asked["created_at"]) == first.published
    assert 'rel="next"' in page.headers["link"]
    rest = await town.hub.web.get(path, params={"cursor": page.json()["next"]})
    (answer,) = rest.json()["items"]
    assert (answer["answers"], answer["content"]) == (asked["id"], "<p>There is.</p>")
    assert rest.json()["next"] is None


async def test_replies_are_found_under_their_own_entry_alone(town: Town) -> None:
    hub = town.hub
    for kind in ("offers", "wants"):
        listing = {"title": "Ladder", "description": "Tall", "kind": "item", "mode": "lend"}
        made = await hub.web.post(f"/api/v1/{kind}", json=listing, headers=hub.steward)
        found = await hub.web.get(f"/api/v1/{kind}/{made.json()['id']}/replies")
        assert found.json() == {"items": [], "next": None}
    for address, status in (
        (f"/api/v1/offers/{town.event['id']}/replies", 404),
        (f"/api/v1/events/{uuid4()}/replies", 404),
        (f"/api/v1/events/{town.event['id']}/replies?cursor=rubbish", 422),
        (f"/api/v1/events/{town.event['id']}/replies?limit=101", 422),
    ):
        answer = await hub.web.get(address)
        assert answer.status_code == status, address
        assert answer.headers["content-type"] == "application/problem+json", address


async def test_replies_under_an_entry_for_the_hub_alone_are_for_its_readers(town: Town) -> None:
    event = {**EVENT, "visibility": "hub"}
    made = await town.hub.web.post("/api/v1/events", json=event, headers=town.hub.steward)
    path = f"/api/v1/events/{made.json()['id']}/replies"
    assert (await town.hub.web.get(path)).status_code == 404
    assert (await town.hub.web.get(path, headers=town.hub.steward)).status_code == 200


# ------------------------------------------------------------------------------ reactions


async def test_likes_and_boosts_count_once_and_can_be_undone(town: Town) -> None:
    await town.send(town.like())
    await town.send(replace(town.like(), id=f"{town.site.uri('ada')}#again"))
    await town.send(town.like("bob"), "bob")
    await town.send(town.boost())
    assert await town.counted() == (2, 1)
    ada = town.site.uri("ada")
    await town.send(Undo(id=f"{ada}#u1", actor=ada, object=town.like()))
    await town.send(Undo(id=f"{ada}#u2", actor=ada, object=f"{ada}#boost"))
    assert await town.counted() == (2, 0)
    await town.send(Undo(id=f"{ada}#u3", actor=ada, object=f"{ada}#again"))
    assert await town.counted() == (1, 0)


async def test_nobody_undoes_what_another_did(town: Town) -> None:
    await town.send(town.like())
    bob = town.site.uri("bob")
    await town.send(Undo(id=f"{bob}#u1", actor=bob, object=town.like()), "bob")
    await town.send(Undo(id=f"{bob}#u2", actor=bob, object=f"{town.site.uri('ada')}#like"), "bob")
    assert await town.counted() == (1, 0)


async def test_a_like_that_was_undone_before_it_came_is_not_counted(town: Town) -> None:
    ada = town.site.uri("ada")
    await town.send(Undo(id=f"{ada}#u", actor=ada, object=town.like()))
    await town.send(town.like())
    assert await town.counted() == (0, 0)


# ------------------------------------------------------------------------------ announces


async def _follow_relay(town: Town) -> None:
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


def _passed_on(town: Town, thing: object) -> Announce:
    relay = town.site.uri("relay")
    return Announce(
        id=f"{town.site.origin}/announces/{uuid4()}",
        actor=relay,
        object=thing,  # type: ignore[arg-type]
        to=(PUBLIC,),
    )


async def test_what_a_followed_actor_passes_on_is_fetched_from_its_origin(town: Town) -> None:
    await _follow_relay(town)
    note = town.note("bob", content="<p>From the origin.</p>")
    town.publish(note)
    await town.send(_passed_on(town, replace(note, content="<p>Forged.</p>")), "relay")
    (reply,) = await town.replies()
    assert reply.content == "<p>From the origin.</p>"
    assert reply.state == "shown"


async def test_what_strangers_pass_on_is_not_even_fetched(town: Town) -> None:
    note = town.note("bob")
    town.publish(note)
    await town.send(_passed_on(town, note.id), "relay")
    assert await town.replies() == []
    assert f"GET {note.id}" not in town.hub.wire.dials


async def test_neither_private_things_nor_announces_are_passed_on(town: Town) -> None:
    await _follow_relay(town)
    private = _private(town, attributed_to=town.site.uri("bob"))
    town.publish(private)
    await town.send(_passed_on(town, private.id), "relay")
    public = town.note("bob")
    town.publish(public)
    await town.send(_passed_on(town, _passed_on(town, public.id)), "relay")
    assert await town.replies() == []


async def test_unknown_kinds_are_dropped_without_an_error(town: Town) -> None:
    ada = town.site.uri("ada")
    for kind in ("Arrive", "View", "Move", "Add", "x" * 300):
        document = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{ada}#{uuid4()}",
            "type": kind,
            "actor": ada,
            "object": town.event["uri"],
        }
        await town.site.send_document("ada", document, f"{town.events}/inbox")
    article = Article(id=f"{ada}/a", attributed_to=ada, name="News", content="x", to=(PUBLIC,))
    await town.send(Create(id=f"{ada}#c", actor=ada, object=article, to=(PUBLIC,)))
    async with town.hub.services.db.read() as session:
        states = set(await session.scalars(select(InboxActivity.state)))
    assert states == {"dropped"}
