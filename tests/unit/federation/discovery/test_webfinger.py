"""Handles: parsing them, answering for ours, asking for others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import defusedxml.ElementTree
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.client import Answer
from federation.discovery.webfinger import (
    Handle,
    host_meta,
    jrd,
    parse_handle,
    parse_resource,
    resolve,
)
from federation.errors import (
    BadUrl,
    FederationError,
    ForbiddenAddress,
    Gone,
    MalformedDocument,
    Unauthentic,
    UnexpectedAnswer,
    Unreachable,
)
from federation.fetching import Fetcher
from federation.guard import Guard

Document = Mapping[str, Any] | bytes | int | FederationError


class Net:
    def __init__(self, documents: Mapping[str, Document]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    async def get(
        self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
    ) -> Answer:
        self.asked.append(url)
        found = self.documents.get(url, 404)
        if isinstance(found, FederationError):
            raise found
        if isinstance(found, int):
            return Answer(found, {}, b"", url)
        body = found if isinstance(found, bytes) else orjson.dumps(found)
        return Answer(200, {"content-type": "application/jrd+json"}, body, url)


def fetcher(documents: Mapping[str, Document], guard: Guard | None = None) -> Fetcher:
    return Fetcher(Net(documents), guard or Guard(), None, "Hub/1.0")


def asking(host: str, resource: str, scheme: str = "https") -> str:
    return f"{scheme}://{host}/.well-known/webfinger?resource={quote(resource, safe='')}"


def saying(
    subject: object, href: object, kind: object = "application/activity+json"
) -> dict[str, Any]:
    return {"subject": subject, "links": [{"rel": "self", "type": kind, "href": href}]}


EVENTS = "https://peer.example/actors/events"
ACCT = "acct:events@peer.example"


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("@events@peer.example", Handle("events", "peer.example")),
        ("events@peer.example", Handle("events", "peer.example")),
        (" acct:Events@PEER.example ", Handle("events", "peer.example")),
        ("ACCT:events@peer.example", Handle("events", "peer.example")),
        ("@events@127.0.0.1:8001", Handle("events", "127.0.0.1:8001")),
        ("@events@[::1]:8001", Handle("events", "[::1]:8001")),
        ("@events@localhost:8001", Handle("events", "localhost:8001")),
        ("@events@peer.example:443", Handle("events", "peer.example")),
        ("@a.b-c_d@bücher.example", Handle("a.b-c_d", "xn--bcher-kva.example")),
    ],
)
def test_a_handle_is_read_in_every_usual_form(text: str, handle: Handle) -> None:
    assert parse_handle(text) == handle
    assert parse_handle(str(handle)) == handle
    assert parse_handle(handle.acct) == handle


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "events",
        "@events",
        "@@peer.example",
        "a@b@c",
        "@events@",
        "@ev ents@peer.example",
        "@events@peer.example/x",
        "@events@peer.example?x",
        "@events@peer.example#x",
        "@.a@b.example",
        "@events@a..b",
        "@events@b.example:99999",
        "@" + "a" * 129 + "@b.example",
        "@a@b@c.example",
        "https://peer.example/@events",
        "@éva@peer.example",
        "@events@user:x@peer.example",
    ],
)
def test_anything_else_is_no_handle(text: str) -> None:
    with pytest.raises(BadUrl):
        parse_handle(text)


def ours(authority: str) -> bool:
    return authority in {"hub.example", "127.0.0.1:8001"}


@pytest.mark.parametrize(
    ("resource", "means"),
    [
        ("acct:events@hub.example", "events"),
        ("acct:EVENTS@Hub.Example", "events"),
        ("acct:events%40hub.example", "events"),
        ("acct:@events@hub.example", "events"),
        ("events@hub.example", "events"),
        ("acct:events@127.0.0.1:8001", "events"),
        ("acct:hub.example@hub.example", ""),
        ("acct:127.0.0.1@127.0.0.1:8001", ""),
        ("https://hub.example", ""),
        ("https://hub.example/", ""),
        ("HTTPS://HUB.example:443/", ""),
        ("https://hub.example/actors/events", "https://hub.example/actors/events"),
        ("https://Hub.example/@events#x", "https://hub.example/@events"),
        ("acct:events@other.example", None),
        ("https://other.example/", None),
        ("acct:events@hub.example:8443", None),
    ],
)
def test_a_resource_is_one_of_ours_or_none(resource: str, means: str | None) -> None:
    assert parse_resource(resource, ours) == means


@pytest.mark.parametrize("resource", ["", "events", "acct:", "acct:@", "mailto:a@hub.example x"])
def test_a_resource_that_names_nobody_is_a_bad_request(resource: str) -> None:
    with pytest.raises(BadUrl):
        parse_resource(resource, ours)


@given(st.text(max_size=60))
def test_any_resource_is_understood_or_refused(resource: str) -> None:
    try:
        parse_resource(resource, ours)
    except BadUrl:
        return


def test_our_answer_is_what_mastodon_checks() -> None:
    answer = jrd("events", "https://hub.example/actors/events", "https://hub.example/@events")
    assert answer == {
        "subject": "acct:events@hub.example",
        "aliases": ["https://hub.example/actors/events", "https://hub.example/@events"],
        "links": [
            {
                "rel": "http://webfinger.net/rel/profile-page",
                "type": "text/html",
                "href": "https://hub.example/@events",
            },
            {
                "rel": "self",
                "type": "application/activity+json",
                "href": "https://hub.example/actors/events",
            },
            {
                "rel": "http://ostatus.org/schema/1.0/subscribe",
                "template": "https://hub.example/authorize?uri={uri}",
            },
        ],
    }


def test_the_server_s_own_actor_is_marked_as_its_service() -> None:
    uri = "http://127.0.0.1:8001/actors/relay"
    answer = jrd("relay", uri, "http://127.0.0.1:8001/@relay", instance=True)
    assert answer["subject"] == "acct:relay@127.0.0.1:8001"
    rels = {link["rel"]: link.get("href") for link in answer["links"]}
    assert rels["https://www.w3.org/ns/activitystreams#Service"] == uri


async def test_what_we_answer_is_what_we_understand() -> None:
    uri = "https://peer.example/actors/events"
    answer = jrd("events", uri, "https://peer.example/@events")
    net = fetcher({asking("peer.example", ACCT): answer})
    assert await resolve(net, "@events@peer.example") == uri


def test_host_meta_is_well_formed_and_names_the_place() -> None:
    root = defusedxml.ElementTree.fromstring(host_meta("https://hub.example"))
    (link,) = root
    assert link.get("rel") == "lrdd"
    assert link.get("template") == "https://hub.example/.well-known/webfinger?resource={uri}"


@pytest.mark.parametrize(
    "kind",
    [
        "application/activity+json",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
    ],
)
async def test_a_handle_leads_to_its_actor(kind: str) -> None:
    net = fetcher({asking("peer.example", ACCT): saying(ACCT, EVENTS, kind)})
    assert await resolve(net, "@Events@peer.example") == EVENTS


async def test_the_first_link_to_an_actor_counts() -> None:
    answer = saying(ACCT, EVENTS)
    noise: list[Any] = [
        None,
        7,
        {"rel": "self", "type": "text/html", "href": "https://peer.example/html"},
        {"rel": "self", "href": "https://peer.example/none"},
        {"rel": "alternate", "type": "application/activity+json", "href": "https://peer.example/a"},
    ]
    answer["links"] = [*noise, *answer["links"], *saying(ACCT, "https://peer.example/b")["links"]]
    assert await resolve(fetcher({asking("peer.example", ACCT): answer}), ACCT) == EVENTS


async def test_a_handle_on_another_host_than_its_actor_needs_the_way_back() -> None:
    acct, actor = "acct:ada@example.com", "https://social.example.com/users/ada"
    documents = {asking("example.com", acct): saying(acct, actor)}
    with pytest.raises(Gone):
        await resolve(fetcher(documents), "@ada@example.com")
    documents[asking("social.example.com", actor)] = saying(acct, actor)
    assert await resolve(fetcher(documents), "@ada@example.com") == actor


async def test_the_way_back_may_be_asked_by_name_where_ids_are_not_understood() -> None:
    acct, actor = "acct:ada@example.com", "https://social.example.com/users/ada"
    documents: dict[str, Document] = {
        asking("example.com", acct): saying(acct, actor),
        asking("social.example.com", actor): 400,
        asking("social.example.com", "acct:ada@social.example.com"): saying(acct, actor),
    }
    assert await resolve(fetcher(documents), "@ada@example.com") == actor


@pytest.mark.parametrize(
    "back",
    [
        saying("acct:ada@victim.example", "https://victim.example/ada"),
        saying("acct:ada@evil.example", "https://victim.example/other"),
    ],
)
async def test_a_handle_that_its_actor_does_not_know_is_refused(back: dict[str, Any]) -> None:
    acct, actor = "acct:ada@evil.example", "https://victim.example/ada"
    documents = {
        asking("evil.example", acct): saying(acct, actor),
        asking("victim.example", actor): back,
    }
    with pytest.raises(Unauthentic):
        await resolve(fetcher(documents), "@ada@evil.example")


async def test_a_subject_of_another_name_is_asked_once_more() -> None:
    first, second = "acct:ada@www.example.com", "acct:ada@example.com"
    actor = "https://example.com/ada"
    documents = {
        asking("www.example.com", first): saying(second, actor),
        asking("example.com", second): saying(second, actor),
    }
    assert await resolve(fetcher(documents), "@ada@www.example.com") == actor


async def test_a_subject_that_names_another_without_end_is_refused() -> None:
    one, two, three = (f"acct:ada@{n}.example" for n in ("one", "two", "three"))
    documents = {
        asking("one.example", one): saying(two, "https://one.example/ada"),
        asking("two.example", two): saying(three, "https://two.example/ada"),
    }
    with pytest.raises(Unauthentic):
        await resolve(fetcher(documents), "@ada@one.example")


META = "https://peer.example/.well-known/host-meta"


async def test_host_meta_says_where_webfinger_is_when_it_is_elsewhere() -> None:
    documents: dict[str, Document] = {
        META: host_meta("https://peer.example").replace("/.well-known/webfinger", "/wf").encode(),
        f"https://peer.example/wf?resource={quote(ACCT, safe='')}": saying(ACCT, EVENTS),
    }
    assert await resolve(fetcher(documents), "@events@peer.example") == EVENTS


@pytest.mark.parametrize(
    "xrd",
    [
        b"",
        b"<html>",
        b"<XRD/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"/>',
        host_meta("https://peer.example").replace("{uri}", "uri").encode(),
        host_meta("https://peer.example").replace("lrdd", "other").encode(),
        b'<?xml version="1.0" encoding="nonsense"?><XRD/>',
        b"\xff\xfe<",
    ],
)
async def test_a_host_meta_that_says_nothing_is_refused(xrd: bytes) -> None:
    with pytest.raises(MalformedDocument):
        await resolve(fetcher({META: xrd}), "@events@peer.example")


async def test_a_host_meta_that_leads_inside_is_refused() -> None:
    documents = {META: host_meta("https://127.0.0.1").encode()}
    with pytest.raises(ForbiddenAddress):
        await resolve(fetcher(documents), "@events@peer.example")


async def test_a_deleted_actor_is_gone_and_host_meta_is_not_asked() -> None:
    net = Net({asking("peer.example", ACCT): 410})
    with pytest.raises(Gone):
        await resolve(Fetcher(net, Guard(), None, "Hub/1.0"), "@events@peer.example")
    assert len(net.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_other_answers_are_errors(status: int) -> None:
    with pytest.raises(UnexpectedAnswer):
        await resolve(fetcher({asking("peer.example", ACCT): status}), "@events@peer.example")


async def test_plain_http_is_tried_only_where_it_is_allowed() -> None:
    acct, actor = "acct:events@peer.example:8001", "http://peer.example:8001/actors/events"
    documents: dict[str, Document] = {
        asking("peer.example:8001", acct): Unreachable("no TLS here"),
        asking("peer.example:8001", acct, "http"): saying(acct, actor),
    }
    lax = fetcher(documents, Guard(allow_http=True))
    assert await resolve(lax, "@events@peer.example:8001") == actor
    documents = {asking("peer.example", ACCT): Unreachable("away")}
    with pytest.raises(Unreachable):
        await resolve(fetcher(documents), "@events@peer.example")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"subject": ACCT},
        {"subject": ACCT, "links": {}},
        {"subject": ACCT, "links": []},
        saying(None, EVENTS),
        saying("https://peer.example/", EVENTS),
        saying("acct:nonsense", EVENTS),
        saying(ACCT, None),
        saying(ACCT, ["https://peer.example/"]),
        saying(ACCT, EVENTS, "text/html"),
        saying(ACCT, "not a url"),
        saying(ACCT, "javascript:alert(1)"),
        b"not json",
        b"[]",
    ],
)
async def test_answers_of_the_wrong_shape_are_refused(answer: Document) -> None:
    with pytest.raises((MalformedDocument, BadUrl)):
        await resolve(fetcher({asking("peer.example", ACCT): answer}), "@events@peer.example")


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=9), st.just(ACCT)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["subject", "links", "rel", "type", "href"]), inner, max_size=5
        ),
    ),
    max_leaves=12,
)


@given(json)
def test_nothing_but_our_own_errors_leaves_a_look_up(answer: object) -> None:
    documents = {asking("peer.example", ACCT): orjson.dumps(answer, default=str)}
    with pytest.raises(FederationError):
        asyncio.run(resolve(fetcher(documents), "@events@peer.example"))
