"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.netmap import pages

feature = Feature(name="netmap", routers=(pages.router,))
