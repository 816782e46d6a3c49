"""Draws a map as one small SVG picture, from the hub's own tiles or on bare paper.

It needs no script and nothing from elsewhere: it stands in pages, on paper and in print. Of what is
too much for the picture the least important goes first.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from markupsafe import escape

from hub.maps import sheet as sheets
from hub.maps.colours import palette
from hub.maps.earth import metres_per_pixel
from hub.maps.sheet import FINE, SMALL, WHOLE, Mark, Sheet, View

__all__ = ["FINE", "LARGEST", "MOST_MARKS", "SMALL", "WHOLE", "Mark", "View", "draw", "policy"]

LARGEST: Final = 30_000  # bytes
MOST_LABELS: Final = 14
LETTER: Final = 6.1  # pixels, about, of the font below
APART: Final = 44  # pixels between the middles of two names
MOST_MARKS: Final = 300
CREDIT: Final = "© OpenStreetMap"
ROUND_M: Final = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
BAR: Final = 110  # pixels, the scale's most
# What is left out step by step, until the picture is small enough.
SPARED: Final[tuple[frozenset[str], ...]] = (
    frozenset(),
    frozenset({"house"}),
    frozenset({"house", "path", "labels"}),
    frozenset({"house", "path", "labels", "road", "rail"}),
    frozenset({"house", "path", "labels", "road", "rail", "main", "green", "settled", "water"}),
)


def style(hue: int) -> str:
    """The style sheet inside the pictures of a hub; it follows light and dark."""
    pairs = palette(hue)
    return _rules({role: pair[0] for role, pair in pairs.items()}) + (
        "@media (prefers-color-scheme:dark){"
        + _rules({role: pair[1] for role, pair in pairs.items()}, colours_only=True)
        + "}"
    )


def policy(hue: int) -> str:
    """What a browser lets such a picture do when it is opened by itself: wear its style."""
    digest = base64.b64encode(hashlib.sha256(style(hue).encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; sandbox"


def draw(file: Path | None, view: View, marks: Sequence[Mark], hue: int, label: str) -> bytes:
    """The picture, `LARGEST` bytes at most; without a `file` of tiles, marks on bare paper.

    `label` says in words what is seen.
    """
    sheet = sheets.read(file, view) if file is not None else Sheet()
    credit = CREDIT if file is not None else ""
    above = [*_marks(view, marks), _scale(view), _credit(view, credit)]
    for spared in SPARED:
        svg = _svg(view, _ground(sheet, spared, view, marks), above, hue, label)
        if len(svg) <= LARGEST:
            break
    return svg


def _rules(colour: dict[str, str], *, colours_only: bool = False) -> str:
    areas = ("land", "settled", "green", "water", "house")
    found = [f".{role}{{fill:{colour[role]}}}" for role in areas]
    found += [f".{role}{{stroke:{colour[role]}}}" for role in ("road", "main", "path", "rail")]
    found += [
        f".case{{stroke:{colour['edge']}}}",
        f".river{{stroke:{colour['water']}}}",
        f"text{{fill:{colour['words']};stroke:{colour['land']}}}",
        f".bar{{stroke:{colour['words']}}}",
        f".cell{{fill:{colour['pin']};stroke:{colour['pin']}}}",
        f".pin{{fill:{colour['pin']};stroke:{colour['on_pin']}}}",
        f".dot{{fill:{colour['on_pin']}}}",
        f".sought{{stroke:{colour['pin']}}}",
    ]
    if colours_only:
        return "".join(found)
    shapes = (
        ".road,.main,.path,.rail,.case,.river,.bar{fill:none;stroke-linejoin:round;"
        "stroke-linecap:round}"
        ".road{stroke-width:8}.main{stroke-width:14}.case{stroke-width:11}.wide{stroke-width:17}"
        ".path{stroke-width:2.5;stroke-dasharray:6 5}.rail{stroke-width:4;stroke-dasharray:14 8}"
        ".river{stroke-width:10}.bar{stroke-width:3}.far .road{stroke-width:3}"
        ".far .main{stroke-width:6}.far .case{stroke-width:0}.far .wide{stroke-width:8}"
        ".far .river{stroke-width:5}"
        "text{font:500 22px system-ui,sans-serif;stroke-width:5;paint-order:stroke;"
        "stroke-linejoin:round;text-anchor:middle}.start{text-anchor:start}.end{text-anchor:end}"
        ".cell{fill-opacity:.08;stroke-width:3;stroke-dasharray:10 7}.pin{stroke-width:3}"
        ".sought{fill:none;stroke-width:7}"
    )
    return shapes + "".join(found)


def _svg(view: View, ground: list[str], above: list[str], hue: int, label: str) -> bytes:
    wide, high = view.width * FINE, view.height * FINE
    far = "" if view.zoom >= 14.5 else ' class="far"'  # noqa: PLR2004  # lines get thinner
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" '
        f'width="{view.width}" height="{view.height}" role="img" aria-label="{escape(label)}">',
        f"<style>{style(hue)}</style>",
        f'<rect class="land" width="{wide}" height="{high}"/>',
        f"<g{far}>{''.join(ground)}</g>",
        *above,
        "</svg>",
    ]
    return "".join(parts).encode()


def _ground(sheet: Sheet, spared: frozenset[str], view: View, marks: Sequence[Mark]) -> list[str]:
    """Everything under the marks, from below: areas, water, houses, streets and their names."""
    layers = (
        ("settled", "settled"),
        ("green", "green"),
        ("water", "water"),
        ("river", "river"),
        ("house", "house"),
        ("path", "path"),
        ("road", "case"),
        ("main", "case wide"),
        ("rail", "rail"),
        ("road", "road"),
        ("main", "main"),
    )
    found = [
        f'<path class="{css}" d="{"".join(sheet.paths[role])}"/>'
        for role, css in layers
        if role in sheet.paths and role not in spared
    ]
    if "labels" not in spared:
        found += _labels(sheet, view, marks)
    return found


def _labels(sheet: Sheet, view: View, marks: Sequence[Mark]) -> list[str]:
    """The names that have room, and stand in the way of nothing."""
    taken = [view.at(mark.latitude, mark.longitude) for mark in marks if not mark.cell]
    found: list[str] = []
    for name in sorted(sheet.names.values(), key=lambda one: (-one.room, one.words)):
        x, y, long = name.x / FINE, name.y / FINE, len(name.words) * LETTER
        turn = math.radians(name.turn)
        wide, high = abs(long * math.cos(turn)) / 2, abs(long * math.sin(turn)) / 2
        fits = wide < x < view.width - wide and high + 9 < y < view.height - high - 34
        if long * FINE > name.room or not fits or len(found) == MOST_LABELS:
            continue
        if any(math.hypot(x - left, y - top) < APART for left, top in taken):
            continue
        taken.append((x, y))
        # The line goes through the middle of the letters.
        found.append(
            f'<text transform="translate({name.x:.0f} {name.y:.0f})rotate({name.turn:.0f})" '
            f'dy="7">{escape(name.words)}</text>'
        )
    return found


def _marks(view: View, marks: Sequence[Mark]) -> Iterator[str]:
    """Cells first, so that no pin is hidden; what falls together is drawn once."""
    seen: set[tuple[int, int, bool]] = set()
    alone = len(marks) == 1
    order = sorted(marks, key=lambda one: (not one.sought, one.cell == 0, -one.latitude))
    for mark in order[:MOST_MARKS]:
        x, y = view.at(mark.latitude, mark.longitude)
        if mark.sought:
            yield f'<circle class="sought" cx="{x * FINE:.0f}" cy="{y * FINE:.0f}" r="18"/>'
            continue
        key = (round(x / 6), round(y / 6), bool(mark.cell))
        if key not in seen:
            seen.add(key)
            yield (
                _cell(view, mark) if mark.cell else _pin(x * FINE, y * FINE, 2.6 if alone else 1.7)
            )


def _pin(x: float, y: float, size: float) -> str:
    return (
        f'<g transform="translate({x:.0f} {y:.0f})scale({size})">'
        '<path class="pin" d="M0 0c-3-8-11-12-11-20a11 11 0 1 1 22 0c0 8-8 12-11 20z"/>'
        '<circle class="dot" cy="-20" r="4"/></g>'
    )


def _cell(view: View, mark: Mark) -> str:
    half = mark.cell / 2
    left, top = view.at(mark.latitude + half, mark.longitude - half)
    right, bottom = view.at(mark.latitude - half, mark.longitude + half)
    return (
        f'<rect class="cell" x="{left * FINE:.0f}" y="{top * FINE:.0f}" rx="14" '
        f'width="{(right - left) * FINE:.0f}" height="{(bottom - top) * FINE:.0f}"/>'
    )


def _scale(view: View) -> str:
    """How long so many metres are, bottom left."""
    ground = metres_per_pixel(view.latitude, view.zoom)
    metres = max((one for one in ROUND_M if one / ground <= BAR), default=ROUND_M[0])
    long, high = metres / ground * FINE, view.height * FINE
    words = f"{metres} m" if metres < 1000 else f"{metres // 1000} km"  # noqa: PLR2004
    return (
        f'<path class="bar" d="M20 {high - 32}v12h{long:.0f}v-12"/>'
        f'<text class="start" x="24" y="{high - 40}">{words}</text>'
    )


def _credit(view: View, words: str) -> str:
    x, y = view.width * FINE - 14, view.height * FINE - 16
    return f'<text class="end" x="{x}" y="{y}">{words}</text>' if words else ""
