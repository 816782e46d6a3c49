"""T05: somebody without an account, on a telephone with a bad connection, asks for a ladder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PHONE
from tests.mailserver import MailServer, body, mail_server
from tests.processes import HubProcess, eventually, hub_process
from tests.visitor import path_in

pytestmark = pytest.mark.browser

# A telephone at the edge of its network: what browsers call "Slow 3G".
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
FIELDS, STEPS = 4, 3


@dataclass
class Mailing:
    """A hub that can send mail, and where its letters arrive."""

    hub: HubProcess
    server: MailServer


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailing]:
    with mail_server() as server:
        names = {"HUB_NAME": "Oak Street", "HUB_SMTP_URL": server.url}
        with hub_process(tmp_path_factory.mktemp("mailing"), **names) as hub:
            yield Mailing(hub, server)


async def _steward(browser: Browser, hub: HubProcess) -> None:
    """A steward looks in, so that nothing is held."""
    page = await browser.new_page()
    await page.goto(hub.command("setup").split()[-1])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("What shall we call you?")).to_be_visible()
    await page.close()


async def _slowly(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", SLOW)


async def _visible_fields(page: Page) -> int:
    """How many questions the page asks before anything is opened; a group of choices is one."""
    count: int = await page.evaluate(
        """() => new Set([...document.querySelectorAll('form input, form select, form textarea')]
            .filter(field => field.type !== 'hidden' && field.checkVisibility())
            .map(field => field.name)).size"""
    )
    return count


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
async def test_t05_from_the_first_page_to_the_confirmed_want(
    browser: Browser, mailing: Mailing, script: bool
) -> None:
    hub, server, email = mailing.hub, mailing.server, f"ann{script}@mail.example".lower()
    await _steward(browser, hub)
    context = await browser.new_context(
        viewport=PHONE, java_script_enabled=script, locale="en-GB", base_url=hub.url
    )
    page = await context.new_page()
    await _slowly(page)
    filled, pressed = 0, 0
    begun = time.monotonic()
    await page.goto("/")
    await page.get_by_role("link", name="I need").click()
    if script:  # evaluate needs them
        assert await _visible_fields(page) <= FIELDS
    await page.get_by_label("What do you need?").fill("Ladder")
    await page.get_by_label("To borrow").check()
    await page.get_by_label("Where, roughly?").fill("LN 4 7")
    filled += 3
    await page.get_by_role("button", name="Go on").click()
    pressed += 1

    await expect(page.get_by_role("heading", name="Look at it once more")).to_be_visible()
    await expect(page.get_by_role("heading", name="On Mastodon")).to_be_visible()
    await expect(page.get_by_text("Wanted: Ladder")).to_be_visible()
    await expect(page.get_by_text("Neighbours who are signed in see it at once.")).to_be_visible()
    await page.get_by_label("Your e-mail address").fill(email)
    filled += 1
    await page.get_by_role("button", name="Send me the letter").click()
    pressed += 1

    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    eventually(lambda: bool(server.to(email)), "the letter arrives")
    await page.goto(path_in(body(server.to(email)[0]), "mine"))
    await page.get_by_role("button", name="Publish it").click()
    pressed += 1
    await expect(page.get_by_text("Thank you: it is published.")).to_be_visible()
    # How long is for people to read: a machine that tests has better things to do.
    took = time.monotonic() - begun
    print(f"\nT05: {took:.1f} s, {filled} fields, {pressed} steps, scripts: {script}")
    assert (filled, pressed) == (FIELDS, STEPS)

    await page.get_by_role("button", name="It is settled").click()
    await page.get_by_label("I have found it").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("This is settled")).to_be_visible()
    overflow = "document.documentElement.scrollWidth - innerWidth"
    if script:
        assert await page.evaluate(overflow) <= 0
    await context.close()
