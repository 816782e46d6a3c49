"""What hangs on a thing of ours, as other servers read it: answers, thread, likes and boosts.

Only what everybody may see is ever listed: no answer that waits, is hidden or is private (AP-48).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.collections import collection_document, page_document
from hub.entries import reactions, threads
from hub.entries.models import Entry, Reply
from hub.entries.paging import Listed
from hub.entries.reactions import BOOST, LIKE
from hub.entries.threads import Branch

Which = Literal["replies", "context", "likes", "shares"]

PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of a collection: the ids on it, how many there are in all, and the next cursor.

    `owner` is who keeps the collection, where that is told. A `counted` one tells its number alone.
    """

    uri: str
    total: int
    items: tuple[str, ...] = ()
    next: str | None = None
    owner: str | None = None
    ordered: bool = False
    counted: bool = False
    cursor: str | None = field(default=None)

    def document(self) -> dict[str, Any]:
        """The whole collection, with its first page inside (ActivityStreams §5)."""
        head = collection_document(
            self.uri, self.total, ordered=self.ordered, attributed_to=self.owner
        )
        return head if self.counted else {**head, "first": _bare(self.page())}

    def page(self) -> dict[str, Any]:
        """This page alone."""
        return page_document(
            self._address(self.cursor),
            self.uri,
            items=self.items,
            following=None if self.next is None else self._address(self.next),
            ordered=self.ordered,
        )

    def _address(self, cursor: str | None) -> str:
        return f"{self.uri}?" + (f"cursor={quote(cursor)}" if cursor else "page=first")


async def of_entry(
    session: AsyncSession, entry: Entry, which: Which, cursor: str | None = None
) -> Shown:
    """A collection of one of our entries, which everybody may see; its author is loaded.

    Who likes it said so to us alone, so only the number is told. A boost is public, and its id
    stands in `shares` (AP-40). The thread begins with the entry itself (FEP-f228).

    Raises:
        Invalid: the cursor is none of ours.
    """
    uri = f"{entry.uri}/{which}"
    if which == "likes":
        return Shown(uri, await reactions.count(session, entry.id, LIKE), counted=True)
    if which == "shares":
        boosts = await reactions.listed(session, entry.id, BOOST, limit=PER_PAGE, cursor=cursor)
        total = await reactions.count(session, entry.id, BOOST)
        ids = tuple(row.uri for row in boosts.items)
        return Shown(uri, total, ids, boosts.next, cursor=cursor)
    branch = Branch(entry.id, directly=which == "replies")
    found = await threads.listed(session, branch, limit=PER_PAGE, cursor=cursor)
    total = await threads.count(session, branch)
    if which == "replies":
        return Shown(uri, total, _ids(found), found.next, cursor=cursor)
    items = _ids(found) if cursor else (entry.uri, *_ids(found))
    owner = entry.author.uri
    return Shown(uri, total + 1, items, found.next, owner, ordered=True, cursor=cursor)


async def of_reply(session: AsyncSession, reply: Reply, cursor: str | None = None) -> Shown:
    """The answers to an answer of ours (FEP-7458).

    Raises:
        Invalid: the cursor is none of ours.
    """
    branch = Branch(reply_id=reply.id)
    found = await threads.listed(session, branch, limit=PER_PAGE, cursor=cursor)
    total = await threads.count(session, branch)
    return Shown(f"{reply.uri}/replies", total, _ids(found), found.next, cursor=cursor)


def _ids(found: Listed[Reply]) -> tuple[str, ...]:
    return tuple(row.uri for row in found.items)


def _bare(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document that stands inside another: without a context of its own."""
    return {name: value for name, value in document.items() if name != "@context"}
