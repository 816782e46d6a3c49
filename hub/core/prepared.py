"""Statements of the hottest paths: SQLAlchemy writes them once, the driver runs them.

Building, caching and looking up a statement costs SQLAlchemy some milliseconds on the paths that
run for every delivery, and its rows more (SETTLED 16, PERFORMANCE §0.6). What is said stays an
expression over the tables, the same for both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Float, bindparam
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from hub.core.db import Database, to_driver

WIDTH = 100  # values in an `among`; an unknown number of them could not be prepared


class Prepared:
    """One statement; its parameters are those that it names by `bindparam`.

    `columns` are what its rows hold, for one that returns some.
    """

    def __init__(
        self,
        database: Database,
        statement: Any,
        columns: Sequence[ColumnElement[Any] | InstrumentedAttribute[Any]] = (),
    ) -> None:
        dialect = database.writer.dialect
        compiled = statement.compile(dialect=dialect)
        given = {name: None for name, bind in compiled.binds.items() if bind.required}
        written = compiled.construct_expanded_state(given)  # an IN has a parameter for each value
        types = {name: bind.type for name, bind in compiled.binds.items()}
        for name, each in written.parameter_expansion.items():
            types.update(dict.fromkeys(each, types[name]))
        self._database = database
        self._sql = written.statement
        self._take = [
            (name, written.parameters.get(name), to_driver(types[name], dialect))
            for name in written.positiontup or ()
        ]
        self._give = [_from_driver(column.type, dialect) for column in columns]

    async def many(self, session: AsyncSession, given: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each of these, in the session's transaction."""
        rows = [self._values(each) for each in given]
        if rows:
            driver = await self._database.driver(session)
            with self._database.driven(self._sql):
                await driver.executemany(self._sql, rows)

    async def rows(self, session: AsyncSession, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """What it returns, in the session's transaction."""
        return await self._fetched(await self._database.driver(session), given)

    async def read(self, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """What it returns of what is committed: a session costs as much as a small question."""
        async with self._database.asking() as driver:
            return await self._fetched(driver, given)

    async def _fetched(self, driver: Any, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        values = self._values(given)
        with self._database.driven(self._sql):
            if self._database.is_sqlite:
                found = await driver.execute_fetchall(self._sql, values)
            else:
                found = await driver.fetch(self._sql, *values)
        return self._read(found)

    def _values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(_converted(given.get(name, constant), to) for name, constant, to in self._take)

    def _read(self, rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """The rows as their columns describe them; column by column, since most need nothing."""
        columns = zip(*rows, strict=True)
        return list(
            zip(
                *(
                    values if to is None else map(to, values)
                    for values, to in zip(columns, self._give, strict=False)
                ),
                strict=True,
            )
        )


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """That a column is one of the values of `wide`."""
    return column.in_([bindparam(f"among{number}") for number in range(WIDTH)])


def wide(values: Sequence[Any]) -> dict[str, Any]:
    """The parameters of an `among`: one to WIDTH values; the first fills up."""
    filled = [*values, *[values[0]] * (WIDTH - len(values))]
    return {f"among{number}": value for number, value in enumerate(filled)}


def _converted(value: Any, to: Callable[[Any], Any] | None) -> Any:
    return value if to is None else to(value)


def _from_driver(given: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """How a type reads what the driver gives; None where it takes it as it is, as with floats."""
    kind = given.dialect_impl(dialect)
    # asyncpg's numbers ask which type of PostgreSQL a column was, and nobody knows that yet.
    return None if isinstance(kind, Float) else kind.result_processor(dialect, None)
