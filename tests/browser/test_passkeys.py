"""Passkeys and Mastodon in a real browser: a virtual device signs, a server says who came."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, expect

from federation.guard import Guard
from federation.testing import Wire
from tests.browser.conftest import PHONE
from tests.browser.test_reading import violations
from tests.mastodon import Mastodon
from tests.processes import HubProcess, free_port

pytestmark = pytest.mark.browser

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    # Nobody touches it until the test says so: else it would answer as the page opens.
    "automaticPresenceSimulation": False,
}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with a name, since browsers keep no passkeys for mere addresses."""
    hub = HubProcess(tmp_path_factory.mktemp("named"), env={"HUB_NAME": "Oak Street"})
    hub.env["HUB_URL"] = f"http://localhost:{hub.port}"
    hub.start()
    yield hub
    hub.stop()


@asynccontextmanager
async def _browsing(
    browser: Browser, hub: HubProcess, *, script: bool = True
) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """A telephone whose browser complains about nothing."""
    context = await browser.new_context(
        viewport=PHONE,
        java_script_enabled=script,
        locale="en-GB",
        base_url=hub.env["HUB_URL"],
        bypass_csp=False,
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if _bad(said.type) else None)
    yield context, page
    await context.close()
    # That a passkey is refused is an answer of 403, which Chromium tells as an error.
    assert [said for said in complaints if "status of 403" not in said] == []


def _bad(kind: str) -> bool:
    return kind in {"error", "warning"}


async def _come_in(page: Page, hub: HubProcess) -> None:
    await page.goto(hub.command("setup", "--link").split()[-1])
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("What shall we call you?").fill("Ann")
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url("/admin/setup")


async def _device(context: BrowserContext, page: Page) -> tuple[CDPSession, str]:
    session = await context.new_cdp_session(page)
    await session.send("WebAuthn.enable", {"enableUI": False})
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session, made["authenticatorId"]


async def _touch(session: CDPSession, device: str, enabled: bool) -> None:
    await session.send(
        "WebAuthn.setAutomaticPresenceSimulation",
        {"authenticatorId": device, "enabled": enabled},
    )


async def _press(page: Page, session: CDPSession, device: str) -> None:
    """Press the button to sign in, where nothing was offered before: the page got no challenge."""
    where = "**/sign-in/passkey/challenge"
    await page.route(where, lambda route: route.fulfill(json={}), times=1)
    async with page.expect_response(where):
        await page.goto("/sign-in")
    # A virtual device answers nothing that it was asked before it is touched.
    await _touch(session, device, True)
    await page.get_by_role("button", name="Sign in with a passkey").click()


async def test_a_passkey_from_the_first_to_the_last(browser: Browser, named: HubProcess) -> None:
    async with _browsing(browser, named) as (context, page):
        await _come_in(page, named)
        session, device = await _device(context, page)
        await page.goto("/me")
        await page.get_by_label("What shall it be called?").fill("Ann’s telephone")
        await _touch(session, device, True)
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("The passkey is added.")).to_be_visible()
        await expect(page.get_by_role("heading", name="Ann’s telephone")).to_be_visible()
        await expect(page.get_by_text("not used yet")).to_be_visible()

        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("has a passkey for this hub already")).to_be_visible()

        await _touch(session, device, False)
        await page.get_by_role("button", name="Sign out everywhere").click()
        await _press(page, session, device)
        await page.wait_for_url("/")
        await page.goto("/me")
        await expect(page.get_by_text("last used").first).to_be_visible()

        # Nobody presses a button: the browser offers it in the field for the address.
        await _touch(session, device, False)
        await page.get_by_role("button", name="Sign out everywhere").click()
        await _touch(session, device, True)
        await page.goto("/sign-in", wait_until="commit")
        await page.wait_for_url("/")

        await page.goto("/me")
        await page.get_by_role("button", name="Remove Ann’s telephone").click()
        await expect(page.get_by_text("That passkey signs nobody in any more.")).to_be_visible()
        await _touch(session, device, False)
        await page.get_by_role("button", name="Sign out everywhere").click()
        await _press(page, session, device)
        await expect(page.get_by_text("This passkey is not known here")).to_be_visible()


async def test_a_device_that_says_no_is_told_on_the_page(
    browser: Browser, named: HubProcess
) -> None:
    async with _browsing(browser, named) as (context, page):
        session, device = await _device(context, page)
        await session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False}
        )
        await _touch(session, device, True)
        await page.goto("/sign-in")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_text("Nothing happened")).to_be_visible()


async def test_without_scripts_there_is_no_word_of_it(browser: Browser, named: HubProcess) -> None:
    async with _browsing(browser, named, script=False) as (_, page):
        await page.goto("/sign-in")
        await expect(page.get_by_role("button", name="E-mail me a link")).to_be_visible()
        await expect(page.get_by_role("button", name="Sign in with Mastodon")).to_be_visible()
        await expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()


async def test_the_pages_with_passkeys_are_accessible(browser: Browser, named: HubProcess) -> None:
    context = await browser.new_context(
        viewport=PHONE, base_url=named.env["HUB_URL"], bypass_csp=True
    )
    page = await context.new_page()
    await page.goto("/sign-in")
    await expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    assert await violations(page) == []
    await _come_in(page, named)
    await page.goto("/me")
    await expect(page.get_by_role("button", name="Add a passkey")).to_be_visible()
    assert await violations(page) == []
    await context.close()


@asynccontextmanager
async def _social() -> AsyncIterator[Mastodon]:
    """A server after Mastodon's documentation, on loopback."""
    port = free_port()
    guard = Guard((ipaddress.ip_network("127.0.0.0/8"),), allow_http=True)
    social = Mastodon(f"http://127.0.0.1:{port}", Wire(), guard=guard)
    server = uvicorn.Server(
        uvicorn.Config(social, port=port, log_level="critical", lifespan="off", access_log=False)
    )
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    yield social
    server.should_exit = True
    await running


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
async def test_sign_in_with_mastodon(browser: Browser, named: HubProcess, script: bool) -> None:
    async with _social() as social, _browsing(browser, named, script=script) as (_, page):
        await page.goto("/sign-in")
        await page.get_by_label("Your Mastodon address").fill(f"@ann@{social.host}")
        await page.get_by_role("button", name="Sign in with Mastodon").click()
        await expect(page.get_by_role("heading", name="Oak Street wants to know")).to_be_visible()
        await page.get_by_role("button", name="Authorize").click()
        await expect(page.get_by_label("What shall we call you?")).to_have_value("Ann Lee")
        await page.get_by_role("button", name="Go on").click()
        await page.goto("/me")
        await expect(page.get_by_role("heading", name=f"@ann@{social.host}")).to_be_visible()
        assert social.tokens == {}
