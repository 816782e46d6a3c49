"""Where something is, as people say it: two numbers, or an address that a map shows. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from hub.core.errors import Invalid
from hub.core.words import later

LONGEST: Final = 500
NO_PLACE: Final = later(
    "Please paste two numbers such as 51.4545, -2.5879, or the address of a map that shows the "
    "place."
)

_NUMBER: Final = r"(-?\d{1,3}(?:\.\d+)?)"
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rf"[?&#]mlat={_NUMBER}&mlon={_NUMBER}",  # OpenStreetMap, with a pin
        rf"#(?:map=)?\d+(?:\.\d+)?/{_NUMBER}/{_NUMBER}",  # OpenStreetMap and its relatives
        rf"[?&]lat={_NUMBER}&lo?ng?={_NUMBER}",
        rf"!3d{_NUMBER}!4d{_NUMBER}",  # Google, with a pin
        rf"@{_NUMBER},{_NUMBER}",  # Google
        rf"[?&](?:q|ll|query|center)=(?:loc:)?{_NUMBER},\+?\s*{_NUMBER}",
        rf"^geo:{_NUMBER},{_NUMBER}",  # RFC 5870
        rf"^{_NUMBER}\s*°?\s*[,;\s]\s*{_NUMBER}\s*°?$",
    )
)
_COMPASS: Final = re.compile(
    r"^(\d{1,3})\s*°\s*(\d{1,2})\s*['′’]\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|″|”|'')\s*)?([NS])[,;\s]*"
    r"(\d{1,3})\s*°\s*(\d{1,2})\s*['′’]\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|″|”|'')\s*)?([EOW])$"
)
_DECIMAL_COMMAS: Final = re.compile(r"^(-?\d{1,3}),(\d+)\s*[;\s]\s*(-?\d{1,3}),(\d+)$")
NORTH: Final = 90
EAST: Final = 180
PLACES: Final = 6  # ten centimetres


def spot(entered: str) -> tuple[float, float]:
    """Latitude and longitude (WGS 84) of what was pasted.

    Raises:
        Invalid: it says no place.
    """
    text = unquote(entered[:LONGEST]).strip()
    found = _by_compass(text) or _by_numbers(text)
    if found is None or abs(found[0]) > NORTH or abs(found[1]) > EAST:
        raise Invalid(NO_PLACE, {"where": NO_PLACE})
    return round(found[0], PLACES), round(found[1], PLACES)


def _by_numbers(text: str) -> tuple[float, float] | None:
    text = _DECIMAL_COMMAS.sub(r"\1.\2, \3.\4", text)
    found = next((match for form in _FORMS if (match := form.search(text))), None)
    return None if found is None else (float(found[1]), float(found[2]))


def _by_compass(text: str) -> tuple[float, float] | None:
    """51°27′16″N 2°35′16″W, as encyclopaedias write it."""
    found = _COMPASS.search(text.upper())
    if found is None:
        return None
    north, east = (
        int(degrees) + int(minutes) / 60 + float(seconds or 0) / 3600
        for degrees, minutes, seconds in (found.group(1, 2, 3), found.group(5, 6, 7))
    )
    return (-north if found[4] == "S" else north, -east if found[8] == "W" else east)
