"""What maps are painted with: paper, ink, and the hub's one colour (ECOSYSTEM §6). Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from hub.core.look import srgb

Pair = tuple[str, str]  # in the light, in the dark: `#f4f1ea`

OWN: Final = -1.0  # stands for the hub's hue
# Lightness, chroma and hue of each, in the light and in the dark.
_ROLES: Final = {
    "land": ((0.965, 0.009, 85), (0.225, 0.012, 55)),
    "settled": ((0.945, 0.01, 80), (0.245, 0.012, 55)),
    "green": ((0.915, 0.045, 135), (0.29, 0.035, 145)),
    "water": ((0.855, 0.045, 230), (0.34, 0.045, 235)),
    "house": ((0.885, 0.016, 70), (0.315, 0.014, 60)),
    "road": ((1.0, 0.0, 0), (0.385, 0.012, 60)),
    "main": ((0.9, 0.06, OWN), (0.47, 0.06, OWN)),
    "edge": ((0.83, 0.014, 75), (0.16, 0.01, 55)),
    "path": ((0.7, 0.04, 70), (0.52, 0.03, 70)),
    "rail": ((0.66, 0.012, 60), (0.55, 0.012, 60)),
    "words": ((0.38, 0.02, 50), (0.86, 0.012, 75)),
    "pin": ((0.46, 0.115, OWN), (0.8, 0.095, OWN)),
    "on_pin": ((1.0, 0.0, 0), (0.2, 0.012, 55)),
}


@lru_cache(maxsize=8)
def palette(hue: int) -> dict[str, Pair]:
    """The colours by what they are for, with the hub's hue."""
    return {
        role: (_hex(*light, hue=hue), _hex(*dark, hue=hue))
        for role, (light, dark) in _ROLES.items()
    }


def _hex(lightness: float, chroma: float, angle: float, *, hue: int) -> str:
    red, green, blue = srgb(lightness, chroma, hue if angle == OWN else angle)
    return f"#{red:02x}{green:02x}{blue:02x}"
