"""Without a mouse, without sight, with little sight: paths that people depend on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tests.browser.conftest import PHONE, WIDE, Visit
from tests.mailserver import MailServer, body, mail_server
from tests.processes import ROOT, HubProcess, eventually, hub_process
from tests.visitor import path_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
ENLARGED = ViewportSize(width=320, height=256)  # 1280 by 1024, at 400 %
MOST_TABS = 120
PT = 96 / 72  # CSS pixels of a point
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
# What has the focus: its place in the page, whether an outline shows it, whether it is covered.
FOCUSED = """() => {
    const one = document.activeElement;
    if (one === document.body) return null;
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const around = getComputedStyle(one, "::after").outlineStyle;
    return {
        place: [...document.querySelectorAll("*")].indexOf(one),
        outlined: style.outlineStyle !== "none" || around !== "none",
        seen: !at || one.contains(at) || at.contains(one),
        what: one.outerHTML.slice(0, 90),
    };
}"""
SMALLEST_ON_PAPER = """() => Math.min(...[...document.querySelectorAll("main *")]
    .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(one => parseFloat(getComputedStyle(one).fontSize)))"""


async def _axe(page: Page) -> list[str]:
    """What is serious among what axe finds."""
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [one["id"] for one in found["violations"] if one["impact"] in {"serious", "critical"}]


async def _tab_to(page: Page, target: Locator) -> None:
    """Press Tab until it is there."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if await page.locator(":focus").and_(target).count():
            return
    raise AssertionError(f"not within {MOST_TABS} tabs: {target}")


async def _enter(page: Page, target: Locator) -> None:
    await _tab_to(page, target)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
async def test_t39_a_want_is_posted_and_an_event_found_by_keyboard_alone(
    visit: Visit, script: bool
) -> None:
    page = await visit("/", script=script, size=ENLARGED, bypass_csp=True)
    found = []

    async def look() -> None:
        assert await page.get_by_role("heading", level=1).count() == 1
        assert await page.get_by_role("main").count() == 1
        if script:  # what asks the page from inside needs them
            found.extend(await _axe(page))
            assert await page.evaluate(OVERFLOW) <= 0, page.url

    await _enter(page, page.get_by_role("link", name="I need"))
    await look()
    await _tab_to(page, page.get_by_label("What do you need?"))
    await page.keyboard.type("A hand with the shopping")
    await _tab_to(page, page.get_by_role("radio", name="A thing"))
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="Time, a hand")).to_be_checked()
    await _tab_to(page, page.get_by_role("radio", name="To keep"))
    await page.keyboard.press("Space")
    await _enter(page, page.get_by_role("button", name="Go on"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look at it once more")
    await look()
    await _tab_to(page, page.get_by_label("Your e-mail address"))
    await page.keyboard.type(f"t39{script}@mail.example".lower())
    await _enter(page, page.get_by_role("button", name="Send me the letter"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("A steward has it now")

    tabs = page.get_by_role("navigation", name="Main")
    await _enter(page, tabs.get_by_role("link", name="Events"))
    event = page.get_by_role("main").get_by_role("link", name="Repair café").first
    await _enter(page, event)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Repair café")
    await look()
    assert found == []


@pytest.mark.parametrize("path", ["/", "/events", "/post/want", "/more", "/display"])
async def test_the_focus_goes_through_a_page_in_its_order_is_seen_and_leaves_it(
    visit: Visit, path: str
) -> None:
    page = await visit(path, size=PHONE, reduced_motion="reduce")
    places = []
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        one: dict[str, Any] | None = await page.evaluate(FOCUSED)
        if one is None:
            break
        assert one["outlined"], one["what"]
        assert one["seen"], one["what"]
        places.append(one["place"])
    else:
        raise AssertionError("the focus does not leave the page")
    assert places == sorted(set(places))
    assert len(places) > 8


async def test_what_a_form_has_to_say_gets_the_focus(visit: Visit) -> None:
    page = await visit("/post/want", size=ENLARGED)
    await _enter(page, page.get_by_role("button", name="Go on"))
    await expect(page.get_by_role("alert")).to_be_focused()
    await _enter(page, page.get_by_role("alert").get_by_role("link").first)
    await expect(page.get_by_label("What do you need?")).to_be_focused()


# --------------------------------------------------------------------- large, plain, light or dark


@dataclass
class Mailing:
    """A hub that sends letters, and where they arrive."""

    hub: HubProcess
    server: MailServer

    def letter(self, to: str, words: str) -> str:
        """The newest letter to somebody, once one with these words has come."""

        def fits() -> list[str]:
            return [one for one in map(body, self.server.to(to)) if words in one]

        eventually(lambda: bool(fits()), f"a letter to {to} says {words}")
        return fits()[-1]


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailing]:
    with mail_server() as server:
        names = {"HUB_NAME": "Oak Street", "HUB_SMTP_URL": server.url}
        with hub_process(tmp_path_factory.mktemp("large"), **names) as hub:
            hub.command("demo")
            yield Mailing(hub, server)


async def _reader(browser: Browser, hub: HubProcess, **options: Any) -> BrowserContext:
    return await browser.new_context(
        viewport=PHONE, locale="en-GB", base_url=hub.url, service_workers="block", **options
    )


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
async def test_t40_large_text_and_the_plain_layout_are_kept_and_letters_end_by_one_tap(
    browser: Browser, mailing: Mailing, script: bool
) -> None:
    context = await _reader(browser, mailing.hub, java_script_enabled=script)
    page = await context.new_page()
    await page.goto("/events")
    await page.get_by_role("link", name="Text size and colours").click()
    await page.get_by_label("Very large").check()
    await page.get_by_label("Plain").check()
    await page.get_by_role("button", name="Keep it so").click()
    await page.wait_for_url("**/events")
    (cookie,) = await context.cookies()
    assert cookie.get("value") == "huge.plain.auto"

    await page.get_by_role("link", name="A week on paper").click()
    await page.get_by_role("link", name="Week after").click()  # in it there is something on
    await expect(page.locator("html.large .a4 section").first).to_be_visible()
    if script:
        await page.emulate_media(media="print")
        assert await page.evaluate(SMALLEST_ON_PAPER) >= 18 * PT - 0.1
        await page.emulate_media(media="screen")
    for path in ("/", "/swap", "/more"):
        await page.goto(path)
        await expect(page.locator('html[data-text="huge"][data-layout="plain"]')).to_be_attached()
        if script:
            assert await page.evaluate("getComputedStyle(document.body).fontSize") == "25.6px"
            assert await page.evaluate(OVERFLOW) <= 0, path

    thing = "Large-print atlas" if script else "Large-print dictionary"
    stop = await _letter_that_ends_letters(mailing, context, thing)
    await page.goto(stop)
    main = page.get_by_role("main")
    assert await main.get_by_role("button").count() == 1
    await main.get_by_role("button", name="No more of these letters").click()
    await expect(page.get_by_role("status").filter(has_text="Done")).to_be_visible()
    await context.close()


async def _letter_that_ends_letters(mailing: Mailing, context: BrowserContext, thing: str) -> str:
    """Somebody signs in, asks for something, and is told of what fits; how to hear no more."""
    email = f"{uuid4().hex[:8]}@mail.example"
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.get_by_label("Your e-mail address").fill(email)
    await page.get_by_role("button", name="E-mail me a link").click()
    await page.goto(path_in(mailing.letter(email, "/sign-in/"), "sign-in"))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("What shall we call you?").fill("Mary")
    await page.get_by_role("button", name="Go on").click()
    await page.goto("/me")
    letter = page.get_by_label("Send me what is on")
    await letter.check()
    await page.locator("form").filter(has=letter).get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    await page.goto("/post/want")
    await page.get_by_label("What do you need?").fill(thing)
    await page.get_by_label("A thing").check()
    await page.get_by_label("To borrow").check()
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(thing)
    await page.close()
    _offer(mailing.hub, thing)
    return path_in(mailing.letter(email, "/unsubscribe/"), "unsubscribe")


def _offer(hub: HubProcess, thing: str) -> None:
    headers = {"Authorization": f"Bearer {hub.token()}"}
    offer = {"title": thing, "kind": "item", "mode": "lend"}
    answer = httpx2.post(f"{hub.url}/api/v1/offers", json=offer, headers=headers, trust_env=False)
    assert answer.status_code == 201, answer.text


async def test_light_or_dark_is_as_the_reader_chose_whatever_the_device_says(
    browser: Browser, mailing: Mailing
) -> None:
    context = await _reader(browser, mailing.hub, color_scheme="light")
    page = await context.new_page()
    await page.goto("/display")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await page.get_by_label("Dark", exact=True).check()
    dark = await page.evaluate(ground)  # seen before it is kept
    assert dark != light
    assert await context.cookies() == []
    await page.get_by_role("button", name="Keep it so").click()
    await page.wait_for_url("**/")
    assert await page.evaluate(ground) == dark
    await page.emulate_media(media="print", color_scheme="dark")
    assert await page.evaluate(ground) == "rgb(255, 255, 255)"
    await page.emulate_media(media="screen")
    await page.goto("/display")
    await page.get_by_label("As my device has it").check()
    await page.get_by_role("button", name="Keep it so").click()
    await page.wait_for_url("**/")
    assert await context.cookies() == []
    await context.close()


async def test_on_paper_there_is_no_furniture(visit: Visit) -> None:
    page = await visit("/events", size=WIDE)
    await page.emulate_media(media="print")
    for furniture in (".tabs", ".seek", ".foot", ".skip", ".bar", ".elsewhere", ".button"):
        for one in await page.locator(furniture).all():
            assert not await one.is_visible(), furniture
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    colour = "getComputedStyle(document.querySelector('.card h3 a')).color"
    assert await page.evaluate(colour) == "rgb(0, 0, 0)"
