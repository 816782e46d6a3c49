"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.events import api, inbox, pages, responses

feature = Feature(
    name="events",
    routers=(api.router, api.series, responses.programs, responses.router, pages.router),
    inbox=inbox.inbox,
)
