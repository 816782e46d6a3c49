"""Posting: with a mouse, without scripts, with mistakes; and what becomes of it afterwards."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from tests.browser.conftest import Visit
from tests.processes import HubProcess

pytestmark = pytest.mark.browser

MORE = "Say more (optional)"
AS2 = {"Accept": "application/activity+json"}


def _picture(folder: Path) -> Path:
    path = folder / "choir.jpg"
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    out = io.BytesIO()
    Image.new("RGB", (800, 500), "peru").save(out, "JPEG", exif=exif)
    path.write_bytes(out.getvalue())
    return path


async def _fill_event(page: Page, title: str) -> None:
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Day", exact=True).fill("2031-05-17")
    await page.get_by_label("Starts at").fill("18:00")
    await page.get_by_label("Where").fill(f"Hall of {title}")  # nothing else is there then
    await page.get_by_text("More about the time").click()
    await page.get_by_label("Ends at").fill("19:30")
    await page.get_by_text(MORE).click()
    await page.get_by_label("Description").fill("Come **and sing**.\n\n- no notes\n- tea")


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
async def test_an_event_is_posted_changed_called_off_and_deleted(
    visit: Visit, hub: HubProcess, script: bool
) -> None:
    page = await visit("/post", steward=True, script=script)
    await page.get_by_role("link", name="An event").click()
    await _fill_event(page, "Open rehearsal")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Open rehearsal")
    await expect(page.locator(".entry-title time")).to_have_text("Sat 17 May 2031, 18:00–19:30")
    await expect(page.locator(".prose strong")).to_have_text("and sing")
    address = page.url.partition("?")[0]

    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Title").fill("Open rehearsal of the choir")
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Open rehearsal of the choir")
    await expect(page.locator(".entry-title time")).to_have_text("Sat 17 May 2031, 18:00–19:30")

    await page.get_by_role("link", name="Call it off").click()
    await page.get_by_role("button", name="Yes, call it off").click()
    await expect(page.get_by_text("This event does not take place.")).to_be_visible()
    spoken = await page.request.get(address, headers=AS2)
    assert (await spoken.json())["type"] == "Event"

    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Yes, delete it").click()
    await expect(page.get_by_text("The event is deleted.")).to_be_visible()
    gone = await page.request.get(address, headers=AS2)
    assert (gone.status, (await gone.json())["type"]) == (410, "Tombstone")


async def test_mistakes_are_told_on_top_and_beside_the_fields(visit: Visit) -> None:
    page = await visit("/post/event", steward=True)
    await page.get_by_label("Where").fill("Elm Primary")
    await page.get_by_label("Day", exact=True).fill("")
    await page.get_by_role("button", name="Publish").click()
    summary = page.get_by_role("alert")
    await expect(summary).to_be_focused()
    told = await summary.get_by_role("listitem").all_inner_texts()
    assert told == [
        "Title: please fill this in",
        "Day: please fill this in",
        "Starts at: please fill this in",
    ]
    await summary.get_by_role("link", name="Title").click()
    await expect(page.get_by_label("Title")).to_be_focused()
    described = await page.get_by_label("Title").get_attribute("aria-describedby")
    assert described is not None
    assert "title-error" in described
    await expect(page.get_by_label("Where")).to_have_value("Elm Primary")


async def test_an_event_that_ends_after_midnight_ends_the_next_day(visit: Visit) -> None:
    page = await visit("/post/event", steward=True)
    await _fill_event(page, "Street party")
    await page.get_by_label("Ends at").fill("01:00")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator(".entry-title time")).to_have_text("Sat 17 May 2031, 18:00–01:00")


async def test_an_event_of_several_days_needs_no_clock(visit: Visit) -> None:
    page = await visit("/post/event", steward=True)
    await _fill_event(page, "Summer camp")
    await page.get_by_label("It lasts all day").check()
    await expect(page.get_by_label("Starts at")).to_be_hidden()
    await page.get_by_label("Last day").fill("2031-05-19")
    await page.get_by_role("button", name="Publish").click()
    time = page.locator(".entry-title time")
    await expect(time).to_have_text("Sat 17 May 2031 – Mon 19 May 2031")
    await page.get_by_role("link", name="Edit").click()
    await expect(page.get_by_label("Last day")).to_have_value("2031-05-19")


async def test_a_repeating_event_says_so_and_is_changed_date_by_date(visit: Visit) -> None:
    page = await visit("/post/event", steward=True)
    await _fill_event(page, "Board games")
    await page.get_by_label("Repeats", exact=True).select_option("weekday")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text("Please look at the dates once.")).to_be_visible()
    await page.get_by_label("Sat 21 Jun 2031").check()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator(".facts")).to_contain_text("the third Saturday of every month")
    await page.get_by_role("link", name="Edit").click()
    await expect(page.get_by_text("for this date alone")).to_be_visible()


async def test_t07_a_picture_needs_words_and_keeps_no_secrets(
    visit: Visit, hub: HubProcess, tmp_path: Path
) -> None:
    page = await visit("/post/offer", steward=True)
    await page.get_by_label("What do you offer?").fill("Song books")
    await page.get_by_label("A thing").check()
    await page.get_by_label("To borrow").check()
    await page.get_by_text(MORE).click()
    await page.get_by_label("Picture (optional)").set_input_files(_picture(tmp_path))
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("alert")).to_contain_text("say in words what the picture shows")
    await page.get_by_label("Picture (optional)").set_input_files(_picture(tmp_path))
    await page.get_by_label("What the picture shows").fill("A pile of song books")
    await page.get_by_role("button", name="Publish").click()
    picture = page.get_by_role("img", name="A pile of song books")
    await expect(picture).to_be_visible()
    kept = await page.request.get(hub.url + (await picture.get_attribute("src") or ""))
    assert kept.ok
    assert b"taken at home" not in await kept.body()


async def test_delicate_themes_are_shown_to_neighbours_first(visit: Visit) -> None:
    page = await visit("/post/want", steward=True)
    await expect(page.get_by_label("Everybody")).to_be_checked()
    await page.get_by_text(MORE).click()
    await page.get_by_label("Health").check()
    await expect(page.get_by_label("Neighbours only")).to_be_checked()
    await page.get_by_label("Everybody").check()
    await page.get_by_label("Money").check()
    await expect(page.get_by_label("Everybody")).to_be_checked()


async def test_without_scripts_delicate_themes_are_asked_about_once(visit: Visit) -> None:
    page = await visit("/post/want", steward=True, script=False)
    await page.get_by_label("What do you need?").fill("A lift to the clinic")
    await page.get_by_label("Time, a hand").check()
    await page.get_by_label("To share").check()
    await page.get_by_text(MORE).click()
    await page.get_by_label("Health").check()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text("Please look once more.")).to_be_visible()
    await expect(page.get_by_label("Neighbours only")).to_be_checked()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("A lift to the clinic")
    await expect(page.locator(".entry-title .badge")).to_have_text("Neighbours only")
    spoken = await page.request.get(page.url.partition("?")[0], headers=AS2)
    assert spoken.status == 404


async def test_an_offer_is_closed_in_words(visit: Visit) -> None:
    page = await visit("/post/offer", steward=True)
    await page.get_by_label("What do you offer?").fill("Garden chairs")
    await page.get_by_label("A thing").check()
    await page.get_by_label("Free to keep").check()
    await page.get_by_role("button", name="Publish").click()
    await page.get_by_role("link", name="Close it").click()
    await page.get_by_label("It is given").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("This is settled")).to_be_visible()
    await expect(page.get_by_role("link", name="Close it")).to_have_count(0)


async def test_visitors_may_write_and_are_told_what_comes(visit: Visit, hub: HubProcess) -> None:
    page = await visit("/post")
    await expect(page.get_by_text("You need no account")).to_be_visible()
    await page.get_by_role("link", name="An event").click()
    assert page.url == f"{hub.url}/post/event"
    await expect(page.get_by_role("button", name="Go on")).to_be_visible()


async def test_a_sign_in_link_works_once(visit: Visit, hub: HubProcess) -> None:
    link = hub.command("setup").split()[-1].removeprefix(hub.url)
    link = "/sign-in/" + link.rpartition("/")[2]
    page = await visit(link, script=False)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("What shall we call you?").fill("Bea")
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("link", name="More", exact=True).click()
    await expect(page.get_by_text("Signed in as Bea.")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    answer = await page.request.get(hub.url + link, headers={"Accept": "text/html"})
    assert answer.status == 410
