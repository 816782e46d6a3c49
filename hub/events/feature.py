"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.events import api, besides, coming, inbox, outside, pages, posting, responses, saying

LOADED = (saying.heard, besides.of_events)  # named, so that they are loaded

feature = Feature(
    name="events",
    routers=(
        api.router,
        api.series,
        responses.programs,
        responses.router,
        coming.router,
        posting.router,
        outside.router,
        pages.router,
    ),
    inbox=inbox.inbox,
)
