"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.news import api, inbox, pages

feature = Feature(name="news", routers=(api.router, pages.router), inbox=inbox.inbox)
