"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.network import merges, pages

feature = Feature(name="network", routers=(pages.router, merges.router))
