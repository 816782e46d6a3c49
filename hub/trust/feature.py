"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.trust import api, pages, service

JOBS = (service.forget_old,)  # named, so that it is loaded

feature = Feature(name="trust", routers=(api.blocks, pages.router))
