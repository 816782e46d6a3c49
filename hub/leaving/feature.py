"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.leaving import pages, parcels

JOBS = (parcels.pack,)  # named, so that it is loaded

feature = Feature(name="leaving", routers=(pages.router,))
