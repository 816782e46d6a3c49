"""What this room plugs in. `app.state.identify` is `identity.identify`."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.people import digest, mastodon_pages, pages, passkey_pages

JOBS = (digest.weekly,)  # named, so that it is loaded

# Fixed paths before `/sign-in/{secret}`.
feature = Feature(
    name="people", routers=(passkey_pages.router, mastodon_pages.router, pages.router)
)
