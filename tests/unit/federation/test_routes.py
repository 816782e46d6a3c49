"""What peers are answered: the inbox (AP-27) and the documents (AP-1 to AP-13)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson
import pytest
from starlette.types import Message

from federation.origins import split_url
from federation.routes import BODY_LIMIT_BYTES, InboxEndpoint, is_inbox, wants_activity
from federation.signatures.http import Scheme, asked_for, sign_request
from federation.site import StoredDocument
from federation.testing import MemorySite, Wire, keys_for
from federation.vocab.names import AS2, Document
from federation.vocab.objects import Tombstone

HUB, PEER = "https://hub.example", "https://peer.example"
ANN = f"{PEER}/actors/events"
INBOX = f"{HUB}/inbox"
ACTIVITY = "application/activity+json"
PROFILE = f'application/ld+json; profile="{AS2}"'
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass
class Place:
    """Our hub, a peer that signs, and the wire between them."""

    hub: MemorySite
    peer: MemorySite
    wire: Wire


@dataclass(frozen=True)
class Reply:
    """One answer of the application."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@pytest.fixture
def place() -> Place:
    wire = Wire()
    return Place(MemorySite(HUB, wire), MemorySite(PEER, wire), wire)


def like(number: int = 1, **members: Any) -> Document:
    return {
        "@context": AS2,
        "id": f"{PEER}/likes/{number}",
        "type": "Like",
        "actor": ANN,
        "object": f"{HUB}/events/1",
        **members,
    }


def signed(
    body: bytes, url: str = INBOX, *, scheme: Scheme = "cavage", actor: str = ANN, **changes: str
) -> dict[str, str]:
    headers = sign_request(keys_for(actor), "POST", url, body, now=datetime.now(UTC), scheme=scheme)
    sent = {name.lower(): value for name, value in headers.items()}
    return {**sent, **{name.replace("_", "-"): value for name, value in changes.items()}}


async def asked(
    place: Place,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    found = await place.wire.exchange(method, split_url(f"{HUB}{path}"), headers or {}, body, 5)
    return Reply(*found)


async def posted(
    place: Place, body: bytes, headers: Mapping[str, str], path: str = "/inbox"
) -> Reply:
    return await asked(place, "POST", path, headers, body)


async def got(place: Place, path: str, accept: str | None = None, **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if accept is not None:
        sent["accept"] = accept
    return await asked(place, "GET", path, sent)


def is_problem(reply: Reply, status: int) -> bool:
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["status"] == status
    return reply.status == status and set(reply.json) == {"type", "title", "status", "detail"}


# -------------------------------------------------------------------------------- inbox


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421", "ed25519"])
@pytest.mark.parametrize("path", ["/inbox", "/actors/events/inbox"])
async def test_signed_activity_is_accepted_and_kept(
    place: Place, scheme: Scheme, path: str
) -> None:
    body = orjson.dumps(like())
    reply = await posted(place, body, signed(body, HUB + path, scheme=scheme), path)
    assert (reply.status, reply.body) == (202, b"")
    assert asked_for(reply.headers["accept-signature"]) == "ed25519"
    assert [one.body for one in place.hub.received] == [body]
    assert place.hub.received[0].actor == ANN


async def test_same_request_again_is_accepted_and_has_no_effect(place: Place) -> None:
    body = orjson.dumps(like())
    headers = signed(body)
    assert (await posted(place, body, headers)).status == 202
    assert (await posted(place, body, headers)).status == 202
    assert len(place.hub.received) == 1


async def test_unknown_type_is_accepted_and_does_nothing(place: Place) -> None:
    for document in (like(type="Teleport"), like(type="Moon", actor=None)):
        body = orjson.dumps(document)
        assert (await posted(place, body, signed(body))).status == 202


async def test_end_of_a_stranger_is_accepted_without_a_fetch(place: Place) -> None:
    body = orjson.dumps(like(type="Delete", object=ANN))
    assert (await posted(place, body, signed(body))).status == 202
    assert place.wire.dials == [f"POST {INBOX}"]
    assert place.hub.received == []


@pytest.mark.parametrize(
    "kind",
    [ACTIVITY, PROFILE, "application/ld+json", "Application/Activity+JSON; charset=utf-8"],
)
async def test_types_of_activitystreams_are_taken(place: Place, kind: str) -> None:
    body = orjson.dumps(like())
    headers = sign_request(
        keys_for(ANN), "POST", INBOX, body, now=datetime.now(UTC), content_type=kind
    )
    assert (await posted(place, body, headers)).status == 202


@pytest.mark.parametrize(
    "kind", ["", "application/json", "text/html", "text/plain", "application/activity+json2"]
)
async def test_other_types_are_415(place: Place, kind: str) -> None:
    body = orjson.dumps(like())
    assert is_problem(await posted(place, body, signed(body, content_type=kind)), 415)
    headers = signed(body)
    del headers["content-type"]
    assert is_problem(await posted(place, body, headers), 415)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"a":1e999}',
        b"\xff",
        orjson.dumps({"type": "Like"}),
        orjson.dumps({**like(), "@graph": []}),
        b'{"@context":"%s","id":1,"id":2}' % AS2.encode(),
        b"[" * 5000,
        orjson.dumps(like(deep=[[[[]]]])).replace(b"[[[[]]]]", b"[" * 40 + b"]" * 40),
    ],
)
async def test_what_is_no_document_is_400(place: Place, body: bytes) -> None:
    assert is_problem(await posted(place, body, signed(body)), 400)


@pytest.mark.parametrize(
    "members",
    [{"actor": [ANN, HUB]}, {"actor": None}, {"object": None}, {"id": ["x"]}, {"type": {}}],
)
async def test_activity_without_clear_identity_is_400(place: Place, members: Any) -> None:
    body = orjson.dumps(like(**members))
    assert is_problem(await posted(place, body, signed(body)), 400)
    assert place.hub.received == []


def unsigned(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "signature"}


async def test_what_nobody_signed_is_401_and_says_how_to_sign(place: Place) -> None:
    body = orjson.dumps(like())
    reply = await posted(place, body, unsigned(signed(body)))
    assert is_problem(reply, 401)
    assert "@target-uri" in reply.headers["accept-signature"]


async def test_signature_of_another_body_or_key_is_401(place: Place) -> None:
    body = orjson.dumps(like())
    others = [
        (orjson.dumps(like(2)), signed(body)),
        (body, signed(body, host="evil.example")),
        (body, signed(body, date="Thu, 01 Jan 1970 00:00:00 GMT")),
        (body, signed(body, signature="garbage")),
        (body, signed(body, signature='keyId="acct:ann@peer.example"')),
        (body, signed(body, actor=f"{PEER}/actors/nobody")),
        (body, signed(body, actor="https://gone.example/actors/x")),
    ]
    for sent, headers in others:
        assert is_problem(await posted(place, sent, headers), 401), headers
    assert place.hub.received == []


async def test_key_of_a_server_that_is_down_is_401_and_no_5xx(place: Place) -> None:
    place.wire.down.add("peer.example")
    body = orjson.dumps(like())
    assert is_problem(await posted(place, body, signed(body)), 401)


async def test_signer_who_is_not_the_actor_is_401(place: Place) -> None:
    body = orjson.dumps(like(actor=f"{PEER}/actors/relay"))
    assert is_problem(await posted(place, body, signed(body)), 401)


async def test_blocked_server_is_403_before_its_key_is_fetched(place: Place) -> None:
    place.hub.blocked.add("peer.example")
    body = orjson.dumps(like())
    assert is_problem(await posted(place, body, signed(body)), 403)
    assert place.wire.dials == [f"POST {INBOX}"]


async def test_e14_blocked_actor_is_403_whoever_passes_the_mail_on(place: Place) -> None:
    other = MemorySite("https://other.example", place.wire)
    place.hub.relays.add("other.example")
    body = orjson.dumps(like())
    headers = signed(body, actor=other.uri("relay"))
    assert (await posted(place, body, headers)).status == 202
    place.hub.blocked.add("peer.example")
    body = orjson.dumps(like(2))
    assert is_problem(await posted(place, body, signed(body, actor=other.uri("relay"))), 403)


async def test_server_in_a_hurry_is_429_with_a_time_to_wait(place: Place) -> None:
    place.hub.waits["peer.example"] = 2.1
    body = orjson.dumps(like())
    reply = await posted(place, body, signed(body))
    assert is_problem(reply, 429)
    assert reply.headers["retry-after"] == "3"
    assert place.wire.dials == [f"POST {INBOX}"]


async def test_mail_to_nobody_is_404_and_to_the_deleted_410(place: Place) -> None:
    place.hub.actors["old"] = Tombstone(id=place.hub.uri("old"), former_type="Service")
    for name, status in (("nobody", 404), ("old", 410)):
        path, body = f"/actors/{name}/inbox", orjson.dumps(like())
        assert is_problem(await posted(place, body, signed(body, HUB + path), path), status)


async def test_mail_to_another_path_is_404(place: Place) -> None:
    body = orjson.dumps(like())
    talk = Talk(signed(body), part(body, more=False))
    talk.scope["path"] = "/actors/a/b/inbox"
    assert await talk.status(place.hub) == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/inbox", "/actors/events/inbox"])
async def test_inbox_takes_post_only(place: Place, method: str, path: str) -> None:
    reply = await asked(place, method, path)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


async def test_announced_length_over_the_limit_is_413_unread(place: Place) -> None:
    headers = signed(b"x", content_length=str(BODY_LIMIT_BYTES + 1))
    assert is_problem(await posted(place, b"x", headers), 413)


async def test_nonsense_for_a_length_is_passed_over(place: Place) -> None:
    body = orjson.dumps(like())
    for length in ("-1", "ten", "1" * 30_000, "²"):
        reply = await posted(place, body, signed(body, content_length=length))
        assert reply.status in (202, 413), length


async def test_accept_that_fails_is_not_remembered(place: Place) -> None:
    async def full(activity: object) -> None:
        raise OSError("disk full")

    body = orjson.dumps(like())
    headers = signed(body)
    accept, place.hub.accept = place.hub.accept, full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="disk full"):
        await posted(place, body, headers)
    place.hub.accept = accept  # type: ignore[method-assign]
    assert (await posted(place, body, headers)).status == 202
    assert len(place.hub.received) == 1


class Talk:
    """An ASGI connection that says what a test wants, at its pace."""

    def __init__(self, headers: Mapping[str, str], *messages: Message, stall: bool = False) -> None:
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": "/inbox",
            "raw_path": b"/inbox",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self.messages = list(messages)
        self.stall = stall
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        if self.stall:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def status(self, hub: MemorySite, **options: float) -> int | None:
        await InboxEndpoint(hub, **options)(self.scope, self.receive, self.send)
        return self.sent[0]["status"] if self.sent else None


def part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_body_in_parts_is_put_together(place: Place) -> None:
    body = orjson.dumps(like())
    talk = Talk(signed(body), part(body[:7]), part(b""), part(body[7:], more=False))
    assert await talk.status(place.hub) == 202
    assert place.hub.received[0].body == body


async def test_body_over_the_limit_is_413_as_soon_as_it_is(place: Place) -> None:
    chunk = part(b"x" * 65_536)
    talk = Talk({"content-type": ACTIVITY}, *[chunk] * 100)
    assert await talk.status(place.hub) == 413
    assert len(talk.messages) == 100 - 17


async def test_largest_body_that_is_taken_is_a_mebibyte(place: Place) -> None:
    talk = Talk({"content-type": ACTIVITY}, part(b" " * BODY_LIMIT_BYTES, more=False))
    assert await talk.status(place.hub) == 400


async def test_body_that_does_not_end_is_408(place: Place) -> None:
    talk = Talk({"content-type": ACTIVITY}, part(b"{"), stall=True)
    assert await talk.status(place.hub, body_deadline_s=0.02) == 408


async def test_peer_that_hangs_up_is_not_answered(place: Place) -> None:
    assert await Talk({"content-type": ACTIVITY}, part(b"{")).status(place.hub) is None


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/inbox", True),
        ("/actors/events/inbox", True),
        ("/actors/a/b/inbox", False),
        ("/actors//inbox", False),
        ("/inbox/", False),
        ("/actors/events", False),
        ("/myinbox", False),
    ],
)
def test_paths_of_inboxes_are_known(path: str, answer: bool) -> None:
    assert is_inbox(path) is answer


# ---------------------------------------------------------------------------- webfinger


@pytest.mark.parametrize(
    "resource",
    [
        "acct:events@hub.example",
        "acct:EVENTS@Hub.Example",
        "acct:events%40hub.example",
        "acct%3Aevents%40hub.example",
        f"{HUB}/actors/events",
        f"{HUB}/@events",
        "HTTPS://HUB.EXAMPLE/actors/events",
    ],
)
async def test_webfinger_knows_an_actor_by_every_name(place: Place, resource: str) -> None:
    reply = await got(place, f"/.well-known/webfinger?resource={resource}")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/jrd+json"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cache-control"] == "public, max-age=259200"
    assert reply.json["subject"] == "acct:events@hub.example"
    selves = [link for link in reply.json["links"] if link["rel"] == "self"]
    assert selves == [{"rel": "self", "type": ACTIVITY, "href": f"{HUB}/actors/events"}]


async def test_webfinger_of_the_root_is_the_actor_of_the_server(place: Place) -> None:
    for resource in (f"{HUB}/", HUB):
        links = (await got(place, f"/.well-known/webfinger?resource={resource}")).json["links"]
        found = {link["rel"]: link.get("href") for link in links}
        assert found["self"] == found[f"{AS2}#Service"] == f"{HUB}/actors/relay"


async def test_webfinger_gives_only_the_links_that_are_asked_for(place: Place) -> None:
    reply = await got(
        place, "/.well-known/webfinger?resource=acct:events@hub.example&rel=self&rel=other"
    )
    assert [link["rel"] for link in reply.json["links"]] == ["self"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?resource=", 400),
        ("?resource=events", 400),
        ("?resource=acct:@hub.example", 400),
        ("?resource=acct:nobody@hub.example", 404),
        ("?resource=acct:events@other.example", 404),
        (f"?resource={PEER}/actors/events", 404),
        (f"?resource={HUB}/elsewhere", 404),
        ("?resource=acct:old@hub.example", 410),
    ],
)
async def test_webfinger_says_why_not(place: Place, query: str, status: int) -> None:
    place.hub.actors["old"] = Tombstone(id=place.hub.uri("old"))
    reply = await got(place, f"/.well-known/webfinger{query}")
    assert is_problem(reply, status)
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cache-control"] == "public, max-age=180"


async def test_host_meta_tells_where_webfinger_is(place: Place) -> None:
    reply = await got(place, "/.well-known/host-meta")
    assert reply.headers["content-type"] == "application/xrd+xml; charset=utf-8"
    assert b"https://hub.example/.well-known/webfinger?resource={uri}" in reply.body


async def test_nodeinfo_leads_to_its_documents_and_the_actor_of_the_server(place: Place) -> None:
    links = (await got(place, "/.well-known/nodeinfo")).json["links"]
    assert {link["rel"].rpartition("/")[2]: link["href"] for link in links} == {
        "2.1": f"{HUB}/nodeinfo/2.1",
        "2.0": f"{HUB}/nodeinfo/2.0",
        "activitystreams#Application": f"{HUB}/actors/relay",
    }
    for version in ("2.0", "2.1"):
        reply = await got(place, f"/nodeinfo/{version}")
        assert reply.headers["content-type"].startswith("application/json")
        assert (reply.json["version"], reply.json["protocols"]) == (version, ["activitypub"])
    assert is_problem(await got(place, "/nodeinfo/3.0"), 404)


# ------------------------------------------------------------------------------- actors


@pytest.mark.parametrize("accept", [PROFILE, ACTIVITY, "application/json", "*/*", None])
async def test_actor_is_read_as_activitystreams(place: Place, accept: str | None) -> None:
    reply = await got(place, "/actors/events", accept)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/activity+json; charset=utf-8"
    assert reply.headers["vary"] == "Accept"
    assert reply.headers["cache-control"] == "public, max-age=180"
    assert reply.json["id"] == f"{HUB}/actors/events"


async def test_browser_is_led_to_the_page(place: Place) -> None:
    reply = await got(place, "/actors/events", FIREFOX)
    assert (reply.status, reply.headers["location"]) == (303, "/@events")
    assert reply.headers["vary"] == "Accept"


async def test_nobody_is_404_and_the_deleted_410_with_a_tombstone(place: Place) -> None:
    place.hub.actors["old"] = Tombstone(id=place.hub.uri("old"), former_type="Service")
    for accept in (ACTIVITY, FIREFOX):
        assert is_problem(await got(place, "/actors/nobody", accept), 404)
        reply = await got(place, "/actors/old", accept)
        assert (reply.status, reply.json["type"]) == (410, "Tombstone")


async def test_unchanged_actor_is_304(place: Place) -> None:
    tag = (await got(place, "/actors/events")).headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        reply = await got(place, "/actors/events", if_none_match=known)
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
    assert (await got(place, "/actors/events", if_none_match='"other"')).status == 200


async def test_actor_not_changed_since_is_304(place: Place) -> None:
    changed = datetime(2026, 5, 1, 10, 0, 0, 500, tzinfo=UTC)
    stored = StoredDocument(b"{}", '"v1"', changed.astimezone())

    async def actor(name: str) -> StoredDocument:
        return stored

    place.hub.actor = actor  # type: ignore[method-assign]
    reply = await got(place, "/actors/events")
    assert (reply.headers["etag"], reply.headers["last-modified"]) == (
        '"v1"',
        "Fri, 01 May 2026 10:00:00 GMT",
    )
    for since, status in (
        ("Fri, 01 May 2026 10:00:00 GMT", 304),
        ("Fri, 01 May 2026 09:59:59 GMT", 200),
        ("yesterday", 200),
        ("Fri, 01 May 2026 10:00:00 -0000", 200),
    ):
        assert (await got(place, "/actors/events", if_modified_since=since)).status == status


async def test_head_says_the_same_without_the_body(place: Place) -> None:
    for path in (
        "/actors/events",
        "/actors/events/outbox",
        "/.well-known/host-meta",
        "/nodeinfo/2.0",
    ):
        whole, head = await got(place, path), await asked(place, "HEAD", path)
        assert head.body == b""
        assert (head.status, dict(head.headers)) == (whole.status, dict(whole.headers))
        assert int(head.headers["content-length"]) == len(whole.body)


async def test_signed_fetch_of_a_blocked_server_is_403(place: Place) -> None:
    place.hub.blocked.add("peer.example")
    headers = sign_request(
        keys_for(ANN), "GET", f"{HUB}/actors/events", None, now=datetime.now(UTC)
    )
    for path in ("/actors/events", "/actors/events/outbox"):
        assert is_problem(await asked(place, "GET", path, headers), 403)
    named = 'sig1=("@method");keyid="https://peer.example/actors/events#main-key"'
    assert is_problem(await got(place, "/actors/events", signature_input=named), 403)
    other = 'keyId="https://friend.example/actors/x"'
    assert (await got(place, "/actors/events", signature=other)).status == 200
    assert (await got(place, "/actors/events", signature='keyId="nonsense"')).status == 200


async def test_documents_are_only_read(place: Place) -> None:
    for path in ("/actors/events", "/actors/events/outbox", "/.well-known/webfinger"):
        assert (await asked(place, "POST", path)).status == 405


# -------------------------------------------------------------------------- collections


async def test_outbox_is_read_page_by_page(place: Place) -> None:
    items = [orjson.dumps(like(number)) for number in range(45)]
    place.hub.collections["events", "outbox"] = items
    uri = f"{HUB}/actors/events/outbox"
    whole = (await got(place, "/actors/events/outbox")).json
    assert (whole["id"], whole["type"], whole["totalItems"]) == (uri, "OrderedCollection", 45)
    seen: list[Any] = []
    following: str | None = whole["first"]
    while following is not None:
        page = (await got(place, following.removeprefix(HUB))).json
        assert (page["id"], page["partOf"]) == (following, uri)
        seen += page["orderedItems"]
        following = page.get("next")
    assert seen == [orjson.loads(one) for one in items]


async def test_follower_lists_tell_only_how_many(place: Place) -> None:
    place.hub.collections["events", "followers"] = [b'"https://peer.example/ann"']
    for which, total in (("followers", 1), ("following", 0)):
        for query in ("", "?page=first"):
            found = (await got(place, f"/actors/events/{which}{query}")).json
            assert set(found) == {"@context", "id", "type", "totalItems"}
            assert found["totalItems"] == total


async def test_featured_and_upcoming_are_read_in_one_go(place: Place) -> None:
    for which in ("featured", "upcoming"):
        place.hub.collections["events", which] = [b'"https://hub.example/events/1"']
        found = (await got(place, f"/actors/events/{which}")).json
        assert found["orderedItems"] == [f"{HUB}/events/1"]
        assert "first" not in found


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/actors/nobody/outbox", 404),
        ("/actors/events/likes", 404),
        ("/actors/events/outbox?cursor=%00", 400),
        ("/actors/events/outbox?cursor=" + "a" * 300, 400),
        ("/actors/events/outbox?cursor=!!", 400),
    ],
)
async def test_collection_that_is_not_there_is_refused(
    place: Place, path: str, status: int
) -> None:
    assert (await got(place, path)).status == status


async def test_collections_may_be_kept_for_a_minute(place: Place) -> None:
    reply = await got(place, "/actors/events/outbox")
    assert reply.headers["cache-control"] == "public, max-age=60"
    assert reply.headers["content-type"] == "application/activity+json; charset=utf-8"
    again = await got(place, "/actors/events/outbox", if_none_match=reply.headers["etag"])
    assert again.status == 304


# -------------------------------------------------------------------- content negotiation


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROFILE, True),
        (ACTIVITY, True),
        ("application/ld+json", True),
        ("application/json", True),
        (f"{ACTIVITY}, {PROFILE}", True),
        (f"{ACTIVITY};q=0.9, text/html;q=0.8", True),
        (f"{ACTIVITY};q=0.8, text/html;q=0.9", False),
        ("*/*;q=0.1, application/activity+json", True),
        ("application/*", True),
        ("APPLICATION/ACTIVITY+JSON", True),
        (FIREFOX, False),
        ("text/html", False),
        ("text/*", False),
        (f"{ACTIVITY};q=0, */*", False),
        (f"{ACTIVITY};q=nonsense, text/html;q=0.1", False),
    ],
)
@pytest.mark.parametrize("default", ["html", "activity"])
def test_caller_gets_what_it_prefers(
    accept: str, wanted: bool, default: Literal["html", "activity"]
) -> None:
    assert wants_activity(accept, default) is wanted


@pytest.mark.parametrize(
    "accept", [None, "", "*/*", "image/png", f"{ACTIVITY}, text/html", ",;,", "*/*;q=0"]
)
def test_tie_is_decided_by_the_address(accept: str | None) -> None:
    assert wants_activity(accept, "activity")
    assert not wants_activity(accept, "html")


async def test_old_mail_is_not_taken(place: Place) -> None:
    body = orjson.dumps(like())
    then = datetime.now(UTC) - timedelta(hours=2)
    headers = sign_request(keys_for(ANN), "POST", INBOX, body, now=then)
    assert is_problem(await posted(place, body, headers), 401)
