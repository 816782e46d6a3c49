"""What this room plugs in."""

from __future__ import annotations

from hub.admin import api, look, pages, people
from hub.core.feature import Feature

feature = Feature(
    name="admin",
    routers=(
        api.peers,
        api.follows,
        api.followers,
        api.deliveries,
        pages.router,
        people.router,
        look.router,
    ),
)
