"""Small facts that the hub keeps about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.questions import Question
from hub.fediverse.models import Fact

URL = "url"  # the address under which the rows were written
SETUP = "setup"  # the steps of setting it up that its stewards made, a JSON list
FEDERATED = "federated_at"  # since when other servers know that address
_VALUES = select(Fact.name, Fact.value).where(Fact.name.in_(bindparam("names", expanding=True)))


async def get(session: AsyncSession, name: str) -> str | None:
    """What was last noted under `name`."""
    return await _NOTED.of(session, name)


async def _noted(session: AsyncSession, names: Sequence[str]) -> Mapping[str, str | None]:
    return dict((await session.execute(_VALUES, {"names": names})).all())


_NOTED: Question[str, str | None] = Question(_noted, Fact, otherwise=None)


async def note(session: AsyncSession, name: str, value: str) -> None:
    """Keep a fact, in place of what was there."""
    statement = insert_for(session, Fact).values(name=name, value=value)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )


async def note_federated(session: AsyncSession) -> None:
    """From now on others know our address, and it must stay (INTERFACE `URL`)."""
    statement = insert_for(session, Fact).values(name=FEDERATED, value=now().isoformat())
    await session.execute(statement.on_conflict_do_nothing())
