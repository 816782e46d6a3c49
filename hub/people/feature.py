"""What this room plugs in. `app.state.identify` is `service.identify`."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.people import digest, pages, upkeep

JOBS = (upkeep.forget_old, digest.weekly)  # named, so that it is loaded

feature = Feature(name="people", routers=(pages.router,))
