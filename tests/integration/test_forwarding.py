"""What goes on to others as it came: replies for our followers, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import select, update
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from federation.signatures.proofs import sign_proof
from federation.testing import MemorySite
from federation.vocab.activities import Follow
from federation.vocab.names import AS2, PUBLIC, Document
from hub.core.clock import now
from hub.entries import replies, tending
from hub.entries.models import Reply
from hub.fediverse import follows
from hub.fediverse.models import Delivery, OutboxActivity
from hub.fediverse.models import Follow as FollowRow
from tests.conftest import MakeHub, Running
from tests.integration.test_two_hubs import EVENT


@dataclass
class Street:
    """A hub, a server whose people speak (`town`), and one whose people listen (`far`)."""

    hub: Running
    town: MemorySite
    far: MemorySite
    event: str
    sent: list[bytes] = field(default_factory=list)

    def actor(self, name: str) -> str:
        return f"{self.hub.url}/actors/{name}"

    def note(self, who: str = "ada", **given: Any) -> Document:
        """A public reply to the event, by somebody in town."""
        return {
            "id": f"{self.town.origin}/notes/{uuid4()}",
            "type": "Note",
            "attributedTo": self.town.uri(who),
            "content": "<p>Is there coffee?</p>",
            "inReplyTo": self.event,
            "published": now().isoformat(),
            "to": [PUBLIC],
            "cc": [],
            **given,
        }

    async def say(
        self,
        thing: Any,
        kind: str = "Create",
        who: str = "ada",
        *,
        proof: bool = True,
        **given: Any,
    ) -> bytes:
        """Let somebody in town send it, and the hub act upon it; the bytes that were sent."""
        document: Document = {
            "@context": [AS2, "https://w3id.org/security/data-integrity/v1"],
            "id": f"{self.town.uri(who)}#{uuid4()}",
            "type": kind,
            "actor": self.town.uri(who),
            "object": thing,
            "to": [PUBLIC],
            "cc": [f"{self.actor('events')}/followers"],
            **given,
        }
        if proof:
            document = sign_proof(document, self.town.keys(who), now())
        await self.town.send_document(who, document, f"{self.hub.url}/inbox")
        await self.hub.work()
        return orjson.dumps(document)

    async def follow(self, site: MemorySite, who: str, name: str = "events") -> None:
        follow = Follow(
            id=f"{site.uri(who)}#{uuid4()}", actor=site.uri(who), object=self.actor(name)
        )
        await site.send(who, follow, f"{self.hub.url}/inbox")
        await self.hub.work()

    def publish(self, thing: Document) -> None:
        """Let town answer for it."""
        inner = self.town.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            answers: ASGIApp = inner
            if f"{self.town.origin}{scope['path']}" == thing["id"]:
                body = orjson.dumps({"@context": AS2, **thing})
                answers = Response(body, media_type="application/activity+json")
            await answers(scope, receive, send)

        self.hub.wire.attach("town.example", app)

    def forwarded(self, site: MemorySite) -> list[bytes]:
        """What the hub passed on to a server, as it came."""
        return [one.body for one in site.received if one.actor.startswith(self.town.origin)]

    async def reply(self) -> Reply:
        async with self.hub.services.db.read() as session:
            found = (await session.scalars(select(Reply))).all()
        assert len(found) == 1
        return await self._loaded(found[0])

    async def _loaded(self, reply: Reply) -> Reply:
        async with self.hub.services.db.read() as session:
            return await replies.by_id(session, reply.id)


async def make_street(make_hub: MakeHub, **settings: Any) -> Street:
    hub = await make_hub("hub.example", **settings)
    town = MemorySite("https://town.example", hub.wire, names=("relay", "ada", "bob"))
    far = MemorySite("https://far.example", hub.wire, names=("relay", "fred"))
    # Whoever passes things on is believed as far as their origin confirms them.
    town.relays.add("hub.example")
    far.relays.add("hub.example")
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    street = Street(hub, town, far, answer.json()["uri"])
    await street.follow(far, "fred")
    await street.follow(town, "bob")
    far.received.clear()
    town.received.clear()
    return street


@pytest.fixture
async def street(make_hub: MakeHub) -> Street:
    """Everybody is heard."""
    return await make_street(make_hub, federation="open")


# ------------------------------------------------------------------------------ AP-42


@pytest.mark.parametrize("proof", [True, False])
async def test_ap_42_a_reply_goes_to_our_followers_unchanged_and_not_back(
    street: Street, proof: bool
) -> None:
    street.hub.wire.dials.clear()
    sent = await street.say(street.note(), proof=proof)
    assert street.forwarded(street.far) == [sent]
    posts = [dial for dial in street.hub.wire.dials if dial.startswith("POST")]
    assert posts == ["POST https://hub.example/inbox", "POST https://far.example/inbox"]


@pytest.mark.parametrize("where", ["to", "cc", "audience"])
async def test_ap_42_the_collection_may_stand_in_any_address(street: Street, where: str) -> None:
    given: dict[str, Any] = {"to": [PUBLIC], "cc": [], "audience": []}
    given[where] = [*given[where], f"{street.actor('events')}/followers"]
    sent = await street.say(street.note(), **given)
    assert street.forwarded(street.far) == [sent]


async def test_ap_42_nothing_is_forwarded_unless_a_collection_of_ours_is_addressed(
    street: Street,
) -> None:
    for cc in ([], [street.actor("events")], [f"{street.town.uri('bob')}/followers"]):
        await street.say(street.note(), cc=cc)
    assert street.forwarded(street.far) == []


async def test_ap_42_nothing_is_forwarded_that_has_nothing_to_do_with_us(street: Street) -> None:
    for uri in (f"{street.town.origin}/notes/1", f"{street.hub.url}/events/{uuid4()}"):
        await street.say(uri, "Like")
        await street.say(uri, "Travel")
    assert street.forwarded(street.far) == []


async def test_ap_42_object_target_and_tag_lead_to_us_as_well(street: Street) -> None:
    elsewhere = f"{street.town.origin}/albums/1"
    tagged = street.note(
        inReplyTo=None, tag=[{"type": "Mention", "href": street.event, "name": "@x"}]
    )
    sent = [
        await street.say(street.event, "Like"),
        await street.say(elsewhere, "Travel", target=street.event),
        await street.say(tagged, "Travel"),
    ]
    assert street.forwarded(street.far) == sent


async def test_ap_42_what_was_seen_before_is_not_forwarded_again(street: Street) -> None:
    note, name = street.note(), f"{street.town.uri('ada')}#once"
    await street.say(note, id=name)
    await street.say(note, id=name, published=now().isoformat())
    assert len(street.forwarded(street.far)) == 1


@pytest.mark.parametrize(("replies_between", "goes_on"), [(9, True), (10, False)])
async def test_ap_42_the_way_to_us_is_at_most_ten_links_long(
    street: Street, replies_between: int, goes_on: bool
) -> None:
    parent = street.event
    for _ in range(replies_between):
        note = street.note(inReplyTo=parent)
        await street.say(note, cc=[])
        parent = note["id"]
    await street.say(street.note(inReplyTo=parent))
    assert len(street.forwarded(street.far)) == goes_on


async def test_ap_42_what_only_its_origin_may_tell_is_not_forwarded(street: Street) -> None:
    """A relay brings it without a proof: its bytes are a hint to ask the origin, and no more."""
    other = MemorySite("https://other.example", street.hub.wire, names=("relay",))
    await follows.follow(street.hub.services, "@relay@other.example")
    async with street.hub.services.db.write() as session:
        await session.execute(update(FollowRow).values(state=follows.ACCEPTED))
    note = street.note()
    street.publish(note)
    document = {
        "@context": AS2,
        "id": f"{note['id']}#create",
        "type": "Create",
        "actor": street.town.uri("ada"),
        "object": note,
        "to": [PUBLIC],
        "cc": [f"{street.actor('events')}/followers"],
    }
    await other.send_document("relay", document, f"{street.hub.url}/inbox")
    await street.hub.work()
    assert (await street.reply()).uri == note["id"]
    assert street.forwarded(street.far) == []


async def test_ap_42_with_a_proof_it_is_forwarded_whoever_brings_it(street: Street) -> None:
    other = MemorySite("https://other.example", street.hub.wire, names=("relay", "olga"))
    await street.follow(other, "olga")
    other.received.clear()
    document = sign_proof(
        {
            "@context": [AS2, "https://w3id.org/security/data-integrity/v1"],
            "id": f"{street.town.origin}/likes/1",
            "type": "Like",
            "actor": street.town.uri("ada"),
            "object": street.event,
            "to": [PUBLIC],
            "cc": [f"{street.actor('events')}/followers"],
        },
        street.town.keys("ada"),
        now(),
    )
    await other.send_document("relay", document, f"{street.hub.url}/inbox")
    await street.hub.work()
    assert street.forwarded(street.far) == [orjson.dumps(document)]
    assert street.forwarded(other) == []


async def test_ap_42_what_waits_for_a_steward_is_forwarded_when_it_is_let_through(
    make_hub: MakeHub,
) -> None:
    street = await make_street(make_hub)
    sent = await street.say(street.note())
    like = await street.say(street.event, "Like")
    assert street.forwarded(street.far) == []
    reply = await street.reply()
    async with street.hub.services.db.write() as session:
        reply = await replies.by_id(session, reply.id)
        await tending.pass_on(session, street.hub.services, reply)
    await street.hub.work()
    assert street.forwarded(street.far) == [sent]
    assert like not in street.forwarded(street.far)


async def test_ap_42_what_a_steward_hides_is_never_forwarded(make_hub: MakeHub) -> None:
    street = await make_street(make_hub)
    await street.say(street.note())
    reply = await street.reply()
    async with street.hub.services.db.write() as session:
        reply = await replies.by_id(session, reply.id)
        await tending.hide(session, street.hub.services, reply)
        await tending.show(session, street.hub.services, reply)
    await street.hub.work()
    assert street.forwarded(street.far) == []


async def test_ap_42_the_end_of_a_forwarded_reply_reaches_whoever_got_it(street: Street) -> None:
    note = street.note()
    first = await street.say(note)
    gone = await street.say({"id": note["id"], "type": "Tombstone"}, "Delete", cc=[])
    assert street.forwarded(street.far) == [first, gone]
    async with street.hub.services.db.read() as session:
        assert (await session.scalars(select(Reply))).all() == []


async def test_forwarded_mail_waits_and_is_tried_again_like_our_own(street: Street) -> None:
    street.hub.wire.down.add("far.example")
    sent = await street.say(street.note())
    assert street.forwarded(street.far) == []
    street.hub.wire.down.clear()
    async with street.hub.services.db.write() as session:
        await session.execute(update(Delivery).values(run_at=now()))
    await street.follow(street.far, "fred", "offers")  # they live: what waits is due
    assert street.forwarded(street.far) == [sent]
    async with street.hub.services.db.read() as session:
        query = select(OutboxActivity.body).where(OutboxActivity.from_host == "town.example")
        bodies: Sequence[bytes] = (await session.scalars(query)).all()
    assert bodies == [sent]
