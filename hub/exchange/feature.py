"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.exchange import api, inbox, pages

feature = Feature(name="exchange", routers=(api.offers, api.wants, pages.router), inbox=inbox.inbox)
