"""What a look at everything together found: voices lent to strangers, floods, lost words."""

from __future__ import annotations

import asyncio
import base64
import random
import secrets
from dataclasses import replace
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from alembic import command
from sqlalchemy import bindparam, delete, func, select, update
from starlette.responses import Response

from federation.signatures.proofs import sign_proof
from federation.testing import MemorySite
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.names import AS2, PUBLIC
from hub import migrating
from hub.core.clock import now
from hub.core.prepared import Prepared
from hub.entries import gathering, replies, tending
from hub.entries.models import Entry, Quote, Reply
from hub.fediverse.models import Delivery, InboxActivity, OutboxActivity, Peer
from hub.jobs.models import Job
from hub.jobs.queue import enqueue
from hub.jobs.registry import KINDS, JobKind, Run
from hub.trust import service as trust
from tests.conftest import MakeHub, Running
from tests.integration.test_forwarding import Street, make_street
from tests.integration.test_two_hubs import EVENT
from tests.towns import Town


async def _pass_on(street: Street) -> None:
    reply = await street.reply()
    async with street.hub.services.db.write() as session:
        row = await replies.by_id(session, reply.id)
        await tending.pass_on(session, street.hub.services, row)
    await street.hub.work()


def _change(site: MemorySite, name: str, **members: Any) -> None:
    actor = site.actors[name]
    assert isinstance(actor, ActorDocument)
    site.actors[name] = replace(actor, **members)


async def test_ap_42_a_stranger_gets_no_voice_by_naming_a_reply_that_is_shown(
    make_hub: MakeHub,
) -> None:
    street = await make_street(make_hub)
    await street.say(street.note())
    await _pass_on(street)
    shown = (await street.reply()).uri
    crook = MemorySite("https://crook.example", street.hub.wire, names=("relay", "mallory"))
    street.far.received.clear()
    for _ in range(3):
        document = {
            "@context": AS2,
            "id": f"{crook.uri('mallory')}#{uuid4()}",
            "type": "Like",
            "actor": crook.uri("mallory"),
            "object": shown,
            "content": "Buy pills",
            "to": [PUBLIC],
            "cc": [f"{street.actor('events')}/followers"],
        }
        await crook.send_document("mallory", document, f"{street.hub.url}/inbox")
    await street.hub.work()
    told = [one for one in street.far.received if one.actor.startswith(crook.origin)]
    assert told == []


async def test_ap_42_one_reply_said_many_times_is_forwarded_once(make_hub: MakeHub) -> None:
    street = await make_street(make_hub)
    note = street.note()
    for _ in range(5):
        await street.say(note)
    async with street.hub.services.db.read() as session:
        kept = await session.scalar(
            select(func.count(OutboxActivity.id)).where(OutboxActivity.from_host.is_not(None))
        )
    await _pass_on(street)
    assert (kept, len(street.forwarded(street.far))) == (1, 1)


async def test_ap_42_nothing_waits_of_a_reply_that_was_deleted(make_hub: MakeHub) -> None:
    street = await make_street(make_hub)
    note = street.note()
    await street.say(note)
    await street.say({"id": note["id"], "type": "Tombstone"}, "Delete", cc=[])
    async with street.hub.services.db.read() as session:
        query = select(OutboxActivity.id).where(OutboxActivity.from_host.is_not(None))
        assert (await session.scalars(query)).all() == []


async def test_ap_42_a_hidden_reply_is_not_forwarded_when_it_changes(make_hub: MakeHub) -> None:
    street = await make_street(make_hub, federation="open")
    note = street.note()
    await street.say(note)
    reply = await street.reply()
    async with street.hub.services.db.write() as session:
        row = await replies.by_id(session, reply.id)
        await tending.hide(session, street.hub.services, row)
    street.far.received.clear()
    await street.say({**note, "content": "<p>Pills!</p>", "updated": now().isoformat()}, "Update")
    assert street.forwarded(street.far) == []


async def test_ap_64_blocking_whoever_asked_for_many_quotes_is_no_flood(town: Town) -> None:
    ada = town.site.uri("ada")
    for number in range(40):
        document = {
            "@context": AS2,
            "id": f"{ada}#quotes/{number}",
            "type": "QuoteRequest",
            "actor": ada,
            "object": town.event["uri"],
            "instrument": f"{town.site.origin}/notes/{number}",
        }
        await town.site.send_document("ada", document, f"{town.events}/inbox")
    await town.hub.work()
    async with town.hub.services.db.write() as session:
        kept = await session.scalar(select(func.count(Quote.id)))
        await trust.block(session, town.hub.services, "town.example")
    async with town.hub.services.db.read() as session:
        said = await session.scalar(
            select(func.count(OutboxActivity.id)).where(
                OutboxActivity.type == "Delete", OutboxActivity.to_followers
            )
        )
    assert (kept or 0) <= 10, (kept, said)


async def test_r14_a_job_that_waits_for_a_slow_server_holds_up_no_other(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's reply asks for climbs: each may take a minute, and they are many."""
    never, done = asyncio.Event(), asyncio.Event()
    inner = town.site.app

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/slow/"):
            await never.wait()
        await inner(scope, receive, send)

    town.hub.wire.attach("town.example", slow)

    async def errand(run: Run) -> None:
        done.set()
        async with run.finish():
            pass

    kind: JobKind[[]] = JobKind("tests.errand", errand)
    monkeypatch.setitem(KINDS, kind.name, kind)
    async with town.hub.services.db.write() as session:
        for number in range(12):
            uri = f"{town.site.origin}/slow/{number}"
            await enqueue(session, gathering.climb, key=uri, uri=uri)
        await enqueue(session, kind)
    async with town.hub.worker.running():
        try:
            async with asyncio.timeout(5):
                await done.wait()
        finally:
            never.set()
        async with asyncio.timeout(60):
            while await _under_way(town.hub):  # noqa: ASYNC110 - the worker says nothing of it
                await asyncio.sleep(0.05)


async def _under_way(hub: Running) -> int:
    """How many climbs somebody holds, or could take up now."""
    free = (Job.run_at <= now()) | Job.lease_until.is_not(None)
    query = select(func.count()).select_from(Job).where(Job.name == gathering.climb.name, free)
    async with hub.services.db.read() as session:
        return await session.scalar(query) or 0


async def test_whoever_is_reached_late_gets_the_newest_words(town: Town) -> None:
    """`restate` against the activities that lanes keep at hand."""
    hub, site = town.hub, town.site
    fred = site.uri("ada")
    follow = {
        "@context": AS2,
        "id": f"{fred}#f",
        "type": "Follow",
        "actor": fred,
        "object": town.events,
    }
    await site.send_document("ada", follow, f"{town.events}/inbox")
    await hub.work()
    hub.wire.down.add("town.example")
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    await hub.work()
    made = answer.json()
    await hub.web.patch(
        f"/api/v1/events/{made['id']}", json={"title": "Another title"}, headers=hub.steward
    )
    await hub.work()
    site.received.clear()
    hub.wire.down.clear()
    async with hub.services.db.write() as session:
        await session.execute(update(Delivery).values(run_at=now()))
        await session.execute(update(Peer).values(run_at=now(), closed_until=None))
    await hub.work()
    creates = [one for one in site.received if one.activity.type == "Create"]
    assert [b"Another title" in one.body for one in creates] == [True]


async def test_an_honest_newcomer_is_heard_whatever_others_say_of_their_server(
    hub: Running,
) -> None:

    town = MemorySite("https://town.example", hub.wire, names=("relay", "ada"))
    transport = httpx2.ASGITransport(app=hub.app, client=("198.51.100.66", 4000))
    body = orjson.dumps(
        {
            "@context": AS2,
            "type": "Like",
            "id": "https://town.example/l",
            "actor": "https://town.example/actors/ada",
            "object": "https://hub.example/events/1",
        }
    )

    digest = "SHA-256=" + base64.b64encode(sha256(body).digest()).decode()
    codes = []
    async with httpx2.AsyncClient(transport=transport, base_url=hub.url) as crook:
        for n in range(12):
            date = format_datetime(now(), usegmt=True)
            sig = (
                f'keyId="https://town.example/actors/ada#none{n}",algorithm="rsa-sha256",'
                'headers="(request-target) host date digest",signature="QUJD' + "A" * 340 + '"'
            )
            a = await crook.post(
                "/inbox",
                content=body,
                headers={
                    "content-type": "application/activity+json",
                    "host": "hub.example",
                    "date": date,
                    "digest": digest,
                    "signature": sig,
                },
            )
            codes.append(a.status_code)
    document = {
        "@context": AS2,
        "id": f"{town.uri('ada')}#f",
        "type": "Follow",
        "actor": town.uri("ada"),
        "object": f"{hub.url}/actors/events",
    }
    answer = await town.send_document("ada", document, f"{hub.url}/inbox")
    assert getattr(answer, "status", answer) in (202, None), (codes, answer)


async def test_migrations_go_down_and_up_with_data(make_hub: MakeHub) -> None:

    street = await make_street(make_hub, federation="open")
    await street.say(street.note())
    await street.say(street.event, "Like")
    config = migrating.config(street.hub.services.settings.database)
    for step in ("0005", "0004", "0003", "0002", "0001"):
        await asyncio.to_thread(command.downgrade, config, step)
    await asyncio.to_thread(command.upgrade, config, "head")
    async with street.hub.services.db.read() as session:
        assert await session.scalar(select(func.count(Entry.id))) == 1
        assert await session.scalar(select(func.count(Reply.id))) == 1


async def test_ap_88_an_update_without_an_id_is_passed_on_and_acted_upon(
    make_hub: MakeHub,
) -> None:

    street = await make_street(make_hub, federation="open")
    lemmy = MemorySite("https://lemmy.example", street.hub.wire, names=("relay", "group"))
    _change(lemmy, "group", type="Group")
    await street.follow(lemmy, "group", "board")
    await street.follow(street.town, "ada", "board")
    board = street.actor("board")
    note = street.note(
        inReplyTo=None, cc=[board], tag=[{"type": "Mention", "href": board, "name": "@board"}]
    )
    await street.say(note, cc=[board])
    changed = {**note, "content": "<p>No more coffee</p>", "updated": now().isoformat()}
    document = sign_proof(
        {
            "@context": [AS2, "https://w3id.org/security/data-integrity/v1"],
            "type": "Update",
            "actor": street.town.uri("ada"),
            "object": changed,
            "to": [PUBLIC],
        },
        street.town.keys("ada"),
        now(),
    )
    await street.town.send_document("ada", document, f"{street.hub.url}/inbox")
    await street.hub.work()
    async with street.hub.services.db.read() as session:
        rows = (await session.scalars(select(InboxActivity))).all()
    assert {(row.state, row.reason) for row in rows} == {("done", None)}


async def test_r14_long_addresses_stop_nobody_elses_mail(make_hub: MakeHub) -> None:

    street = await make_street(make_hub, federation="open")
    crook = MemorySite("https://crook.example", street.hub.wire, names=("relay", "eve"))
    inbox = f"{crook.origin}/{secrets.token_urlsafe(1100)}"
    _change(crook, "eve", inbox=inbox, shared_inbox=None)
    inner = crook.app

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            await Response(status_code=202)(scope, receive, send)
        else:
            await inner(scope, receive, send)

    street.hub.wire.attach("crook.example", app)
    await street.follow(crook, "eve")
    name = f"{street.town.origin}/notes/{secrets.token_urlsafe(1480)}"
    await street.say(street.note(id=name[:2040]))
    async with street.hub.services.db.read() as session:
        left = (await session.scalars(select(Delivery.host))).all()
        laid = (await session.scalars(select(Peer.host).where(Peer.leased_by.is_not(None)))).all()
    assert (left, laid) == ([], [])


async def test_ap_30_a_stranger_who_moves_has_us_fetch_nothing(town: Town) -> None:
    town.hub.wire.dials.clear()
    ada = town.site.uri("ada")
    document = {
        "@context": AS2,
        "id": f"{ada}#m",
        "type": "Move",
        "actor": ada,
        "object": ada,
        "target": "https://victim.example/users/x",
    }
    await town.site.send_document("ada", document, f"{town.events}/inbox")
    await town.hub.work()
    assert [dial for dial in town.hub.wire.dials if "victim" in dial] == []


async def test_an_id_of_many_bytes_takes_nobody_elses_mail_along(town: Town) -> None:

    tail = "".join(chr(random.randint(0x4E00, 0x9FFF)) for _ in range(1500))
    document = {
        "@context": AS2,
        "id": f"{town.site.origin}/{tail}",
        "type": "Like",
        "actor": town.site.uri("ada"),
        "object": town.event["uri"],
    }
    other = {**document, "id": f"{town.site.origin}/likes/1", "actor": town.site.uri("bob")}
    await town.site.send_document(
        "ada", {**document, "id": f"{town.site.origin}/0"}, f"{town.events}/inbox"
    )
    await town.site.send_document(
        "bob", {**other, "id": f"{town.site.origin}/9"}, f"{town.events}/inbox"
    )
    found = await asyncio.gather(
        town.site.send_document("ada", document, f"{town.events}/inbox"),
        town.site.send_document("bob", other, f"{town.events}/inbox"),
        return_exceptions=True,
    )
    async with town.hub.services.db.read() as session:
        names = (await session.scalars(select(InboxActivity.uri))).all()
    assert other["id"] in names
    assert all(getattr(one, "status", 500) < 500 for one in found)


async def test_r2_what_the_driver_does_is_undone_with_its_transaction(hub: Running) -> None:

    database = hub.services.db
    async with database.write() as session:
        session.add(Peer(host="far.example"))
    gone = Prepared(database, delete(Peer).where(Peer.host == bindparam("name")))

    async def half_way() -> None:
        async with database.write() as session:
            await gone.many(session, [{"name": "far.example"}])
            raise LookupError

    with pytest.raises(LookupError):
        await half_way()
    async with database.read() as session:
        assert (await session.scalars(select(Peer.host))).all() == ["far.example"]
