"""What the command line is told of what was done to the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from hub.audit import log
from hub.core.errors import CommandFailed
from hub.core.services import Services

Line = dict[str, Any]


async def listed(services: Services, deed: str, about: str, most: int) -> AsyncIterator[Line]:
    """What was done, the last first."""
    async with services.db.read() as session:
        rows = await log.listed(session, deed=deed, about=about, limit=most)
    for row in rows:
        by = str(row.by_id) if row.by_id is not None else row.way
        details = " ".join(f"{name}={value}" for name, value in row.details.items())
        text = f"{row.at:%Y-%m-%d %H:%M:%S}  {by}  {row.deed}  {row.about}  {details}"
        yield {
            "row": {
                "id": row.id,
                "at": row.at.isoformat(),
                "by": row.by_id and str(row.by_id),
                "way": row.way,
                "deed": row.deed,
                "about": row.about,
                "details": row.details,
                "digest": row.digest,
            },
            "text": text.rstrip(),
        }
    if not rows:
        yield {"text": "Nothing was done that is written down."}


async def verified(services: Services) -> AsyncIterator[Line]:
    """Whether every line is there and as it was written.

    Raises:
        CommandFailed: one is not.
    """
    async with services.db.read() as session:
        broken = await log.broken_at(session)
    if broken == 0:
        raise CommandFailed("The end of the log is missing: lines were taken away.")
    if broken is not None:
        raise CommandFailed(f"The log is not whole: line {broken}, or one before, was changed.")
    yield {"row": {"whole": True}, "text": "Every line is there, as it was written."}
