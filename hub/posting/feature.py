"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.posting import answering, letter, me, pages, service, telling

JOBS = (service.release, letter.weekly_letter)  # named, so that it is loaded

feature = Feature(
    name="posting", routers=(pages.router, me.router, answering.router, telling.router)
)
