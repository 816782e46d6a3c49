"""What this room plugs in."""

from __future__ import annotations

from hub.areas import api, pages, passing
from hub.core.feature import Feature

JOBS = (passing.pass_on,)  # named, so that it is loaded

feature = Feature(name="areas", routers=(api.router, pages.router))
