"""What `tests/world.py` knows of the directory: words of records, and who asks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.db import Base
from hub.directory.models import Claim
from hub.people import secrets

if TYPE_CHECKING:
    from tests.world import World


def words(made: World, what: str, *viewers: str) -> dict[str, Any]:
    """What only places and organisations say."""
    lines = {name: [made.sing(f"{name} of {what}", *viewers)] for name in ("has", "lacks")}
    names = ("summary", "phone", "opening_hours")
    texts = {name: made.sing(f"{name} of {what}", *viewers) for name in names}
    mail = made.sing(f"the e-mail address of {what}", *viewers)
    return {**lines, **texts, "email": f"{mail}@mail.example"}


async def asked(made: World, session: AsyncSession) -> Claim:
    """The contact of a place is asked whether it is still true, and whether it is a neighbour's."""
    made.secrets["still true"], made.secrets["claim"] = secrets.new_link(), secrets.new_link()
    records, place = Base.metadata.tables["record"], made.ids["public places"]
    digest = secrets.digest(made.secrets["still true"])
    await session.execute(
        update(records).where(records.c.id == place).values(asked_at=now(), asked_digest=digest)
    )
    return Claim(
        id=made.ids.setdefault("claim", uuid4()),
        record_id=place,
        person_id=made.people["neighbour"].id,
        words=made.sing("why somebody says that a place is theirs", "steward"),
        digest=secrets.digest(made.secrets["claim"]),
    )
