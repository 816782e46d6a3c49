"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.today import daily, pages

feature = Feature(name="today", routers=(pages.router,))
JOBS = (daily.save,)  # named, so that it is loaded
