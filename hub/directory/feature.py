"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.directory import api, inbox, pages, tending

feature = Feature(
    name="directory",
    routers=(api.places, api.organisations, tending.router, pages.router),
    inbox=inbox.inbox,
)
