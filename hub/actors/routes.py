"""Icons of the hub and its actors, in its colour or with its logo."""

from __future__ import annotations

import re
from typing import Final

from fastapi import APIRouter, Request, Response

from hub.actors.channels import NAMES
from hub.actors.icons import icon, logo_icon, small
from hub.core.errors import NotFound
from hub.core.look import logo_of, look_of
from hub.core.services import Services
from hub.core.settings import Settings

router = APIRouter(include_in_schema=False)

SIZES: Final = (32, 180, 192, 512)  # tabs, Apple's home screens, other home screens, their shops
OURS: Final = re.compile(r"hub-(\d+)(-mask)?")
AGE_S: Final = 24 * 3600


@router.get("/icons/{name}.png")
def show(name: str, request: Request) -> Response:
    """An actor's icon, 256 pixels square; `hub-192`, that of the hub in a size; or its `logo`.

    Raises:
        NotFound: there is none of this name.
    """
    services: Services = request.app.state.services
    data = _drawn(name, services.settings)
    headers = {"Cache-Control": f"public, max-age={AGE_S}"}
    return Response(data, media_type="image/png", headers=headers)


def _drawn(name: str, settings: Settings) -> bytes:
    look, logo = look_of(settings), None
    if name in NAMES:
        return icon(name, look.hue)
    ours = OURS.fullmatch(name)
    if ours is not None and int(ours[1]) in SIZES:
        logo = logo_of(settings)
        size = int(ours[1])
        return logo_icon(logo, size, mask=bool(ours[2])) if logo else icon("hub", look.hue, size)
    logo = logo_of(settings) if name == "logo" else None
    if logo is None:
        raise NotFound("There is no such icon.")
    return small(logo)
