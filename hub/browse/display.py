"""How pages look for whoever asks: bigger text, a plain layout, light or dark."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.web.display import Display, keep_display
from hub.web.doors import OPEN, Hub
from hub.web.forms import check_site, local_path, see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

DISPLAY: Final = "/display"
MOST_FIELDS: Final = 10


@router.get(DISPLAY)
async def choices(request: Request, back: str = "") -> Response:
    """What can be chosen."""
    back = local_path(back)
    return render(request, "browse/display.html", back="/" if back.startswith(DISPLAY) else back)


@router.post(DISPLAY)
async def choose(request: Request, hub: Hub) -> Response:
    """The choice, from now on and in this browser; then back to where they were."""
    # No token: it concerns nobody else, and so that choosing needs no second cookie (T43).
    check_site(request)
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        entered = {name: value for name, value in form.items() if isinstance(value, str)}
    answer = see_other(local_path(entered.get("back")))
    keep_display(answer, hub, Display.of(entered))
    return answer
