"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.exchange import api, deeds, inbox, match_pages, pages

feature = Feature(
    name="exchange",
    routers=(
        api.offers,
        api.wants,
        match_pages.api,
        match_pages.router,
        pages.router,
        deeds.router,
    ),
    inbox=inbox.inbox,
)
