"""How the hub looks, for stewards: its colour and its logo."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.audit import log as audit
from hub.core import look
from hub.core.errors import HubError, Invalid
from hub.core.services import Services
from hub.core.words import later
from hub.entries import pictures
from hub.people.permissions import STEWARDS, require
from hub.web.doors import Asking, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin/look", include_in_schema=False, dependencies=[STEWARDS])

PAGE: Final = "/admin/look"
LONGEST_SIDE: Final = 512
# Where a slider is hard to hold still.
PRESETS: Final = (
    (42, later("Brick")),
    (75, later("Saffron")),
    (150, later("Moss")),
    (200, later("Sea")),
    (240, later("Harbour")),
    (330, later("Plum")),
)


@router.get("")
async def shown(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """The look as it is, and what can be changed."""
    require(caller, "administer")
    return _page(request, hub, said=said)


@router.post("")
async def changed(request: Request, hub: Hub, caller: Asking) -> Response:
    """Another colour, another logo, or none."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        await change(hub, form)
    except HubError as error:
        return _page(request, hub, error.status, error=str(error))
    return see_other(f"{PAGE}?said=saved")


async def change(hub: Services, form: Form) -> None:
    """The look that a form asks for, from now on.

    Raises:
        Invalid: it is no colour, or not a picture that we take.
        Busy: the picture took too long to read.
    """
    look.change(hub.settings, _hue(form), await _logo(form))
    async with hub.db.write() as session:
        await audit.note(session, "look")


def presets() -> list[tuple[int, str, str]]:
    """Colours to press: hue, name, and the colour itself."""
    return [(hue, words, look.Look(hue).colour) for hue, words in PRESETS]


def _hue(form: Form) -> int:
    """The hue of the colour that was pressed, else of the slider.

    Raises:
        Invalid: it is none.
    """
    entered = form.text("preset") or form.text("hue")
    if not (entered.isascii() and entered.isdigit() and int(entered) <= look.CIRCLE):
        raise Invalid(later("Please choose a colour."))
    return int(entered)


async def _logo(form: Form) -> bytes | None:
    """The new logo as we keep it; empty if it is to go, None if it stays.

    Raises:
        Invalid: it is not a picture that we take.
        Busy: it took too long to read.
    """
    sent = form.file("logo")
    if sent is not None:
        _, data = await pictures.decoded(sent.data, LONGEST_SIDE, "PNG")
        return data
    return b"" if form.checked("logo_away") else None


def _page(
    request: Request, hub: Services, status: int = 200, *, said: str = "", error: str = ""
) -> Response:
    context = {"said": said, "error": error, "presets": presets()}
    return render(request, "admin/look.html", status, **context)
