"""T01: from the printed link to the home page, by https, with a telephone in the hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import PHONE
from tests.caddy import hub_behind_caddy
from tests.processes import HubProcess

pytestmark = pytest.mark.browser


async def test_t01_a_steward_sets_a_new_hub_up_on_a_telephone_behind_caddy(
    browser: Browser, tmp_path: Path
) -> None:
    with hub_behind_caddy(tmp_path) as (hub, front):
        page, reader = await _visitor(browser, PHONE), await _visitor(browser)
        stranger = await reader.goto(f"{front.url}/admin/setup")
        assert stranger is not None
        assert stranger.status == 401, "whoever comes first is nobody"
        await page.goto(_printed(hub))
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_label("What shall we call you?").fill("Ann")
        await page.get_by_role("button", name="Go on").click()
        await page.get_by_role("link", name="Begin", exact=True).click()
        await page.get_by_label("Name", exact=True).fill("Oak Street")
        await page.get_by_role("button", name="Look at it first").click()
        await expect(
            page.get_by_role("status").filter(has_text="It is not saved yet.")
        ).to_be_focused()
        await reader.goto(front.url)
        await expect(reader).not_to_have_title(re.compile("Oak Street"))
        await page.get_by_role("button", name="Save and go on").click()
        await page.get_by_label("What the neighbourhood is called").fill("The Oaks")
        await page.get_by_label("Its middle").fill("geo:51.4545,-2.5879")
        await page.get_by_role("button", name="Save and go on").click()
        await page.get_by_role("button", name="Moss").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Letters")
        await page.get_by_role("link", name="Not now").click()
        await page.get_by_role("button", name="Put up three examples").click()
        await page.get_by_role("link", name="Go on").click()
        await page.get_by_role("button", name="Make a link").click()
        await expect(page.get_by_role("img", name="The same link")).to_be_visible()
        await page.get_by_role("link", name="Home").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("The Oaks")
        await expect(page.get_by_role("link", name="Example: I lend my ladder")).to_be_visible()
        await reader.goto(front.url)
        await expect(reader).to_have_title(re.compile("^Oak Street"))
        await expect(reader.get_by_text("The Oaks").first).to_be_visible()
        hue = "() => getComputedStyle(document.documentElement).getPropertyValue('--hue').trim()"
        assert await reader.evaluate(hue) == "150"
        spent = await reader.goto(_printed(hub))
        assert spent is not None
        assert spent.status == 410
        for one in (page, reader):
            await one.context.close()


async def _visitor(browser: Browser, size: ViewportSize | None = None) -> Page:
    """A browser of its own, which takes Caddy's own authority for good."""
    context = await browser.new_context(viewport=size, locale="en-GB", ignore_https_errors=True)
    return await context.new_page()


def _printed(hub: HubProcess) -> str:
    """The link that the hub printed at its first start."""
    found = re.search(r"https://\S+/sign-in/\S+", hub.log())
    assert found is not None, hub.log()
    return found[0]
