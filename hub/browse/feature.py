"""What this room plugs in."""

from __future__ import annotations

from hub.browse import api, display, installing, keeping, live, mapping, pages, searching
from hub.core.feature import Feature

JOBS = (keeping.tell_searches,)  # named, so that it is loaded
ROUTERS = (
    api.router,
    searching.router,
    live.router,
    display.router,
    installing.router,
    mapping.router,
    pages.router,
)

feature = Feature(name="browse", routers=ROUTERS)
