"""NodeInfo: what we say, and how we read what others say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.client import Answer
from federation.discovery import nodeinfo
from federation.discovery.nodeinfo import NodeInfo
from federation.errors import FederationError, ForbiddenAddress, MalformedDocument, Unreachable
from federation.fetching import Fetcher
from federation.guard import Guard

HOME = "https://peer.example"
INDEX = f"{HOME}/.well-known/nodeinfo"
RELAY = f"{HOME}/actors/relay"


@dataclass(frozen=True)
class Facts:
    version: str = "1.2.0"
    users: int = 12
    active_month: int = 3
    active_half_year: int = 8
    local_posts: int = 40
    local_comments: int = 5
    open_registrations: bool = True
    name: str = "Linden"
    description: str = "What happens in Linden."
    metadata: Mapping[str, Any] = field(default_factory=lambda: {"area": "Linden"})


class Net:
    def __init__(self, documents: Mapping[str, object]) -> None:
        self.documents = documents

    async def get(
        self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
    ) -> Answer:
        found = self.documents.get(url)
        if isinstance(found, FederationError):
            raise found
        if found is None:
            return Answer(404, {}, b"", url)
        return Answer(200, {"content-type": "application/json"}, orjson.dumps(found), url)


def fetcher(documents: Mapping[str, object], guard: Guard | None = None) -> Fetcher:
    return Fetcher(Net(documents), guard or Guard(), None, "Hub/1.0")


def test_ap_05_the_index_names_both_versions_and_the_actor_to_follow() -> None:
    assert nodeinfo.well_known(HOME, RELAY) == {
        "links": [
            {
                "rel": "http://nodeinfo.diaspora.software/ns/schema/2.1",
                "href": f"{HOME}/nodeinfo/2.1",
            },
            {
                "rel": "http://nodeinfo.diaspora.software/ns/schema/2.0",
                "href": f"{HOME}/nodeinfo/2.0",
            },
            {"rel": "https://www.w3.org/ns/activitystreams#Application", "href": RELAY},
        ]
    }


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_a_document_has_every_key_that_the_schema_demands(version: str) -> None:
    document = nodeinfo.document(
        Facts(), version, software="neighbourhood-hub", repository="https://code.example/hub"
    )
    assert document["version"] == version
    assert ("repository" in document["software"]) == (version == "2.1")
    assert "homepage" not in document["software"]
    assert document["protocols"] == ["activitypub"]
    assert document["services"] == {"inbound": [], "outbound": []}
    assert document["openRegistrations"] is True
    assert document["usage"] == {
        "users": {"total": 12, "activeMonth": 3, "activeHalfyear": 8},
        "localPosts": 40,
        "localComments": 5,
    }
    assert document["metadata"] == {
        "nodeName": "Linden",
        "nodeDescription": "What happens in Linden.",
        "area": "Linden",
    }


def test_the_media_type_is_json_with_the_schema_as_profile() -> None:
    kind = nodeinfo.content_type("2.1")
    assert kind.startswith("application/json; ")
    assert 'profile="http://nodeinfo.diaspora.software/ns/schema/2.1#"' in kind


async def test_what_we_say_is_what_we_read() -> None:
    documents = {
        INDEX: nodeinfo.well_known(HOME, RELAY),
        f"{HOME}/nodeinfo/2.1": nodeinfo.document(Facts(), "2.1", software="neighbourhood-hub"),
    }
    assert await nodeinfo.read(fetcher(documents), "peer.example") == NodeInfo(
        software="neighbourhood-hub",
        version="1.2.0",
        name="Linden",
        protocols=("activitypub",),
        open_registrations=True,
        users=12,
        local_posts=40,
        instance_actor=RELAY,
    )


async def test_one_link_in_place_of_a_list_is_read() -> None:
    documents = {
        INDEX: {"links": nodeinfo.well_known(HOME, RELAY)["links"][1]},
        f"{HOME}/nodeinfo/2.0": {"software": {"name": "x"}},
    }
    assert (await nodeinfo.read(fetcher(documents), "peer.example")).software == "x"


async def test_a_server_that_says_only_whom_to_follow_is_read() -> None:
    documents = {INDEX: {"links": [nodeinfo.well_known(HOME, RELAY)["links"][2]]}}
    assert await nodeinfo.read(fetcher(documents), "peer.example") == NodeInfo(instance_actor=RELAY)


async def test_a_document_inside_is_never_asked_for() -> None:
    rel = "http://nodeinfo.diaspora.software/ns/schema/2.1"
    documents = {INDEX: {"links": [{"rel": rel, "href": "https://127.0.0.1/"}]}}
    with pytest.raises(ForbiddenAddress):
        await nodeinfo.read(fetcher(documents), "peer.example")


async def test_plain_http_is_tried_only_where_it_is_allowed() -> None:
    documents = {
        INDEX: Unreachable("no TLS"),
        "http://peer.example/.well-known/nodeinfo": nodeinfo.well_known(HOME, RELAY),
        f"{HOME}/nodeinfo/2.1": {"software": {"name": "x"}},
    }
    lax = fetcher(documents, Guard(allow_http=True))
    assert (await nodeinfo.read(lax, "peer.example")).software == "x"
    with pytest.raises(Unreachable):
        await nodeinfo.read(fetcher(documents), "peer.example")


async def test_a_server_without_nodeinfo_that_we_know_is_refused() -> None:
    with pytest.raises(MalformedDocument):
        await nodeinfo.read(fetcher({INDEX: {"links": []}}), "peer.example")


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2**60), st.text(max_size=300)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "software",
                    "name",
                    "version",
                    "usage",
                    "users",
                    "total",
                    "localPosts",
                    "protocols",
                    "metadata",
                    "nodeName",
                    "openRegistrations",
                ]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=15,
)


@given(json)
def test_any_document_is_read_within_limits_or_refused(document: object) -> None:
    documents = {INDEX: nodeinfo.well_known(HOME, RELAY), f"{HOME}/nodeinfo/2.1": document}
    try:
        found = asyncio.run(nodeinfo.read(fetcher(documents), "peer.example"))
    except FederationError:
        return
    assert all(len(text or "") <= 200 for text in (found.software, found.version, found.name))
    assert found.users is None or 0 <= found.users <= 2**53
