"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.feeds import areas, bringing, from_osm, pages, stewards

feature = Feature(
    name="feeds",
    routers=(areas.router, pages.router, stewards.router, bringing.router, from_osm.router),
)
