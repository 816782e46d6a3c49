"""What makes a hub an app on a telephone: its colour, its manifest, and reading without net."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core import words
from hub.core.look import look_of
from hub.web.doors import OPEN, Hub
from hub.web.pages import HubFace, face, render

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

KEPT_S: Final = 86_400  # addresses change with the look, so answers may be kept
SHORT: Final = 12  # letters below an icon
PAPER: Final = "#fbf9f4"


@router.get("/theme.css")
async def theme(hub: Hub) -> Response:
    """The hub's colour: its hue, and for old browsers the colour itself."""
    look = look_of(hub.settings)
    css = f":root{{--hue:{look.hue};--brand-plain:{look.colour}}}"
    return Response(css, headers=_kept(), media_type="text/css")


@router.get("/manifest.webmanifest")
async def manifest(hub: Hub) -> Response:
    """How a telephone installs the hub (W3C Web Application Manifest)."""
    with words.speaking(words.base_of(hub.settings.language)):
        said = _manifest(face(hub.settings))
    data = json.dumps(said, ensure_ascii=False).encode()
    return Response(data, headers=_kept(), media_type="application/manifest+json")


def _manifest(hub: HubFace) -> dict[str, Any]:
    return {
        "id": "/",
        "name": hub.name,
        "short_name": hub.name
        if len(hub.name) <= SHORT
        else hub.name[:SHORT].rpartition(" ")[0] or hub.name[:SHORT],
        "description": hub.strapline,
        "lang": hub.language,
        "dir": words.direction(hub.language),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": hub.look.colour,
        "icons": [
            _icon(hub, "192"),
            _icon(hub, "512"),
            {**_icon(hub, "512", "-mask"), "purpose": "maskable"},
        ],
        "shortcuts": [
            {"name": words.say("This week"), "url": "/events?view=week"},
            {"name": words.say("I need"), "url": "/post/want"},
            {"name": words.say("I offer"), "url": "/post/offer"},
        ],
    }


def _icon(hub: HubFace, size: str, kind: str = "") -> dict[str, str]:
    address = f"/icons/hub-{size}{kind}.png?v={hub.look.version}"
    return {"src": address, "sizes": f"{size}x{size}", "type": "image/png"}


@router.get("/offline")
async def offline(request: Request) -> Response:
    """What is shown where neither the network nor the browser has the page."""
    return render(request, "browse/offline.html")


@router.get("/post/waiting")
async def waiting(request: Request) -> Response:
    """What was written on this device and is not sent yet; only the device knows it."""
    return render(request, "browse/waiting.html")


def _kept() -> dict[str, str]:
    return {"cache-control": f"public, max-age={KEPT_S}"}
