"""Pictures of every page, into docs/pictures/: `make screenshots`.

Each at 390 and 1280 pixels, light and dark; `docs/pictures/README.md` shows them all. With
`SCREENS=folder` whole pages are written there instead, for whoever works on their look.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from tests.everypage import EVERY, GROUPS, Furnished, furnish
from tests.machine import ADVICE, chromium
from tests.processes import ROOT, hub_process

Scheme = Literal["light", "dark"]
TARGET: Final = ROOT / "docs" / "pictures"
SIZES: Final[Mapping[str, tuple[int, int]]] = {"390": (390, 844), "1280": (1280, 900)}
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
COLOURS: Final = 48  # of a picture: letters stay sharp, and it takes some 15 kB
NAMES: Final = {
    "HUB_NAME": "Linden",
    "HUB_AREA": "Linden",
    "HUB_TIMEZONE": "Europe/Berlin",
    "HUB_CONTACT": "stewards@linden.example",
}
SHOWN_AT: Final = 1.5  # pixels of the README's picture for each of the page's
MARGIN, DESK, FRAME = 36, "#e9e4da", "#c9c1b4"


def main() -> int:
    """Exit code 0 when the pictures are taken, 1 with a sentence when there is no browser."""
    path = chromium()
    if path is None:
        print(ADVICE, file=sys.stderr)
        return 1
    whole = os.environ.get("SCREENS")
    target = Path(whole) if whole else TARGET
    target.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-screenshots-")))
        full = stack.enter_context(hub_process(folder / "full", **NAMES))
        new = stack.enter_context(hub_process(folder / "new", **NAMES))
        hubs = {False: furnish(full), True: furnish(new, empty=True)}
        asyncio.run(_shoot(path, hubs, target, whole=bool(whole)))
    if not whole:
        (TARGET / "README.md").write_text(_index(), encoding="utf-8")
    print(f"The pictures are in {target}.")
    return 0


async def _shoot(path: str, hubs: dict[bool, Furnished], target: Path, *, whole: bool) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for new, hub in hubs.items():
            for who in ("anybody", "steward"):
                context = await browser.new_context(**_screen("1280", "light"))
                if who == "steward":
                    await hub.sign_in(context)
                page = await context.new_page()
                for shown in EVERY:
                    if (shown.new, shown.who) == (new, who):
                        await hub.open(page, shown)
                        await _take(page, target / shown.name, whole=whole)
                await context.close()
        if not whole:
            _beside(await _screens(browser, hubs[False]), target / "home.png")
        await browser.close()


async def _take(page: Page, path: Path, *, whole: bool) -> None:
    """The open page in every size and scheme; it is loaded once."""
    for size, (width, height) in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            taken = await page.screenshot(full_page=whole)
            _keep(taken, path.with_name(f"{path.name}-{size}-{scheme}.webp"), whole=whole)


def _screen(size: str, scheme: str) -> dict[str, Any]:
    width, height = SIZES[size]
    return {
        "viewport": {"width": width, "height": height},
        "color_scheme": scheme,
        "reduced_motion": "reduce",
        "service_workers": "block",
        "locale": "en-GB",
    }


def _keep(png: bytes, path: Path, *, whole: bool) -> None:
    with Image.open(io.BytesIO(png)) as taken:
        picture = taken.convert("RGB")
    if whole:
        picture.save(path.with_suffix(".png"))
    else:
        few = picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.convert("RGB").save(path, "WEBP", lossless=True, quality=60, method=4)


async def _screens(browser: Browser, hub: Furnished) -> list[Image.Image]:
    """The first page on a wide screen and on a telephone, in more pixels."""
    screens = []
    for size in ("1280", "390"):
        options = {**_screen(size, "light"), "device_scale_factor": 2}
        context = await browser.new_context(**options)
        page = await context.new_page()
        await page.goto(hub.url)
        with Image.open(io.BytesIO(await page.screenshot())) as taken:
            screens.append(taken.convert("RGB"))
        await context.close()
    return screens


def _beside(taken: list[Image.Image], target: Path) -> None:
    """Both screens as one picture of few colours."""
    height = round(SIZES["390"][1] * SHOWN_AT)
    screens = []
    for screen in taken:
        scale = SHOWN_AT / 2
        small = screen.resize(
            (round(screen.width * scale), round(screen.height * scale)), Image.Resampling.LANCZOS
        )
        screens.append(small.crop((0, 0, small.width, height)))
    across = sum(screen.width + MARGIN for screen in screens) + MARGIN
    desk = Image.new("RGB", (across, height + 2 * MARGIN), DESK)
    left = MARGIN
    for screen in screens:
        desk.paste(FRAME, (left - 2, MARGIN - 2, left + screen.width + 2, MARGIN + height + 2))
        desk.paste(screen, (left, MARGIN))
        left += screen.width + MARGIN
    desk.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)


def _index() -> str:
    """The page that shows them all."""
    lines = [
        "# Every page, as it looks",
        "",
        "Made by `make screenshots` of a hub with the made-up neighbourhood in it: on a telephone",
        "(390 pixels) and on a wide screen (1280), light and dark.",
    ]
    for heading, pages in GROUPS.items():
        lines += ["", f"## {heading}", "", "| | light | | dark | |", "|---|---|---|---|---|"]
        for shown in pages:
            cells = (
                f'<img src="{shown.name}-{size}-{scheme}.webp" width="{width}" alt="{shown.what}, '
                f'{size} pixels, {scheme}">'
                for scheme in SCHEMES
                for size, width in (("390", 120), ("1280", 260))
            )
            lines.append(f"| {shown.what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
