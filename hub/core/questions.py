"""Questions that are asked of the database again and again within one transaction.

Whoever acts upon many things at once asks for all of them with one statement, and the session
remembers the answers for as long as nothing is written on which they depend. In any other session
a question is a query.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from hub.core.db import Base

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Ask = Callable[[AsyncSession, Sequence[K]], Awaitable[Mapping[K, V]]]

_MEMORY: Final = "answers"  # in a session's `info`
PART: Final = 200  # keys in one statement


class Question(Generic[K, V]):
    """What is asked by a key; `otherwise` is the answer where the database has none.

    `tables` are those on which the answers depend: what is written there has them asked anew.
    """

    def __init__(self, ask: Ask[K, V], *tables: type[Base], otherwise: V) -> None:
        self._ask = ask
        self._otherwise = otherwise
        self.tables = frozenset(table.__table__.name for table in tables)  # type: ignore[attr-defined]

    async def of(self, session: AsyncSession, key: K) -> V:
        """The answer for one key: the one that is remembered, if it still holds."""
        memory = _memory_of(session)
        if memory is None:
            return (await self._ask(session, [key])).get(key, self._otherwise)
        if memory.waits(session.sync_session):
            await session.flush()
        known = memory.of(self)
        if key not in known:
            known[key] = (await self._ask(session, [key])).get(key, self._otherwise)
        answer: V = known[key]
        return answer

    async def ahead(self, session: AsyncSession, keys: Iterable[K]) -> None:
        """Ask for all of these at once, if the session remembers what is answered."""
        memory = _memory_of(session)
        if memory is None:
            return
        known = memory.of(self)
        wanted = sorted({key for key in keys if key not in known}, key=repr)
        for at in range(0, len(wanted), PART):
            part = wanted[at : at + PART]
            found = await self._ask(session, part)
            memory.of(self).update((key, found.get(key, self._otherwise)) for key in part)

    def tell(self, session: AsyncSession, key: K, answer: V) -> None:
        """The answer for a key is this from now on, since whoever says so has just seen to it."""
        memory = _memory_of(session)
        if memory is not None:
            memory.of(self)[key] = answer


def remember(session: AsyncSession) -> Memory:
    """From now on the session remembers what is answered; to be called before it does anything.

    What is given to `add` is written at once with others of its kind.
    """
    memory = session.info[_MEMORY] = Memory()
    event.listen(session.sync_session, "do_orm_execute", memory.executed)
    event.listen(session.sync_session, "transient_to_pending", memory.added)
    event.listen(session.sync_session, "before_flush", memory.flushed)
    event.listen(session.sync_session, "before_commit", memory.write)
    event.listen(session.sync_session, "after_transaction_create", memory.begun)
    return memory


def add(session: AsyncSession, row: Base) -> None:
    """Add a row that is whole: ids are set, and what they name was written before.

    Where the session remembers, it waits for others of its kind until something else is asked, and
    never becomes an object of the session, which would be half of the work. A savepoint is begun
    after something was asked, or after `settle`.
    """
    memory = _memory_of(session)
    if memory is None:
        session.add(row)
    else:
        memory.leave(row)


async def settle(session: AsyncSession) -> None:
    """Write everything that waits."""
    memory = _memory_of(session)
    if memory is not None:
        await session.run_sync(memory.write)
    await session.flush()


class Memory:
    """The answers of one session, and whether it wrote anything."""

    def __init__(self) -> None:
        self._answers: dict[Question[Any, Any], dict[Any, Any]] = {}
        self._writes = 0
        self._new: dict[type[Base], list[Base]] = {}

    def of(self, question: Question[K, V]) -> dict[K, V]:
        """What is known, by key."""
        return self._answers.setdefault(question, {})

    def waits(self, session: Session) -> bool:
        """Whether something was changed, and is to be written before anything is asked."""
        return session.identity_map.check_modified() or bool(session.deleted)

    def writes(self, session: Session) -> int:
        """How often the session wrote, or is about to: another number than before tells that."""
        return self._writes + len(session.dirty) + len(session.deleted)

    def leave(self, row: Base) -> None:
        """A new row is to be written before anything else is asked."""
        self._new.setdefault(type(row), []).append(row)
        self._forget(_tables_of(type(row)))

    def executed(self, state: ORMExecuteState) -> None:
        """A statement is about to be executed."""
        self.write(state.session)
        if state.is_insert or state.is_update or state.is_delete:
            table = getattr(state.statement, "table", None)
            self._forget({getattr(table, "name", "")})

    def added(self, _session: Session, thing: Base) -> None:
        """A row is about to be made."""
        self._forget(_tables_of(type(thing)))

    def flushed(self, session: Session, _context: object, _things: object) -> None:
        """Rows are about to be changed or deleted."""
        self.write(session)
        kinds = {type(thing) for thing in chain(session.dirty, session.deleted)}
        if kinds:
            self._forget({name for kind in kinds for name in _tables_of(kind)})

    def write(self, session: Session) -> None:
        """Write the new rows that wait, kind by kind."""
        new, self._new = self._new, {}
        for kind in sorted(new, key=_place):
            session.bulk_save_objects(new[kind])

    def begun(self, _session: Session, transaction: SessionTransaction) -> None:
        """A transaction or a savepoint begins.

        Raises:
            RuntimeError: what waits would be lost with the savepoint.
        """
        if transaction.nested and self._new:
            raise RuntimeError("rows wait to be written, and a savepoint begins")

    def _forget(self, tables: Iterable[str]) -> None:
        self._writes += 1
        for question, known in self._answers.items():
            if not question.tables.isdisjoint(tables):
                known.clear()


def _memory_of(session: AsyncSession) -> Memory | None:
    memory: Memory | None = session.info.get(_MEMORY)
    return memory


@lru_cache
def _place(kind: type[Base]) -> int:
    """Rows of a lesser place do not name rows of a greater one."""
    order = [table.name for table in Base.metadata.sorted_tables]
    return max(order.index(name) for name in _tables_of(kind))


def _tables_of(kind: type[Base]) -> set[str]:
    return {table.name for table in kind.__mapper__.tables}
