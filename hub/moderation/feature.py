"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.moderation import openly, pages, reminding, upkeep

JOBS = (upkeep.forget_old, reminding.remind)  # named, so that it is loaded

feature = Feature(name="moderation", routers=(pages.router, openly.router))
