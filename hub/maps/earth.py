"""Degrees, and the square that maps are drawn on (Web Mercator, EPSG:3857). Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

TILE: Final = 256  # pixels of a tile's side at its own zoom
EDGE: Final = 85.0511  # degrees of latitude: where the square ends
EAST: Final = 180.0
AROUND_M: Final = 40_075_016.686  # metres around the Earth at the equator (WGS 84)
METRES_PER_DEGREE: Final = AROUND_M / 360


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in degrees, WGS 84; `west` is never greater than `east`."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def around(cls, latitude: float, longitude: float, radius_m: float) -> Self:
        """The box that holds the circle, as far as the map reaches."""
        high = radius_m / METRES_PER_DEGREE
        wide = high / max(0.01, math.cos(math.radians(latitude)))
        return cls(
            max(-EAST, longitude - wide),
            max(-EDGE, latitude - high),
            min(EAST, longitude + wide),
            min(EDGE, latitude + high),
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """The box of `west,south,east,north` (RFC 7946 §5).

        Raises:
            ValueError: it is none.
        """
        west, south, east, north = (float(part) for part in text.split(","))
        if not (-EAST <= west <= east <= EAST and -90 <= south <= north <= 90):  # noqa: PLR2004
            raise ValueError(text)
        return cls(west, south, east, north)

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a point lies in it."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east

    def within(self, other: Box | None) -> Box:
        """What both have; `other` None is everything."""
        if other is None:
            return self
        west, south = max(self.west, other.west), max(self.south, other.south)
        east, north = min(self.east, other.east), min(self.north, other.north)
        return Box(west, south, max(west, east), max(south, north))

    @property
    def centre(self) -> tuple[float, float]:
        """Latitude and longitude of its middle."""
        return (self.south + self.north) / 2, (self.west + self.east) / 2


def on_square(latitude: float, longitude: float) -> tuple[float, float]:
    """Where a point lies on the square: 0 to 1 from the left, and from the top."""
    sine = math.sin(math.radians(min(EDGE, max(-EDGE, latitude))))
    return (
        longitude / 360 + 0.5,
        0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi),
    )


def off_square(x: float, y: float) -> tuple[float, float]:
    """Latitude and longitude of a point of the square; `on_square` the other way round."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y)))), (x - 0.5) * 360


def metres_per_pixel(latitude: float, zoom: float) -> float:
    """How many metres of ground a pixel shows."""
    return AROUND_M * math.cos(math.radians(latitude)) / (TILE * 2**zoom)


def zoom_for(box: Box, width: int, height: int, most: float) -> float:
    """The closest zoom, `most` at most, at which a picture of this size shows all of the box."""
    left, top = on_square(box.north, box.west)
    right, bottom = on_square(box.south, box.east)
    sides = ((right - left, width), (bottom - top, height))
    closest = (math.log2(pixels / (TILE * share)) for share, pixels in sides if share > 0)
    return max(0.0, min(most, *closest, most))
