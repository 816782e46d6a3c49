"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.leaving import ending, pages, parcels

JOBS = (parcels.pack, ending.end)  # named, so that it is loaded

feature = Feature(name="leaving", routers=(pages.router,))
