"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.feeds import pages

feature = Feature(name="feeds", routers=(pages.router,))
