"""Pages of our collections, from stored bytes; and a walk through a peer's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from federation.authority import may_list
from federation.errors import MalformedDocument, Unauthorised
from federation.fetching import Fetcher
from federation.origins import canonical
from federation.vocab.collections import CollectionView, collection_document, page_document, view

# Mastodon's outboxes have 20 on a page; what we want of a peer at first is on the first few.
PAGE_LIMIT: Final = 10
ITEM_LIMIT: Final = 500
# A cursor is a moment and an id; what is longer was not made here.
CURSOR_LIMIT: Final = 256
_SEPARATOR: Final = "\n"


# -------------------------------------------------------------------------- what we serve


def spliced(head: Mapping[str, Any], items: Iterable[bytes]) -> bytes:
    """The JSON of `head` with `items`, stored fragments of JSON, as its `orderedItems`."""
    body = orjson.dumps(dict(head))
    opening = body[:-1] + (b"," if head else b"")
    return opening + b'"orderedItems":[' + b",".join(items) + b"]}"


def collection(uri: str, total: int, *, paged: bool, items: Iterable[bytes] | None = None) -> bytes:
    """A collection of ours: the number alone, with its first page's address, or with its items.

    Only the number is told of followers: who they are is theirs to tell (PROTOCOL §4.2).
    """
    head = collection_document(uri, total, first=page_uri(uri) if paged else None)
    return orjson.dumps(head) if items is None else spliced(head, items)


def page(
    uri: str,
    cursor: str | None,
    items: Iterable[bytes],
    *,
    following: str | None,
    preceding: str | None,
) -> bytes:
    """One page of the collection `uri`; the last three are fragments and cursors of a Site."""
    head = page_document(
        page_uri(uri, cursor),
        uri,
        following=None if following is None else page_uri(uri, following),
        preceding=None if preceding is None else page_uri(uri, preceding),
    )
    return spliced(head, items)


def page_uri(uri: str, cursor: str | None = None) -> str:
    """The address of the page after `cursor`, or of the first."""
    return f"{uri}?page=first" if cursor is None else f"{uri}?cursor={quote(cursor, safe='')}"


def to_cursor(*parts: str) -> str:
    """A cursor that names its place by what stands there, so that new items do not move it."""
    raw = _SEPARATOR.join(parts).encode()
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def from_cursor(cursor: str, parts: int) -> tuple[str, ...]:
    """The `parts` that `to_cursor` was given.

    Raises:
        MalformedDocument: it is no cursor of ours.
    """
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        found = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as problem:
        raise MalformedDocument("no cursor of ours") from problem
    places = tuple(found.split(_SEPARATOR))
    if len(cursor) > CURSOR_LIMIT or len(places) != parts:
        raise MalformedDocument("no cursor of ours")
    return places


# --------------------------------------------------------------------------- what we read


async def walk(
    fetcher: Fetcher, uri: str, *, max_pages: int = PAGE_LIMIT, max_items: int = ITEM_LIMIT
) -> AsyncIterator[Any]:
    """The items of a peer's collection, page by page, as they stand there: ids or documents.

    All pages must be of one origin. Ends at the limits, and where a page comes again (AP-82).

    Raises:
        FederationError: a page cannot be fetched, is none, or lies elsewhere.
    """
    left = max_items
    async for shown in _views(fetcher, uri, max_pages):
        for item in shown.items[:left]:
            yield item
        left -= len(shown.items)
        if left <= 0:
            return


@dataclass(frozen=True, slots=True)
class Part:
    """One fetch's worth of a peer's collection: what stands there, and where it goes on."""

    items: tuple[Any, ...]
    next: str | None
    total: int | None


async def part(fetcher: Fetcher, uri: str, home: str) -> Part:
    """What stands at `uri`, the collection `home` itself or a page of it; for long readings.

    `next` is None at the end. `total` is a claim, and stands on the collection alone.

    Raises:
        FederationError: it cannot be fetched, is no collection, or lies elsewhere.
    """
    shown = await _view(fetcher, uri, home)
    if shown.first_page is None:
        return Part(shown.items, shown.first or shown.next, shown.total)
    page = view(shown.first_page)
    return Part((*shown.items, *page.items), page.next, shown.total)


async def _views(fetcher: Fetcher, uri: str, max_pages: int) -> AsyncIterator[CollectionView]:
    """The collection, then its pages, at most `max_pages` fetches in all besides the first."""
    seen = {canonical(uri)}
    shown = await _view(fetcher, uri, uri)
    yield shown
    if shown.first_page is not None:
        first_page = view(shown.first_page)
        if first_page.id is not None:
            seen.add(canonical(first_page.id))
        yield first_page
        following = first_page.next
    else:
        following = shown.first or shown.next
    for _ in range(max_pages):
        if following is None or canonical(following) in seen:
            return
        seen.add(canonical(following))
        shown = await _view(fetcher, following, uri)
        yield shown
        following = shown.next


async def _view(fetcher: Fetcher, uri: str, home: str) -> CollectionView:
    if not may_list(home, uri):
        raise Unauthorised("a page of a collection that lies with another server")
    fetched = await fetcher.fetch(uri)
    if not may_list(home, fetched.url):
        raise Unauthorised("a page of a collection that lies with another server")
    return view(fetched.document)
