"""Moving the hub's one clock (`hub.core.clock`), and nothing else's."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import pytest


class Clock:
    """The hub's clock, as far ahead as a test wants it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)
        patch.setattr("hub.core.clock.datetime", self)

    def now(self, zone: tzinfo) -> datetime:
        """The moment that the hub takes for this one."""
        return datetime.now(zone) + self.ahead

    def pass_by(self, **time: float) -> None:
        """Let so much time go by."""
        self.ahead += timedelta(**time)
