"""A town's extract of OpenStreetMap, and the hub that is made of it: nobody else is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from tests import towns_of_osm
from tests.browser.conftest import PHONE, WIDE
from tests.processes import HubProcess, hub_process
from tests.towns_of_osm import LATITUDE, LONGITUDE

pytestmark = pytest.mark.browser

LIBRARY, CHOIR = "Lindenau Library", "Lindenau Choir"
PLACES = [LIBRARY, "Linden Park", *(f"School No. {number}" for number in range(1, 5))]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub to which a steward has given one extract, as map and as directory."""
    folder = tmp_path_factory.mktemp("town")
    extract = towns_of_osm.write(folder / "town.osm.pbf", library={})
    area = {"HUB_LATITUDE": f"{LATITUDE}", "HUB_LONGITUDE": f"{LONGITUDE}", "HUB_RADIUS_M": "1000"}
    with hub_process(folder / "hub", HUB_TIMEZONE="Europe/London", **area) as hub:
        hub.command("map", "build", str(extract))
        assert "7 new" in hub.command("import", "osm", str(extract))
        yield hub


@pytest.mark.parametrize("script", [True, False])
async def test_t15_a_towns_extract_is_directory_and_map_and_nobody_else_is_asked(
    browser: Browser, town: HubProcess, script: bool
) -> None:
    asked: set[str] = set()
    context = await browser.new_context(
        viewport=WIDE if script else PHONE,
        java_script_enabled=script,
        service_workers="block",
        locale="en-GB",
    )
    page = await context.new_page()
    page.on("request", lambda request: asked.add(request.url))
    page.on("pageerror", lambda error: pytest.fail(str(error)))

    await page.goto(f"{town.url}/organisations")
    await expect(page.get_by_role("link", name=CHOIR)).to_be_visible()
    await page.goto(f"{town.url}/places")
    for name in PLACES:
        await expect(page.get_by_role("link", name=name)).to_be_visible()
    await _credited(page)
    await _map(page, town, script=script)
    await page.get_by_role("link", name=LIBRARY).first.click()
    await _place(page)

    assert any("/map/of/" in url for url in asked)
    assert any("/map/tiles/" in url for url in asked) == script
    ours = urlsplit(town.url).netloc
    others = {url for url in asked if urlsplit(url).scheme != "data"}
    assert {urlsplit(url).netloc for url in others} == {ours}
    assert await context.cookies() == []
    await context.close()


async def _map(page: Page, town: HubProcess, *, script: bool) -> None:
    """All seven are on the map, and in the list beside it."""
    await page.goto(f"{town.url}/map")
    for name in (*PLACES, CHOIR):
        await expect(page.get_by_role("link", name=name).first).to_be_visible()
    await _credited(page)
    if script:
        await expect(page.locator(".map[data-ready='7']")).to_be_visible()
        await expect(page.locator(".map canvas").first).to_be_visible()
    else:
        assert await page.locator(".map img").evaluate("one => one.naturalWidth") == 640
    shapes = httpx2.get(f"{town.url}/map.geojson", trust_env=False).json()["features"]
    assert {one["properties"]["title"] for one in shapes} == {*PLACES, CHOIR}


async def _place(page: Page) -> None:
    """How one gets in, when it is open, where it is, and who wrote that down."""
    await expect(page.get_by_role("heading", level=1, name=LIBRARY)).to_be_visible()
    for words in ("Ring at the side door", "10:00–18:00", "Café Row 4, Lindenau"):
        await expect(page.get_by_text(words).first).to_be_visible()
    drawn = page.get_by_role("img", name=re.compile("^Map:"))
    await drawn.scroll_into_view_if_needed()
    assert await drawn.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    await _credited(page)


async def _credited(page: Page) -> None:
    """Whoever made the map is named, and the licence is a tap away."""
    credit = page.get_by_role("link", name="© OpenStreetMap").first
    await expect(credit).to_have_attribute("href", "https://www.openstreetmap.org/copyright")
