"""The region's figures as they were a moment ago: adding them up reads every entry once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from fastapi import Request

from hub.core.clock import now
from hub.core.services import Services
from hub.overview import queries
from hub.overview.figures import Overview

KEPT: Final = timedelta(minutes=1)


async def seen(request: Request, services: Services) -> Overview:
    """The figures, added up at most once a minute however many look at them."""
    kept: tuple[datetime, Overview] | None = getattr(request.app.state, "overview", None)
    if kept is not None and now() - kept[0] < KEPT:
        return kept[1]
    async with services.db.read() as session:
        found = await queries.overview(session, services.settings)
    request.app.state.overview = (now(), found)
    return found
