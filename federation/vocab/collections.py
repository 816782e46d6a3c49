"""Collections and their pages: how ours are written, and what one of a peer shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from federation.errors import MalformedDocument
from federation.vocab import reading
from federation.vocab.base import present
from federation.vocab.names import AS2, Document

_TYPES: Final = frozenset(
    {"Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"}
)


def collection_document(
    uri: str,
    total: int,
    *,
    first: str | None = None,
    items: Sequence[Any] | None = None,
    ordered: bool = True,
    attributed_to: str | None = None,
) -> Document:
    """A collection: how many, and where the first page is, or the items themselves."""
    return present(
        {
            "@context": AS2,
            "id": uri,
            "type": "OrderedCollection" if ordered else "Collection",
            "attributedTo": attributed_to,
            "totalItems": total,
            "first": first,
            _items_name(ordered=ordered): None if items is None else list(items),
        }
    )


def page_document(
    uri: str,
    part_of: str,
    *,
    items: Sequence[Any] | None = None,
    following: str | None = None,
    preceding: str | None = None,
    ordered: bool = True,
) -> Document:
    """One page of a collection; without `items` they are to be spliced in."""
    return present(
        {
            "@context": AS2,
            "id": uri,
            "type": "OrderedCollectionPage" if ordered else "CollectionPage",
            "partOf": part_of,
            "next": following,
            "prev": preceding,
            _items_name(ordered=ordered): None if items is None else list(items),
        }
    )


def _items_name(*, ordered: bool) -> str:
    return "orderedItems" if ordered else "items"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionView:
    """What a collection, or a page of one, shows.

    `items` are as they stand there: ids or documents, of anybody. `first` and `next` are
    addresses; a first page that is embedded is `first_page`. `total` is a claim.
    """

    id: str | None
    items: tuple[Any, ...] = ()
    first: str | None = None
    first_page: Mapping[str, Any] | None = None
    next: str | None = None
    total: int | None = None


def view(document: Mapping[str, Any]) -> CollectionView:
    """What `document` shows as a collection or a page.

    Raises:
        MalformedDocument: it is neither.
    """
    if _TYPES.isdisjoint(reading.types_of(document)):
        raise MalformedDocument("not a collection")
    first = document.get("first")
    return CollectionView(
        id=reading.own_id(document),
        items=tuple(reading.items(reading.member(document, "orderedItems", "items"))),
        first=reading.uri(first),
        first_page=first if isinstance(first, dict) and _shows_items(first) else None,
        next=reading.uri(document.get("next")),
        total=reading.count(document.get("totalItems")),
    )


def _shows_items(page: Mapping[str, Any]) -> bool:
    return reading.member(page, "orderedItems", "items") is not None
