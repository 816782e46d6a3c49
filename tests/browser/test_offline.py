"""A hub on a telephone's home screen, and without a connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PHONE
from tests.processes import HubProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

READY = "navigator.serviceWorker.ready.then(() => true)"
KEPT = """async function kept() {
    const paths = [];
    for (const name of await caches.keys())
        for (const one of await (await caches.open(name)).keys())
            if (!/^.(static|theme|icons)/.test(new URL(one.url).pathname))
                paths.push(new URL(one.url).pathname + new URL(one.url).search);
    return paths.sort();
}"""
# The page asks itself, since its policy lets nothing be evaluated again and again from outside.
UNTIL = f"""async ([path, there]) => {{
    {KEPT}
    while ((await kept()).includes(path) !== there) await new Promise(go => setTimeout(go, 50));
}}"""
FORMS = ["/post", "/post/event", "/post/offer", "/post/waiting", "/post/want"]
# The first is where we come in; the last is who is signed in, which is nobody here.
ALWAYS = ["/about", "/events?view=week", "/offline", *FORMS, "/reader"]


@pytest.fixture
async def reader(browser: Browser, hub: HubProcess) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=PHONE, locale="en-GB", base_url=hub.url)
    yield context
    await context.close()


async def _settled(page: Page) -> None:
    """The worker is there, and looks after this page."""
    await page.goto("/about")
    assert await page.evaluate(READY)
    for path in ALWAYS:
        await _until(page, path)


async def _kept(page: Page) -> list[str]:
    kept: list[str] = await page.evaluate(f"() => {{ {KEPT} return kept() }}")
    return kept


async def _until(page: Page, path: str, *, there: bool = True) -> None:
    """Wait until a path is kept, or no longer."""
    await page.evaluate(UNTIL, [path, there])


async def test_what_was_read_last_and_the_week_are_there_without_a_connection(
    reader: BrowserContext, hub: HubProcess
) -> None:
    page = await reader.new_page()
    await _settled(page)
    await page.goto("/events")
    await page.locator(".agenda h3 a").first.click()
    title = await page.get_by_role("heading", level=1).inner_text()
    event = page.url
    await _until(page, urlsplit(event).path)
    hub.stop()
    try:
        await page.goto(event)
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(page.get_by_text("There is no connection.")).to_be_visible()
        face = "document.fonts.check('16px Fraunces') && getComputedStyle(document.body).margin"
        assert await page.evaluate(face) == "0px"  # it is dressed, too
        await page.goto("/events?view=week")
        await expect(page.locator(".week")).to_be_visible()
        await page.goto("/search")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("no connection")
        await expect(page.get_by_role("link", name=title)).to_be_visible()
    finally:
        hub.start()
    await page.goto(event)
    await expect(page.get_by_text("There is no connection.")).to_be_hidden()


async def test_nothing_private_is_kept_and_of_forms_only_empty_ones_and_signing_out_forgets(
    reader: BrowserContext, hub: HubProcess
) -> None:
    page = await reader.new_page()
    await _settled(page)
    for path in (
        "/post/want?draft=secret",
        "/post/news",
        "/sign-in",
        "/search?q=linden",
        "/news",
        "/mine/secret",
    ):
        await page.goto(path)
    await _until(page, "/news")
    assert await _kept(page) == sorted([*ALWAYS, "/news"])

    link = hub.command("setup", "--link").split()[-1]
    await page.goto(link)
    await page.get_by_role("button", name="Sign in").click()
    await page.goto("/")
    for path in ("/", "/events", "/me", "/admin/people", "/swap", "/more"):
        await page.goto(path)
    assert await _kept(page) == sorted([*ALWAYS, "/news"])
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/")
    await _until(page, "/news", there=False)


async def test_a_telephone_can_install_it(reader: BrowserContext, hub: HubProcess) -> None:
    page = await reader.new_page()
    await _settled(page)
    session = await reader.new_cdp_session(page)
    told = await session.send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = json.loads(told["data"])
    assert manifest["name"] == "Oak Street"
    assert {icon.get("purpose", "any") for icon in manifest["icons"]} == {"any", "maskable"}
    missing = await session.send("Page.getInstallabilityErrors")
    assert [one["errorId"] for one in missing["installabilityErrors"]] in ([], ["in-incognito"])
