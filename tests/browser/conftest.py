"""A hub as a steward starts it, with the made-up neighbourhood, and browsers that visit it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from tests.machine import ADVICE, chromium
from tests.processes import HubProcess, hub_process

PHONE, WIDE = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=900)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 20_000  # machines that test have better things to do

Visit = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A running hub with the demo in it."""
    names = {
        "HUB_NAME": "Oak Street",
        "HUB_TIMEZONE": "Europe/London",
        "HUB_CONTACT": "a@b.example",
    }
    with hub_process(tmp_path_factory.mktemp("hub"), **names) as running:
        running.command("demo")
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The machine's Chromium."""
    path = chromium()
    if path is None:
        pytest.fail(ADVICE)
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        await running.close()


@pytest.fixture(scope="session")
def cookies(hub: HubProcess) -> list[dict[str, Any]]:
    """What a signed-in steward's browser holds; filled by the first test that signs in."""
    return []


@pytest.fixture
async def visit(browser: Browser, hub: HubProcess, cookies: list[Any]) -> AsyncIterator[Visit]:
    """Opens a page of the hub: `page = await visit("/events", steward=True, script=False)`.

    An empty path opens an empty page. What is complained about on the console fails the test.
    """
    opened: list[BrowserContext] = []
    complaints: list[str] = []

    async def open_page(
        path: str = "/",
        *,
        steward: bool = False,
        script: bool = True,
        size: ViewportSize = PHONE,
        **options: Any,
    ) -> Page:
        context = await browser.new_context(
            viewport=size,
            java_script_enabled=script,
            locale="en-GB",
            **{"service_workers": "block", **options},
        )
        opened.append(context)
        if steward:
            await context.add_cookies(cookies or await _sign_in(context, hub, cookies))
        page = await context.new_page()
        page.on("console", lambda said: _note(complaints, said.type, said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if path:
            await page.goto(hub.url + path)
        return page

    yield open_page
    for context in opened:
        await context.close()
    assert complaints == []


async def _sign_in(context: BrowserContext, hub: HubProcess, cookies: list[Any]) -> list[Any]:
    page = await context.new_page()
    await page.goto(hub.command("setup").split()[-1])
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("What shall we call you?").fill("Ann")
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url(f"{hub.url}/admin/setup")
    await page.close()
    cookies += await context.cookies()
    return cookies


def _note(complaints: list[str], kind: str, text: str) -> None:
    # That the answer to a wrong form is a 422 is no mistake, though Chromium tells it as one; and
    # Playwright tells that it lets nothing be kept for reading offline.
    told = ("status of 422", "Service Worker registration blocked")
    if kind in {"error", "warning"} and not any(words in text for words in told):
        complaints.append(text)
