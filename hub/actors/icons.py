"""Raster icons, signs in the hub's colour or its logo; Mastodon and telephones take no SVG."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw

from hub.core.look import brand

SIZE: Final = 256
LINE: Final = 14
SCALE: Final = 4  # signs are drawn so much bigger, and come out smooth
ON_PAGES: Final = (320, 96)  # twice what pages show
ROOM: Final = 0.78  # of an icon's width for a logo
ROOM_IN_MASK: Final = 0.58  # what is left when a telephone cuts a circle out
Points = tuple[float, ...]


@lru_cache(maxsize=32)
def icon(name: str, hue: int, size: int = SIZE) -> bytes:
    """A PNG, `size` pixels square: the sign of the actor `name` in this hue."""
    picture = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), brand(hue))
    _SIGNS.get(name, _house)(Pen(picture))
    return _png(picture.resize((size, size), Image.Resampling.LANCZOS))


@lru_cache(maxsize=16)
def logo_icon(logo: bytes, size: int, *, mask: bool = False) -> bytes:
    """A PNG, `size` pixels square: the logo on white; `mask` leaves room for a round cut."""
    with Image.open(io.BytesIO(logo), formats=("PNG",)) as opened:
        sign = opened.convert("RGBA")
    room = round(size * (ROOM_IN_MASK if mask else ROOM))
    scale = room / max(sign.size)
    sign = sign.resize(
        (max(1, round(sign.width * scale)), max(1, round(sign.height * scale))),
        Image.Resampling.LANCZOS,
    )
    picture = Image.new("RGB", (size, size), "white")
    picture.paste(sign, ((size - sign.width) // 2, (size - sign.height) // 2), sign)
    return _png(picture)


@lru_cache(maxsize=4)
def small(logo: bytes) -> bytes:
    """The logo as a PNG for the head of a page or letter."""
    with Image.open(io.BytesIO(logo), formats=("PNG",)) as opened:
        sign = opened.convert("RGBA")
    sign.thumbnail(ON_PAGES, Image.Resampling.LANCZOS)
    return _png(sign)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


class Pen:
    """Draws in white on a picture that is `SCALE` times as big as its measures say."""

    def __init__(self, picture: Image.Image) -> None:
        self._draw = ImageDraw.Draw(picture)

    def line(self, *points: float, width: int = LINE) -> None:
        """From point to point, with round corners."""
        self._draw.line(_big(points), fill="white", width=width * SCALE, joint="curve")

    def frame(self, *corners: float, radius: int = 0) -> None:
        """An empty rectangle."""
        self._draw.rounded_rectangle(
            _big(corners), radius * SCALE, outline="white", width=LINE * SCALE
        )

    def box(self, *corners: float, radius: int = 0) -> None:
        """A full rectangle."""
        self._draw.rounded_rectangle(_big(corners), radius * SCALE, fill="white")

    def ring(self, *corners: float, width: int = LINE) -> None:
        """An empty circle."""
        self._draw.ellipse(_big(corners), outline="white", width=width * SCALE)

    def dot(self, *corners: float) -> None:
        """A full circle."""
        self._draw.ellipse(_big(corners), fill="white")

    def shape(self, *points: float) -> None:
        """A full polygon."""
        self._draw.polygon(_big(points), fill="white")


def _big(points: Points) -> Points:
    return tuple(value * SCALE for value in points)


def _calendar(pen: Pen) -> None:
    pen.frame(60, 72, 196, 200, radius=16)
    pen.line(60, 112, 196, 112)
    for x in (96, 160):
        pen.line(x, 52, x, 88)
    pen.box(140, 144, 172, 176, radius=6)


def _offer(pen: Pen) -> None:
    pen.frame(60, 112, 196, 200, radius=12)
    pen.frame(48, 84, 208, 112)
    pen.line(128, 84, 128, 200)
    pen.ring(84, 48, 128, 88)
    pen.ring(128, 48, 172, 88)


def _want(pen: Pen) -> None:
    pen.ring(56, 56, 164, 164, width=LINE + 4)
    pen.line(152, 152, 204, 204, width=LINE + 8)


def _news(pen: Pen) -> None:
    pen.frame(56, 56, 200, 200, radius=14)
    pen.box(84, 84, 128, 128)
    for y, left in ((92, 144), (120, 144), (152, 84), (176, 84)):
        pen.line(left, y, 172, y, width=LINE - 4)


def _board(pen: Pen) -> None:
    pen.frame(52, 64, 204, 180, radius=12)
    pen.box(80, 92, 116, 128)
    pen.box(136, 112, 176, 152)
    pen.line(96, 180, 80, 212)
    pen.line(160, 180, 176, 212)


def _place(pen: Pen) -> None:
    pen.ring(76, 44, 180, 148, width=LINE + 2)
    pen.shape(84, 124, 172, 124, 128, 212)
    pen.dot(108, 76, 148, 116)


def _house(pen: Pen) -> None:
    pen.line(44, 128, 128, 52, 212, 128, width=LINE + 4)
    pen.line(68, 112, 68, 204, 188, 204, 188, 112, width=LINE + 4)
    pen.box(112, 148, 144, 204)


_SIGNS = {
    "events": _calendar,
    "offers": _offer,
    "wants": _want,
    "news": _news,
    "board": _board,
    "places": _place,
}
