"""Raster icons of our actors: a letter or sign on the hub's colour; Mastodon takes no SVG."""

from __future__ import annotations

import io
import math
from functools import lru_cache

from PIL import Image, ImageDraw

SIZE = 256
LINE = 14
LINEAR_BELOW = 0.0031308  # where the sRGB curve becomes a line (IEC 61966-2-1)


@lru_cache(maxsize=32)
def icon(name: str, hue: int) -> bytes:
    """A PNG of 256 by 256 pixels for the actor `name` in the hub's hue."""
    picture = Image.new("RGB", (SIZE, SIZE), brand(hue))
    draw = ImageDraw.Draw(picture)
    _SIGNS.get(name, _house)(draw)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def brand(hue: int) -> tuple[int, int, int]:
    """The hub's colour, `oklch(46% .115 hue)`, as sRGB bytes."""
    lightness, chroma = 0.46, 0.115
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (_gamma(value) for value in linear)
    return red, green, blue


def _gamma(value: float) -> int:
    """One linear channel as an sRGB byte."""
    value = min(1.0, max(0.0, value))
    encoded = 12.92 * value if value <= LINEAR_BELOW else 1.055 * value ** (1 / 2.4) - 0.055
    return round(encoded * 255)


def _calendar(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((60, 72, 196, 200), 16, outline="white", width=LINE)
    draw.line((60, 112, 196, 112), fill="white", width=LINE)
    for x in (96, 160):
        draw.line((x, 52, x, 88), fill="white", width=LINE)
    draw.rounded_rectangle((140, 144, 172, 176), 6, fill="white")


def _offer(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((60, 112, 196, 200), 12, outline="white", width=LINE)
    draw.rectangle((48, 84, 208, 112), outline="white", width=LINE)
    draw.line((128, 84, 128, 200), fill="white", width=LINE)
    draw.ellipse((84, 48, 128, 88), outline="white", width=LINE)
    draw.ellipse((128, 48, 172, 88), outline="white", width=LINE)


def _want(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((56, 56, 164, 164), outline="white", width=LINE + 4)
    draw.line((152, 152, 204, 204), fill="white", width=LINE + 8)


def _news(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((56, 56, 200, 200), 14, outline="white", width=LINE)
    draw.rectangle((84, 84, 128, 128), fill="white")
    for y, left in ((92, 144), (120, 144), (152, 84), (176, 84)):
        draw.line((left, y, 172, y), fill="white", width=LINE - 4)


def _board(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((52, 64, 204, 180), 12, outline="white", width=LINE)
    draw.rectangle((80, 92, 116, 128), fill="white")
    draw.rectangle((136, 112, 176, 152), fill="white")
    draw.line((96, 180, 80, 212), fill="white", width=LINE)
    draw.line((160, 180, 176, 212), fill="white", width=LINE)


def _place(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((76, 44, 180, 148), outline="white", width=LINE + 2)
    draw.polygon(((84, 124), (172, 124), (128, 212)), fill="white")
    draw.ellipse((108, 76, 148, 116), fill="white")


def _house(draw: ImageDraw.ImageDraw) -> None:
    draw.line(((44, 128), (128, 52), (212, 128)), fill="white", width=LINE + 4, joint="curve")
    draw.line(((68, 112), (68, 204), (188, 204), (188, 112)), fill="white", width=LINE + 4)
    draw.rectangle((112, 148, 144, 204), fill="white")


_SIGNS = {
    "events": _calendar,
    "offers": _offer,
    "wants": _want,
    "news": _news,
    "board": _board,
    "places": _place,
}
