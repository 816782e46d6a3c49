"""What this room plugs in."""

from __future__ import annotations

from hub.browse import api, keeping, pages, searching
from hub.core.feature import Feature

JOBS = (keeping.tell_searches,)  # named, so that it is loaded

feature = Feature(name="browse", routers=(api.router, searching.router, pages.router))
