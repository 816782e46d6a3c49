"""Our pages, and the walk through a peer's."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from federation import collections
from federation.errors import FederationError, MalformedDocument, Unauthorised, Unreachable
from federation.fetching import Fetched, Fetcher
from federation.vocab.collections import collection_document, page_document, view
from federation.vocab.names import AS2

OUTBOX = "https://peer.example/users/ann/outbox"


class Peer(Fetcher):
    """Serves documents by their address, and remembers what was asked for."""

    def __init__(self, documents: dict[str, dict[str, Any]]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    async def fetch(
        self, uri: str, *, deadline_s: float = 10, fresh: bool = False, bare: bool = False
    ) -> Fetched:
        self.asked.append(uri)
        if uri not in self.documents:
            raise Unreachable(uri)
        document = self.documents[uri]
        return Fetched(document, document.get("moved", uri))


def paged(pages: int, per_page: int) -> dict[str, dict[str, Any]]:
    first = f"{OUTBOX}?page=0"
    documents = {OUTBOX: collection_document(OUTBOX, pages * per_page, first=first)}
    for page in range(pages):
        following = f"{OUTBOX}?page={page + 1}" if page + 1 < pages else None
        items = [f"https://peer.example/{page}/{item}" for item in range(per_page)]
        uri = f"{OUTBOX}?page={page}"
        documents[uri] = page_document(uri, OUTBOX, items=items, following=following)
    return documents


async def walked(peer: Peer, **limits: int) -> list[Any]:
    return [item async for item in collections.walk(peer, OUTBOX, **limits)]


async def test_walk_goes_through_all_pages() -> None:
    assert len(await walked(Peer(paged(3, 4)))) == 12


async def test_walk_ends_at_its_limits() -> None:
    peer = Peer(paged(30, 10))
    assert len(await walked(peer)) == 100
    assert len(peer.asked) == 11
    peer = Peer(paged(30, 10))
    assert len(await walked(peer, max_items=25)) == 25
    assert len(peer.asked) == 4


async def test_walk_takes_items_that_stand_in_the_collection() -> None:
    peer = Peer({OUTBOX: collection_document(OUTBOX, 2, items=["a", {"id": "b"}], ordered=False)})
    assert await walked(peer) == ["a", {"id": "b"}]


async def test_walk_begins_on_a_page_that_is_embedded() -> None:
    documents = paged(2, 2)
    embedded = documents.pop(f"{OUTBOX}?page=0")
    documents[OUTBOX]["first"] = embedded
    peer = Peer(documents)
    assert len(await walked(peer)) == 4
    assert peer.asked == [OUTBOX, f"{OUTBOX}?page=1"]


async def test_walk_follows_a_first_page_that_is_only_named() -> None:
    documents = paged(1, 2)
    documents[OUTBOX]["first"] = {"id": f"{OUTBOX}?page=0", "type": "CollectionPage"}
    assert len(await walked(Peer(documents))) == 2


@pytest.mark.parametrize("back", [OUTBOX, f"{OUTBOX}?page=0", f"{OUTBOX.upper()}"[:5] + OUTBOX[5:]])
async def test_walk_ends_where_a_page_comes_again(back: str) -> None:
    documents = paged(2, 1)
    documents[f"{OUTBOX}?page=1"]["next"] = back
    assert len(await walked(Peer(documents))) == 2


async def test_walk_does_not_leave_the_server() -> None:
    documents = paged(2, 1)
    documents[f"{OUTBOX}?page=0"]["next"] = "https://evil.example/page"
    peer = Peer(documents)
    with pytest.raises(Unauthorised):
        await walked(peer)
    assert "https://evil.example/page" not in peer.asked
    documents = paged(1, 1)
    documents[f"{OUTBOX}?page=0"]["moved"] = "https://evil.example/page"
    with pytest.raises(Unauthorised):
        await walked(Peer(documents))


async def test_walk_says_what_is_wrong_with_a_page() -> None:
    with pytest.raises(Unreachable):
        await walked(Peer({}))
    with pytest.raises(MalformedDocument):
        await walked(Peer({OUTBOX: {"type": "Note", "id": OUTBOX}}))


def test_items_are_spliced_in_as_they_are_stored() -> None:
    stored = (b'{"id":"https://hub.example/1","n":1.0}', b'"https://hub.example/2"')
    body = collections.page(OUTBOX, None, stored, following="c2", preceding=None)
    assert b",".join(stored) in body
    assert orjson.loads(body) == {
        "@context": AS2,
        "id": f"{OUTBOX}?page=first",
        "type": "OrderedCollectionPage",
        "partOf": OUTBOX,
        "next": f"{OUTBOX}?cursor=c2",
        "orderedItems": [orjson.loads(one) for one in stored],
    }


def test_empty_page_is_a_page() -> None:
    body = collections.page(OUTBOX, "c2", (), following=None, preceding="c1")
    found = view(orjson.loads(body))
    assert (found.id, found.items, found.next) == (f"{OUTBOX}?cursor=c2", (), None)
    assert orjson.loads(collections.spliced({}, ())) == {"orderedItems": []}


def test_collection_names_its_number_and_its_first_page() -> None:
    found = view(orjson.loads(collections.collection(OUTBOX, 7, paged=True)))
    assert (found.total, found.first) == (7, f"{OUTBOX}?page=first")
    counted = orjson.loads(collections.collection(OUTBOX, 7, paged=False))
    assert set(counted) == {"@context", "id", "type", "totalItems"}
    whole = orjson.loads(collections.collection(OUTBOX, 1, paged=False, items=[b'"x"']))
    assert whole["orderedItems"] == ["x"]


@pytest.mark.parametrize("parts", [("2026-01-01T00:00:00+00:00", "3f2a"), ("", ""), ("ä/?&=", "b")])
def test_cursor_leads_back_to_its_parts(parts: tuple[str, str]) -> None:
    cursor = collections.to_cursor(*parts)
    assert collections.from_cursor(cursor, 2) == parts
    assert cursor.replace("-", "").replace("_", "").isalnum() or cursor == ""


@pytest.mark.parametrize("cursor", ["", "!", "abc", "ä", "YQ", "_w", "A" * 300, "a b", "YQpi\n"])
def test_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(FederationError):
        collections.from_cursor(cursor, 2)


@pytest.mark.parametrize(
    "document", [{}, {"type": "Note"}, {"type": []}, {"type": {}}, {"type": "Collection", "id": 1}]
)
def test_what_is_no_collection_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedDocument):
        view(document)
