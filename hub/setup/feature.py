"""What this room plugs in."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.setup import pages, wizard

feature = Feature(name="setup", routers=(pages.router, wizard.router))
