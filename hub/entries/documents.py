"""The objects of public entries, as bytes, ahead of the application.

Whatever is published is fetched by every server that hears of it, within seconds. What they get
was made when it was said; here it is looked up by its id and sent, without routing, dependencies
or parsing (PERFORMANCE §0.5, decision 0024). All else goes on to the application, and so does an
event to which somebody comes: the numbers in its object are of now.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final

from sqlalchemy import bindparam, select
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.core.db import Lookup
from hub.core.services import Services
from hub.entries.models import FOLDERS, Entry
from hub.entries.visibility import PUBLIC
from hub.web.negotiation import ACTIVITY_TYPE, wanted
from hub.web.pages import PUBLIC_S

_OBJECT: Final = re.compile(rf"/(?:{'|'.join(FOLDERS.values())})/[0-9a-f-]{{36}}")
# Whoever says who they are may be somebody who gets nothing, or more than this.
_PERSONAL: Final = frozenset({b"signature", b"signature-input", b"authorization"})
_SAME: Final = [
    (b"content-type", ACTIVITY_TYPE.encode()),
    (b"vary", b"Accept"),
    (b"cache-control", f"public, max-age={PUBLIC_S}".encode()),
]


class Documents:
    """ASGI: GET of a local public entry's object; everything else goes on to `app`."""

    def __init__(self, services: Services, app: ASGIApp) -> None:
        self._app = app
        settings = services.settings
        self._origins = (settings.url, *settings.former_urls)  # ids stay when a hub moves
        self._lookup = Lookup(
            services.db,
            select(Entry.document).where(
                Entry.uri == bindparam("uri"),
                Entry.origin == "",
                Entry.visibility == PUBLIC,
                Entry.deleted_at.is_(None),
                Entry.hidden_at.is_(None),
                Entry.counted.is_(False),
            ),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http" and _asks_for_object(scope):
            for origin in self._origins:
                found = await self._lookup.row(uri=origin + scope["path"])
                if found is not None and found[0] is not None:
                    await _answer(scope, bytes(found[0]), send)
                    return
        await self._app(scope, receive, send)


def _asks_for_object(scope: Scope) -> bool:
    if scope["method"] != "GET" or not _OBJECT.fullmatch(scope["path"]) or scope["query_string"]:
        return False
    accept = ""
    for name, value in scope["headers"]:
        if name in _PERSONAL:
            return False
        if name == b"accept":
            accept = f"{accept},{value.decode('latin-1')}"
    return _is_activity(accept[1:])


@lru_cache(maxsize=256)
def _is_activity(accept: str) -> bool:
    return wanted(accept, "html", ("html", "activity")) == "activity"


async def _answer(scope: Scope, body: bytes, send: Send) -> None:
    """The object, or 304 to whoever has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    headers = [*_SAME, (b"etag", tag)]
    if tag in known:
        await send({"type": "http.response.start", "status": 304, "headers": headers[1:]})
        await send({"type": "http.response.body", "body": b""})
        return
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
