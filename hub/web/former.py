"""The address that a hub had before: machines are answered there, people are led to the new one.

Ids that others keep stay good for as long as the old name leads here (`HUB_FORMER_URLS`).
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from federation.origins import authority
from hub.core.settings import Settings
from hub.web.negotiation import wanted

ACTOR: Final = re.compile(r"/actors/[A-Za-z0-9_]+(?=/|$)")
# What other servers ask for; `/healthz` says whether the old name still leads here.
FOR_MACHINES: Final = re.compile(r"/(?:\.well-known|nodeinfo|actors)/|/inbox$|/healthz$")
READS: Final = frozenset({"GET", "HEAD"})
FOR_GOOD: Final = {True: 301, False: 308}  # the latter sends the same again


class Former:
    """ASGI: what is asked at a former address; everything else goes on to `app`."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._url = settings.url
        # Several names of loopback are one hub, so an address of today is never a former one.
        today = authority(settings.url)
        self._former = frozenset(host for host in settings.former if host != today)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as before, or lead on."""
        host = Headers(scope=scope).get("host", "").lower() if scope["type"] == "http" else ""
        if host not in self._former:
            await self._app(scope, receive, send)
        elif FOR_MACHINES.search(scope["path"]) or _wants_object(scope):
            await self._app(_as_then(scope, host), receive, send)
        else:
            query = scope["query_string"].decode("latin-1")
            where = f"{self._url}{scope['raw_path'].decode('latin-1')}{'?' if query else ''}{query}"
            response = RedirectResponse(where, FOR_GOOD[scope["method"] in READS])
            await response(scope, receive, send)


def _wants_object(scope: Scope) -> bool:
    accept = Headers(scope=scope).get("accept")
    return wanted(accept, "html", ("html", "activity")) == "activity"


def _as_then(scope: Scope, host: str) -> Scope:
    """The request, for the actor of that address if it reads one."""
    found = ACTOR.match(scope["path"])
    if found is None or scope["method"] not in READS:
        return scope
    path = f"{found[0]}@{host}{scope['path'][found.end() :]}"
    return {**scope, "path": path, "raw_path": path.encode()}
