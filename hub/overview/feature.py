"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.overview import api, pages

feature = Feature(name="overview", routers=(api.router, pages.router))
