"""Each limit on how often fires at the first that is too many, and not before (SECURITY E9, G8).

`PROOFS` has one proof for each place of the code that counts or sends away; a place without one
fails by name, and so does a published limit of this sort.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from sqlalchemy import func, insert, select
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation import asking
from federation.errors import Unreachable
from federation.rates import Rates
from federation.routes import DOUBT_BURST
from federation.signatures.http import sign_request
from federation.testing import keys_for
from federation.vocab.names import AS2
from hub.actors.models import Actor
from hub.browse import subscribing
from hub.core.clock import now
from hub.core.errors import TooMany
from hub.core.services import MOST_GATHERED
from hub.entries import gathering, pictures, quotes, reactions
from hub.entries.models import Entry, Picture, Quote, Reaction, Report
from hub.events.models import Event
from hub.fediverse import software
from hub.fediverse.received import LOOK_UPS
from hub.mail.models import Mail
from hub.moderation import telling
from hub.moderation.models import Decision
from hub.people import knocking, service, submissions
from hub.people.models import Begun, Submission
from tests.conftest import MakeHub, Running
from tests.neighbours import person, post
from tests.peer import Peer, knock
from tests.visitor import Visitor, csrf, visiting
from tests.world import LATER

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "limits.md"
# What counts, or sends away who comes too often; where it stands is found in the source.
COUNTS: Final = frozenset({"Rates", "TooMany", "Busy", "AskedTooMuch", "knock"})
# What is no limit on how often, or has its proof where the thing itself is tested.
ELSEWHERE: Final = {
    "federation/fetching.py __init__": "tests/unit/federation/test_fetching.py "
    "test_b8_redirects_of_invented_hosts_lead_few_to_their_victim",
    "hub/entries/pictures.py decoded": "it took too long: tests/integration/test_pages.py",
    "hub/people/begun.py begin": "tests/integration/test_passkeys.py "
    "test_b9_what_was_begun_is_bounded",
    "hub/people/mastodon.py begin": "tests/integration/test_sign_in_with_mastodon.py "
    "test_e9_tries_are_limited_by_connection_and_by_server",
}
# How often something may be done, among all that is published.
OFTEN: Final = re.compile(
    r"at once|a second|a minute|an hour|in a day|likewise|of all people together|of one actor"
)
# Rows that speak of such things and bound another; or whose proof is named in ELSEWHERE.
NO_RATES: Final = frozenset(
    {
        "hub.serving.MOST_CONNECTIONS",
        "federation.delivery.RFC9421_LIFE",
        "hub.web.deadlines.LEAST_RATE",
        "federation.guard.DNS_THREADS",
        "federation.signatures.keys.MAX_KEYS",
        "federation.fetching.MAX_LED_HERE",
        "hub.fediverse.inbox.AT_ONCE",
        "hub.fediverse.policy.PER_HOST",
        "hub.fediverse.departures.MOST",
        # Proved where the board is: they let wait, and send nobody away.
        "hub.fediverse.announcing.MOST_A_DAY",
        "hub.fediverse.announcing.MOST_OF_A_SERVER",
        # Proved in tests/integration/test_areas.py: what is too much waits.
        "hub.areas.passing.AT_ONCE",
        "hub.areas.passing.MOST_AN_HOUR",
        # Likewise in tests/integration/test_moderation.py, and of flags there are so many rows.
        "hub.entries.newcomers.FLAGS_MOST",
        "settings.guest_posts",
        "hub.entries.newcomers.NEW_POSTS_MOST",
        "hub.entries.newcomers.SERVER_POSTS_MOST",
        # Proved with smaller numbers where ELSEWHERE says.
        "hub.people.begun.MOST_BEGUN",
        "hub.people.knocking.MASTODON_AT_MOST",
    }
)

Proof = Callable[[MakeHub], Awaitable[None]]
PROOFS: dict[str, tuple[Proof, frozenset[str], frozenset[str]]] = {}


def proves(*names: str, at: tuple[str, ...]) -> Callable[[Proof], Proof]:
    """Registers a proof: of which published limits, and of which places of the code."""

    def register(proof: Proof) -> Proof:
        PROOFS[proof.__name__] = (proof, frozenset(names), frozenset(at))
        return proof

    return register


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given back while a test counts, however slow the machine is."""
    defaults = Rates.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "seconds", lambda: 1000.0)


def _is_refused(answer: httpx2.Response, status: int = 429) -> None:
    """In words, with when to come again."""
    assert answer.status_code == status, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert re.search(r"again|reload", answer.text), answer.text
    assert "Traceback" not in answer.text


# ----------------------------------------------------------------------- letters and drafts

AT_DOORS: Final = (
    "hub/people/pages.py ask_for_link",
    "hub/posting/pages.py send_letter",
    "hub/posting/me.py change_email",
    "hub/events/coming.py come",
)
Ask = Callable[[str], Awaitable[httpx2.Response]]


@asynccontextmanager
async def _doors(hub: Running, where: str) -> AsyncIterator[dict[str, Ask]]:
    """The four ways to have a letter sent to an address, from one connection."""
    host = await person(hub, f"Host of {where}")
    event = await post(hub, "events", host, title="Fair", starts_at=LATER.isoformat())
    async with visiting(hub, (where, 4000)) as somebody, visiting(hub, (where, 4001)) as resident:
        async with hub.services.db.write() as session:
            link = await service.make_link(session, hub.url, "member")
        await resident.press(link)
        await resident.press("/welcome", name="Ann")
        form = await somebody.get("/post/offer")
        fields = {"title": "Ladder", "kind": "item", "mode": "lend", "visibility": "public"}
        draft = (await somebody.send(form, "/post/offer", **fields)).headers["location"]
        pages = {
            AT_DOORS[0]: (somebody, "/sign-in", "/sign-in", {}),
            AT_DOORS[1]: (somebody, draft, draft, {}),
            AT_DOORS[2]: (resident, "/me", "/me/email", {}),
            AT_DOORS[3]: (
                somebody,
                f"/events/{event['id']}/coming",
                f"/events/{event['id']}/coming",
                {"name": "Ann", "people": "1"},
            ),
        }
        yield {door: await _asker(*said) for door, said in pages.items()}


async def _asker(visitor: Visitor, page: str, path: str, more: dict[str, str]) -> Ask:
    opened = await visitor.get(page)
    assert csrf(opened)

    async def ask(email: str) -> httpx2.Response:
        return await visitor.send(opened, path, email=email, **more)

    return ask


async def _letters_to(make_hub: MakeHub, door: str) -> None:
    """One address gets so many letters, whatever connections ask for them."""
    hub = await make_hub()
    for number in range(knocking.LETTERS_TO_MOST):
        async with _doors(hub, f"192.0.2.{number}") as doors:
            assert (await doors[door]("ann@mail.example")).status_code < 400
    async with _doors(hub, "192.0.2.200") as doors:
        written = await _count(hub, Mail)
        _is_refused(await doors[door]("ann@mail.example"))
        assert await _count(hub, Mail) == written
        assert (await doors[door]("ben@mail.example")).status_code < 400


async def _letters_from(make_hub: MakeHub, door: str) -> None:
    """One connection has so many letters sent, to whatever addresses."""
    hub = await make_hub()
    async with _doors(hub, "192.0.2.1") as doors:
        for number in range(knocking.LETTERS_FROM_MOST):
            assert (await doors[door](f"a{number}@mail.example")).status_code < 400
        written = await _count(hub, Mail)
        _is_refused(await doors[door]("ann@mail.example"))
        assert await _count(hub, Mail) == written
    async with _doors(hub, "192.0.2.2") as doors:
        assert (await doors[door]("ann@mail.example")).status_code < 400


for _door in AT_DOORS:
    for _kind, _constant in (
        (_letters_to, "LETTERS_TO_MOST"),
        (_letters_from, "LETTERS_FROM_MOST"),
    ):

        async def _at_door(make_hub: MakeHub, door: str = _door, kind: Any = _kind) -> None:
            await kind(make_hub, door)

        _at_door.__name__ = f"{_kind.__name__} {_door}"
        proves(f"hub.people.knocking.{_constant}", at=(_door, "hub/people/knocking.py knock"))(
            _at_door
        )


@proves("hub.people.knocking.DRAFTS_FROM_MOST", at=("hub/people/submissions.py admit",))
async def drafts_from_one_connection(make_hub: MakeHub) -> None:
    fields = {"title": "Ladder", "kind": "item", "mode": "lend", "visibility": "public"}
    event = {"starts_on": f"{LATER:%Y-%m-%d}", "starts_time": "18:00"}
    hub = await make_hub()
    async with visiting(hub, ("192.0.2.1", 4000)) as somebody:
        forms = {kind: await somebody.get(f"/post/{kind}") for kind in ("event", "offer", "want")}
        for number in range(knocking.DRAFTS_FROM_MOST):
            kind = list(forms)[number % 3]
            answer = await somebody.send(forms[kind], f"/post/{kind}", **fields, **event)
            assert answer.status_code == 303, answer.text
        for kind, form in forms.items():
            _is_refused(await somebody.send(form, f"/post/{kind}", **fields, **event))
    async with visiting(hub, ("192.0.2.2", 4000)) as other:
        assert (await other.press("/post/offer", **fields)).status_code == 303


@proves("hub.people.submissions.MOST_DRAFTS", at=("hub/people/submissions.py keep",))
async def drafts_of_all_together(make_hub: MakeHub) -> None:
    hub = await make_hub()
    rows = [
        {"id": uuid4(), "kind": "offer", "fields": {}, "page_digest": f"{n}", "expires_at": LATER}
        for n in range(submissions.MOST_DRAFTS - 1)
    ]
    async with hub.services.db.write() as session:
        await session.execute(insert(Submission), rows)
    fields = {"title": "Ladder", "kind": "item", "mode": "lend", "visibility": "public"}
    async with visiting(hub) as somebody:
        form = await somebody.get("/post/offer")
        assert (await somebody.send(form, "/post/offer", **fields)).status_code == 303
        _is_refused(await somebody.send(form, "/post/offer", **fields), 503)
    assert await _count(hub, Submission) == submissions.MOST_DRAFTS


@proves("hub.people.service.MOST_USES", at=())
async def people_by_one_invitation(make_hub: MakeHub) -> None:
    hub = await make_hub()
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/people")
        for uses, status in ((service.MOST_USES, 200), (service.MOST_USES + 1, 422)):
            answer = await steward.send(page, "/admin/people/links", role="member", uses=f"{uses}")
            assert answer.status_code == status, answer.text
    async with hub.services.db.write() as session:
        link = await service.make_link(session, hub.url, "member", uses=2)
    for status in (303, 303, 410):
        async with visiting(hub) as somebody:
            page = await somebody.get("/sign-in")
            path = link.removeprefix(hub.url)
            assert (await somebody.send(page, path)).status_code == status


# ------------------------------------------------------------------- signing in, and reports


@proves(
    "hub.people.knocking.SIGN_INS_FROM_MOST",
    at=("hub/people/passkey_pages.py sign_in", "hub/people/mastodon_pages.py _begin"),
)
async def tries_to_sign_in_from_one_connection(make_hub: MakeHub) -> None:
    """By passkey and over Mastodon together."""
    hub = await make_hub()
    tries = (("/sign-in/passkey", {"credential": "{}"}), ("/sign-in/mastodon", {"account": "x"}))
    async with visiting(hub, ("192.0.2.1", 4000)) as somebody:
        page = await somebody.get("/sign-in")
        for number in range(knocking.SIGN_INS_FROM_MOST):
            path, fields = tries[number % 2]
            assert (await somebody.send(page, path, **fields)).status_code == 422
        for path, fields in tries:
            _is_refused(await somebody.send(page, path, **fields))
    async with visiting(hub, ("192.0.2.2", 4000)) as other:
        page = await other.get("/sign-in")
        for path, fields in tries:
            assert (await other.send(page, path, **fields)).status_code == 422


@proves("hub.people.knocking.CHALLENGES_FROM_MOST", at=("hub/people/passkey_pages.py challenge",))
async def challenges_from_one_connection(make_hub: MakeHub) -> None:
    hub, path = await make_hub(), "/sign-in/passkey/challenge"
    async with visiting(hub, ("192.0.2.1", 4000)) as somebody:
        page = await somebody.get("/sign-in")
        for _ in range(knocking.CHALLENGES_FROM_MOST):
            assert (await somebody.send(page, path)).status_code == 200
        written = await _count(hub, Begun)
        _is_refused(await somebody.send(page, path))
        assert await _count(hub, Begun) == written
    async with visiting(hub, ("192.0.2.2", 4000)) as other:
        page = await other.get("/sign-in")
        assert (await other.send(page, path)).status_code == 200


@proves("hub.people.knocking.REPORTS_FROM_MOST", at=("hub/moderation/openly.py report",))
async def reports_from_one_connection(make_hub: MakeHub) -> None:
    hub = await make_hub()
    made = await post(hub, "events", await person(hub, "Ann"), title="Fair",
                      starts_at=LATER.isoformat())  # fmt: skip
    path = f"/report/entry/{made['id']}"
    async with visiting(hub, ("192.0.2.1", 4000)) as somebody:
        form = await somebody.get(path)
        for number in range(knocking.REPORTS_FROM_MOST):
            answer = await somebody.send(form, path, words="Bad", email=f"a{number}@mail.example")
            assert answer.status_code == 303, answer.text
        _is_refused(await somebody.send(form, path, words="Bad"))
        assert await _count(hub, Report) == knocking.REPORTS_FROM_MOST
    async with visiting(hub, ("192.0.2.2", 4000)) as other:
        assert (await other.press(path, words="Bad")).status_code == 303


@proves(
    "hub.people.knocking.FILES_FROM_MOST",
    at=("hub/overview/pages.py calendar", "hub/overview/pages.py export"),
)
async def files_of_the_region_for_one_connection(make_hub: MakeHub) -> None:
    hub = await make_hub()
    async with visiting(hub, ("192.0.2.1", 4000)) as somebody:
        for number in range(knocking.FILES_FROM_MOST):
            answer = await somebody.get("/region.json" if number else "/region.ics")
            assert answer.status_code == 200, answer.text
        _is_refused(await somebody.get("/region.csv"))
        _is_refused(await somebody.get("/region.ics"))
    async with visiting(hub, ("192.0.2.2", 4000)) as other:
        assert (await other.get("/region.json")).status_code == 200


@proves("hub.people.knocking.LETTERS_TO_MOST", at=("hub/moderation/openly.py report",))
async def reports_in_the_name_of_one_address(make_hub: MakeHub) -> None:
    """Each would be answered by a letter."""
    hub = await make_hub()
    made = await post(hub, "events", await person(hub, "Ann"), title="Fair",
                      starts_at=LATER.isoformat())  # fmt: skip
    path, fields = f"/report/entry/{made['id']}", {"words": "Bad", "email": "eve@mail.example"}
    for number in range(knocking.LETTERS_TO_MOST + 1):
        async with visiting(hub, (f"192.0.2.{number}", 4000)) as somebody:
            answer = await somebody.press(path, **fields)
            if number < knocking.LETTERS_TO_MOST:
                assert answer.status_code == 303, answer.text
            else:
                _is_refused(answer)
    assert await _count(hub, Report) == knocking.LETTERS_TO_MOST


@proves("hub.people.knocking.FLAGS_TO_MOST", at=("hub/moderation/telling.py forward",))
async def reports_that_are_passed_on_to_one_server(make_hub: MakeHub) -> None:
    hub = await make_hub()
    decision = Decision(deed="refused", kind="event", rule="Be kind", note="")
    async with hub.services.db.write() as session:
        for host, most in (("far.example", knocking.FLAGS_TO_MOST), ("near.example", 1)):
            uri = f"https://{host}/people/ada"
            actor = Actor(uri=uri, kind="Person", name="ada", authority=host, inbox=f"{uri}/inbox")
            thing = Event(uri=f"https://{host}/events/1", author_id=actor.id)
            whom = telling.Author("Fair", actor=actor, thing=thing)
            for _ in range(most):
                assert await telling.forward(session, hub.services, whom, decision)
            if most > 1:
                with pytest.raises(TooMany):
                    await telling.forward(session, hub.services, whom, decision)


# ---------------------------------------------------------------------------- what waits


class _Gate:
    """A server that answers nobody until it is opened."""

    def __init__(self, hub: Running, host: str) -> None:
        self.asked = asyncio.Semaphore(0)
        self.opened = asyncio.Event()
        hub.wire.attach(host, self.app)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.release()
        await self.opened.wait()
        await Response(status_code=404)(scope, receive, send)

    async def holds(self, number: int) -> None:
        for _ in range(number):
            await self.asked.acquire()


@proves("hub.browse.subscribing.AT_ONCE", at=("hub/browse/subscribing.py way_to_follow",))
async def ways_to_other_servers_at_once(make_hub: MakeHub) -> None:
    hub = await make_hub()
    gate = _Gate(hub, "slow.example")

    async def go(number: int) -> httpx2.Response:
        form = {"account": f"@a{number}@slow.example", "name": "events"}
        answer: httpx2.Response = await hub.web.post(
            "/follow", data=form, headers={"accept": "text/html"}
        )
        return answer

    under_way = [asyncio.create_task(go(number)) for number in range(subscribing.AT_ONCE)]
    await gate.holds(subscribing.AT_ONCE)
    refused = await go(subscribing.AT_ONCE)
    gate.opened.set()
    assert [answer.status_code for answer in await asyncio.gather(*under_way)] == [200] * 4
    _is_refused(refused, 503)
    assert (await go(99)).status_code == 200


@proves("hub.entries.pictures.FETCHES_AT_ONCE", at=("hub/entries/pictures.py _fetched_once",))
async def pictures_of_others_at_once(make_hub: MakeHub) -> None:
    hub = await make_hub()
    most = pictures.FETCHES_AT_ONCE
    gate, numbers = _Gate(hub, "gallery.example"), [uuid4() for _ in range(most + 1)]
    who = await person(hub, "Ann")
    for number in numbers:
        made = await post(hub, "events", who, title="Fair", starts_at=LATER.isoformat())
        picture = f"https://gallery.example/{number}.png"
        async with hub.services.db.write() as session:
            session.add(Picture(id=number, url=picture, media_type="image/png"))
            await session.flush()
            (await session.get_one(Entry, UUID(made["id"]))).picture_id = number

    async def look(number: UUID) -> httpx2.Response:
        answer: httpx2.Response = await hub.web.get(f"/media/remote/{number}")
        return answer

    under_way = [asyncio.create_task(look(number)) for number in numbers[:-1]]
    await gate.holds(most)
    refused = await look(numbers[-1])
    gate.opened.set()
    assert {answer.status_code for answer in await asyncio.gather(*under_way)} == {404}
    _is_refused(refused, 503)


# ----------------------------------------------------------------------------- other servers


def _like(peer: Peer, number: int, name: str = "ada") -> dict[str, Any]:
    actor = peer.uri(name)
    return {
        "@context": AS2,
        "id": f"{peer.origin}/likes/{number}",
        "type": "Like",
        "actor": actor,
        "object": f"{peer.hub.url}/events/1",
    }


async def _statuses(peer: Peer, times: int, first: int = 0) -> list[int]:
    return [await peer.post("ada", _like(peer, first + number)) for number in range(times)]


@proves("settings.inbox_burst", "settings.inbox_rate", at=("hub/fediverse/site.py __init__",))
async def mail_of_servers_that_we_do_not_know(make_hub: MakeHub) -> None:
    hub = await make_hub()
    most = hub.services.settings.inbox_burst
    loud, other = Peer(hub, "loud.example", "ada"), Peer(hub, "other.example", "ada")
    assert await _statuses(loud, most) == [202] * most
    body = orjson.dumps(_like(loud, most))
    signed = sign_request(loud.site.keys("ada"), "POST", f"{hub.url}/inbox", body, now=now())
    answer = await knock(hub, body, signed)
    assert (answer.status, int(answer.headers["retry-after"])) == (429, 1)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await _statuses(other, 1) == [202]


@proves("settings.peer_burst", "settings.peer_rate", at=("hub/fediverse/site.py __init__",))
async def mail_of_servers_in_a_follow_relation(make_hub: MakeHub) -> None:
    most = 150  # more than a stranger may, or nothing would be shown
    hub = await make_hub(peer_burst=most)
    peer = Peer(hub, "friend.example", "ada")
    follow = {
        **_like(peer, 0),
        "id": f"{peer.origin}/follows/1",
        "type": "Follow",
        "object": f"{hub.url}/actors/events",
    }
    assert await peer.post("ada", follow) == 202
    await hub.work()
    hub.hub.site.forget()
    assert await _statuses(peer, most, 1) == [202] * most
    assert await _statuses(peer, 1, most + 1) == [429]


@proves("federation.routes.DOUBT_BURST", at=("federation/routes.py __init__",))
async def what_cannot_be_verified(make_hub: MakeHub) -> None:
    hub = await make_hub()
    Peer(hub, "victim.example", "ada")
    statuses = [await _forged(hub, number) for number in range(DOUBT_BURST + 1)]
    assert statuses == [401] * DOUBT_BURST + [429]
    assert await _forged(hub, 0, client="192.0.2.77") == 401


@proves(
    "federation.asking.BURST",
    at=("federation/asking.py __init__", "federation/asking.py about"),
)
async def keys_that_are_asked_of_one_server(make_hub: MakeHub) -> None:
    clock = [now()]
    questions = asking.Asking(lambda: clock[0])

    def ask(number: int, host: str = "victim.example") -> None:
        with suppress(Unreachable), questions.about(f"https://{host}/{number}#main-key"):
            raise Unreachable("it knows no such key", connected=True)

    for number in range(asking.BURST):
        ask(number)
    with pytest.raises(asking.AskedTooMuch) as refused:
        ask(asking.BURST)
    assert refused.value.wait_s == pytest.approx(1 / asking.PER_SECOND)
    ask(0, "another.example")
    hub = await make_hub()
    Peer(hub, "victim.example", "ada")
    statuses = [
        await _forged(hub, number, client=f"192.0.2.{number}") for number in range(asking.BURST + 1)
    ]
    assert statuses == [401] * asking.BURST + [429]


@proves("federation.asking.AT_ONCE", at=("federation/asking.py about",))
async def keys_that_are_asked_for_at_once(make_hub: MakeHub) -> None:
    del make_hub
    questions = asking.Asking(now)
    held = [
        questions.about(f"https://n{number}.example/a#main-key") for number in range(asking.AT_ONCE)
    ]
    for one in held:
        one.__enter__()
    with pytest.raises(asking.AskedTooMuch), questions.about("https://one.example/a#main-key"):
        pass
    held[0].__exit__(None, None, None)
    with questions.about("https://one.example/a#main-key"):
        pass


async def _forged(hub: Running, number: int, client: str = "192.0.2.1") -> int:
    """A request in the name of somebody of victim.example, with keys that are not theirs."""
    actor = f"https://victim.example/people/u{number}"
    like = {"id": f"{actor}/like", "type": "Like", "actor": actor, "object": f"{hub.url}/events/1"}
    body = orjson.dumps({"@context": AS2, **like})
    keys = keys_for("https://mallory.example/actor")
    headers = sign_request(keys, "POST", f"{hub.url}/inbox", body, now=now())
    mallory = "https://mallory.example/actor#main-key"
    headers["Signature"] = headers["Signature"].replace(mallory, f"{actor}#main-key")
    return (await knock(hub, body, headers, client=client)).status


@proves("hub.fediverse.received.LOOK_UPS", at=("hub/fediverse/inbox.py __init__",))
async def look_ups_for_mail_of_strangers(make_hub: MakeHub) -> None:
    hub = await make_hub()
    evil, victim = Peer(hub, "evil.example", "ada"), Peer(hub, "victim.example", "ada")
    assert await _statuses(evil, 1, 99) == [202]  # or their own actor would be looked up as well
    await hub.work()
    for number in range(LOOK_UPS + 3):
        note = f"{victim.origin}/notes/{number}"
        victim.serves({"@context": AS2, "id": note, "type": "Note", "content": "x",
                       "attributedTo": victim.uri("ada")})  # fmt: skip
        create = {**_like(evil, number), "type": "Create", "object": note}
        assert await evil.post("ada", create) == 202
    await hub.work()
    assert sum("/notes/" in path for path in victim.asked) == LOOK_UPS


@proves(
    "hub.core.services.MOST_GATHERED", "hub.core.services.GATHERED_A_MINUTE",
    at=("hub/core/services.py Services",),
)  # fmt: skip
async def documents_because_of_threads(make_hub: MakeHub) -> None:
    hub = await make_hub()
    victim = Peer(hub, "victim.example", "ada")
    refused = 0
    for number in range(MOST_GATHERED + 1):
        uri = f"{victim.origin}/notes/{number}"
        victim.serves({"@context": AS2, "id": uri,
                       "type": "Note", "attributedTo": victim.uri("ada")})  # fmt: skip
        try:
            await gathering._fetched(hub.services, uri)
        except Unreachable:
            refused += 1
    assert refused == 1
    assert sum("/notes/" in path for path in victim.asked) == MOST_GATHERED


@proves("hub.fediverse.software.MOST", at=())
async def what_servers_run_that_we_follow(_make_hub: MakeHub) -> None:
    many = [f"hub{number}.example" for number in range(3 * software.MOST)]
    asked = software._whose_turn(many)
    assert len(asked) == len(set(asked)) == software.MOST
    assert set(asked) < set(many)
    assert software._whose_turn(many[:5]) == many[:5]


@proves("hub.entries.reactions.MOST_OF_ONE", at=())
async def likes_of_one_actor(make_hub: MakeHub) -> None:
    hub = await make_hub()
    made = await post(hub, "events", await person(hub, "Ann"), title="Fair",
                      starts_at=LATER.isoformat())  # fmt: skip
    for actor in ("ada", "ben"):
        for number in range(reactions.MOST_OF_ONE + 1):
            uri = f"https://far.example/{actor}/{number}"
            async with hub.services.db.write() as session:
                await reactions.add(
                    session, entry=UUID(made["id"]), actor=actor, kind="like", uri=uri
                )
    assert await _count(hub, Reaction) == 2 * reactions.MOST_OF_ONE


@proves("hub.entries.quotes.MOST_OF_ONE", at=())
async def quotes_of_one_actor(make_hub: MakeHub) -> None:
    hub = await make_hub()
    made = await post(hub, "events", await person(hub, "Ann"), title="Fair",
                      starts_at=LATER.isoformat())  # fmt: skip
    for host in ("far.example", "near.example"):
        peer = Peer(hub, host, "ada")
        for number in range(quotes.MOST_OF_ONE + 1):
            asked = {**_like(peer, number), "type": "QuoteRequest", "object": made["uri"]}
            asked["instrument"] = f"{peer.origin}/notes/{number}"
            assert await peer.post("ada", asked) == 202
    await hub.work()
    assert await _count(hub, Quote) == 2 * quotes.MOST_OF_ONE


async def _count(hub: Running, table: Any) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


# ------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", PROOFS)
async def test_e9_the_limit_fires_at_the_first_that_is_too_many(
    make_hub: MakeHub, name: str
) -> None:
    await PROOFS[name][0](make_hub)


def _places() -> Iterator[str]:
    """Where the code counts: file and function, or class."""
    for book in ("federation", "hub"):
        for path in sorted((ROOT / book).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or (
                    isinstance(node, ast.ClassDef) and not node.name.startswith("_")
                ):
                    inside = _own(node)
                    if any(isinstance(one, ast.Call) and _called(one) in COUNTS for one in inside):
                        yield f"{path.relative_to(ROOT)} {node.name}"


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function or class itself, not in one inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child
            yield from _own(child)


def _called(call: ast.Call) -> str:
    named = call.func
    return named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")


def test_e9_every_place_that_counts_has_its_proof() -> None:
    places = set(_places())
    assert len(places) > 12
    proved = set().union(*(at for _, _, at in PROOFS.values()))
    assert sorted(places - proved - set(ELSEWHERE)) == []
    assert sorted((proved | set(ELSEWHERE)) - places) == [], "these count no longer"


def test_e9_every_published_limit_on_how_often_has_its_proof() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| `([\w.]+)` \|$", PUBLISHED.read_text("utf-8"), re.M)
    often = {name for what, name in rows if OFTEN.search(what)}
    proved = set().union(*(names for _, names, _ in PROOFS.values()))
    published = {name for _, name in rows}
    assert sorted(often - proved - NO_RATES) == []
    assert sorted(proved - published) == [], "what has a proof is published"


def test_e9_proofs_that_lie_elsewhere_are_there() -> None:
    for place, said in ELSEWHERE.items():
        path, _, name = said.rpartition(": ")[2].partition(" ")
        text = (ROOT / path).read_text("utf-8")
        assert not name or f"def {name}(" in text, place
