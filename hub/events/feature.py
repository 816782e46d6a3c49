"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.events import api, inbox, pages

feature = Feature(name="events", routers=(api.router, api.series, pages.router), inbox=inbox.inbox)
