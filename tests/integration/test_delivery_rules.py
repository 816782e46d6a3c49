"""The rules of delivery, from the activity to the peer's inbox (AP-20, AP-67 to AP-77)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import select
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation.delivery import Delivered
from federation.signatures.http import ACCEPT_ED25519, ACCEPT_SIGNATURE, sign_request
from federation.testing import MemorySite
from federation.vocab.activities import Create, Follow
from federation.vocab.actors import Capability
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub.actors import service
from hub.bootstrap import user_agent
from hub.commands import COMMANDS
from hub.core.clock import now
from hub.fediverse import follows, outbox, peers
from hub.fediverse.fanout import expand
from hub.fediverse.models import Delivery, OutboxActivity, Peer, Receipt
from hub.worker import Worker
from tests.clock import Clock
from tests.conftest import Running
from tests.jobs import ask

HOST = "town.example"
SPEAKS = (Capability(href="https://datatracker.ietf.org/doc/html/rfc9421", name="RFC 9421"),)
Reply = Response | Callable[[dict[str, str]], Response]


@dataclass
class Town:
    """A server with followers of @events; it answers mail as a test says."""

    hub: Running
    names: tuple[str, ...] = ("relay", "anna")
    implements: tuple[Capability, ...] = ()
    reply: Reply = field(default_factory=lambda: Response(status_code=202))
    mail: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.site = MemorySite(f"https://{HOST}", self.hub.wire, names=self.names, clock=now)
        self._inner = self.site.app
        for actor in self.site.actors.values():
            object.__setattr__(actor, "implements", self.implements)
        self.hub.wire.attach(HOST, self._app)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._inner(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        message = await receive()
        self.mail.append((scope["path"], headers, orjson.loads(message["body"])))
        reply = self.reply if isinstance(self.reply, Response) else self.reply(headers)
        await reply(scope, receive, send)

    async def follow(self, name: str = "anna", whom: str = "events") -> None:
        uri = f"{self.site.uri(name)}#follow-{whom}"
        said = Follow(id=uri, actor=self.site.uri(name), object=f"{self.hub.url}/actors/{whom}")
        assert isinstance(await self.site.send(name, said, f"{self.hub.url}/inbox"), Delivered)
        await self.hub.work()
        self.mail.clear()

    @property
    def got(self) -> list[tuple[str, str]]:
        """Type and name of what came, in its order."""
        return [(body["type"], _object(body).get("name", "")) for _, _, body in self.mail]

    def down(self) -> None:
        self.hub.wire.down.add(HOST)

    def up(self) -> None:
        self.hub.wire.down.discard(HOST)


def _object(body: dict[str, Any]) -> dict[str, Any]:
    found = body["object"]
    return found if isinstance(found, dict) else {"id": found}


@pytest.fixture
async def town(hub: Running) -> Town:
    town = Town(hub)
    await town.follow()
    return town


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def _posted(hub: Running, title: str = "Repair café") -> str:
    starts = now() + timedelta(days=60)
    body = {
        "title": title,
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=2)).isoformat(),
        "timezone": "Europe/Berlin",
        "location": "Linden yard",
    }
    answer = await hub.web.post("/api/v1/events", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    return f"/api/v1/events/{answer.json()['id']}"


async def _renamed(hub: Running, path: str, title: str) -> None:
    answer = await hub.web.patch(path, json={"title": title}, headers=hub.steward)
    assert answer.status_code == 200, answer.text


async def _waiting(hub: Running) -> list[Delivery]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Delivery).order_by(Delivery.id)))


async def _peer(hub: Running, host: str = HOST) -> Peer:
    async with hub.services.db.read() as session:
        return await session.get_one(Peer, host)


async def _lines(hub: Running, command: str, **given: Any) -> list[dict[str, Any]]:
    return [line async for line in COMMANDS[command](hub.services, **given)]


def _scheme(headers: dict[str, str]) -> str:
    return "rfc9421" if "signature-input" in headers else "cavage"


# ---------------------------------------------------------------------------- to whom


async def test_ap_67_a_post_reaches_the_inboxes_of_its_audience_signed_and_with_an_id(
    town: Town,
) -> None:
    await _posted(town.hub)
    await town.hub.work()
    ((path, headers, body),) = town.mail
    assert path == "/inbox"
    assert body["id"].startswith(f"{town.hub.url}/")
    assert headers["signature"]


async def test_ap_68_our_followers_are_expanded_and_no_other_collection_is(town: Town) -> None:
    hub, followers = town.hub, f"https://{HOST}/actors/anna/followers"
    async with hub.services.db.write() as session:
        actor = await service.local(session, "events")
        uri = f"{hub.url}/things/1"
        note = Note(id=uri, attributed_to=actor.uri, content="<p>Hello</p>", to=(PUBLIC,))
        said = Create(
            id=f"{uri}#create", actor=actor.uri, object=note, to=(PUBLIC,), cc=(followers,)
        )
        await outbox.post(session, hub.services, actor, said, to_followers=True)
    await hub.work()
    assert len(town.mail) == 1
    assert not [dial for dial in hub.wire.dials if followers in dial]


async def test_ap_69_everybody_gets_it_once_and_we_ourselves_do_not(town: Town) -> None:
    hub, box = town.hub, f"https://{HOST}/inbox"
    async with hub.services.db.write() as session:
        actor = await service.local(session, "events")
        uri = f"{hub.url}/things/1"
        note = Note(id=uri, attributed_to=actor.uri, content="<p>Hello</p>", to=(PUBLIC,))
        said = Create(id=f"{uri}#create", actor=actor.uri, object=note, to=(PUBLIC,))
        await outbox.post(
            session,
            hub.services,
            actor,
            said,
            to_followers=True,
            inboxes=[box, box, f"{hub.url}/inbox", f"{hub.url}/actors/offers/inbox"],
        )
    await hub.work()
    assert [path for path, _, _ in town.mail] == ["/inbox"]
    assert not [dial for dial in hub.wire.dials if dial.startswith(f"POST {hub.url}")][1:]
    assert await _waiting(hub) == []


async def _said(hub: Running) -> list[dict[str, Any]]:
    async with hub.services.db.read() as session:
        return [orjson.loads(each) for each in await session.scalars(select(OutboxActivity.body))]


async def test_ap_70_what_we_say_names_its_object(town: Town) -> None:
    hub = town.hub
    path = await _posted(hub)
    await _renamed(hub, path, "Mending day")
    await follows.follow(hub.services, f"@anna@{HOST}")
    await hub.work()
    said = await _said(hub)
    await follows.unfollow(hub.services, f"@anna@{HOST}")
    await hub.web.delete(path, headers=hub.steward)
    await hub.work()
    said += await _said(hub)  # by now without the words of what was deleted
    assert {each["type"] for each in said} >= {"Create", "Update", "Delete", "Follow", "Undo"}
    assert all(each["object"] for each in said)
    assert all(each["target"] for each in said if each["type"] in {"Add", "Remove"})


async def test_ap_71_who_is_blocked_is_told_nothing_not_even_that(town: Town) -> None:
    hub = town.hub
    await _posted(hub)
    async with hub.services.db.write() as session:
        await peers.block(session, hub.services, HOST)
    await hub.work()
    await _posted(hub)
    await hub.work()
    assert town.mail == []


async def test_ap_72_a_shared_inbox_gets_it_once_and_who_has_none_gets_it_personally(
    hub: Running,
) -> None:
    town = Town(hub, ("relay", "anna", "bert", "carl"))
    carl = town.site.actors["carl"]
    object.__setattr__(carl, "shared_inbox", None)
    for name in ("anna", "bert", "carl"):
        await town.follow(name)
    await _posted(hub)
    await hub.work()
    assert sorted(path for path, _, _ in town.mail) == ["/actors/carl/inbox", "/inbox"]


async def test_ap_62_bto_and_bcc_are_never_sent(town: Town) -> None:
    hub = town.hub
    await _posted(hub)
    await hub.work()
    async with hub.services.db.read() as session:
        said = list(await session.scalars(select(OutboxActivity.body)))
    assert said
    assert not [each for each in said if b'"bto"' in each or b'"bcc"' in each]


async def test_ap_77_the_user_agent_names_product_and_hub(town: Town) -> None:
    agent = user_agent(town.hub.services.settings)
    assert agent.startswith("NeighbourhoodHub/")
    assert f"+{town.hub.url}/" in agent


# ---------------------------------------------------------------------------- schemes


async def _next_scheme(town: Town) -> str:
    """The scheme in which the next post arrives first."""
    town.mail.clear()
    await _posted(town.hub, f"Repair café {uuid4()}")
    await town.hub.work()
    return _scheme(town.mail[0][1])


async def test_ap_20_the_other_scheme_is_tried_and_what_worked_is_remembered(town: Town) -> None:
    def modern(headers: dict[str, str]) -> Response:
        return Response(status_code=202 if _scheme(headers) == "rfc9421" else 401)

    town.reply = modern
    assert await _next_scheme(town) == "cavage"
    assert [_scheme(headers) for _, headers, _ in town.mail] == ["cavage", "rfc9421"]
    assert await _next_scheme(town) == "rfc9421"
    assert len(town.mail) == 1


async def test_ap_20_a_server_that_asks_for_rfc_9421_gets_it_next(town: Town) -> None:
    town.reply = Response(status_code=202, headers={"Accept-Signature": ACCEPT_SIGNATURE})
    assert await _next_scheme(town) == "cavage"
    assert await _next_scheme(town) == "rfc9421"


async def test_ap_20_a_server_that_asks_for_ed25519_gets_it_until_it_refuses_it(
    town: Town,
) -> None:
    town.reply = Response(status_code=202, headers={"Accept-Signature": ACCEPT_ED25519})
    assert await _next_scheme(town) == "cavage"
    assert await _next_scheme(town) == "rfc9421"
    assert 'alg="ed25519"' in town.mail[0][1]["signature-input"]
    town.reply = lambda headers: Response(status_code=202 if _scheme(headers) == "cavage" else 401)
    assert await _next_scheme(town) == "rfc9421"
    assert await _next_scheme(town) == "cavage"


async def test_ap_20_a_server_that_says_that_it_speaks_rfc_9421_is_believed(hub: Running) -> None:
    """FEP-844e: the actor's server implements it."""
    town = Town(hub, implements=SPEAKS)
    await town.follow()
    assert await _next_scheme(town) == "rfc9421"
    assert len(town.mail) == 1


async def test_ap_20_a_server_that_signs_by_rfc_9421_itself_gets_it_for_a_month(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    assert await _next_scheme(town) == "cavage"
    like = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"https://{HOST}/likes/1",
        "type": "Like",
        "actor": town.site.uri("anna"),
        "object": f"{hub.url}/events/1",
    }
    body = orjson.dumps(like)
    signed = sign_request(
        town.site.keys("anna"), "POST", f"{hub.url}/inbox", body, scheme="rfc9421", now=now()
    )
    answer = await hub.web.post("/inbox", content=body, headers=signed)
    assert answer.status_code == 202, answer.text
    await hub.work()
    assert (await _lines(hub, "peers"))[0]["row"]["scheme"] == "rfc9421"
    clock.pass_by(days=31)
    assert await _next_scheme(town) == "cavage"
    clock.pass_by(days=-31)
    assert await _next_scheme(town) == "rfc9421"


async def test_ap_20_a_server_that_refuses_what_it_seemed_to_speak_gets_cavage_again(
    hub: Running,
) -> None:
    town = Town(hub, implements=SPEAKS)
    await town.follow()
    town.reply = lambda headers: Response(status_code=202 if _scheme(headers) == "cavage" else 401)
    assert await _next_scheme(town) == "rfc9421"
    assert [_scheme(headers) for _, headers, _ in town.mail] == ["rfc9421", "cavage"]
    assert await _next_scheme(town) == "cavage"


# ---------------------------------------------------------------------------- answers


@pytest.mark.parametrize("status", [404, 405, 410, 413, 422])
async def test_ap_73_what_a_server_will_never_take_is_not_sent_again(
    town: Town, status: int
) -> None:
    town.reply = Response(status_code=status)
    await _posted(town.hub)
    await town.hub.work()
    assert len(town.mail) == 1
    assert await _waiting(town.hub) == []
    async with town.hub.services.db.read() as session:
        receipts = await session.scalars(select(Receipt.object_uri))
        assert not [uri for uri in receipts if "/events/" in uri]


@pytest.mark.parametrize("status", [408, 425, 500, 501, 502, 503, 504])
async def test_ap_73_passing_troubles_are_tried_again_on_schedule(
    hub: Running, clock: Clock, status: int
) -> None:
    town = Town(hub)
    await town.follow()
    town.reply = Response(status_code=status)
    await _posted(hub)
    begun = now()
    await hub.work()
    (row,) = await _waiting(hub)
    assert (row.attempts, row.last_error) == (1, f"answered {status}")
    assert timedelta(seconds=36) <= row.run_at - begun <= timedelta(seconds=90)
    town.reply = Response(status_code=202)
    clock.pass_by(minutes=2)
    await hub.work()
    assert len(town.mail) == 2
    first, second = (headers for _, headers, _ in town.mail)
    assert first["date"] != second["date"], "each attempt is signed anew"
    assert await _waiting(hub) == []


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_ap_73_retry_after_is_heard_even_when_the_server_speaks_meanwhile(
    hub: Running, clock: Clock, form: str
) -> None:
    town = Town(hub)
    await town.follow()
    value = "7200" if form == "seconds" else format_datetime(now() + timedelta(hours=2), True)
    town.reply = Response(status_code=429, headers={"Retry-After": value})
    await _posted(hub)
    await hub.work()
    assert len(town.mail) == 1
    clock.pass_by(minutes=100)
    town.reply = Response(status_code=202)
    again = Follow(
        id=f"{town.site.uri('anna')}#again",
        actor=town.site.uri("anna"),
        object=f"{hub.url}/actors/offers",
    )
    await town.site.send("anna", again, f"{hub.url}/inbox")
    await _posted(hub, "Another")
    await hub.work()
    assert len(town.mail) == 1, "a server that asked us to wait is not asked before"
    clock.pass_by(minutes=21)
    await hub.work()
    assert sorted(kind for kind, _ in town.got[1:]) == ["Accept", "Create", "Create"]


async def test_ap_73_a_redirect_of_a_post_is_not_followed(town: Town) -> None:
    town.reply = Response(status_code=308, headers={"Location": "https://else.example/inbox"})
    await _posted(town.hub)
    await town.hub.work()
    assert not [dial for dial in town.hub.wire.dials if "else.example" in dial]
    assert len(await _waiting(town.hub)) == 1


async def test_ap_73_a_refusal_is_tried_a_few_times_but_a_delete_for_thirty_days(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    path = await _posted(hub)
    await hub.work()
    town.reply = Response(status_code=403)
    await _renamed(hub, path, "Mending day")
    await hub.web.delete(path, headers=hub.steward)
    for _ in range(29):
        await hub.work()
        clock.pass_by(days=1)
    (row,) = await _waiting(hub)
    async with hub.services.db.read() as session:
        said = await session.get_one(OutboxActivity, row.activity_id)
    assert said.type == "Delete"
    town.mail.clear()
    town.reply = Response(status_code=202)
    clock.pass_by(days=1)
    await hub.work()
    assert [kind for kind, _ in town.got] == ["Delete"]


# ---------------------------------------------------------------------------- order


async def test_ap_74_what_is_said_of_an_object_arrives_in_its_order(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    town.reply = Response(status_code=500)
    path = await _posted(hub, "One")
    await hub.work()
    await _renamed(hub, path, "Two")
    await hub.web.delete(path, headers=hub.steward)
    await hub.work()
    assert town.got == [("Create", "One")], "the others wait for it"
    other = await _posted(hub, "Other")
    town.reply = Response(status_code=202)
    await hub.work()
    assert town.got[1:] == [("Create", "Other")], "and hold no other object up"
    clock.pass_by(minutes=5)
    # The queue is the database: a worker that was not there before finds it all.
    restarted = Worker(hub.services, hub.hub.handlers)
    while await restarted.step():
        continue
    assert [kind for kind, _ in town.got[2:]] == ["Create", "Update", "Delete"]
    assert other


async def test_ap_74_hub_deliveries_says_what_waits_for_what(hub: Running, clock: Clock) -> None:
    town = Town(hub)
    await town.follow()
    town.reply = Response(status_code=500)
    path = await _posted(hub, "One")
    await hub.work()
    await _renamed(hub, path, "Two")
    await _posted(hub, "Other")
    await expand(hub.services)
    town.mail.clear()
    create, update, other = await _rows(hub, "deliveries")
    assert [create["state"], create["behind"]] == ["later", None]
    assert [update["type"], update["state"], update["behind"]] == ["Update", "behind", "Create"]
    assert update["due_at"] == create["due_at"], "it is not tried before"
    assert [other["state"], other["behind"]] == ["due", None]
    first, second, third = [line["text"] for line in await _lines(hub, "deliveries")]
    assert "  waits for its Create  " in second
    assert "waits" not in first + third
    town.reply = Response(status_code=202)
    clock.pass_by(minutes=10)
    await hub.work()
    assert [kind for kind, name in town.got if name != "Other"] == ["Create", "Update"]
    assert await _rows(hub, "deliveries") == []


# ---------------------------------------------------------------------------- the silent


async def test_ap_75_the_breaker_opens_after_five_failures_probes_and_closes_on_a_request(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    town.down()
    await _posted(hub)
    probes, began = [], now()
    while now() - began < timedelta(hours=40):  # a last long pause may begin just within the day
        await hub.work()
        peer = await _peer(hub)
        assert peer.run_at is not None
        probes.append((peer.failures, now() - began, peer.run_at - now()))
        clock.ahead += peer.run_at - now() + timedelta(seconds=1)
    assert [failures for failures, *_ in probes] == list(range(1, len(probes) + 1))
    assert all(wait >= timedelta(minutes=5) for failures, _, wait in probes if failures >= 5)
    late = [wait for _, silent, wait in probes if silent >= timedelta(hours=24)]
    assert late
    assert all(timedelta(minutes=26) < wait <= timedelta(minutes=45) for wait in late)
    began_before = [silent + wait for _, silent, wait in probes if silent < timedelta(hours=24)]
    assert max(began_before) <= timedelta(hours=24, minutes=46), "none reaches beyond the first day"
    await hub.work()
    assert [row["breaker"] for row in await _rows(hub, "peers")] == ["open"]
    await _posted(hub, "Another")
    dials = len(hub.wire.dials)
    await hub.work()
    assert len(hub.wire.dials) == dials, "nothing is sent where the breaker is open"
    assert {row["state"] for row in await _rows(hub, "deliveries")} == {"host closed"}
    town.up()
    back = Follow(
        id=f"{town.site.uri('anna')}#back",
        actor=town.site.uri("anna"),
        object=f"{hub.url}/actors/offers",
    )
    await town.site.send("anna", back, f"{hub.url}/inbox")
    await hub.work()
    assert [kind for kind, _ in town.got].count("Create") == 2
    assert [row["breaker"] for row in await _rows(hub, "peers")] == ["closed"]


async def test_ap_75_a_server_that_takes_mail_again_gets_all_that_waits(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    town.down()
    await _posted(hub, "First")
    await _posted(hub, "Second")
    due = None
    while (await _peer(hub)).failures < 5 or due is None or due <= now():
        await hub.work()
        first = (await _peer(hub)).run_at
        assert first is not None
        clock.ahead += first - now() + timedelta(seconds=1)
        due = max(row.run_at for row in await _waiting(hub))
    town.up()  # one is due now, and the other one is not
    await hub.work()
    await hub.work()
    assert sorted(name for _, name in town.got) == ["First", "Second"]


async def _rows(hub: Running, command: str) -> list[dict[str, Any]]:
    return [line["row"] for line in await _lines(hub, command) if "row" in line]


async def test_ap_75_a_server_that_answers_and_fails_is_left_alone_for_minutes_not_hours(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    town.reply = Response(status_code=500)
    await _posted(hub)
    for _ in range(9):
        await hub.work()
        clock.pass_by(hours=15)
    await hub.work()
    peer = await _peer(hub)
    assert peer.failures >= 5
    assert peer.closed_until is not None
    assert peer.closed_until - now() <= timedelta(minutes=10)


async def test_r11_a_server_that_was_away_for_thirty_days_gets_the_newest_state_and_no_flood(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    known = await _posted(hub, "Known")
    await hub.work()
    town.mail.clear()
    town.down()
    await ask(hub.services, "fediverse.upkeep")
    changed = await _posted(hub, "Changed")
    gone = await _posted(hub, "Gone")
    for half_day in range(60):
        if half_day < 40:
            await _renamed(hub, changed, f"Changed {half_day}")
            await _renamed(hub, known, f"Known {half_day}")
        if half_day == 30:
            await hub.web.delete(gone, headers=hub.steward)
        await hub.work()
        clock.pass_by(hours=12)
    assert len(await _waiting(hub)) == 4
    town.up()
    await hub.work()
    clock.pass_by(minutes=50)
    await hub.work()
    assert sorted(town.got) == sorted(
        [
            # Most servers do not take a change of what they never saw.
            ("Create", "Changed 39"),
            ("Update", "Changed 39"),
            ("Update", "Known 39"),
            ("Delete", ""),
        ]
    )
    assert town.got.index(("Create", "Changed 39")) < town.got.index(("Update", "Changed 39"))
    assert await _waiting(hub) == []


async def test_mail_for_a_server_that_never_comes_back_is_given_up_after_a_month(
    hub: Running, clock: Clock
) -> None:
    town = Town(hub)
    await town.follow()
    town.down()
    await ask(hub.services, "fediverse.upkeep")
    for number in range(5):
        await _posted(hub, f"Event {number}")
    for _ in range(33):
        await hub.work()
        clock.pass_by(days=1)
    await hub.work()
    assert await _waiting(hub) == []


# ---------------------------------------------------------------------------- shown


async def test_stewards_see_what_waits_and_why_and_try_again(town: Town) -> None:
    hub = town.hub
    town.reply = Response(status_code=500)
    await _posted(hub)
    await hub.work()
    (row,) = await _rows(hub, "deliveries")
    assert row["type"] == "Create"
    assert (row["host"], row["state"], row["attempts"]) == (HOST, "later", 1)
    assert row["last_error"] == "answered 500"
    (peer,) = await _rows(hub, "peers")
    assert (peer["waiting"], peer["failures"], peer["last_error"]) == (1, 1, "answered 500")
    town.reply = Response(status_code=202)
    await _lines(hub, "deliveries", host=f"@anna@{HOST.upper()}", retry=True)
    await hub.work()
    assert [line.get("text") for line in await _lines(hub, "deliveries")] == ["Nothing is waiting."]
    (peer,) = await _rows(hub, "peers")
    assert (peer["waiting"], peer["failures"], peer["breaker"]) == (0, 0, "closed")
