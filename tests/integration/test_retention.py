"""What is kept for a while goes when it is over: each clock, under a clock that is moved (T43)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import inspect, select, update
from sqlalchemy.exc import OperationalError

from hub.actors import service
from hub.core.clock import now
from hub.entries.models import Entry, Picture
from hub.events.models import Attendance
from hub.exchange.models import AGREED, Loan, Match, MatchMessage
from hub.fediverse.models import (
    Delivery,
    InboxActivity,
    OutboxActivity,
    Peer,
    Receipt,
    Tombstone,
    Undone,
)
from hub.jobs import retention
from hub.jobs.models import ClockRun, Job
from hub.jobs.retention import CLOCKS
from hub.keeping import saving
from hub.leaving import parcels
from hub.leaving.models import Farewell, Parcel
from hub.mail.models import Mail
from hub.moderation import log
from hub.moderation.models import Decided, Question
from hub.people.models import (
    Begun,
    Idempotency,
    KeptSearch,
    MastodonApp,
    Person,
    SearchHit,
    SentForm,
    Session,
    SignInLink,
    Submission,
    Told,
)
from hub.today import service as today
from tests.clock import Clock
from tests.conftest import Running
from tests.jobs import ask
from tests.retention import PAGE, page
from tests.towns import EVENT

Probe = Callable[[], Awaitable[bool]]
ONE_HOUR: Final = timedelta(hours=1)


async def _kept(hub: Running, row: Any, *before: Any) -> Probe:
    """Put rows in; whether the first of them is still there."""
    async with hub.services.db.write() as session:
        for each in (*before, row):
            session.add(each)
            await session.flush()
        key = inspect(row).identity
    table = type(row)

    async def probe() -> bool:
        async with hub.services.db.read() as session:
            return await session.get(table, key) is not None

    return probe


async def _person(hub: Running) -> UUID:
    async with hub.services.db.write() as session:
        person = Person(name="Ann", role="member")
        session.add(person)
        await session.flush()
        return person.id


async def _posted(hub: Running, kind: str = "events", **given: Any) -> UUID:
    members = EVENT if kind == "events" else {"title": "Ladder", "kind": "item", "mode": "lend"}
    answer = await hub.web.post(f"/api/v1/{kind}", json={**members, **given}, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


def _shown(hub: Running, entry_id: UUID) -> Probe:
    async def probe() -> bool:
        async with hub.services.db.read() as session:
            entry = await session.get_one(Entry, entry_id)
            return entry.title != ""

    return probe


# ----------------------------------------------------------------- something for each clock


async def _session(hub: Running) -> Probe:
    life = CLOCKS["people.sessions"].kept
    row = Session(digest="a", person_id=await _person(hub), expires_at=now() + life)
    return await _kept(hub, row)


async def _link(hub: Running) -> Probe:
    late = now() + timedelta(days=400)
    row = SignInLink(digest="a", role="member", uses_left=0, used_at=now(), expires_at=late)
    return await _kept(hub, row)


async def _answer(hub: Running) -> Probe:
    given = {"request_digest": "x", "status": 201, "body": b"{}"}
    return await _kept(hub, Idempotency(key="k", person_id=await _person(hub), **given))


def _submission(**given: Any) -> Submission:
    life = CLOCKS["people.drafts"].kept
    return Submission(kind="want", page_digest=str(uuid4()), expires_at=now() + life, **given)


async def _draft(hub: Running) -> Probe:
    return await _kept(hub, _submission())


async def _settled(hub: Running) -> Probe:
    entry = await _posted(hub, "wants")
    await hub.web.delete(f"/api/v1/wants/{entry}", headers=hub.steward)
    return await _kept(hub, _submission(entry_id=entry, confirmed_at=now(), email="a@b.example"))


async def _told(hub: Running) -> Probe:
    words = {"item": "reply /", "digest": "x", "subject": "Hello", "path": "/"}
    return await _kept(hub, Told(person_id=await _person(hub), **words))


async def _hit(hub: Running) -> Probe:
    search = KeptSearch(person_id=await _person(hub), name="a", path="/search", query="q=a")
    async with hub.services.db.write() as session:
        session.add(search)
    return await _kept(hub, SearchHit(search_id=search.id, entry_id=uuid4()))


async def _begun(hub: Running) -> Probe:
    life = CLOCKS["people.begun"].kept
    row = Begun(digest="a", kind="passkey", browser="b", expires_at=now() + life)
    return await _kept(hub, row)


async def _sent_form(hub: Running) -> Probe:
    return await _kept(hub, SentForm(mark="a", path="/"))


async def _app(hub: Running) -> Probe:
    given = {"home": "https://a.example", "client_id": "i", "client_secret": b"s"}
    row = MastodonApp(server="a.example", redirect_uri="r", scope="s", pkce=True, **given)
    return await _kept(hub, row)


async def _letter(hub: Running) -> Probe:
    row = Mail(recipient="", subject="Hello", expires_at=now(), sent_at=now())
    return await _kept(hub, row)


async def _decided(hub: Running) -> Probe:
    async with hub.services.db.write() as session:
        decision = await log.append(session, by=None, deed="passed", kind="event")
    return await _kept(
        hub, Decided(decision_id=decision.id, about="report", thing_id=uuid4(), before="shown")
    )


async def _asked_author(hub: Running) -> Probe:
    return await _kept(hub, Question(digest="a", thing_id=uuid4(), words="Which Elm Road?"))


async def _unconfirmed(hub: Running) -> Probe:
    event = await _posted(hub)
    row = Attendance(event_id=event, email="a@b.example", state="unconfirmed")
    return await _kept(hub, row)


async def _came(hub: Running) -> Probe:
    event = await _posted(hub)
    async with hub.services.db.write() as session:
        await session.execute(update(Entry).where(Entry.id == event).values(relevant_until=now()))
    row = Attendance(event_id=event, email="a@b.example", name="Ann", state="accepted")
    return await _kept(hub, row)


async def _left(hub: Running) -> Probe:
    row = Attendance(
        event_id=await _posted(hub), email="a@b.example", state="left", answered_at=now()
    )
    return await _kept(hub, row)


async def _log(hub: Running) -> Probe:
    row = InboxActivity(
        uri="https://a.example/1",
        actor_uri="https://a.example/ann",
        host="a.example",
        trust="signer",
        body=b"{}",
        received_at=now(),
        run_at=None,
        state="done",
    )
    return await _kept(hub, row)


async def _tombstone(hub: Running) -> Probe:
    return await _kept(hub, Tombstone(uri="https://a.example/x", former_type="Note"))


async def _undone(hub: Running) -> Probe:
    return await _kept(hub, Undone(key="x"))


async def _receipt(hub: Running) -> Probe:
    uri = f"{hub.url}/events/{uuid4()}"
    where = {"inbox": "https://a.example/inbox", "host": "a.example", "delivered_at": now()}
    return await _kept(
        hub, Receipt(object_uri=uri, **where), Tombstone(uri=uri, former_type="Note")
    )


async def _waiting(hub: Running) -> Delivery:
    """Mail for a server that is silent."""
    host = f"{uuid4().hex}.example"
    async with hub.services.db.write() as session:
        actor = await service.local(session, "events")
        said = _said(actor.id, f"{hub.url}/events/{uuid4()}")
        session.add(said)
        session.add(Peer(host=host, failing_since=now(), failures=9))
        await session.flush()
        row = Delivery(activity_id=said.id, object_uri=said.object_uri, run_at=now(), host=host)
        row.inbox = f"https://{host}/inbox"
    return row


async def _delivery(hub: Running) -> Probe:
    return await _kept(hub, await _waiting(hub))


def _said(actor_id: UUID, uri: str) -> OutboxActivity:
    return OutboxActivity(
        uri=f"{uri}#create",
        actor_id=actor_id,
        type="Create",
        object_uri=uri,
        body=b"secret words",
        digest="x",
        public=True,
        listed=False,
        to_followers=False,
        to_receivers=False,
        inboxes=[],
        expanded_at=now(),
    )


async def _words(hub: Running) -> Probe:
    """They wait with their delivery to a server that is silent, and go with it."""
    row = await _waiting(hub)
    await _kept(hub, row, Tombstone(uri=row.object_uri, former_type="Event"))

    async def probe() -> bool:
        await CLOCKS["fediverse.deliveries"].forget(hub.services)
        await CLOCKS["fediverse.words"].forget(hub.services)
        async with hub.services.db.read() as session:
            return await session.get(OutboxActivity, row.activity_id) is not None

    return probe


async def _private_mail(hub: Running) -> Probe:
    async with hub.services.db.write() as session:
        actor = await service.local(session, "events")
    row = _said(actor.id, f"{hub.url}/replies/{uuid4()}")
    row.public = False
    return await _kept(hub, row)


async def _peer(hub: Running) -> Probe:
    return await _kept(hub, Peer(host="b.example", last_seen_at=now()))


async def _picture(hub: Running) -> Probe:
    file = hub.services.media / "a.webp"
    await asyncio.to_thread(file.write_bytes, b"pixels")
    row = Picture(name="a.webp", url="", media_type="image/webp")
    there = await _kept(hub, row)

    async def probe() -> bool:
        assert await there() == await asyncio.to_thread(file.exists)
        return await there()

    return probe


async def _listing(hub: Running, visibility: str) -> Probe:
    listing = await _posted(hub, "wants", visibility=visibility)
    answer = await hub.web.post(
        f"/api/v1/wants/{listing}/close", json={"status": "done"}, headers=hub.steward
    )
    assert answer.status_code == 200, answer.text
    return _shown(hub, listing)


async def _private(hub: Running) -> Probe:
    return await _listing(hub, "private")


async def _closed(hub: Running) -> Probe:
    return await _listing(hub, "public")


async def _messages(hub: Running) -> Probe:
    offer, want = await _posted(hub, "offers"), await _posted(hub, "wants")
    async with hub.services.db.write() as session:
        await session.execute(update(Entry).where(Entry.id == want).values(deleted_at=now()))
        match = Match(offer_id=offer, want_id=want, score=1, state=AGREED)
        session.add(match)
    return await _kept(hub, MatchMessage(match_id=match.id, side="want", text="At six?"))


async def _loan(hub: Running) -> Probe:
    offer = await _posted(hub, "offers")
    row = Loan(listing_id=offer, borrower="Ben", due_at=now(), returned_at=now())
    return await _kept(hub, row)


async def _given_up(hub: Running) -> Probe:
    return await _kept(hub, Job(name="a.b", arguments={}, run_at=None, failed_at=now()))


async def _unknown(hub: Running) -> Probe:
    return await _kept(hub, Job(name="a.b", arguments={}, key="timer:a.b", run_at=now()))


async def _upgrade(hub: Running) -> Probe:
    file = saving.folder(hub.services.settings.data_dir) / f"{saving.BEFORE}2-from-1.zip"
    await asyncio.to_thread(file.write_bytes, b"rows")
    moment = now().timestamp()
    os.utime(file, (moment, moment))

    async def probe() -> bool:
        return await asyncio.to_thread(file.exists)

    return probe


async def _parcel(hub: Running) -> Probe:
    row = Parcel(person_id=await _person(hub), made_at=now())
    there = await _kept(hub, row)
    file = parcels.path(hub.services, row.id)
    await asyncio.to_thread(file.parent.mkdir)
    await asyncio.to_thread(file.write_bytes, b"all of it")

    async def probe() -> bool:
        assert await there() == await asyncio.to_thread(file.exists)
        return await there()

    return probe


async def _farewell(hub: Running) -> Probe:
    return await _kept(hub, Farewell(digest="a"))


PROOFS: Final[dict[str, Callable[[Running], Awaitable[Probe]]]] = {
    "entries.pictures": _picture,
    "events.attendance": _came,
    "events.left": _left,
    "events.unconfirmed": _unconfirmed,
    "exchange.closed": _closed,
    "exchange.loans": _loan,
    "exchange.messages": _messages,
    "exchange.private": _private,
    "fediverse.deliveries": _delivery,
    "fediverse.inbox_log": _log,
    "fediverse.peers": _peer,
    "fediverse.private": _private_mail,
    "fediverse.receipts": _receipt,
    "fediverse.tombstones": _tombstone,
    "fediverse.undone": _undone,
    "fediverse.words": _words,
    "jobs.given_up": _given_up,
    "jobs.unknown": _unknown,
    "leaving.farewells": _farewell,
    "leaving.parcels": _parcel,
    "mail.letters": _letter,
    "moderation.decided": _decided,
    "moderation.questions": _asked_author,
    "people.answers": _answer,
    "people.begun": _begun,
    "people.sent_forms": _sent_form,
    "people.drafts": _draft,
    "people.links": _link,
    "people.mastodon_apps": _app,
    "people.notices": _told,
    "people.search_hits": _hit,
    "people.sessions": _session,
    "people.submissions": _settled,
    "today.upgrades": _upgrade,
}


def test_t43_every_clock_has_a_proof_and_is_published() -> None:
    assert set(PROOFS) == set(CLOCKS)
    assert PAGE.read_text("utf-8") == page(), "say: python -m tests.retention"


@pytest.mark.parametrize("room", sorted({name.partition(".")[0] for name in PROOFS}))
async def test_t43_what_is_over_is_deleted_and_not_before(
    hub: Running, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    time = Clock(monkeypatch)
    for name, proof in PROOFS.items():
        if name.partition(".")[0] != room:
            continue
        each, time.ahead = CLOCKS[name], timedelta(0)
        there = await proof(hub)
        time.ahead = each.kept - min(ONE_HOUR, each.kept / 2)
        await each.forget(hub.services)
        assert await there(), f"{name} went too early"
        time.ahead = each.kept + ONE_HOUR
        await each.forget(hub.services)
        assert not await there(), f"{name} is still there"


async def test_t43_one_clock_that_fails_holds_up_no_other_and_is_seen(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Clock(monkeypatch)
    await ask(hub.services, "retention.forget")
    await hub.work()
    assert await _clearing(hub) == "ok"

    async def fail(_: object) -> int:
        raise OperationalError("DELETE", {}, Exception("no room"))

    broken = {**CLOCKS, "a.broken": retention.Clock("a.broken", "", ONE_HOUR, "", fail)}
    monkeypatch.setattr(retention, "CLOCKS", dict(sorted(broken.items())))
    time.pass_by(days=3)
    assert await _clearing(hub) == "wrong"
    await ask(hub.services, "retention.forget")
    await hub.work()
    async with hub.services.db.read() as session:
        names = set(
            await session.scalars(select(ClockRun.name).where(ClockRun.ran_at > now() - ONE_HOUR))
        )
    assert names == set(CLOCKS)
    assert await _clearing(hub) == "wrong", "one of them did not run"
    monkeypatch.setattr(retention, "CLOCKS", CLOCKS)
    assert await _clearing(hub) == "ok"


async def _clearing(hub: Running) -> str:
    checks = today.look(hub.services.settings, hub.services.db)
    (state,) = [check.state async for check in checks if check.name == "clearing"]
    return state


async def test_much_goes_in_small_steps(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    long_ago = now() - timedelta(days=9)
    async with hub.services.db.write() as session:
        session.add_all(Undone(key=str(number), undone_at=long_ago) for number in range(10))
        session.add(Undone(key="new"))
    assert await CLOCKS["fediverse.undone"].forget(hub.services) == 10
    async with hub.services.db.read() as session:
        assert list(await session.scalars(select(Undone.key))) == ["new"]
