"""What this room plugs in. `app.state.identify` is `identity.identify`."""

from __future__ import annotations

from hub.core.feature import Feature
from hub.people import digest, forgetting, mastodon_pages, pages, passkey_pages

JOBS = (digest.weekly,)  # named, so that it is loaded
CLOCKS = (forgetting.forget_sessions, forgetting.forget_links, forgetting.forget_answers)

# Fixed paths before `/sign-in/{secret}`.
feature = Feature(
    name="people", routers=(passkey_pages.router, mastodon_pages.router, pages.router)
)
