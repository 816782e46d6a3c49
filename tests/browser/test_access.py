"""Every page, for everybody: light, dark, from the right, on the smallest screen, by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from tests.browser.conftest import PHONE, WIDE
from tests.everypage import EVERY, Furnished, furnish
from tests.processes import ROOT, hub_process

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALLEST = ViewportSize(width=320, height=640)
HEAVIEST = 100_000  # bytes before pictures
SCRIPT = "application/javascript"
Hubs = dict[bool, Furnished]

# Only what a mode can change is asked again in it.
EVERYTHING = {"runOnly": RULES, "resultTypes": ["violations"]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
SIZES = {"runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}}
WITHOUT_COLOURS = {"runOnly": RULES, "rules": {"color-contrast": {"enabled": False}}}

# Marks of the map may lie close together: the list beside leads to the same (WCAG 2.2, 2.5.8).
FOUND = """options => axe.run(document, options).then(found => found.violations.flatMap(
    one => one.nodes
    .filter(node => one.id !== "target-size" || !node.html.includes("map-mark"))
    .map(node => `${one.id}: ${node.html.slice(0, 99)}`)))"""
# What can be pressed but lies under something else: fingers and mice never reach it.
COVERED = """() => [...document.querySelectorAll("main :is(a[href], button, summary)")]
    .filter(one => one.checkVisibility() && !one.closest(".unseen, svg, .map"))
    .filter(one => {
        one.scrollIntoView({block: "center", behavior: "instant"});
        const box = one.getClientRects()[0];
        const top = box && document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return top && !one.contains(top) && !top.contains(one);
    })
    .map(one => `covered: ${one.outerHTML.slice(0, 99)}`)"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Without what the map loads, on its own page alone (the budget leaves it out).
WEIGHT = """() => ["navigation", "resource"].flatMap(type => performance.getEntriesByType(type))
    .filter(one => one.initiatorType !== "img" && !/[.](woff2|png|svg|webp)/.test(one.name))
    .filter(one => !/[/]map-[0-9a-f]+[.](js|css|pmtiles)|[.]geojson/.test(one.name))
    .reduce((sum, one) => sum + one.decodedBodySize, 0)"""


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    """A hub with something on every page, and a new one."""
    names = {"HUB_NAME": "Oak Street", "HUB_TIMEZONE": "Europe/London", "HUB_AREA": "Oak Street"}
    with (
        hub_process(tmp_path_factory.mktemp("full"), **names) as full,
        hub_process(tmp_path_factory.mktemp("new"), **names) as new,
    ):
        yield {False: furnish(full), True: furnish(new, empty=True)}


@asynccontextmanager
async def _readers(browser: Browser, hubs: Hubs, **options: Any) -> AsyncIterator[Any]:
    """One page for each kind of reader: `pages[new, who]`."""
    made, pages = [], {}
    for new, hub in hubs.items():
        for who in ("anybody", "steward"):
            context = await browser.new_context(
                bypass_csp=True, service_workers="block", reduced_motion="reduce", **options
            )
            if who == "steward":
                await hub.sign_in(context)
            await context.add_init_script(AXE)
            made.append(context)
            pages[new, who] = await context.new_page()
    yield pages
    for context in made:
        await context.close()


async def _ask(page: Page, options: dict[str, Any]) -> list[str]:
    """What axe has against a page."""
    found: list[str] = await page.evaluate(FOUND, options)
    return found


async def test_every_page_in_light_in_dark_and_on_the_smallest_screen(
    browser: Browser, hubs: Hubs
) -> None:
    found: dict[str, list[str]] = {}
    async with _readers(browser, hubs, viewport=WIDE, locale="en-GB") as pages:
        for shown in EVERY:
            page = pages[shown.new, shown.who]
            await hubs[shown.new].open(page, shown)
            if said := await _look(page):
                found[shown.name] = said
            await page.emulate_media(color_scheme="light")
            await page.set_viewport_size(WIDE)
    assert found == {}


async def _look(page: Page) -> list[str]:
    """What is wrong with an open page, in one mode after the other."""
    weight = await page.evaluate(WEIGHT)
    wrong = [f"{weight} bytes"] if weight > HEAVIEST else []
    heads = await page.locator("h1").count()
    wrong += [f"{heads} main headings"] if heads != 1 else []
    wrong += [f"light: {one}" for one in await _ask(page, EVERYTHING)]
    wrong += await page.evaluate(COVERED)
    await page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {one}" for one in await _ask(page, COLOURS)]
    await page.set_viewport_size(SMALLEST)
    wrong += [f"320 px: {one}" for one in await _ask(page, SIZES)]
    sideways = await page.evaluate(OVERFLOW)
    return wrong + ([f"320 px: {sideways} px sideways"] if sideways > 0 else [])


async def test_every_page_from_the_right(browser: Browser, hubs: Hubs) -> None:
    found: dict[str, list[str]] = {}
    options = {"viewport": PHONE, "locale": "ar", "extra_http_headers": {"Accept-Language": "ar"}}
    async with _readers(browser, hubs, **options) as pages:
        for shown in EVERY:
            if shown.fill or shown.press:
                continue  # states of pages that are looked at without them
            page = pages[shown.new, shown.who]
            await hubs[shown.new].open(page, shown)
            assert await page.evaluate("document.dir") == "rtl", shown.name
            said = await _ask(page, WITHOUT_COLOURS)
            sideways = await page.evaluate(OVERFLOW)
            if said or sideways > 0:
                found[shown.name] = [*said, f"{sideways} px sideways"]
    assert found == {}
