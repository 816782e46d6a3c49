"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.moderation import openly, pages, reminding, upkeep

CLOCKS = (upkeep.forget_decided, upkeep.forget_questions)  # named, so that it is loaded
JOBS = (reminding.remind,)

feature = Feature(name="moderation", routers=(pages.router, openly.router))
