"""What this room plugs in."""

from __future__ import annotations

from hub.admin import acts, api, look, pages, people
from hub.core.feature import Feature

feature = Feature(
    name="admin",
    routers=(
        api.peers,
        api.follows,
        api.followers,
        api.deliveries,
        acts.router,
        pages.router,
        people.router,
        look.router,
    ),
)
