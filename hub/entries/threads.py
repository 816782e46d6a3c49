"""Replies as they are read: under an entry, in its collection, and in the stewards' inbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from hub.actors.models import Actor
from hub.core.text import SafeHtml, shown
from hub.entries import paging
from hub.entries.board import GROUP
from hub.entries.models import HELD, HIDDEN, SHOWN, Entry, Reply
from hub.entries.paging import Cursor, Listed
from hub.entries.visibility import Viewer, visible_to

MOST_SHOWN: Final = 500
DEEPEST: Final = 6  # further indents would leave no room for words on a phone

Show = Literal["waiting", "all"]


@dataclass(frozen=True, slots=True)
class ReplyView:
    """A reply under an entry; `depth` is how many replies it stands below.

    `answers` and `answers_name` are the reply that it answers, where that is shown, and its author.
    `writer_id` is the resident who said it, if one did.
    """

    id: UUID
    uri: str
    url: str
    author_name: str
    author_handle: str
    author_url: str
    at: datetime
    content: SafeHtml
    cleaned_by: int
    from_us: bool
    state: str
    depth: int = 0
    answers: UUID | None = None
    answers_name: str = ""
    writer_id: UUID | None = None

    @property
    def reply(self) -> ReplyView:
        """Itself: pages print the words of this and of a `Message` as `reply|body`."""
        return self


@dataclass(frozen=True, slots=True)
class Message:
    """A reply or a private message as stewards see it, with what we answered.

    `kind` is private, held or public. `channel_name` is whom it was for, such as `@offers`;
    `to_group`: that one passes on what is posted to it.
    """

    reply: ReplyView
    kind: Literal["private", "held", "public"]
    unread: bool
    entry_title: str
    entry_path: str
    channel_name: str
    to_group: bool
    answers: tuple[ReplyView, ...]

    @property
    def id(self) -> UUID:
        """The reply's id."""
        return self.reply.id

    @property
    def from_us(self) -> bool:
        """Whether we wrote it."""
        return self.reply.from_us

    @property
    def state(self) -> str:
        """Shown, held or hidden."""
        return self.reply.state

    @property
    def author_name(self) -> str:
        """Who wrote it."""
        return self.reply.author_name

    @property
    def author_handle(self) -> str:
        """Who wrote it, as `name@host`."""
        return self.reply.author_handle

    @property
    def author_url(self) -> str:
        """Their page."""
        return self.reply.author_url

    @property
    def at(self) -> datetime:
        """When it was written."""
        return self.reply.at

    @property
    def may_answer(self) -> bool:
        """Whether an answer makes sense: what is hidden gets none."""
        return self.reply.state != HIDDEN


async def thread(session: AsyncSession, entry_id: UUID, viewer: Viewer) -> list[ReplyView]:
    """The public replies under an entry, each below what it answers, oldest first.

    Stewards see those that wait as well. Whether `viewer` may see the entry is the caller's care.
    """
    states = (SHOWN, HELD) if viewer.role == "steward" else (SHOWN,)
    query = (
        _public(Branch(entry_id), states).order_by(Reply.published_at, Reply.id).limit(MOST_SHOWN)
    )
    rows = (await session.scalars(query)).all()
    return list(_nested(rows))


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of what was said: all of an entry's thread, what answers it directly, or a reply."""

    entry_id: UUID | None = None
    reply_id: UUID | None = None
    directly: bool = False

    def where(self) -> ColumnElement[bool]:
        """The branch as SQL over `Reply`."""
        if self.reply_id is not None:
            return Reply.answers_id == self.reply_id
        under = Reply.entry_id == self.entry_id
        return and_(under, Reply.answers_id.is_(None)) if self.directly else under


async def listed(
    session: AsyncSession, branch: Branch, *, limit: int, cursor: str | None = None
) -> Listed[Reply]:
    """One page of the public replies of a branch that are shown, oldest first.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = _public(branch, (SHOWN,)).order_by(Reply.published_at, Reply.id)
    place = Cursor.decode(cursor)
    if place is not None:
        query = query.where(paging.after(Reply.published_at, Reply.id, place))
    rows = await session.scalars(query.limit(limit + 1))
    return paging.page(list(rows), limit, "published_at")


async def count(session: AsyncSession, branch: Branch) -> int:
    """How many public replies of a branch are shown."""
    query = _public(branch, (SHOWN,)).with_only_columns(func.count(Reply.id))
    return await session.scalar(query) or 0


async def inbox(
    session: AsyncSession, show: Show, *, limit: int, cursor: str | None = None
) -> Listed[Message]:
    """What others wrote, for the stewards, newest first; `waiting`: what nobody looked at yet.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = _messages().order_by(Reply.published_at.desc(), Reply.id.desc())
    if show == "waiting":
        query = query.where(_waits())
    place = Cursor.decode(cursor)
    if place is not None:
        query = query.where(paging.after(Reply.published_at, Reply.id, place, descending=True))
    rows = paging.page(list(await session.scalars(query.limit(limit + 1))), limit, "published_at")
    answers = await _answers(session, [row.id for row in rows.items])
    return Listed(tuple(_message(row, answers) for row in rows.items), rows.next)


async def message(session: AsyncSession, reply_id: UUID) -> Message | None:
    """One message, whatever its state."""
    row = await session.scalar(_messages().where(Reply.id == reply_id))
    return None if row is None else _message(row, await _answers(session, [row.id]))


async def waiting(session: AsyncSession) -> int:
    """How many messages and replies wait for a steward."""
    query = (
        select(func.count(Reply.id))
        .join(Actor, Actor.id == Reply.author_id)
        .where(Reply.from_us.is_(False), Actor.suspended_at.is_(None), _ours_to_read(), _waits())
    )
    return await session.scalar(query) or 0


async def public_one(session: AsyncSession, reply_id: UUID, viewer: Viewer) -> Reply | None:
    """A reply of ours that everybody may see, under an entry that `viewer` may see."""
    return await session.scalar(
        select(Reply)
        .join(Entry, Entry.id == Reply.entry_id)
        .where(
            Reply.id == reply_id,
            Reply.from_us,
            Reply.public,
            Reply.state == SHOWN,
            visible_to(viewer),
        )
        .options(selectinload(Reply.entry))
    )


def _public(branch: Branch, states: Sequence[str]) -> Select[Reply]:
    """Public replies of nobody who is barred; private ones are in no answer of this (AP-48)."""
    return (
        select(Reply)
        .join(Actor, Actor.id == Reply.author_id)
        .where(
            branch.where(),
            Reply.public,
            Reply.state.in_(states),
            Actor.suspended_at.is_(None),
            Actor.deleted_at.is_(None),
        )
        .options(selectinload(Reply.author))
    )


def _messages() -> Select[Reply]:
    """What others wrote, of nobody who is barred."""
    return (
        select(Reply)
        .join(Actor, Actor.id == Reply.author_id)
        .where(Reply.from_us.is_(False), Actor.suspended_at.is_(None), _ours_to_read())
        .options(selectinload(Reply.author), selectinload(Reply.entry), selectinload(Reply.channel))
    )


def _ours_to_read() -> ColumnElement[bool]:
    """What is for stewards: not what somebody wrote to one person, unless it was reported."""
    return or_(Reply.public, Reply.person_id.is_(None), Reply.reported_at.is_not(None))


def _waits() -> ColumnElement[bool]:
    return or_(
        and_(Reply.public, Reply.state == HELD),
        and_(Reply.public.is_(False), Reply.read_at.is_(None), Reply.state == SHOWN),
    )


def _nested(rows: Sequence[Reply]) -> Iterator[ReplyView]:
    """Depth first, without recursion; a reply whose parent is not shown stands at the top."""
    by_id = {row.id: row for row in rows}
    below: dict[UUID | None, list[Reply]] = {}
    for row in rows:
        parent = row.answers_id if row.answers_id in by_id else None
        below.setdefault(parent, []).append(row)
    todo = [(row, 0) for row in reversed(below.get(None, []))]
    while todo:
        row, depth = todo.pop()
        yield _view(row, min(depth, DEEPEST), by_id.get(row.answers_id) if row.answers_id else None)
        todo += [(child, depth + 1) for child in reversed(below.get(row.id, []))]


def _view(row: Reply, depth: int = 0, parent: Reply | None = None) -> ReplyView:
    author = row.author
    return ReplyView(
        id=row.id,
        uri=row.uri,
        url=row.url,
        author_name=_name(author),
        author_handle=author.handle,
        author_url=author.url or author.uri,
        at=row.published_at,
        content=shown(row.content, row.cleaned_by),
        cleaned_by=row.cleaned_by,
        from_us=row.from_us,
        state=row.state,
        depth=depth,
        answers=parent.id if parent is not None else None,
        answers_name=_name(parent.author) if parent is not None else "",
        writer_id=row.writer_id,
    )


def _name(author: Actor) -> str:
    return author.display_name or author.name


async def _answers(
    session: AsyncSession, ids: Sequence[UUID]
) -> dict[UUID | None, list[ReplyView]]:
    rows = await session.scalars(
        select(Reply)
        .where(Reply.answers_id.in_(ids), Reply.from_us)
        .options(selectinload(Reply.author))
        .order_by(Reply.published_at)
    )
    found: dict[UUID | None, list[ReplyView]] = {}
    for row in rows:
        found.setdefault(row.answers_id, []).append(_view(row))
    return found


def _message(row: Reply, answers: dict[UUID | None, list[ReplyView]]) -> Message:
    kind: Literal["private", "held", "public"]
    kind = "private" if not row.public else "held" if row.state == HELD else "public"
    entry = row.entry if row.entry is not None and row.entry.deleted_at is None else None
    return Message(
        reply=_view(row),
        kind=kind,
        unread=row.read_at is None,
        entry_title=entry.title if entry else "",
        entry_path=entry.path if entry else "",
        channel_name=f"@{row.channel.name}" if row.channel else "",
        to_group=row.channel is not None and row.channel.kind == GROUP,
        answers=tuple(answers.get(row.id, ())),
    )
