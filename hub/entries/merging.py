"""The same thing from several hubs, shown once: groups of entries, and who stands for each.

A group has no row of its own; `Merged` names it. Who stands for it is asked when it is read: of
those whom anybody may see, our own, else the one that was published first. So whatever is deleted,
hidden or blocked leaves by itself, and another takes its place. Only what is public is merged.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.errors import Conflict, Invalid, NotFound
from hub.entries import candidates, sameness
from hub.entries.models import FOLDERS, Apart, Entry, Further, Merged, Source
from hub.entries.sameness import KINDS, TIMED
from hub.entries.visibility import PUBLIC, standing

OTHER: Final = aliased(Entry, name="other_source")  # another entry of the same group
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What a source says.
_SAID: Final = (
    *(Entry.id, Entry.number, Entry.kind, Entry.url, Entry.origin, Entry.via, Entry.licence),
    *(Entry.title, Entry.happens_at, Entry.place, Entry.updated_at, Entry.heard_at),
)
# What a kind knows besides, in the order of pages: for each of these entries whatever it says.
Besides = Callable[[AsyncSession, Sequence[UUID]], Awaitable[dict[UUID, tuple[Further, ...]]]]
_BESIDES: Final[dict[str, Besides]] = {}


def besides(*kinds: str) -> Callable[[Besides], Besides]:
    """Registers what sources of these kinds say besides title, time and place."""

    def register(function: Besides) -> Besides:
        _BESIDES.update(dict.fromkeys(kinds, function))
        return function

    return register


def shown_once(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Said of `Entry`: no other of its group stands for it, among those of these `conditions`.

    The conditions are said of `OTHER`.
    """
    before = or_(
        and_(OTHER.origin == "", or_(Entry.origin != "", OTHER.number < Entry.number)),
        and_(OTHER.origin != "", Entry.origin != "", OTHER.number < Entry.number),
    )
    return ~another(OTHER.visibility == PUBLIC, standing(OTHER), before, *conditions)


def another(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Said of `Entry`: there is another in its group of which these are true, said of `OTHER`."""
    mine, theirs = aliased(Merged), aliased(Merged)
    return exists().where(
        mine.entry_id == Entry.id,
        theirs.group_id == mine.group_id,
        theirs.entry_id != Entry.id,
        OTHER.id == theirs.entry_id,
        *conditions,
    )


async def consider(session: AsyncSession, entry: Entry) -> None:
    """Merge an entry that is new or changed with what other hubs tell of the same thing.

    What an editor said stays; what is no more the same leaves its group.
    """
    if entry.kind not in KINDS:
        return
    await session.flush()
    mine = await session.get(Merged, entry.id)
    if mine is not None and mine.by_hand:
        return
    found: list[UUID] = []
    if _may_merge(entry):
        near = list(await candidates.of(session, entry))
        if mine is not None:  # it stays with those that it would not find again by itself
            members = await _members(session, mine.group_id, entry.id) - {entry.id}
            near += await candidates.as_they_are(session, sorted(members))
        found = _same(entry, near)
    groups = await _groups(session, found)
    if mine is not None:
        if mine.group_id in groups.values():
            return
        await _leave(session, entry.id)
    parted = await _parted(session, entry.id) if found else set[UUID]()
    for id_ in found:
        if not parted & await _members(session, groups.get(id_), id_):
            session.add_all(_joined(entry.id, id_, groups.get(id_)))
            await session.flush()
            return


async def consider_new(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Merge entries that are new, and so apart from nothing, one after the other.

    They are taken as they are by now: what came in a round may be changed or deleted in it.
    """
    await session.flush()
    new = await candidates.as_they_are(session, [one.id for one in entries if one.kind in KINDS])
    near = await candidates.of_all(session, new)
    later = {one.id for one in new}
    alike: dict[UUID, list[UUID]] = {}
    for one in new:
        later.discard(one.id)  # what came after it will find it
        alike[one.id] = [id_ for id_ in _same(one, near[one.id]) if id_ not in later]
    stand = await candidates.standing_of(session, {each for ids in alike.values() for each in ids})
    first = ((id_, [each for each in ids if each in stand]) for id_, ids in alike.items())
    same = {id_: others[0] for id_, others in first if others}
    groups = await _groups(session, [*same, *same.values()])
    for id_, other in same.items():
        if id_ in groups:
            continue  # it was changed since it came, and compared then
        rows = _joined(id_, other, groups.get(other))
        groups[id_] = groups[other] = rows[0].group_id
        session.add_all(rows)
    await session.flush()


def _may_merge(entry: Entry) -> bool:
    return entry.kind in KINDS and entry.visibility == PUBLIC and entry.deleted_at is None


def _same(entry: Any, rows: Sequence[Any]) -> list[UUID]:
    """Those of the candidates that are the same thing as the entry."""
    return [row.id for row in rows if sameness.same(entry, row) and row.id != entry.id]


async def _groups(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The groups of those that have one."""
    if not ids:
        return {}
    rows = await session.execute(
        select(Merged.entry_id, Merged.group_id).where(Merged.entry_id.in_(ids))
    )
    return dict(rows.all())


async def _members(session: AsyncSession, group_id: UUID | None, id_: UUID) -> set[UUID]:
    """All of a group, or just this one."""
    if group_id is None:
        return {id_}
    rows = await session.scalars(select(Merged.entry_id).where(Merged.group_id == group_id))
    return set(rows)


async def _parted(session: AsyncSession, id_: UUID) -> set[UUID]:
    """Those from which an editor took it apart."""
    rows = await session.execute(
        select(Apart.entry_id, Apart.other_id).where(
            or_(Apart.entry_id == id_, Apart.other_id == id_)
        )
    )
    return {each for pair in rows for each in pair} - {id_}


def _joined(
    id_: UUID, other: UUID, group_id: UUID | None, *, by_hand: bool = False
) -> list[Merged]:
    """The rows that put an entry into the group of another, which may be in none yet."""
    ids = [id_] if group_id is not None else [id_, other]
    group_id = group_id or uuid4()
    return [Merged(entry_id=each, group_id=group_id, by_hand=by_hand) for each in ids]


async def _leave(session: AsyncSession, id_: UUID) -> None:
    """Out of its group, which ends where but one is left."""
    mine = await session.get(Merged, id_)
    if mine is None:
        return
    group_id = mine.group_id
    await session.delete(mine)
    await session.flush()
    rest = (await session.scalars(select(Merged).where(Merged.group_id == group_id))).all()
    if len(rest) == 1:
        await session.delete(rest[0])
        await session.flush()


async def part(session: AsyncSession, id_: UUID) -> None:
    """Take an entry out of its group, for good.

    Raises:
        NotFound: it is in none.
    """
    mine = await session.get(Merged, id_)
    if mine is None:
        raise NotFound("This is not merged with anything.")
    others = await _members(session, mine.group_id, id_) - {id_}
    await _leave(session, id_)
    rows = [{"entry_id": id_, "other_id": other, "at": now()} for other in others]
    await session.execute(
        insert_for(session, Apart).on_conflict_do_nothing(),
        rows,
    )
    await audit.note(session, "parted", id_, sources=len(others))


async def merge(session: AsyncSession, id_: UUID, other: UUID) -> None:
    """Say that two entries are the same thing, whatever was said before.

    Raises:
        NotFound: one of them is not there.
        Invalid: they are of two kinds, or of a kind that is not merged, or not public.
        Conflict: both are of the same hub.
    """
    rows = (
        await session.scalars(select(Entry).where(Entry.id.in_((id_, other)), standing()))
    ).all()
    if len(rows) != len({id_, other}):
        raise NotFound("One of the two is not here any more.")
    if len({row.kind for row in rows}) > 1 or rows[0].kind not in KINDS:
        raise Invalid("Only two of the same kind can be the same: two events, or two places.")
    if any(row.visibility != PUBLIC for row in rows):
        raise Invalid("Only what everybody may see can be merged.")
    if len({row.origin for row in rows}) == 1:
        raise Conflict("Both are of the same hub. One of them should be deleted there.")
    groups = await _groups(session, (id_, other))
    mine, theirs = groups.get(id_), groups.get(other)
    pairs = (await _members(session, mine, id_), await _members(session, theirs, other))
    for one, two in (pairs, pairs[::-1]):
        await session.execute(delete(Apart).where(Apart.entry_id.in_(one), Apart.other_id.in_(two)))
    if mine is not None and theirs is not None:
        await session.execute(
            update(Merged).where(Merged.group_id == mine).values(group_id=theirs, by_hand=True)
        )
    elif mine is not None:
        session.add_all(_joined(other, id_, mine, by_hand=True))
    else:
        session.add_all(_joined(id_, other, theirs, by_hand=True))
    await audit.note(session, "merged", id_, other=str(other))


async def find(session: AsyncSession, address: str) -> UUID:
    """The entry whose page, here or at its own hub, has this address.

    Raises:
        NotFound: there is none.
    """
    given = address.strip()
    named = _UUID.search(given)
    query = select(Entry.id).where(or_(Entry.uri == given, Entry.url == given))
    found = await session.scalar(query.limit(1))
    if found is None and named is not None:
        found = await session.scalar(select(Entry.id).where(Entry.id == UUID(named[0])))
    if found is None:
        raise NotFound("Nothing here has this address. Copy it from the page of the other entry.")
    return found


async def sources(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[Source, ...]]:
    """What all hubs that tell of each of these say, who stands for them first.

    One query for all, and one for each kind among them of which more is known. Those of which but
    one hub tells are left out.
    """
    if not ids:
        return {}
    mine, theirs = aliased(Merged), aliased(Merged)
    rows = await session.execute(
        select(mine.entry_id.label("of"), *_SAID)
        .join(theirs, theirs.group_id == mine.group_id)
        .join(Entry, Entry.id == theirs.entry_id)
        .where(mine.entry_id.in_(ids), Entry.visibility == PUBLIC, standing())
    )
    groups: dict[UUID, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.of, []).append(row)
    groups = {of: found for of, found in groups.items() if len(found) > 1}
    more: dict[UUID, tuple[Further, ...]] = {}
    for kind, known in _BESIDES.items():
        if of_kind := {row.id for found in groups.values() for row in found if row.kind == kind}:
            more |= await known(session, list(of_kind))
    return {of: _side_by_side(found, more) for of, found in groups.items()}


def _side_by_side(
    rows: Sequence[Any], more: Mapping[UUID, Sequence[Further]]
) -> tuple[Source, ...]:
    first, *rest = sorted(rows, key=lambda row: (row.origin != "", row.number))
    stands = {one.label: one.value for one in more.get(first.id, ())}
    differ = {
        one.label
        for row in rest
        for one in more.get(row.id, ())
        if one.value != stands.get(one.label)
    }
    return tuple(
        _source(
            row,
            first,
            tuple(
                replace(one, differs=one.value != stands.get(one.label))
                for one in more.get(row.id, ())
                if one.label in differ
            ),
        )
        for row in (first, *rest)
    )


def _source(row: Any, first: Any, further: tuple[Further, ...]) -> Source:
    said = {
        "title": row.title == first.title,
        "when": row.kind != TIMED or row.happens_at == first.happens_at,
        "where": row.place == first.place,
    }
    differs = {name for name, agrees in said.items() if not agrees}
    return Source(
        id=row.id,
        path=f"/{FOLDERS[row.kind]}/{row.id}",
        url=row.url,
        origin=row.origin,
        via=row.via,
        licence=row.licence,
        title=row.title,
        happens_at=row.happens_at,
        place=row.place,
        updated_at=row.updated_at,
        heard_at=row.heard_at,
        further=further,
        differs=frozenset(differs | {one.name for one in further if one.differs}),
    )
