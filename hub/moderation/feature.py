"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.moderation import openly, pages, upkeep

JOBS = (upkeep.forget_old,)  # named, so that it is loaded

feature = Feature(name="moderation", routers=(pages.router, openly.router))
