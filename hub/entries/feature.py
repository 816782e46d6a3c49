"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.entries import api, inbox

feature = Feature(name="entries", routers=(api.router, api.programs), inbox=inbox.inbox)
