"""Pages as they are read: by everybody, on any screen, with little data, and without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Page, Response, ViewportSize

from tests.browser.conftest import WIDE, Visit
from tests.processes import ROOT, HubProcess, hub_process

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HEAVIEST = 100_000  # bytes before pictures, uncompressed
SMALLEST_TARGET = 24  # CSS pixels, WCAG 2.2 AA
TAP = 44  # what thumbs want; all buttons and tabs have it, inline links need not

OPEN = [
    *("/", "/events", "/events?view=week", "/events?view=month", "/events/print", "/events/embed"),
    *("/swap", "/swap?show=offers&q=nothing-like-it"),
    *("/news", "/search", "/search?q=linden", "/search?q=nothing-like-it"),
    *("/post", "/more", "/about", "/@events", "/@wants", "/sign-in", "/live/choir"),
]
STEWARDS = [
    *("/post/event", "/post/offer", "/post/want", "/welcome"),
    *("/admin", "/admin/inbox", "/admin/servers", "/admin/people", "/admin/letters"),
    *("/admin/calendars", "/me"),
]


async def _first(page: Page, hub: HubProcess, path: str) -> str:
    """The path of the first entry in a list."""
    await page.goto(hub.url + path)
    return await page.locator(".card h3 a").first.get_attribute("href") or ""


async def violations(page: Page) -> list[str]:
    """What axe finds on a page."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{one['id']}: {node['html'][:99]}" for one in found["violations"] for node in one["nodes"]
    ]


async def test_a_colour_that_cannot_be_read_is_found(visit: Visit) -> None:
    page = await visit("/", bypass_csp=True)
    await page.add_style_tag(content=":root { --ink: #ccc; --ink-2: #ddd }")
    assert any("color-contrast" in said for said in await violations(page))


async def test_long_words_and_addresses_break(visit: Visit, hub: HubProcess) -> None:
    long = "Donaudampfschifffahrtsgesellschaftskapitaensmuetzenausstellungseroeffnung"
    draft = {
        "title": long,
        "starts_at": "2031-05-17T18:00",
        "location": long,
        "organiser": long,
        "description": f"https://example.org/{'a' * 200}\n\n`{'b' * 200}`",
    }
    headers = {"Authorization": f"Bearer {hub.token()}"}
    answer = httpx2.post(f"{hub.url}/api/v1/events", json=draft, headers=headers, trust_env=False)
    path = httpx2.URL(answer.json()["url"]).path
    page = await visit(path, size=ViewportSize(width=320, height=640))
    # What hides what it cannot hold makes no page wider, and is cut off all the same.
    cut = """() => [...document.querySelectorAll("main *")]
        .filter(one => getComputedStyle(one).overflowX === "hidden" && one.checkVisibility())
        .filter(one => !one.closest(".unseen") && one.scrollWidth > one.clientWidth)
        .map(one => one.className)"""
    for seen in (path, "/events?q=Donau", "/", "/events?view=week&from=2031-05-12"):
        await page.goto(hub.url + seen)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, seen
        assert await page.evaluate(cut) == [], seen


async def test_signs_keep_their_size_without_the_style_sheet(visit: Visit) -> None:
    page = await visit("/more")
    await page.evaluate("document.querySelectorAll('link').forEach(link => link.remove())")
    sizes = await page.evaluate(
        "[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().width)"
    )
    assert sizes
    assert max(sizes) <= 24


async def test_thumbs_find_what_they_aim_at(visit: Visit, hub: HubProcess) -> None:
    page = await visit("/", steward=True)
    measure = """names => [...document.querySelectorAll(names)]
        .filter(one => one.checkVisibility() && !one.closest(".unseen, .skip"))
        .map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect().height])"""
    for path in (*OPEN, *STEWARDS):
        await page.goto(hub.url + path)
        for what, height in await page.evaluate(measure, ".tabs a, .button:not(.small), summary"):
            assert height >= TAP, (path, what, height)
        for what, height in await page.evaluate(
            measure, "button, select, input:not([type=hidden])"
        ):
            small = 'type="radio"' in what or 'type="checkbox"' in what  # their labels count
            assert small or height >= SMALLEST_TARGET, (path, what, height)


async def test_the_first_tab_leads_past_the_header(visit: Visit) -> None:
    page = await visit("/events")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"


async def test_pages_are_light_and_ask_nobody_else(visit: Visit, hub: HubProcess) -> None:
    page = await visit("/about")
    event = await _first(page, hub, "/events")
    listing = await _first(page, hub, "/swap")
    for path in (*OPEN, event, listing):
        visitor = await visit("")
        weight, hosts = await _load(visitor, hub.url + path)
        assert hosts == {hub.url.partition("://")[2]}, path
        assert weight < HEAVIEST, (path, weight)
        kept = {cookie.get("name") for cookie in await visitor.context.cookies()}
        # Whoever is about to sign in needs one, so that nobody else sends the form for them.
        assert kept == ({"hub-form"} if path == "/sign-in" else set()), path


async def _load(page: Page, url: str) -> tuple[int, set[str]]:
    """How many bytes a page needs besides fonts and pictures, and whom it asks for them."""
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    await page.goto(url, wait_until="networkidle")
    counted = [one for one in answers if one.request.resource_type not in {"image", "font"}]
    weight = sum([len(await answer.body()) for answer in counted])
    return weight, {answer.url.split("/")[2] for answer in answers}


async def test_everything_can_be_read_without_scripts(visit: Visit, hub: HubProcess) -> None:
    page = await visit("/events", script=False)
    await page.locator(".filter > summary").click()
    await page.get_by_label("What", exact=True).fill("repair")
    await page.get_by_role("button", name="Show these").click()
    assert "q=repair" in page.url
    titles = await page.locator(".agenda h3").all_inner_texts()
    assert titles
    assert all("repair" in title.lower() or "bicycle" in title.lower() for title in titles)
    await page.locator(".agenda h3 a").first.click()
    assert await page.locator("h1").inner_text() == titles[0]
    await page.goto(f"{hub.url}/swap")
    await page.get_by_role("link", name="Wants", exact=True).click()
    assert set(await page.locator(".card .tag").all_inner_texts()) >= {"Want"}


async def test_the_filter_works_while_typing(visit: Visit) -> None:
    page = await visit("/events")
    await page.locator(".filter > summary").click()
    await page.get_by_label("What", exact=True).fill("repair")
    await page.wait_for_url("**/events?q=repair*")
    assert await page.evaluate("document.activeElement.id") == "q"
    assert await page.locator(".agenda h3").count() < 10
    feed = await page.get_by_role("link", name="news feed").get_attribute("href")
    assert feed == "/events.rss?q=repair"


async def test_the_way_to_ones_own_server_is_shown_before_it_is_taken(visit: Visit) -> None:
    page = await visit("/about", script=False)
    await page.get_by_label("Your own address").fill("@ann@social.example")
    await page.get_by_role("button", name="Go to my server").click()
    way = page.get_by_role("link", name="Go on to")
    assert "social.example" in await way.inner_text()
    href = await way.get_attribute("href") or ""
    assert href.startswith(("https://social.example/", "http://social.example/"))
    assert "uri=events%40127.0.0.1" in href


@pytest.mark.parametrize("account", ["ann", "@ann@", "https://social.example/@ann", "@a b@c"])
async def test_what_is_no_address_is_told(visit: Visit, account: str) -> None:
    page = await visit("/about")
    await page.get_by_label("Your own address").fill(account)
    await page.get_by_role("button", name="Go to my server").click()
    await page.get_by_role("alert").wait_for()
    assert await page.evaluate("document.activeElement.id") == "errors"
    assert await page.get_by_label("Your own address").input_value() == account


async def test_a_missing_page_says_where_to_go_on(visit: Visit, hub: HubProcess) -> None:
    page = await visit("/about")
    answer: Any = await page.request.get(
        f"{hub.url}/events/nothing", headers={"Accept": "text/html"}
    )
    assert answer.status == 404
    assert "Go to the home page" in await answer.text()


async def test_a_hub_in_arabic_reads_from_the_right(visit: Visit, tmp_path: Path) -> None:
    with hub_process(tmp_path / "arabic", HUB_LANGUAGE="ar", HUB_HUE="150") as other:
        page = await visit("/about", size=WIDE)
        await page.goto(f"{other.url}/language/ar")
        assert await page.locator("html").get_attribute("dir") == "rtl"
        mark, tabs = page.locator(".mark"), page.locator(".tabs")
        left, right = await tabs.bounding_box(), await mark.bounding_box()
        assert left is not None
        assert right is not None
        assert left["x"] < right["x"]
        hue = "getComputedStyle(document.documentElement).getPropertyValue('--hue')"
        assert await page.evaluate(hue) == "150"
