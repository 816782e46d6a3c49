"""Rows bound to each other by digests, so that one that is changed or taken out is missed.

The newest digest of a chain stands apart, in a `fact`: so a chain that was cut off is seen too.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.db import Base, insert_for


async def turn(session: AsyncSession, name: str) -> str:
    """The newest digest of a chain, once nobody else adds to it; they wait until we are done."""
    fact = Base.metadata.tables["fact"]
    first = insert_for(session, fact).values(name=name, value="")
    await session.execute(first.on_conflict_do_nothing())
    query = select(fact.c.value).where(fact.c.name == name).with_for_update()
    newest: str = (await session.scalars(query)).one()
    return newest


async def close(session: AsyncSession, name: str, digest: str) -> None:
    """From now on this is the newest digest."""
    fact = Base.metadata.tables["fact"]
    await session.execute(update(fact).where(fact.c.name == name).values(value=digest))


async def head(session: AsyncSession, name: str) -> str:
    """The newest digest; empty before there is one."""
    fact = Base.metadata.tables["fact"]
    return await session.scalar(select(fact.c.value).where(fact.c.name == name)) or ""


def digest(*said: Any) -> str:
    """The digest of a row's members, the digest before it among them."""
    return hashlib.sha256(orjson.dumps(said)).hexdigest()
