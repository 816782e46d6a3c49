"""T07: what is written where there is no network is kept on the telephone, and sent once."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PHONE
from tests.browser.test_offline import READY
from tests.processes import HubProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

GPS = 0x8825
SECRET = "52.4862 north"
WAITS = "Waits for the network."
PUBLISH = re.compile("^(Go on|Publish)$")  # a form kept on the device knows nobody
SMALLEST_PHOTO = 5_000
ON_DEVICE = """async () => {
    const cache = await caches.open("waiting");
    const [key] = await cache.keys();
    const [answer, again] = [await cache.match(key), await cache.match(key)];
    const picture = (await again.formData()).get("picture");
    return {text: await answer.text(), picture: picture.size};
}"""
SPARE = """async () => {
    const there = async path => (await caches.open("spare")).match(path);
    while (!(await there("/post/offer")) || !(await there("/post/waiting")))
        await new Promise(go => setTimeout(go, 50));
}"""


@pytest.fixture
async def phone(browser: Browser, hub: HubProcess) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=PHONE, locale="en-GB", base_url=hub.url)
    yield context
    await context.close()


def _photo(folder: Path) -> Path:
    path = folder / "ladder.jpg"
    exif = Image.Exif()
    exif.get_ifd(GPS)[0x001D] = SECRET
    exif[0x010E] = SECRET
    out = io.BytesIO()
    Image.new("RGB", (2400, 1200), "peru").save(out, "JPEG", exif=exif)
    assert SECRET.encode() in out.getvalue()
    path.write_bytes(out.getvalue())
    return path


async def _signed_in(phone: BrowserContext, hub: HubProcess) -> Page:
    page = await phone.new_page()
    await page.goto(hub.command("setup", "--link").split()[-1])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(lambda url: "/sign-in" not in url)
    await page.goto("/about")
    assert await page.evaluate(READY)
    await page.evaluate(SPARE)
    await page.goto("/about")  # now the worker has seen who is signed in
    return page


async def _offer(page: Page, title: str, photo: Path) -> None:
    await page.goto("/post/offer")
    await page.get_by_label("What do you offer?").fill(title)
    await page.get_by_label("A thing").check()
    await page.get_by_label("To borrow").check()
    await page.get_by_text("Say more (optional)").click()
    await page.get_by_label("Picture (optional)").set_input_files(photo)
    await page.get_by_label("What the picture shows").fill(f"The {title}")
    await page.get_by_role("button", name=PUBLISH).click()


async def _offers(page: Page, title: str) -> list[dict[str, Any]]:
    answer = await page.request.get(f"/api/v1/offers?q={title.replace(' ', '%20')}")
    items: list[dict[str, Any]] = (await answer.json())["items"]
    return items


async def test_t07_a_photo_without_a_network_is_sent_later_once_and_without_its_place(
    phone: BrowserContext, hub: HubProcess, tmp_path: Path
) -> None:
    page, photo = await _signed_in(phone, hub), _photo(tmp_path)
    hub.stop()
    try:
        await _offer(page, "Cellar ladder", photo)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Waiting on this device")
        await expect(page.get_by_text(WAITS)).to_be_visible()
        waiting = await page.evaluate(ON_DEVICE)
        assert waiting["picture"] > SMALLEST_PHOTO
        assert SECRET not in waiting["text"]  # it is taken out before anything leaves the telephone
        await page.goto("/events?view=week")
        await page.get_by_role("link", name="Something that you wrote waits").click()
        await expect(page.get_by_role("heading", name="Cellar ladder")).to_be_visible()
    finally:
        hub.start()

    # Two visits at once, and two tries in each: the hub takes it once.
    other = await phone.new_page()
    await page.goto("/about")
    await other.goto("/post/waiting")
    await expect(other.get_by_text("It is sent.")).to_be_visible()
    await other.reload()
    await other.get_by_role("link", name="Look at it").click()
    await expect(other.get_by_role("heading", level=1)).to_have_text("Cellar ladder")
    picture = other.get_by_role("img", name="The Cellar ladder")
    kept = await other.request.get(hub.url + (await picture.get_attribute("src") or ""))
    assert SECRET.encode() not in await kept.body()
    assert len(await _offers(page, "Cellar ladder")) == 1
    await page.goto("/post/waiting")
    await expect(page.get_by_text("Nothing waits.")).to_be_visible()


async def test_t07_what_is_sent_again_since_its_answer_was_lost_has_its_effect_once(
    phone: BrowserContext, hub: HubProcess, tmp_path: Path
) -> None:
    page, photo = await _signed_in(phone, hub), _photo(tmp_path)
    # The hub gets it; what it answers does not come back.
    lost = """() => { const real = self.fetch; self.fetch = async (...given) => {
        const answer = await real(...given);
        if ((given[0].method ?? given[1]?.method) !== "POST") return answer;
        self.fetch = real; throw new TypeError("the network is gone"); } }"""
    [worker] = phone.service_workers
    await worker.evaluate(lost)
    await _offer(page, "Attic ladder", photo)
    await expect(page.get_by_text("It is sent.")).to_be_visible()
    assert len(await _offers(page, "Attic ladder")) == 1


async def test_t07_it_waits_until_its_writer_is_signed_in_again(
    phone: BrowserContext, hub: HubProcess, tmp_path: Path
) -> None:
    page, photo = await _signed_in(phone, hub), _photo(tmp_path)
    cookies: Any = await phone.cookies()  # as they were given
    hub.stop()
    try:
        await _offer(page, "Garage ladder", photo)
        await expect(page.get_by_text(WAITS)).to_be_visible()
        await phone.clear_cookies()
    finally:
        hub.start()
    await page.goto("/post/waiting")
    await expect(page.get_by_text("Sign in again, and it goes out by itself.")).to_be_visible()
    await expect(page.get_by_text("Garage ladder")).to_have_count(0)  # the phone may be shared
    assert await _offers(page, "Garage ladder") == []
    await phone.add_cookies(cookies)
    await page.goto("/post/waiting")
    await expect(page.get_by_text("It is sent.")).to_be_visible()
    assert len(await _offers(page, "Garage ladder")) == 1


async def test_t07_without_an_account_a_draft_is_left_to_go_on_with(
    phone: BrowserContext, hub: HubProcess, tmp_path: Path
) -> None:
    page = await phone.new_page()
    await page.goto("/about")
    assert await page.evaluate(READY)
    await page.evaluate(SPARE)
    hub.stop()
    try:
        await _offer(page, "Shed ladder", _photo(tmp_path))
        await expect(page.get_by_text(WAITS)).to_be_visible()
    finally:
        hub.start()
    await page.goto("/post/waiting")
    await page.get_by_role("link", name="Go on").click()
    await expect(page.get_by_role("heading", name="Look at it once more")).to_be_visible()
    await expect(page.get_by_text("Shed ladder").first).to_be_visible()


async def test_t07_what_the_hub_does_not_take_is_looked_at_once_more(
    phone: BrowserContext, hub: HubProcess
) -> None:
    page = await _signed_in(phone, hub)
    hub.stop()
    try:
        await page.goto("/post/offer")
        await page.get_by_label("What do you offer?").fill("Half a ladder")
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_text(WAITS)).to_be_visible()
    finally:
        hub.start()
    await page.goto("/post/waiting")
    await page.get_by_role("button", name="Look at it").click()
    await expect(page.get_by_role("alert")).to_contain_text("Please check this form")
    await expect(page.get_by_label("What do you offer?")).to_have_value("Half a ladder")
    await page.get_by_label("A thing").check()
    await page.get_by_label("To borrow").check()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Half a ladder")
    await page.goto("/post/waiting")
    await expect(page.get_by_text("Nothing waits.")).to_be_visible()
