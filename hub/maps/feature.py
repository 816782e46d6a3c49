"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.maps import api, pages

feature = Feature(name="maps", routers=(api.router, pages.router))
