"""What this room plugs in."""

from __future__ import annotations

from hub.browse import api, live, pages, searching
from hub.core.feature import Feature

feature = Feature(name="browse", routers=(api.router, searching.router, live.router, pages.router))
