"""What one's own page says about phones, and keeping a search by one press."""

from __future__ import annotations

import base64
import json

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_reading import AXE, RULES
from tests.processes import HubProcess

pytestmark = pytest.mark.browser

TELL = "Tell me on this phone"
UNABLE = "This browser cannot show such messages."
# A browser that allows it, whose push service answers at once.
ALLOWS = """
Notification.requestPermission = async () => "granted";
PushManager.prototype.getSubscription = async () => null;
PushManager.prototype.subscribe = async () => {
  return { toJSON: () => (%s) };
};
"""
KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SUBSCRIPTION = {
    "endpoint": "https://push.example/1",
    "keys": {"p256dh": KEY, "auth": base64.urlsafe_b64encode(b"s" * 16).rstrip(b"=").decode()},
}


async def test_without_scripts_the_page_says_that_it_cannot(visit: Visit) -> None:
    page = await visit("/me", steward=True, script=False)
    await expect(page.get_by_text(UNABLE)).to_be_visible()
    await expect(page.get_by_role("button", name=TELL)).to_be_hidden()


async def test_a_browser_that_cannot_says_so_and_one_that_may_not_too(
    visit: Visit, hub: HubProcess
) -> None:
    page = await visit("", steward=True)
    await page.add_init_script("delete window.PushManager")
    await page.goto(f"{hub.url}/me")
    await expect(page.get_by_text(UNABLE)).to_be_visible()
    page = await visit("", steward=True)
    await page.add_init_script('Notification.requestPermission = async () => "denied"')
    await page.goto(f"{hub.url}/me")
    await expect(page.get_by_text(UNABLE)).to_be_hidden()
    await page.get_by_role("button", name=TELL).click()
    await expect(page.get_by_text("Your browser does not allow it.")).to_be_visible()


async def test_a_browser_that_can_is_told_after_one_press(visit: Visit, hub: HubProcess) -> None:
    page = await visit("", steward=True, service_workers="allow")
    await page.add_init_script(ALLOWS % json.dumps(SUBSCRIPTION))
    await page.goto(f"{hub.url}/me")
    await page.get_by_role("button", name=TELL).click()
    await expect(page.get_by_text("This device is told from now on.")).to_be_visible()
    worker = await page.evaluate(
        "navigator.serviceWorker.ready.then((one) => one.active.scriptURL)"
    )
    assert worker == f"{hub.url}/sw.js"
    await page.get_by_role("button", name="No more on this device").click()
    await expect(page.get_by_role("button", name=TELL)).to_be_visible()


async def test_a_search_is_kept_by_one_press_and_the_page_has_no_fault(visit: Visit) -> None:
    page = await visit("/search?q=repair", steward=True, bypass_csp=True)
    await page.get_by_role("button", name="Keep this search").click()
    await expect(page.get_by_text("The search is kept.")).to_be_visible()
    kept = page.get_by_role("link", name="repair", exact=True)
    await expect(kept).to_be_visible()
    await page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert [one["id"] for one in found["violations"]] == []
    await page.get_by_role("button", name="Keep it no more").first.click()
    await expect(page.get_by_text("None yet.")).to_be_visible()
