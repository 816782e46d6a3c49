"""T04: a steward changes what the hub is called and how it looks, and nobody restarts anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import PHONE
from tests.processes import hub_process

pytestmark = pytest.mark.browser


async def test_t04_a_steward_sets_a_new_hub_up_on_a_telephone(
    browser: Browser, tmp_path: Path
) -> None:
    with hub_process(tmp_path / "new") as hub:
        context = await browser.new_context(viewport=PHONE, locale="en-GB")
        page = await context.new_page()
        reader = await browser.new_page()
        await page.goto(hub.command("setup", "--link").split()[-1])
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_label("What shall we call you?").fill("Ann")
        await page.get_by_role("button", name="Go on").click()
        await page.get_by_role("link", name="Begin", exact=True).click()
        await page.get_by_label("Name", exact=True).fill("Oak Street")
        await page.get_by_role("button", name="Look at it first").click()
        await expect(
            page.get_by_role("status").filter(has_text="It is not saved yet.")
        ).to_be_focused()
        await reader.goto(hub.url)
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
        await reader.goto(hub.url)
        await expect(reader).to_have_title(re.compile("^Oak Street"))
        await expect(reader.get_by_text("The Oaks").first).to_be_visible()
        hue = "() => getComputedStyle(document.documentElement).getPropertyValue('--hue').trim()"
        assert await reader.evaluate(hue) == "150"
        await context.close()
        await reader.close()
