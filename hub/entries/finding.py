"""Searching everything at once: what has all the words in its title first, then the newest.

Ranking all that has a common word would take a second, so the newest `search.FEW` hits are ranked
among themselves, and the ones before them come after (PERFORMANCE §4).
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectin_polymorphic

from hub.core.errors import Invalid
from hub.entries import queries, search
from hub.entries.models import Entry
from hub.entries.paging import NO_CURSOR
from hub.entries.queries import Filter
from hub.entries.search import NEWEST
from hub.entries.visibility import Viewer, visible_to

LOOKS: Final = 4  # at `search.FEW` hits each, before a page may stay short
_LAYOUT = struct.Struct(">q?q")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, of whatever kind.

    `counts` are the hits of each kind among those that were ranked together; `more`: there are
    older ones that nobody counted. `next` is the cursor of the following page, None at the end.
    """

    items: tuple[Entry, ...] = ()
    next: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    more: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody read: the hits below `below` are ranked, and `titled`, `number` was last."""

    below: int = NEWEST
    titled: bool = True
    number: int = NEWEST

    def encode(self) -> str:
        """The place as it stands in addresses."""
        packed = _LAYOUT.pack(self.below, self.titled, self.number)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str | None) -> Place:
        """The place of an address; the beginning where there is none.

        Raises:
            Invalid: it is not one of ours.
        """
        if not text:
            return cls()
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return cls(*_LAYOUT.unpack(packed))
        except (binascii.Error, struct.error, ValueError) as error:
            raise Invalid(NO_CURSOR, {"cursor": NO_CURSOR}) from error


@dataclass(frozen=True, slots=True)
class _Hit:
    id: UUID
    number: int
    kind: str
    titled: bool

    @property
    def place(self) -> tuple[bool, int]:
        """Greater is better."""
        return (self.titled, self.number)


async def found(
    session: AsyncSession,
    viewer: Viewer,
    wanted: Filter,
    *,
    kind: str = "",
    ranked: bool = True,
    conditions: Sequence[ColumnElement[bool]] = (),
    others: Sequence[ColumnElement[bool]] = (),
) -> Found:
    """One page of all entries that `viewer` may see and that answer `wanted` and `conditions`.

    `others` are the conditions as far as another source of the same thing must meet them too, to
    stand for it; said of `merging.OTHER`.

    `kind`: only of this one; the others are counted all the same. Not `ranked`: just the newest
    first, as those read who come again and again.

    Raises:
        Invalid: the cursor is none of ours.
    """
    asked, place = search.question(wanted.words), Place.decode(wanted.cursor)
    conditions = _asked(viewer, wanted, conditions, others)
    counts: Counter[str] = Counter()
    for _ in range(LOOKS):
        numbers = list(await session.scalars(search.hits(session, asked, below=place.below)))
        hits = await _hits(session, asked, numbers, conditions)
        lowest = numbers[-1] if len(numbers) == search.FEW else None
        if not ranked:
            hits = [replace(hit, titled=False) for hit in hits]
        counts.update(hit.kind for hit in hits)
        ours = [hit for hit in hits if kind in {"", hit.kind}]
        rest = [hit for hit in ours if hit.place < (place.titled, place.number)]
        shown = sorted(rest, key=lambda hit: hit.place, reverse=True)[: wanted.limit]
        if shown or lowest is None:
            break
        place = Place(below=lowest)
    following = None
    if len(rest) > len(shown):
        # What is published in the meantime must not push others out of their rank.
        following = Place(numbers[0] + 1, shown[-1].titled, shown[-1].number).encode()
    elif lowest is not None:
        following = Place(below=lowest).encode()
    items = await whole(session, [hit.id for hit in shown])
    return Found(items, following, dict(counts), lowest is not None)


async def among(
    session: AsyncSession,
    viewer: Viewer,
    wanted: Filter,
    few: Sequence[ColumnElement[bool]],
) -> list[UUID]:
    """Those of a few entries that `found` would find, the newest first; `few` says which."""
    asked = search.question(wanted.words)
    query = select(Entry.id).where(*_asked(viewer, wanted, few), search.answers(asked))
    return list(await session.scalars(query.order_by(Entry.number.desc()).limit(wanted.limit)))


def _asked(
    viewer: Viewer,
    wanted: Filter,
    conditions: Sequence[ColumnElement[bool]],
    others: Sequence[ColumnElement[bool]] = (),
) -> list[ColumnElement[bool]]:
    """All that is asked but the words, for which there is an index."""
    # Whatever has no text for searches is not to be found.
    found = queries.conditions(wanted, others)
    return [visible_to(viewer), Entry.search_text != "", *found, *conditions]


async def everything(session: AsyncSession) -> AsyncIterator[Entry]:
    """Every entry that is not deleted, with what its kind adds; some hundred at a time."""
    last = -1
    while True:
        query = select(Entry.id).where(Entry.deleted_at.is_(None), Entry.number > last)
        ids = list(await session.scalars(query.order_by(Entry.number).limit(search.FEW)))
        if not ids:
            return
        for entry in await whole(session, ids):
            last = entry.number
            yield entry


def not_over(moment: datetime) -> ColumnElement[bool]:
    """What still was to come, or to be had, at a moment."""
    return or_(Entry.relevant_until.is_(None), Entry.relevant_until > moment)


async def _hits(
    session: AsyncSession,
    asked: search.Question,
    numbers: Sequence[int],
    conditions: Sequence[ColumnElement[bool]],
) -> list[_Hit]:
    """Those of the hits that meet the conditions."""
    query = select(Entry.id, Entry.number, Entry.kind, search.in_title(asked).label("titled"))
    query = query.where(Entry.number.in_(numbers), *conditions)
    rows = (await session.execute(query)).all() if numbers else ()
    return [_Hit(row.id, row.number, row.kind, bool(row.titled)) for row in rows]


async def whole(session: AsyncSession, ids: Sequence[UUID]) -> tuple[Entry, ...]:
    """The entries of these ids in this order, with author, picture and what their kinds add."""
    if not ids:
        return ()
    kinds = [each.class_ for each in Entry.__mapper__.self_and_descendants]
    query = select(Entry).where(Entry.id.in_(ids)).options(selectin_polymorphic(Entry, kinds[1:]))
    rows = await session.scalars(query.options(*queries.whole(Entry)))
    known = {entry.id: entry for entry in rows}
    await queries.note(session, list(known.values()))
    return tuple(known[id_] for id_ in ids if id_ in known)
