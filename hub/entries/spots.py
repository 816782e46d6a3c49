"""Where something is, in forms: words for people, and the spot on the map that they mean.

The hub's own gazetteer offers spots for the words; without a script by a button that brings the
form back with them. Words alone always suffice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request

from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import later
from hub.entries.schemas import on_earth
from hub.maps import gazetteer, shelf
from hub.web.doors import services_of
from hub.web.forms import Form

SPOT: Final = "spot"  # the field: latitude and longitude with a comma; empty for "not on the map"
FIND: Final = "find"  # the button
EXACT: Final = 5  # decimals: a metre
NOT_A_SPOT: Final = later("must be one of the places that are offered")


@dataclass(frozen=True, slots=True)
class Spots:
    """What a form offers: value and words of each spot.

    `there`: the hub has a map, so that spots can be found. `asked`: somebody pressed the button.
    `decimals` of a degree are all that is sent: fewer for what is only roughly shown.
    """

    there: bool = False
    found: tuple[tuple[str, str], ...] = ()
    asked: bool = False
    decimals: int = EXACT


def none(request: Request, decimals: int = EXACT) -> Spots:
    """No spots yet, but a way to find some."""
    return Spots(_has_map(services_of(request).settings), decimals=decimals)


async def found(hub: Services, form: Form, decimals: int = EXACT) -> Spots:
    """The spots for the words of a form."""
    hits = await gazetteer.search(hub.settings, form.text("location"))
    offered: dict[str, str] = {}
    for hit in hits:
        offered.setdefault(value(hit.latitude, hit.longitude, decimals), hit.words)
    return Spots(_has_map(hub.settings), tuple(offered.items()), asked=True, decimals=decimals)


def value(latitude: float | None, longitude: float | None, decimals: int = EXACT) -> str:
    """A spot as forms send it; empty where there is none."""
    if latitude is None or longitude is None:
        return ""
    return f"{latitude:.{decimals}f},{longitude:.{decimals}f}"


def members(form: Form, before: Mapping[str, Any] | None, decimals: int = EXACT) -> dict[str, Any]:
    """The coordinates that a form says; no members where they stay as they are.

    Other words without another spot mean that the old one is not true any more.

    Raises:
        Invalid: the spot is none.
    """
    said = form.text(SPOT)
    old = value(before.get("latitude"), before.get("longitude"), decimals) if before else ""
    if said and said != old:
        return _read(said)
    moved = before is not None and form.text("location") != before.get("location")
    if moved or (SPOT in form.fields and not said):
        return {"latitude": None, "longitude": None}
    return {}


def _read(said: str) -> dict[str, Any]:
    try:
        latitude, longitude = (float(part) for part in said.split(","))
    except ValueError:
        latitude = longitude = float("nan")
    if not on_earth(latitude, longitude):
        raise Invalid("Please check what you entered.", {"location": NOT_A_SPOT})
    return {"latitude": latitude, "longitude": longitude}


def _has_map(settings: Settings) -> bool:
    return shelf.current(settings) is not None
