"""M4 to M14 of PROTOCOL §3.5: what running peers were seen to do, and that a hub stands it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from federation.signatures import cavage, rfc9421
from federation.signatures.digest import content_digest, digest_header
from federation.signatures.keys import SigningKeys
from federation.testing import MemorySite, keys_for
from federation.vocab.activities import Accept, Announce, Follow
from federation.vocab.names import AS2, PUBLIC
from hub.fediverse import follows
from hub.fediverse.models import Delivery, InboxActivity, OutboxActivity, Peer
from tests.conftest import MakeHub, Running
from tests.integration.test_two_hubs import EVENT, OFFER

ACTIVITY = {"Accept": "application/activity+json"}
ROOT = Path(__file__).parents[2]
GUARD_S = 20  # nothing here takes that long, unless it hangs


async def _post(hub: Running, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{kind}", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _said(hub: Running, kind: str) -> list[dict[str, Any]]:
    query = select(OutboxActivity.body).where(OutboxActivity.type == kind)
    query = query.order_by(OutboxActivity.id)
    async with hub.services.db.read() as session:
        return [orjson.loads(body) for body in await session.scalars(query)]


async def _followers(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return [row.follower.uri for row in await follows.followers(session)]


async def _verdicts(hub: Running) -> list[tuple[str, str | None]]:
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(InboxActivity).order_by(InboxActivity.id))
        return [(row.state, row.reason) for row in rows]


@dataclass
class Odd:
    """A server with one actor, whose addresses may have any shape.

    `pages` are what it serves, by path and query; `mail` is what it got, `answers` what it says
    to mail, by a word in it; unless `opened` is set it answers no mail. `got` is set by new mail.
    """

    hub: Running
    actor: str = "https://odd.example/users/ada"
    key_id: str = ""
    kind: str = "Person"
    pages: dict[str, Any] = field(default_factory=dict)
    mail: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[bytes, int] = field(default_factory=dict)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    got: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.opened.set()
        self.key_id = self.key_id or f"{self.actor}#main-key"
        self.origin = "https://" + self.actor.split("/")[2]
        self.key = {
            "id": self.key_id,
            "owner": self.actor,
            "publicKeyPem": self.keys.public_pem,
        }
        self.serve(
            self.actor,
            {
                "@context": [AS2, "https://w3id.org/security/v1"],
                "id": self.actor,
                "type": self.kind,
                "preferredUsername": "ada",
                "inbox": f"{self.origin}/mail",
                "publicKey": self.key,
            },
        )
        self.hub.wire.attach(urlsplit(self.origin).netloc, self.app)

    @property
    def keys(self) -> SigningKeys:
        return keys_for(self.actor)

    def serve(self, url: str, document: dict[str, Any]) -> None:
        """Answer for an address."""
        parts = urlsplit(url.partition("#")[0])
        self.pages[(parts.path or "/") + (f"?{parts.query}" if parts.query else "")] = document

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Its web server."""
        request = Request(scope, receive)
        if request.method == "POST":
            answer = await self._taken(await request.body())
        else:
            query = f"?{request.url.query}" if request.url.query else ""
            page = self.pages.get(request.url.path + query)
            kind = "application/activity+json"
            answer = JSONResponse(page, 200 if page else 404, media_type=kind)
        await answer(scope, receive, send)

    async def _taken(self, body: bytes) -> Response:
        await self.opened.wait()
        for word, status in self.answers.items():
            if word in body:
                return Response(status_code=status)
        self.mail.append(orjson.loads(body))
        self.got.set()
        return Response(status_code=202)

    def follow(self, target: str = "events", **members: Any) -> dict[str, Any]:
        """A Follow of one of our actors."""
        return {
            "@context": AS2,
            "id": f"{self.origin}/follows/1",
            "type": "Follow",
            "actor": self.actor,
            "object": f"{self.hub.url}/actors/{target}",
            **members,
        }

    async def send(
        self,
        document: dict[str, Any],
        *,
        more: dict[str, str] | None = None,
        order: tuple[str, ...] = ("keyId", "algorithm", "headers", "signature"),
        spelled: str = "title",
        sent: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> int:
        """The status of a POST to the shared inbox.

        `more` are headers that are signed besides, `order` that of the signature's parameters,
        `spelled` the case of the headers' names; `sent` and `body` are what changed on the way.
        """
        said = orjson.dumps(document)
        values = {
            "(request-target)": "post /inbox",
            "host": urlsplit(self.hub.url).netloc,
            "date": format_datetime(datetime.now(UTC), usegmt=True),
            "digest": digest_header(said),
            **(more or {}),
        }
        parameters = dict(
            part.split("=", 1)
            for part in cavage.sign(self.keys.rsa, self.key_id, values).split('",')
        )
        signature = ",".join(f'{name}={parameters[name].rstrip(chr(34))}"' for name in order)
        values.pop("(request-target)")
        headers = {"content-type": "application/activity+json", **values, "signature": signature}
        headers |= sent or {}
        answer = await self.hub.web.post(
            "/inbox",
            content=said if body is None else body,
            headers={getattr(name, spelled)(): value for name, value in headers.items()},
        )
        await self.hub.work()
        return answer.status_code


async def test_m4_when_it_was_published_never_changes(hub: Running) -> None:
    for kind, body in (("events", EVENT), ("offers", OFFER)):
        posted = await _post(hub, kind, body)
        path = f"/api/v1/{kind}/{posted['id']}"
        for title in ("Another title", "A third title"):
            await hub.web.patch(path, json={"title": title}, headers=hub.steward)
    created = {one["object"]["id"]: one["object"] for one in await _said(hub, "Create")}
    before: dict[str, str] = {}
    for update in await _said(hub, "Update"):
        thing = update["object"]
        assert thing["published"] == created[thing["id"]]["published"]
        assert thing["updated"] > before.get(thing["id"], thing["published"])
        assert isinstance(thing["attachment"], list)
        assert isinstance(thing["tag"], list)
        before[thing["id"]] = thing["updated"]
    assert len(before) == 2


async def test_m5_a_server_that_never_answers_keeps_nobody_waiting(hub: Running) -> None:
    tarpit = Odd(hub, "https://tarpit.example/users/ada")
    quick = Odd(hub, "https://quick.example/users/bob")
    for odd in (tarpit, quick):
        assert await odd.send(odd.follow()) == 202
    tarpit.opened.clear()
    quick.mail.clear()
    quick.got.clear()
    await _post(hub, "events", EVENT)
    working = asyncio.create_task(hub.work())
    async with asyncio.timeout(GUARD_S):
        await quick.got.wait()
        assert not working.done()
        assert {one["type"] for one in quick.mail} == {"Create"}
        tarpit.opened.set()
        await working
    assert tarpit.mail[-1]["type"] == "Create"


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_m5_a_refusal_of_one_kind_says_nothing_of_the_server(
    hub: Running, status: int
) -> None:
    odd = Odd(hub, answers={b'"type":"Event"': status})
    await odd.send(odd.follow("events"))
    await odd.send(odd.follow("offers", id=f"{odd.origin}/follows/2"))
    odd.mail.clear()
    for number in range(6):
        await _post(hub, "events", {**EVENT, "title": f"Repair café {number}"})
    await _post(hub, "offers", OFFER)
    await hub.work()
    assert [one["object"]["type"] for one in odd.mail] == ["Note"]
    async with hub.services.db.read() as session:
        peer = await session.get(Peer, "odd.example")
        waiting = list(await session.scalars(select(Delivery.id)))
    assert peer is not None
    assert (peer.failures, peer.closed_until) == (0, None)
    # What was no answer to what was said is tried again; a refusal is not.
    assert len(waiting) == (6 if status == 500 else 0)


@pytest.mark.parametrize(
    ("actor", "key_id"),
    [
        ("https://a.example/users/ada", "https://a.example/users/ada/main-key"),
        ("https://a.example/?author=1", "https://a.example/?author=1#main-key"),
        ("https://a.example/users/ada", "https://a.example/users/ada#key"),
        ("https://a.example", "https://a.example#main-key"),
        ("https://a.example/@ada/", "https://a.example/@ada/#main-key"),
    ],
)
async def test_m6_actors_and_keys_of_every_shape_may_follow(
    hub: Running, actor: str, key_id: str
) -> None:
    odd = Odd(hub, actor, key_id)
    if "#" not in key_id:  # as GoToSocial serves it to those who do not sign
        odd.serve(key_id, {"@context": AS2, "id": actor, "publicKey": odd.key})
    assert await odd.send(odd.follow()) == 202
    assert await _followers(hub) == [actor]
    (accept,) = odd.mail
    assert (accept["type"], accept["object"]["id"]) == ("Accept", f"{odd.origin}/follows/1")


@pytest.mark.parametrize(
    "manner",
    [
        {"order": ("signature", "headers", "keyId", "algorithm")},
        {"order": ("algorithm", "signature", "keyId", "headers")},
        {"order": ("keyId", "headers", "signature")},
        {"more": {"user-agent": "http.rb/5 (Mastodon/4; +https://odd.example/)"}},
        {"more": {"content-type": "application/ld+json"}},
        {"spelled": "lower"},
        {"spelled": "upper"},
    ],
    ids=str,
)
async def test_m6_signatures_of_every_manner_hold(hub: Running, manner: dict[str, Any]) -> None:
    odd = Odd(hub)
    assert await odd.send(odd.follow(), **manner) == 202
    assert await _followers(hub) == [odd.actor]


async def test_m7_a_body_that_was_changed_after_signing_is_refused(hub: Running) -> None:
    odd = Odd(hub)
    changed = orjson.dumps(odd.follow("offers"))
    assert await odd.send(odd.follow(), body=changed) == 401
    both = {"digest": digest_header(changed)}
    assert await odd.send(odd.follow(), body=changed, sent=both) == 401
    assert await _followers(hub) == []


async def test_m7_what_we_fetch_is_signed_by_an_actor_that_all_may_read(hub: Running) -> None:
    site = MemorySite("https://gts.example", hub.wire, names=("relay", "ada"))
    asked: list[dict[str, str]] = []
    inner = site.app

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Request(scope).headers
        if scope["method"] == "GET" and scope["path"].startswith("/actors/"):
            asked.append(dict(headers))
            if "signature" not in headers:
                await Response(status_code=401)(scope, receive, send)
                return
        await inner(scope, receive, send)

    hub.wire.attach("gts.example", app)
    await follows.follow(hub.services, "@ada@gts.example")
    assert all('keyId="https://hub.example/actors/relay#main-key"' in h["signature"] for h in asked)
    assert asked
    # The other server must read the key before it can believe a signature: without one.
    answer = await hub.web.get("/actors/relay", headers=ACTIVITY)
    assert answer.status_code == 200
    assert "publicKeyPem" in answer.json()["publicKey"]


async def test_m8_ids_of_what_we_answer_can_be_asked_for(hub: Running) -> None:
    odd = Odd(hub)
    await odd.send(odd.follow())
    (accept,) = odd.mail
    posted = await _post(hub, "events", EVENT)
    for uri in (accept["id"], f"{posted['uri']}#create"):
        answer = await hub.web.get(uri, headers=ACTIVITY)
        assert answer.status_code == 200
        assert answer.json()["id"] == uri.partition("#")[0]
    assert (await hub.web.get("/activities/unknown", headers=ACTIVITY)).status_code == 404


async def test_m8_a_signature_that_covers_more_than_was_asked_holds(hub: Running) -> None:
    odd = Odd(hub)
    body = orjson.dumps(odd.follow())
    headers = {
        "host": "hub.example",
        "date": format_datetime(datetime.now(UTC), usegmt=True),
        "content-digest": content_digest(body),
        "content-type": "application/activity+json",
    }
    message = rfc9421.Message(
        "POST",
        "https",
        "hub.example",
        "/inbox",
        {name: (value,) for name, value in headers.items()},
    )
    names = ("@method", "@target-uri", "@authority", "host", "date", "content-digest")
    given: dict[str, Any] = {
        "alg": "rsa-v1_5-sha256",
        "keyid": odd.key_id,
        "created": int(datetime.now(UTC).timestamp()),
    }
    inputs, signature = rfc9421.sign(odd.keys.rsa, message, names, given)
    headers |= {"signature-input": inputs, "signature": signature}
    answer = await hub.web.post("/inbox", content=body, headers=headers)
    assert answer.status_code == 202
    await hub.work()
    assert await _followers(hub) == [odd.actor]


async def _followed(hub: Running, site: MemorySite, name: str) -> None:
    await follows.follow(hub.services, site.uri(name))
    async with hub.services.db.write() as session:
        (row,) = await follows.ours(session)
        row.state = follows.ACCEPTED


async def _listed(hub: Running) -> list[str]:
    items = (await hub.web.get("/api/v1/events", params={"origin": "all"})).json()["items"]
    return [item["uri"] for item in items]


async def test_m9_a_relay_passes_on_ids_to_its_followers_alone(make_hub: MakeHub) -> None:
    hub, north = await make_hub("hub.example"), await make_hub("north.example")
    posted = await _post(north, "events", EVENT)
    relay = MemorySite("https://relay.example", hub.wire, names=("relay",))
    await _followed(hub, relay, "relay")
    (ask,) = await _said(hub, "Follow")
    asker = (await hub.web.get(ask["actor"], headers=ACTIVITY)).json()
    assert asker["type"] == "Application"
    passed = Announce(
        id="https://relay.example/activities/1",
        actor=relay.uri("relay"),
        object=posted["uri"],
        to=(f"{relay.uri('relay')}/followers",),
    )
    await relay.send("relay", passed, f"{hub.url}/inbox")
    await hub.work()
    assert await _listed(hub) == [posted["uri"]]


async def test_m10_gancio_follows_reads_the_outbox_and_leaves(hub: Running) -> None:
    found = (await hub.web.get("/.well-known/nodeinfo")).json()["links"]
    (first, *_) = [link["href"] for link in found if link["rel"].endswith("/2.0")]
    about = await hub.web.get(first)
    assert about.headers["Content-Type"].startswith("application/json")
    assert about.json()["protocols"] == ["activitypub"]
    posted = await _post(hub, "events", EVENT)
    gancio = Odd(hub, "https://gancio.example/federation/u/relay", kind="Application")
    ours = f"{hub.url}/actors/events"
    follow = gancio.follow(id=f"https://gancio.example/federation/m/{ours}#follow")
    assert await gancio.send(follow) == 202
    assert await _followers(hub) == [gancio.actor]
    outbox = (await hub.web.get("/actors/events/outbox", headers=ACTIVITY)).json()
    page = (await hub.web.get(outbox["first"], headers=ACTIVITY)).json()
    (create,) = page["orderedItems"]
    assert (create["type"], create["object"]["type"]) == ("Create", "Event")
    assert create["object"]["id"] == posted["uri"]
    inner = {name: value for name, value in follow.items() if name not in {"actor", "@context"}}
    undo = {**follow, "id": f"{gancio.origin}/undo/1", "type": "Undo", "object": inner}
    assert await gancio.send(undo) == 202
    assert await _followers(hub) == []


async def test_m11_an_announced_object_and_its_announced_create_are_one(make_hub: MakeHub) -> None:
    hub, north = await make_hub("hub.example"), await make_hub("north.example")
    posted = await _post(north, "events", EVENT)
    (create,) = await _said(north, "Create")
    nodebb = MemorySite("https://nodebb.example", hub.wire, names=("relay", "category"))
    nodebb.add_actor("category", "Group")
    await _followed(hub, nodebb, "category")
    for number, thing in enumerate((posted["uri"], create)):
        passed = {
            "@context": AS2,
            "id": f"https://nodebb.example/activities/{number}",
            "type": "Announce",
            "actor": nodebb.uri("category"),
            "object": thing,
            "to": [PUBLIC],
            "cc": [f"{nodebb.uri('category')}/followers"],
        }
        await nodebb.send_document("category", passed, f"{hub.url}/inbox")
    await hub.work()
    assert await _listed(hub) == [posted["uri"]]
    assert [state for state, _ in await _verdicts(hub)] == ["done", "done"]


async def test_m12_a_follow_is_pending_until_somebody_accepts_it(hub: Running) -> None:
    gts = MemorySite("https://gts.example", hub.wire, names=("relay", "ada"))
    row = await follows.follow(hub.services, "@ada@gts.example")
    await hub.work()
    await _until(hub, "pending")
    (asked,) = [one.activity for one in gts.received]
    assert asked.id == row.uri
    accept = Accept(id=f"{gts.origin}/accepts/1", actor=gts.uri("ada"), object=asked)
    await gts.send("ada", accept, f"{hub.url}/inbox")
    await hub.work()
    await _until(hub, "accepted")


async def _until(hub: Running, state: str) -> None:
    async with hub.services.db.read() as session:
        (row,) = await follows.ours(session)
    assert row.state == state


@pytest.mark.parametrize("kind", ["Group", "Organization", "Service", "Application", "Person"])
async def test_m13_every_type_of_actor_follows_and_is_followed(hub: Running, kind: str) -> None:
    site = MemorySite("https://many.example", hub.wire, names=("relay",))
    site.add_actor("ada", kind)
    ask = Follow(
        id=f"{site.origin}/follows/1", actor=site.uri("ada"), object=f"{hub.url}/actors/events"
    )
    await site.send("ada", ask, f"{hub.url}/inbox")
    await hub.work()
    assert await _followers(hub) == [site.uri("ada")]
    await follows.follow(hub.services, site.uri("ada"))
    await hub.work()
    assert "Follow" in {one.activity.type for one in site.received}


SIGNED = {"user-agent": "Peer/1.0", "content-type": "application/activity+json"}
PROXIED = {
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-host": "elsewhere.example",
    "x-forwarded-proto": "http",
    "via": "1.1 proxy",
}


async def test_m14_headers_that_a_proxy_adds_do_no_harm(hub: Running) -> None:
    odd = Odd(hub)
    length = {"content-length": str(len(orjson.dumps(odd.follow())))}
    assert await odd.send(odd.follow(), more=SIGNED | length, sent=PROXIED) == 202
    assert await _followers(hub) == [odd.actor]


@pytest.mark.parametrize(
    "changed",
    [
        {"user-agent": "Proxy/1.0"},
        {"date": "Sat, 01 Jan 2022 00:00:00 GMT"},
        {"host": "elsewhere.example"},
    ],
    ids=str,
)
async def test_m14_headers_that_a_proxy_changes_break_the_signature(
    hub: Running, changed: dict[str, str]
) -> None:
    odd = Odd(hub)
    assert await odd.send(odd.follow(), more=SIGNED, sent=changed) in {400, 401}
    assert await _followers(hub) == []


def test_m14_our_own_proxy_leaves_these_headers_alone() -> None:
    rules = (ROOT / "deploy" / "Caddyfile").read_text()
    assert "reverse_proxy" in rules
    for name in ("Host", "User-Agent", "Content-Length", "Date", "Digest", "Signature"):
        assert f"header_up {name}" not in rules
        assert f"header_up -{name}" not in rules


async def test_what_a_member_creates_for_a_mobilizon_group_is_the_groups(
    make_hub: MakeHub,
) -> None:
    hub = await make_hub("hub.example")
    group = Odd(hub, "https://mobilizon.example/@linden", kind="Group")
    member = Odd(hub, "https://mobilizon.example/@ada")
    member.pages |= group.pages
    thing: dict[str, Any] = {
        "@context": AS2,
        "id": "https://mobilizon.example/events/1",
        "type": "Event",
        "actor": member.actor,
        "attributedTo": group.actor,
        "name": "Group meeting",
        "startTime": EVENT["starts_at"],
        "to": [PUBLIC],
        "cc": [],
    }
    member.serve(thing["id"], thing)
    await follows.follow(hub.services, group.actor)
    async with hub.services.db.write() as session:
        (row,) = await follows.ours(session)
        row.state = follows.ACCEPTED
    create = {
        "@context": AS2,
        "id": "https://mobilizon.example/events/1/activity",
        "type": "Create",
        "actor": member.actor,
        "object": {**thing, "name": "Not what the server says"},
        "to": [PUBLIC],
    }
    assert await member.send(create) == 202
    assert await _verdicts(hub) == [("done", None)]
    (event,) = (await hub.web.get("/api/v1/events")).json()["items"]
    assert (event["title"], event["author"]) == ("Group meeting", "ada@mobilizon.example")
