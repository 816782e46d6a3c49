"""PROTOCOL §6: what is never said, never believed, and never shown."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import inspect, select

from hub.actors.models import Actor
from hub.core.db import Base
from hub.entries.models import Entry
from tests.conftest import Running
from tests.integration.conformance.peer import (
    ACTIVITY,
    AS2,
    Document,
    Peer,
    entry_of,
    listed,
    log_of,
    post_event,
    replies_of,
)


async def _stored(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Entry.uri).where(Entry.origin != "")))


# ---------------------------------------------------------------------- hidden recipients


async def test_ap_62_hidden_recipients_are_nowhere(peer: Peer) -> None:
    hub = peer.hub
    await peer.be_followed()
    await peer.follow()
    event = await post_event(hub)
    secret = [f"{peer.origin}/users/secret"]
    thing = await peer.create(peer.event(bto=secret, bcc=secret))
    reply = peer.event(type="Note", inReplyTo=event["uri"], bto=secret, bcc=secret)
    await peer.tell(peer.activity("Create", reply, bto=secret, bcc=secret))
    path = f"/api/v1/events/{event['id']}"
    await hub.web.patch(path, json={"title": "Mending day"}, headers=hub.steward)
    await hub.web.delete(path, headers=hub.steward)
    await hub.work()
    assert {said["type"] for said in peer.mail()} >= {"Accept", "Create", "Update", "Delete"}
    for said in peer.mail():
        _no_hidden(said)
    entry = await entry_of(hub, thing["id"])
    assert entry is not None
    kept = [entry.document, *(row.document for row in await replies_of(hub))]
    for body in kept:
        _no_hidden(orjson.loads(body or b"{}"))
    (there,) = await listed(hub)
    for address in (f"/events/{there['id']}", f"/api/v1/events/{there['id']}", "/api/v1/events"):
        assert "users/secret" not in (await hub.web.get(address)).text
    for address in ("/actors/events/outbox?page=1", "/actors/relay/outbox?page=1"):
        _no_hidden((await hub.web.get(address, headers=ACTIVITY)).json())


def _no_hidden(value: Any) -> None:
    if isinstance(value, dict):
        assert value.keys().isdisjoint({"bto", "bcc"}), value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            _no_hidden(one)


# ------------------------------------------------------------------------------ addresses

OTHER_SCHEMES = ["http://peer.example/x", "ftp://peer.example/x", "javascript:x", "file:///x"]


@pytest.mark.parametrize("uri", OTHER_SCHEMES)
async def test_ap_79_an_id_of_another_scheme_is_refused(peer: Peer, uri: str) -> None:
    hub = peer.hub
    await peer.be_followed()
    before = len(hub.wire.dials)
    await peer.post(peer.activity("Create", peer.event(id=uri)))
    await peer.post(peer.activity("Create", peer.event(attributedTo=uri)))
    await peer.post(peer.activity("Announce", uri))
    answer = await peer.post(peer.activity("Create", peer.event(), actor=uri))
    assert answer.status_code in {400, 401}
    answer = await peer.post(peer.activity("Create", peer.event(), id=uri))
    assert answer.status_code in {400, 401}
    await hub.work()
    assert await _stored(hub) == []
    assert [dial for dial in hub.wire.dials[before:] if "https://" not in dial] == []


@pytest.mark.parametrize("uri", OTHER_SCHEMES)
async def test_ap_79_an_inbox_of_another_scheme_is_refused(peer: Peer, uri: str) -> None:
    peer.person("ada", inbox=uri)
    peer.person("bob", endpoints={"sharedInbox": uri})
    for who in ("ada", "bob"):
        said = peer.activity("Follow", f"{peer.hub.url}/actors/events", who, to=None)
        await peer.post(said, who)
    await peer.hub.work()
    assert [each for each in peer.hub.wire.dials if uri in each] == []
    async with peer.hub.services.db.read() as session:
        rows = list(await session.scalars(select(Actor).where(Actor.local.is_(False))))
    boxes = [box for row in rows for box in (row.inbox, row.shared_inbox) if box]
    assert [box for box in boxes if not box.startswith("https://")] == []


@pytest.mark.parametrize("uri", OTHER_SCHEMES)
async def test_ap_79_a_page_of_another_scheme_is_not_linked(peer: Peer, uri: str) -> None:
    hub = peer.hub
    peer.person("ada", url=uri)
    await peer.be_followed()
    thing = await peer.create(peer.event(url=uri))
    (there,) = await listed(hub)
    assert there["url"] == thing["id"]
    entry = await entry_of(hub, thing["id"])
    assert entry is not None
    event = await post_event(hub)
    await peer.create(peer.event(type="Note", inReplyTo=event["uri"], url=uri))
    (reply,) = await replies_of(hub)
    async with hub.services.db.read() as session:
        author = await session.get_one(Actor, entry.author_id)
    for url in (entry.url, reply.url, author.url):
        assert url.startswith("https://peer.example/"), url


async def test_ap_79_all_that_we_say_is_https(peer: Peer) -> None:
    hub = peer.hub
    await peer.follow()
    event = await post_event(hub)
    await hub.web.delete(f"/api/v1/events/{event['id']}", headers=hub.steward)
    await hub.work()
    actor = (await hub.web.get("/actors/events", headers=ACTIVITY)).json()
    for document in (actor, *peer.mail()):
        for name, value in _members(document):
            if name in {"id", "url", "href", "inbox", "sharedInbox", "actor", "object", "owner"}:
                assert value.startswith("https://"), (name, value)


def _members(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Every text in a document with the member that it stands in, but for the context."""
    if isinstance(value, str):
        return [(name, value)]
    if isinstance(value, dict):
        inner = [(key, one) for key, one in value.items() if key != "@context"]
    else:
        inner = [(name, one) for one in value] if isinstance(value, list) else []
    return [found for key, one in inner for found in _members(one, key)]


# ----------------------------------------------------------------------------------- HTML

EVIL = '<script>evil()</script><img src="x" onerror="evil()"><a href="javascript:evil()">x</a>'
EVIL_SIGNS = ("<script>evil", "<img", "onerror", "onclick", "javascript:", 'style="evil')
SPEAKING = "<p class='h-x evil' onclick='evil()' style='evil'>Hi <b>you</b></p><h2>Big</h2>"


async def test_ap_80_html_is_cleaned_when_it_comes(peer: Peer) -> None:
    hub = peer.hub
    html = SPEAKING + EVIL
    field = {"type": "PropertyValue", "name": html, "value": html}
    peer.person("ada", name=html, summary=html, attachment=[field])
    await peer.be_followed()
    place = {"type": "Place", "name": html, "address": {"streetAddress": html}}
    tags = [{"type": "Hashtag", "name": f"#{EVIL}"}]
    thing = await peer.create(
        peer.event(name=html, summary=html, content=html, location=place, tag=tags)
    )
    event = await post_event(hub)
    await peer.create(
        peer.event(type="Note", inReplyTo=event["uri"], summary=html, content=html, name=html)
    )
    (there,) = [each for each in await listed(hub) if each["uri"] == thing["id"]]
    entry = await entry_of(hub, thing["id"])
    assert entry is not None
    assert '<p class="h-x">Hi <b>you</b></p><p><strong>Big</strong></p>' in entry.content
    await _nothing_evil_in_the_tables(hub)
    for address in (f"/events/{there['id']}", f"/events/{event['id']}", "/events"):
        page = (await hub.web.get(address)).text
        assert [sign for sign in EVIL_SIGNS if sign in page] == [], address


async def _nothing_evil_in_the_tables(hub: Running) -> None:
    """Whatever is shown is clean in its column; documents and mail are kept as they came."""
    raw = {"document", "body", "actor_document"}
    async with hub.services.db.read() as session:
        for mapper in Base.registry.mappers:
            for row in await session.scalars(select(mapper.class_)):
                for column in inspect(mapper.class_).column_attrs:
                    value = getattr(row, column.key)
                    if column.key not in raw and isinstance(value, str | list):
                        found = [sign for sign in EVIL_SIGNS if sign in str(value)]
                        assert found == [], (column, value)


# ------------------------------------------------------------------- what becomes an object


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "text/html",
        "text/plain",
        "application/ld+json",
        'application/ld+json; profile="https://example.org/"',
        "image/png",
    ],
)
async def test_ap_81_other_types_never_become_an_object(peer: Peer, kind: str) -> None:
    await peer.be_followed()
    thing = peer.serve(peer.event("bob"), kind=kind)
    await peer.tell(peer.activity("Announce", thing["id"]))
    assert await _stored(peer.hub) == []
    assert peer.fetches(thing["id"]) == 1
    good = peer.serve(peer.event("bob"), kind=f'application/ld+json; profile="{AS2}"; charset=x')
    await peer.tell(peer.activity("Announce", good["id"]))
    assert await _stored(peer.hub) == [good["id"]]


async def test_ap_81_another_id_is_asked_for_once_and_then_refused(peer: Peer) -> None:
    await peer.be_followed()
    thing = peer.event("bob", name="As it is")
    alias = f"{peer.origin}/alias/1"
    peer.serve({**thing, "name": "As the alias has it"}, at=alias)
    peer.serve(thing)
    await peer.tell(peer.activity("Announce", alias))
    assert [each["title"] for each in await listed(peer.hub)] == ["As it is"]
    assert (peer.fetches(alias), peer.fetches(thing["id"])) == (1, 1)
    lie = peer.event("bob", id=f"{peer.origin}/lies/2")
    peer.serve(lie, at=f"{peer.origin}/lies/1")
    peer.serve({**lie, "id": f"{peer.origin}/lies/3"}, at=lie["id"])
    await peer.tell(peer.activity("Announce", f"{peer.origin}/lies/1"))
    assert len(await listed(peer.hub)) == 1
    assert peer.fetches(f"{peer.origin}/lies/3") == 0


# -------------------------------------------------------------------------------- JSON-LD

REMOTE = "https://contexts.example/one"
CONTEXT = f'"@context":["{AS2}","{REMOTE}"]'


def _deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


TRICKS = [
    '"@graph":[]',
    '"@included":[]',
    '"@reverse":{}',
    '"a":{"@graph":[]}',
    f'"a":{_deep(40)}',
    f'"a":{_deep(5000)}',
    '"a":1e999',
    '"a":-1e999',
    '"a":NaN',
    '"a":9007199254740993',
    '"actor":"https://peer.example/users/bob"',
    '"a":{"b":1,"b":2}',
    f'"object":{{"@context":["{AS2}",{{"actor":"as:object"}}]}}',
    f'"a":{{"@context":["{AS2}",{{"id":"https://evil.example/id"}}]}}',
    f'"a":{{"@context":["{AS2}",{{"kind":"@type"}}]}}',
]


def _with(document: Document, trick: str) -> bytes:
    """The document with one member more, or one member twice."""
    rest = {name: value for name, value in document.items() if name != "@context"}
    if trick.startswith('"object"'):
        rest.pop("object", None)
    return f"{{{CONTEXT},{trick},{orjson.dumps(rest).decode()[1:]}".encode()


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
async def test_ap_83_what_others_might_read_differently_is_refused(peer: Peer, trick: str) -> None:
    hub = peer.hub
    Peer(hub, "contexts.example")
    body = _with(peer.activity("Like", f"{hub.url}/events/1"), trick)
    answer = await peer.post(body)
    assert answer.status_code == 400, answer.text
    assert await log_of(hub) == []
    assert hub.wire.dials == []


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
async def test_ap_83_nor_is_it_believed_when_it_was_fetched(peer: Peer, trick: str) -> None:
    hub = peer.hub
    Peer(hub, "contexts.example")
    await peer.be_followed()
    thing = peer.event("bob")
    body = _with({**thing, "actor": peer.uri("ada")}, trick)
    peer.pages[thing["id"].removeprefix(peer.origin)] = (200, "application/activity+json", body)
    await peer.tell(peer.activity("Announce", thing["id"]))
    assert peer.fetches(thing["id"]) == 1
    assert await _stored(hub) == []
    assert not [dial for dial in hub.wire.dials if "contexts.example" in dial]


async def test_ap_83_contexts_of_others_are_never_fetched(peer: Peer) -> None:
    hub = peer.hub
    Peer(hub, "contexts.example")
    await peer.be_followed()
    thing = peer.event()
    del thing["@context"]
    said = {**peer.activity("Create", thing), "@context": [AS2, REMOTE, {"x": f"{REMOTE}#x"}]}
    await peer.tell(said)
    assert await _stored(hub) == [thing["id"]]
    shared = peer.serve({**peer.event("bob"), "@context": [AS2, REMOTE]})
    await peer.tell(peer.activity("Announce", shared["id"]))
    assert len(await _stored(hub)) == 2
    assert not [dial for dial in hub.wire.dials if "contexts.example" in dial]


async def test_a_server_that_was_away_is_asked_at_once_when_it_writes(peer: Peer) -> None:
    hub = peer.hub
    other = Peer(hub, "other.example")
    await other.be_followed()
    await peer.follow()
    thing = peer.serve(peer.event())
    hub.wire.down.add(peer.host)
    await other.tell(other.activity("Announce", thing["id"]))
    assert await _stored(hub) == []
    hub.wire.down.discard(peer.host)
    await peer.tell(peer.activity("Like", f"{hub.url}/events/1"))
    await other.tell(other.activity("Announce", thing["id"]))
    assert await _stored(hub) == [thing["id"]]
