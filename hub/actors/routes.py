"""The icons of our actors, drawn in the hub's colour."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.actors.channels import CHANNELS
from hub.actors.icons import icon
from hub.core.errors import NotFound
from hub.core.services import Services

router = APIRouter(include_in_schema=False)

NAMES = frozenset(channel.name for channel in CHANNELS)
AGE_S = 24 * 3600


@router.get("/icons/{name}.png")
def show(name: str, request: Request) -> Response:
    """One icon, 256 by 256 pixels."""
    if name not in NAMES:
        raise NotFound("There is no such icon.")
    services: Services = request.app.state.services
    return Response(
        icon(name, services.settings.hue),
        media_type="image/png",
        headers={"Cache-Control": f"public, max-age={AGE_S}"},
    )
