"""Codes for cameras: an address on paper that nobody has to type."""

from __future__ import annotations

from typing import Final

import segno
from markupsafe import Markup

QUIET_ZONE: Final = 4  # modules, as ISO/IEC 18004 has it


def code(url: str) -> Markup:
    """The address as an SVG that scales; black on white in every theme, since cameras need that."""
    drawn = segno.make(url, micro=False, error="m").svg_inline(
        border=QUIET_ZONE, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    return Markup(drawn)  # noqa: S704  # segno drew it, out of an address of ours
