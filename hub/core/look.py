"""How stewards made the hub look: its colour and its logo.

Both lie in files beside the pictures. A page learns of a change by one `stat`, in every process of
the hub, and a backup of the pictures has them as well.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from hub.core.files import write_whole
from hub.core.settings import Settings

FILE: Final = "look.json"
CIRCLE: Final = 360
LINEAR_BELOW: Final = 0.0031308  # where the sRGB curve becomes a line (IEC 61966-2-1)


@dataclass(frozen=True, slots=True)
class Look:
    """`hue` is in degrees; `logo` names the file of the logo, and is empty while there is none."""

    hue: int
    logo: str = ""

    @property
    def colour(self) -> str:
        """The hub's colour for what knows no `oklch()`: `#8a3f1f`."""
        return "#{:02x}{:02x}{:02x}".format(*brand(self.hue))

    @property
    def version(self) -> str:
        """Another one for every other look: it belongs into addresses that caches keep."""
        return hashlib.sha256(f"{self.hue} {self.logo}".encode()).hexdigest()[:10]


def look_of(settings: Settings) -> Look:
    """How the hub looks now: as stewards chose on their page, else as its settings say."""
    path = _folder(settings) / FILE
    try:
        found = path.stat()
    except FileNotFoundError:
        return Look(settings.hue)
    return _read(path, found.st_ino, found.st_mtime_ns)


def change(settings: Settings, hue: int, logo: bytes | None = None) -> Look:
    """The look from now on: this hue, and this logo (a PNG of ours); an empty one takes it away.

    Without `logo` it stays as it is.
    """
    folder, before = _folder(settings), look_of(settings)
    name = before.logo
    if logo is not None:
        name = f"logo-{hashlib.sha256(logo).hexdigest()[:16]}.png" if logo else ""
        if name:
            write_whole(folder / name, logo)
    look = Look(hue % CIRCLE, name)
    write_whole(folder / FILE, json.dumps({"hue": look.hue, "logo": look.logo}).encode())
    if before.logo and before.logo != name:
        (folder / before.logo).unlink(missing_ok=True)
    return look


def logo_of(settings: Settings) -> bytes | None:
    """The logo, a PNG; None while there is none."""
    name = look_of(settings).logo
    path = _folder(settings) / name
    return path.read_bytes() if name and path.is_file() else None


def brand(hue: int) -> tuple[int, int, int]:
    """The colour of a hue, `oklch(46% .115 hue)`, as sRGB bytes."""
    return srgb(0.46, 0.115, hue)


def srgb(lightness: float, chroma: float, hue: float) -> tuple[int, int, int]:
    """The colour `oklch(lightness chroma hue)` as sRGB bytes; what they cannot show is cut off."""
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


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "media" / "look"


@lru_cache(maxsize=8)
def _read(path: Path, _inode: int, _changed_ns: int) -> Look:
    said = json.loads(path.read_bytes())
    return Look(int(said["hue"]), str(said["logo"]))
