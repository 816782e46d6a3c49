"""What this room plugs in."""

from __future__ import annotations

from hub.browse import pages
from hub.core.feature import Feature

feature = Feature(name="browse", routers=(pages.router,))
