"""The moderators' queue by keyboard, with and without scripts, and for everybody who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_reading import TAP, violations
from tests.mailserver import MailServer, body, mail_server
from tests.processes import HubProcess, eventually, hub_process
from tests.visitor import path_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mailed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, MailServer]]:
    """A hub that can send mail, and where its letters arrive."""
    with mail_server() as server:
        names = {"HUB_NAME": "Oak Street", "HUB_SMTP_URL": server.url}
        with hub_process(tmp_path_factory.mktemp("moderated"), **names) as hub:
            yield hub, server


async def _steward(browser: Browser, hub: HubProcess, *, script: bool = True) -> BrowserContext:
    context = await browser.new_context(
        viewport=WIDE, java_script_enabled=script, locale="en-GB", base_url=hub.url, bypass_csp=True
    )
    page = await context.new_page()
    await page.goto(hub.command("setup").split()[-1])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("What shall we call you?")).to_be_visible()
    await page.close()
    return context


async def _post(browser: Browser, hub: HubProcess, server: MailServer, title: str) -> str:
    """Somebody without an account posts a want; the path of their letter's link."""
    email = f"{title.lower().replace(' ', '.')}@mail.example"
    context = await browser.new_context(java_script_enabled=False, base_url=hub.url)
    page = await context.new_page()
    await page.goto("/post/want")
    await page.get_by_label("What do you need?").fill(title)
    await page.get_by_label("To borrow").check()
    await page.get_by_label("Where, roughly?").fill("Elm Road")
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("Your e-mail address").fill(email)
    await page.get_by_role("button", name="Send me the letter").click()
    eventually(lambda: bool(server.to(email)), "the letter arrives")
    link = path_in(body(server.to(email)[0]), "mine")
    await page.goto(link)
    await page.get_by_role("button", name="Publish it").click()
    await expect(page.get_by_text("Thank you: it is published.")).to_be_visible()
    await context.close()
    return link


async def test_the_queue_is_worked_through_by_keyboard(
    browser: Browser, mailed: tuple[HubProcess, MailServer]
) -> None:
    hub, server = mailed
    context = await _steward(browser, hub)
    for title in ("Oak ladder", "Cheap pills", "Ash ladder"):
        await _post(browser, hub, server, title)
    page = await context.new_page()
    await page.goto("/admin/moderation")
    heading = page.locator("#card-head")
    await expect(heading).to_have_text("Oak ladder")
    assert await violations(page) == []
    await page.keyboard.press("s")  # later
    await expect(heading).to_have_text("Cheap pills")
    await page.keyboard.press("r")  # no rule is chosen: the browser says so, and nothing happens
    await page.keyboard.press("4")
    await expect(page.locator("#rule-3")).to_be_checked()
    await page.keyboard.press("m")
    await page.keyboard.type("a real, 1 word")  # keys are letters there
    await expect(page.locator("#note")).to_have_value("a real, 1 word")
    await page.locator("#rule-3").focus()
    await page.keyboard.press("r")
    await expect(page.get_by_role("status").filter(has_text="Taken down: 1 want.")).to_be_visible()
    await expect(heading).to_have_text("Oak ladder")
    await page.keyboard.press("u")  # undo
    await expect(page.get_by_text("A decision was taken back: 1 want.")).to_be_visible()
    await page.keyboard.press("a")
    await expect(page.get_by_text("Let stand: 1 want.")).to_be_visible()
    await expect(heading).to_have_text("Cheap pills")

    # Whoever dictates can switch the keys off, and that stays so.
    await page.get_by_text("With the keyboard").click()
    await page.get_by_role("button", name="Single keys work").click()
    await page.reload()
    await page.keyboard.press("a")
    await page.keyboard.press("s")
    await expect(heading).to_have_text("Cheap pills")
    await context.close()


async def test_t38_without_scripts_on_a_phone_from_the_report_to_the_appeal(
    browser: Browser, mailed: tuple[HubProcess, MailServer]
) -> None:
    hub, server = mailed
    context = await _steward(browser, hub, script=False)
    link = await _post(browser, hub, server, "Rude words")
    page = await context.new_page()
    await page.set_viewport_size(PHONE)
    await page.goto("/swap?show=wants")
    await page.get_by_role("link", name="Rude words").click()
    await page.get_by_role("link", name="Report").click()
    await page.get_by_label("Be as you would be at the garden fence").check()
    await page.get_by_role("button", name="Report it").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()

    await page.goto("/admin/moderation")
    await expect(page.locator("#card-head")).to_have_text("Rude words")  # reports come first
    await page.get_by_label("Be as you would be at the garden fence").check()
    button = page.get_by_role("button", name="Take it down")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= TAP
    await button.click()
    await expect(page.get_by_text("Taken down: 1 want.")).to_be_visible()

    email = "rude.words@mail.example"
    eventually(lambda: len(server.to(email)) > 1, "the letter arrives")
    await page.goto(link)
    await expect(page.get_by_text("taken away by the stewards")).to_be_visible()
    await page.goto(path_in(body(server.to(email)[-1]), "appeal"))
    await page.get_by_label("Why was it wrong?").fill("It is a title of a play.")
    await page.get_by_role("button", name="Ask for another look").click()
    await expect(page.get_by_text("a moderator looks at it again")).to_be_visible()
    await page.goto("/about/moderation")
    await expect(page.get_by_text("Taken down: 1 want.").first).to_be_visible()
    await context.close()


async def test_every_page_of_moderation_is_accessible(
    browser: Browser, mailed: tuple[HubProcess, MailServer]
) -> None:
    hub, server = mailed
    context = await _steward(browser, hub)
    await _post(browser, hub, server, "Elm ladder")
    page = await context.new_page()
    await page.goto("/swap?show=wants")
    await page.get_by_role("link", name="Elm ladder").click()
    report = await page.get_by_role("link", name="Report").get_attribute("href")
    found = {}
    looks: tuple[tuple[Any, Any], ...] = (("light", PHONE), ("dark", WIDE))
    for scheme, size in looks:
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size(size)
        for path in (
            *("/admin/moderation", "/admin/moderation/log", "/admin/moderation/rules"),
            *("/admin/servers/block?host=bad.example", "/about/moderation", str(report)),
        ):
            await page.goto(path)
            assert await page.locator("h1").count() == 1, path
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.evaluate(wide) <= 0, path
            if said := await violations(page):
                found[path] = said
    assert found == {}
    await context.close()
