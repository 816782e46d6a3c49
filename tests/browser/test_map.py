"""The map in a browser: by keyboard, in the dark, and without anybody else hearing of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from tests import towns_of_osm
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_reading import violations
from tests.processes import HubProcess, hub_process
from tests.towns_of_osm import BLOCK, LATITUDE, LONGITUDE

pytestmark = pytest.mark.browser

PLACES = ((0.5, -1.5), (0.5, 1.5), (-1.5, 0.5), (-1.5, 0.75))  # in blocks; the last two are near


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with a map, four events and an offer on it."""
    folder = tmp_path_factory.mktemp("town")
    extract = towns_of_osm.write(folder / "town.osm.pbf")
    names = {"HUB_LATITUDE": f"{LATITUDE}", "HUB_LONGITUDE": f"{LONGITUDE}", "HUB_RADIUS_M": "600"}
    with hub_process(folder / "hub", HUB_TIMEZONE="Europe/London", **names) as hub:
        hub.command("map", "build", str(extract))
        _fill(hub)
        yield hub


def _fill(hub: HubProcess) -> None:
    headers = {"Authorization": f"Bearer {hub.token()}"}

    def post(path: str, **given: Any) -> None:
        answer = httpx2.post(
            f"{hub.url}/api/v1/{path}", json=given, headers=headers, trust_env=False
        )
        assert answer.status_code == 201, answer.text

    for number, (north, east) in enumerate(PLACES, 1):
        where = {"latitude": LATITUDE + north * BLOCK, "longitude": LONGITUDE + east * BLOCK * 1.7}
        post("events", title=f"Fair {number}", starts_at="2031-05-17T15:00", **where)
    ladder = {"title": "Ladder", "kind": "item", "mode": "lend"}
    post("offers", **ladder, latitude=LATITUDE, longitude=LONGITUDE)


async def _open(browser: Browser, hub: HubProcess, asked: list[str], **options: Any) -> Page:
    """The map, once everything on it is there; `asked` gathers whom it asked for anything."""
    context = await browser.new_context(service_workers="block", locale="en-GB", **options)
    page = await context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    await page.goto(f"{hub.url}/map")
    return page


async def test_t43_the_map_moves_and_asks_nobody_else(browser: Browser, town: HubProcess) -> None:
    asked: list[str] = []
    page = await _open(browser, town, asked, viewport=WIDE)
    await expect(page.locator(".map[data-ready='5']")).to_be_visible()
    await expect(page.locator(".map canvas").first).to_be_visible()
    await page.locator(".map").hover()
    await page.get_by_role("button", name="Closer").click()
    await page.wait_for_function("performance.getEntriesByType('resource').length > 5")
    assert any("/map/tiles/map-" in url for url in asked)
    assert {url.partition("://")[2].partition("/")[0] for url in asked if "://" in url} == {
        town.url.partition("://")[2]
    }
    assert await page.context.cookies() == []
    await expect(page.get_by_role("link", name="© OpenStreetMap").first).to_be_visible()


async def test_pins_are_reached_and_opened_by_keyboard(browser: Browser, town: HubProcess) -> None:
    page = await _open(browser, town, [], viewport=WIDE)
    pin = page.get_by_role("button", name=re.compile("^Fair 1, Events, Sat.* 17 May.* 15:00$"))
    await pin.focus()
    await page.keyboard.press("Enter")
    link = page.locator(".leaflet-popup").get_by_role("link", name="Fair 1")
    await expect(link).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(pin).to_be_focused()
    # Two that stand side by side are one pin until somebody looks closer.
    await page.get_by_role("button", name="2 things here").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Fair 4, Events")).to_be_visible()
    area = page.get_by_role("button", name="Somewhere in this area: 1")
    await area.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".leaflet-popup").get_by_role("link", name="Ladder")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_map_is_usable_by_everybody(
    browser: Browser, town: HubProcess, theme: Any
) -> None:
    page = await _open(browser, town, [], viewport=PHONE, color_scheme=theme, bypass_csp=True)
    await expect(page.locator(".map[data-ready]")).to_be_visible()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    # The list is first for whoever listens, the map first for whoever looks.
    first = page.locator(".twins > :first-child")
    await expect(first).to_have_class(re.compile("twin-list"))
    map_top = await page.locator(".map").evaluate("one => one.getBoundingClientRect().top")
    assert map_top < await first.evaluate("one => one.getBoundingClientRect().top")


async def test_without_a_script_there_are_list_and_picture(
    browser: Browser, town: HubProcess
) -> None:
    asked: list[str] = []
    page = await _open(browser, town, asked, viewport=PHONE, java_script_enabled=False)
    await expect(page.get_by_role("link", name="Fair 1")).to_be_visible()
    assert await page.locator(".map img").evaluate("one => one.naturalWidth") == 640
    await page.get_by_role("link", name="Offers").click()
    await expect(page.get_by_role("link", name="Ladder")).to_be_visible()
    await expect(page.get_by_role("link", name="Fair 1")).to_have_count(0)


async def test_a_form_offers_spots_while_its_words_are_written(
    browser: Browser, town: HubProcess
) -> None:
    for script in (True, False):
        page = await _open(browser, town, [], viewport=PHONE, java_script_enabled=script)
        await page.goto(f"{town.url}/post/want")
        await page.get_by_label("Where, roughly?").fill("mill roa")
        if not script:
            await page.get_by_role("button", name="Find it on the map").click()
        spot = page.get_by_role("radio", name="Mill Road", exact=False).first
        await expect(spot).to_be_visible()
        assert len((await spot.get_attribute("value") or "").replace(".", "")) == len("5459,250")
        await asyncio.wait_for(page.context.close(), 20)
