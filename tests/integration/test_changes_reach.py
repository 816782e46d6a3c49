"""A change reaches everyone who has the thing, and stewards' buttons do what they do once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from sqlalchemy import func, select, update

from federation.testing import MemorySite
from federation.vocab.activities import Activity, Announce, Create, Delete, Follow, Like, Undo
from federation.vocab.activities import Update as UpdateActivity
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub.core.clock import now
from hub.entries import answers, replies, tending
from hub.entries.models import Entry, Reply
from hub.fediverse.models import OutboxActivity, Receipt
from tests.conftest import MakeHub
from tests.towns import EVENT, Town, signed_in, town_of

AS2 = {"accept": "application/activity+json"}
DAY = timedelta(days=1)


async def _page(town: Town, which: str) -> list[Any]:
    """The first page of a collection of `@events`."""
    address = f"/actors/events/{which}" + ("?page=first" if which == "outbox" else "")
    found = await town.hub.web.get(address, headers=AS2)
    items: list[Any] = found.json()["orderedItems"]
    return items


async def _edit(town: Town, **changes: Any) -> httpx2.Response:
    path = f"/api/v1/events/{town.event['id']}"
    answer = await town.hub.web.patch(path, json=changes, headers=town.hub.steward)
    assert answer.status_code == 200, answer.text
    await town.hub.work()
    return answer


async def _remove(town: Town) -> None:
    path = f"/api/v1/events/{town.event['id']}"
    answer = await town.hub.web.delete(path, headers=town.hub.steward)
    assert answer.status_code == 204, answer.text
    await town.hub.work()


async def _answer(town: Town, note: Note, words: str = "Yes.") -> Reply:
    """Let a steward answer a reply that somebody sent."""
    asked = next(one for one in await town.replies() if one.uri == note.id)
    async with signed_in(town.hub) as (web, csrf):
        await web.post(f"/admin/inbox/{asked.id}/answer", data={"csrf": csrf, "text": words})
    await town.hub.work()
    return next(one for one in await town.replies() if words in one.content and one.from_us)


# ------------------------------------------------------------------------------- reaching


def _follow(site: MemorySite, events: str) -> list[Activity]:
    relay = site.uri("relay")
    return [Follow(id=f"{relay}#f", actor=relay, object=events)]


def _leave(site: MemorySite, events: str) -> list[Activity]:
    (follow,) = _follow(site, events)
    return [follow, Undo(id=f"{follow.actor}#u", actor=follow.actor, object=follow)]


def _like(site: MemorySite, event: str) -> list[Activity]:
    relay = site.uri("relay")
    return [Like(id=f"{relay}#l", actor=relay, object=event)]


def _boost(site: MemorySite, event: str) -> list[Activity]:
    relay = site.uri("relay")
    return [Announce(id=f"{relay}#a", actor=relay, object=event, to=(PUBLIC,))]


def _reply(site: MemorySite, event: str) -> list[Activity]:
    relay = site.uri("relay")
    note = Note(
        id=f"{site.origin}/n/1",
        attributed_to=relay,
        content="<p>!</p>",
        in_reply_to=event,
        to=(PUBLIC,),
    )
    return [Create(id=f"{relay}#c", actor=relay, object=note, to=(PUBLIC,))]


@pytest.mark.parametrize("deed", [_follow, _leave, _like, _boost, _reply])
async def test_ap_76_changes_and_deletes_reach_every_server_that_has_it(
    town: Town, deed: Callable[[MemorySite, str], list[Activity]]
) -> None:
    """Followers, those who follow no more, and who likes, boosts or answers it."""
    site = MemorySite("https://far.example", town.hub.wire, names=("relay",))
    follows = deed in (_follow, _leave)
    first, *rest = deed(site, town.events if follows else town.event["uri"])
    await site.send("relay", first, f"{town.hub.url}/inbox")
    await town.hub.work()
    made = await town.hub.web.post("/api/v1/events", json=EVENT, headers=town.hub.steward)
    if follows:
        town.event = made.json()
    await town.hub.work()
    for activity in rest:
        await site.send("relay", activity, f"{town.hub.url}/inbox")
    await town.hub.work()
    site.received.clear()
    await _edit(town, title="Repair café, again")
    await _remove(town)
    of_it = [one.activity for one in site.received if one.activity.object_id == town.event["uri"]]
    assert [type(one) for one in of_it] == [UpdateActivity, Delete]
    assert {one.actor for one in site.received} == {town.events}


async def test_ap_76_our_answers_are_taken_back_with_what_they_stand_under(town: Town) -> None:
    await town.hear()
    public, private = town.note(), town.note("bob", to=(town.events,), cc=())
    await town.say(public)
    await town.say(private, "bob")
    ours = [await _answer(town, public), await _answer(town, private, "Just you.")]
    hidden = await _answer(town, public, "Hidden.")
    async with signed_in(town.hub) as (web, csrf):
        await web.post(f"/admin/inbox/{hidden.id}/hide", data={"csrf": csrf})
    await town.hub.work()
    town.site.received.clear()
    await _remove(town)
    gone = [one for one in town.site.received if isinstance(one.activity, Delete)]
    assert sorted(one.activity.object_id or "" for one in gone) == sorted(
        [town.event["uri"], *(one.uri for one in ours)]
    )
    secret = next(one for one in gone if one.activity.object_id == ours[1].uri)
    assert secret.activity.to == (town.site.uri("bob"),)
    assert b'"proof"' not in secret.body
    tombstone = await town.hub.web.get(urlsplit(ours[0].uri).path, headers=AS2)
    assert (tombstone.status_code, tombstone.json()["type"]) == (410, "Tombstone")
    assert (await town.hub.web.get(urlsplit(ours[1].uri).path)).status_code == 404


async def test_the_outbox_says_what_things_are_now(town: Town) -> None:
    """Gancio imports from it: an old Create must not bring old words."""
    await _edit(town, title="Repair café at the mill", location="Mill")
    creates = [one for one in await _page(town, "outbox") if one["type"] == "Create"]
    (create,) = [one for one in creates if one["object"]["type"] == "Event"]
    now_it_is = (await town.hub.web.get(f"/events/{town.event['id']}", headers=AS2)).json()
    assert create["object"] == {k: v for k, v in now_it_is.items() if k != "@context"}
    assert create["object"]["name"] == "Repair café at the mill"
    assert create["id"] == f"{town.event['uri']}#create"
    site = MemorySite("https://far.example", town.hub.wire, names=("relay",))
    claimed = await site.verifier.keyring.find(create["proof"]["verificationMethod"])
    assert site.verifier._proves(create, town.events, claimed)


# ---------------------------------------------------------------------------- collections


async def _listed(town: Town) -> tuple[bool, bool]:
    """Whether the event is in `featured` and in `upcoming`, by its id."""
    found = []
    for which in ("featured", "upcoming"):
        items = await _page(town, which)
        assert all(isinstance(item, str) for item in items)
        found.append(town.event["uri"] in items)
    return found[0], found[1]


async def _time_passes(town: Town) -> None:
    async with town.hub.services.db.write() as session:
        await session.execute(
            update(Entry).values(happens_at=now() - DAY, relevant_until=now() - DAY / 2)
        )


async def _cancel(town: Town) -> None:
    await _edit(town, status="cancelled")


async def _hide(town: Town) -> None:
    async with signed_in(town.hub) as (web, csrf):
        await web.post(f"/admin/entries/{town.event['id']}/hide", data={"csrf": csrf})


@pytest.mark.parametrize("change", [_time_passes, _cancel, _remove, _hide])
async def test_ap_76_featured_and_upcoming_drop_what_is_over(
    town: Town, change: Callable[[Town], Awaitable[None]]
) -> None:
    assert await _listed(town) == (True, True)
    await change(town)
    assert await _listed(town) == (False, False)


async def test_ap_76_featured_and_upcoming_follow_an_edit(town: Town) -> None:
    later = {**EVENT, "title": "Later", "starts_at": _at(21)}
    other = (await town.hub.web.post("/api/v1/events", json=later, headers=town.hub.steward)).json()
    assert await _page(town, "upcoming") == [town.event["uri"], other["uri"]]
    await _edit(town, starts_at=_at(22))
    assert await _page(town, "upcoming") == [other["uri"], town.event["uri"]]
    assert await _page(town, "featured") == [other["uri"], town.event["uri"]]
    await _edit(town, status="moved_online", online_url="https://meet.example/1")
    assert await _listed(town) == (True, True)


def _at(days: int) -> str:
    return (datetime.fromisoformat(EVENT["starts_at"]) + timedelta(days=days)).isoformat()


# -------------------------------------------------------------------------------- buttons


async def test_an_answer_is_sent_once_however_often_it_is_pressed(town: Town) -> None:
    await town.hear()
    await town.say(town.note())
    (asked,) = await town.replies()
    async with signed_in(town.hub) as (web, csrf):
        page = (await web.get("/admin/inbox?show=all")).text
        once = page.partition('name="once" value="')[2].partition('"')[0]
        assert UUID(once).version == 4
        form = {"csrf": csrf, "text": "Yes.", "once": once}
        pressed = [web.post(f"/admin/inbox/{asked.id}/answer", data=form) for _ in range(4)]
        answered = await asyncio.gather(*pressed)
        assert {answer.status_code for answer in answered} == {303}
        other = town.note("bob")
        await town.say(other, "bob")
        second = next(one for one in await town.replies() if one.uri == other.id)
        reused = await web.post(f"/admin/inbox/{second.id}/answer", data=form)
        assert reused.status_code == 409
    await town.hub.work()
    assert [one.from_us for one in await town.replies()].count(True) == 1
    said = [one for one in town.site.received if isinstance(one.activity.object, Note)]
    assert len(said) == 1


async def _hide_reply(town: Town, reply: Reply) -> None:
    async with town.hub.services.db.write() as session:
        await answers.hide(session, town.hub.services, await replies.by_id(session, reply.id))


async def test_an_answer_is_taken_back_once_by_two_at_once(town: Town) -> None:
    await town.hear()
    note = town.note()
    await town.say(note)
    ours = await _answer(town, note)
    services = town.hub.services
    async with services.db.write() as session:
        seen = await replies.by_id(session, ours.id)
        other = asyncio.create_task(_hide_reply(town, ours))
        await asyncio.sleep(0.3)  # long enough for it to read, if it may
        await answers.hide(session, services, seen)
    await other
    async with services.db.read() as session:
        count = select(func.count()).where(OutboxActivity.uri == f"{ours.uri}#delete")
        assert await session.scalar(count) == 1


async def test_an_entry_is_hidden_and_shown_under_a_lock(town: Town) -> None:
    services, entry_id = town.hub.services, town.event_id

    async def show() -> None:
        async with services.db.write() as session:
            await tending.show_entry(session, entry_id)

    async with services.db.write() as session:
        await tending.hide_entry(session, entry_id)
        other = asyncio.create_task(show())
        await asyncio.sleep(0.3)
    await other
    async with services.db.read() as session:
        # Who came last decided; without the lock it saw nothing to do.
        assert (await session.get_one(Entry, entry_id)).hidden_at is None


# ------------------------------------------------------------------------------- long ids


def _long(origin: str, length: int = 2048) -> str:
    """An id as long as we take, of letters that no index can press together."""
    letters = random.Random(length).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length)
    return f"{origin}/{''.join(letters)}"[:length]


async def _receipts(town: Town) -> list[Receipt]:
    async with town.hub.services.db.read() as session:
        return list(await session.scalars(select(Receipt)))


def _create(note: Note, uri: str) -> Create:
    return Create(id=uri, actor=note.attributed_to or "", object=note, to=note.to, cc=note.cc)


async def test_ids_as_long_as_we_take_break_no_index(make_hub: MakeHub) -> None:
    """An index of PostgreSQL takes 2 704 bytes in all."""
    town = await town_of(make_hub)
    ada, origin = town.site.uri("ada"), town.site.origin
    inbox = _long(f"{origin}/boxes", 2000)
    actor = town.site.add_actor("ada")
    document = {**actor.document(context=True), "inbox": inbox}
    del document["endpoints"]
    town.documents["/actors/ada"] = orjson.dumps(document)
    town.documents[urlsplit(inbox).path] = b"{}"  # the mail arrives there
    await town.send(Follow(id=_long(origin), actor=ada, object=town.events))
    assert inbox in {receipt.inbox for receipt in await _receipts(town)}
    note = town.note(id=_long(origin, 2047), in_reply_to=town.event["uri"], published=now() - DAY)
    note = replace(note, context=_long(origin, 2046), replies=_long(origin, 2045))
    await town.send(_create(note, _long(origin, 2037)))
    await town.send(Like(id=_long(origin, 2044), actor=ada, object=town.event["uri"]))
    await town.send(Undo(id=_long(origin, 2043), actor=ada, object=_long(origin, 2042)))
    await town.send(Delete(id=_long(origin, 2041), actor=ada, object=_long(origin, 2040)))
    above = town.note(id=_long(origin, 2039), in_reply_to=_long(origin, 2038))
    await town.send(_create(above, _long(origin, 2036)))
    await _answer(town, note)
    await _remove(town)
    assert await town.counted() == (0, 0)
    assert f"{town.event['uri']}" in {receipt.object_uri for receipt in await _receipts(town)}
    too_long = town.note(id=_long(origin, 2049))
    await town.send(_create(too_long, f"{origin}/short"))
    assert too_long.id not in {one.uri for one in await town.replies()}


async def test_an_answer_that_never_was_is_not_there(town: Town) -> None:
    assert (await town.hub.web.get(f"/replies/{uuid4()}", headers=AS2)).status_code == 404
    assert (await town.hub.web.get(f"/replies/{uuid4()}/replies")).status_code == 404
