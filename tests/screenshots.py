"""Pictures of a hub filled with the made-up neighbourhood: `make screenshots`.

They go to `screenshots/`, wide and narrow, light and dark. `screenshots/readme.png` has the home
page both ways, side by side; a copy of it is docs/pictures/home.png.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.machine import ADVICE, chromium

TARGET = Path(__file__).parent.parent / "screenshots"
HUB = str(Path(sys.executable).with_name("hub"))
START_S = 60.0
SIZES = {"wide": (1100, 1300), "phone": (390, 844)}
SHOWN_AT = 1.5  # pixels of the README's picture for each of the page's
MARGIN, DESK, FRAME = 36, "#e9e4da", "#c9c1b4"
PAGES = {"home": "/", "events": "/events", "swap": "/swap", "about": "/about"}


def main() -> int:
    """Exit code 0 when the pictures are taken, 1 with a sentence when there is no browser."""
    browser = chromium()
    if browser is None:
        print(ADVICE, file=sys.stderr)
        return 1
    TARGET.mkdir(exist_ok=True)
    with _hub() as url, sync_playwright() as playwright:
        shooting = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for size in SIZES:
            for scheme in ("light", "dark"):
                _shoot(shooting, url, size, scheme)
        shooting.close()
    _beside(TARGET / "readme.png")
    print(f"The pictures are in {TARGET.name}/.")
    return 0


def _shoot(browser: Browser, url: str, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2,
    )
    for name, path in {**PAGES, "event": _an_event(url)}.items():
        page.goto(f"{url}{path}", wait_until="networkidle")
        page.screenshot(path=TARGET / f"{name}-{size}-{scheme}.png")
    page.close()


def _beside(target: Path) -> None:
    """The home page on a wide screen and on a phone, as one picture of few colours."""
    height = round(SIZES["phone"][1] * SHOWN_AT)
    screens = []
    for size, (width, _) in SIZES.items():
        with Image.open(TARGET / f"home-{size}-light.png") as taken:
            scale = width * SHOWN_AT / taken.width
            screen = taken.convert("RGB").resize(
                (round(taken.width * scale), round(taken.height * scale)), Image.Resampling.LANCZOS
            )
        screens.append(screen.crop((0, 0, screen.width, height)))
    across = sum(screen.width + MARGIN for screen in screens) + MARGIN
    desk = Image.new("RGB", (across, height + 2 * MARGIN), DESK)
    left = MARGIN
    for screen in screens:
        desk.paste(FRAME, (left - 2, MARGIN - 2, left + screen.width + 2, MARGIN + height + 2))
        desk.paste(screen, (left, MARGIN))
        left += screen.width + MARGIN
    desk.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)


def _an_event(url: str) -> str:
    """The path of the first event with a picture."""
    items = httpx2.get(f"{url}/api/v1/events?limit=100").json()["items"]
    found = next(item for item in items if item["image"])
    return f"/events/{found['id']}"


@contextmanager
def _hub() -> Iterator[str]:
    """The address of a hub that lives for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="hub-screenshots-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        names = {"HUB_NAME": "Linden", "HUB_AREA": "Linden", "HUB_TIMEZONE": "Europe/Berlin"}
        environment = {**os.environ, **names, "HUB_DATA_DIR": folder, "HUB_PORT": str(port)}
        subprocess.run([HUB, "demo"], env=environment, check=True)
        running = subprocess.Popen([HUB, "serve"], env=environment, stdout=subprocess.DEVNULL)
        try:
            url = f"http://localhost:{port}"
            _wait_for(url)
            yield url
        finally:
            running.terminate()
            running.wait(timeout=START_S)


def _wait_for(url: str) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        try:
            httpx2.get(url, timeout=5)
        except httpx2.TransportError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("the hub did not start")


if __name__ == "__main__":
    sys.exit(main())
