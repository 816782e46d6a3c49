"""Nothing that people or other servers write runs in a browser (SECURITY E1, E2).

Every text of `tests/world.py` is made an attack, all of `attacks.py` at once; every page that shows
one is opened in Chromium: with the policy that forbids scripts, and again without it, so that
escaping and cleaning hold alone. Pages lie in frames side by side, which is quicker.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Frame, Page, Route
from sqlalchemy import select, update

from hub.core.db import Base
from hub.core.text import clean, markdown
from tests.browser.attacks import ADDRESSES, ATTACKS, EVIL, PRODUCT
from tests.conftest import MakeHub, Running
from tests.crawling import PAGE, Visitor, addresses, ask, visitors, with_secrets
from tests.integration.test_canaries import CANARY, texts
from tests.peer import Peer
from tests.routes import inside, routes_of
from tests.world import FAR, World, world

pytestmark = pytest.mark.browser

ALL: Final = " ".join(ATTACKS)
MARK: Final = "atk7"  # in front of each of them, so that pages which show one are known
HTML_COLUMNS: Final = {("entry", "content"), ("reply", "content")}
FRAMES_AT_ONCE: Final = 12
# Counts what runs, notes what a page should not have, and tells of what the policy stopped.
WATCH: Final = """
window.ran = []; window.stopped = [];
for (const name of ["alert", "confirm", "prompt", "print"]) {
  window[name] = what => { window.ran.push(`${name} ${what}`); };
}
document.addEventListener("securitypolicyviolation", event =>
  window.stopped.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# Runs what would run on a touch, and lists what must not be in any page.
LOOK: Final = """() => {
  const odd = [], good = /^(https?|mailto|tel|geo|webcal|xmpp|gemini|magnet):$/;
  for (const one of document.querySelectorAll("*")) {
    for (const {name, value} of one.attributes) {
      if (name === "style" && one.closest(".leaflet-container")) continue;  // by the map's script
      if (/^(on|hx-on|data-hx-on|style$|srcdoc$)/i.test(name)) odd.push(`${one.tagName} ${name}`);
      if (/^(href|src|action|formaction|data|xlink:href|poster|background)$/i.test(name)) {
        const there = new URL(value, document.baseURI);
        const drawn = there.protocol === "data:" && one.tagName === "IMG";
        if (!good.test(there.protocol) && !drawn) odd.push(`${one.tagName} ${name}=${value}`);
      }
    }
    if (one.matches("base[href]") ||
        /^(embed|object|iframe|frame|math|style|applet)$/i.test(one.tagName)) {
      odd.push(one.outerHTML.slice(0, 90));
    }
    if (one.tagName === "SCRIPT" && !one.src && !/json/.test(one.type)) odd.push("script in line");
    for (const type of ["mouseover", "focus", "pointerenter", "beforetoggle"]) {
      one.dispatchEvent(new Event(type));
    }
  }
  return {odd, ran: window.ran, stopped: window.stopped, text: document.body.innerText};
}"""


async def _attacked(hub: Running) -> World:
    """The world with an attack in place of each of its texts, whoever wrote it."""
    made = await world(hub)
    cleaned = "".join(f"<p>{MARK}</p>{clean(one)}{markdown(one)}" for one in ATTACKS)
    async with hub.services.db.write() as session:
        for table in Base.metadata.sorted_tables:
            keys = list(table.primary_key.columns)
            for column in texts(table):
                words = cleaned if (table.name, column.name) in HTML_COLUMNS else f"{MARK} {ALL}"
                for *key, value in (await session.execute(select(*keys, column))).all():
                    attack = _with(value, words.replace("\0", ""))
                    if attack != value:
                        where = [one == found for one, found in zip(keys, key, strict=True)]
                        await session.execute(
                            update(table).where(*where).values({column.name: attack})
                        )
    return made


def _with(value: Any, words: str) -> Any:
    """The value, with `words` after each canary in it."""
    match value:
        case str():
            return CANARY.sub(lambda found: f"{found[0]} {words}", value)
        case list():
            return [_with(one, words) for one in value]
        case dict():
            return {name: _with(one, words) for name, one in value.items()}
        case _:
            return value  # documents for servers, which no browser shows


async def _pages(made: World) -> dict[str, list[str]]:
    """For each route the first address that shows an attack, by who sees it; and what reflects."""
    routes = [route for route in routes_of(inside(made.hub.app)) if route.method == "GET"]
    ways = {one.name: one for one in visitors(made)}
    found: dict[str, list[str]] = {"stranger": [*_reflecting()]}
    left = routes
    for name in ("steward", "owner"):
        found[name], routes, left = [], left, []
        for route in routes:
            for path in addresses(made, route):
                if await _shows(made, ways[name], path):
                    found[name].append(path)
                    break
            else:
                left.append(route)  # perhaps somebody else sees what it shows
    found["bearer"] = [
        path for path in with_secrets(made) if await _shows(made, ways["bearer"], path)
    ]
    return found


async def _shows(made: World, visitor: Visitor, path: str) -> bool:
    answer = await ask(made.hub, path, {**visitor.headers, "accept": PAGE})
    page = answer.headers.get("content-type", "").startswith("text/html")
    return page and f"{MARK} " in answer.text


def _reflecting() -> Iterable[str]:
    """Addresses whose page says again what was asked."""
    short: list[str] = []
    for one in ATTACKS:
        if short and len(short[-1]) + len(one) < 190:
            short[-1] += f" {one}"
        else:
            short.append(one)
    for words in short:
        given = quote(words[:190])
        yield f"/search?q={given}&tag={given}"
    everything = quote(ALL)
    for one in ("/about?follow={}", "/authorize?uri={}", "/nothing/{}", "/search?q={}"):
        yield one.format(everything)
    for one in ("javascript:alert(1)", "//evil.example", "\\evil.example", "data:text/html,x"):
        yield f"/more?back={quote(one)}"


class Window:
    """A browser that reaches this hub alone; what it asks of others is noted."""

    def __init__(self, made: World, visitor: Visitor, *, policy: bool) -> None:
        self.made, self.visitor, self.policy = made, visitor, policy
        self.outside: list[str] = []

    async def answer(self, route: Route) -> None:
        """The hub's answer to a request of the page; for `/frames` a page of frames."""
        there = urlsplit(route.request.url)
        if there.netloc != "hub.example":
            self.outside.append(route.request.url)
            await route.abort()
            return
        if there.path == "/frames":
            frames = (f'<iframe src="{html.escape(self.paths[int(n)])}"></iframe>'
                      for n in there.query.split(","))  # fmt: skip
            await route.fulfill(body=f"<!doctype html>{''.join(frames)}", content_type=PAGE)
            return
        path = there.path + (f"?{there.query}" if there.query else "")
        accept = route.request.headers.get("accept", "*/*")
        found = await ask(self.made.hub, path, {**self.visitor.headers, "accept": accept})
        await route.fulfill(
            status=found.status, headers=self._headers(found.headers), body=found.body
        )

    def _headers(self, given: Mapping[str, str]) -> dict[str, str]:
        """Those of the answer, but that it may lie in a frame; without policy, none of it."""
        kept = {name: value for name, value in given.items() if name != "x-frame-options"}
        said = kept.pop("content-security-policy", "")
        if self.policy and said:
            kept["content-security-policy"] = said.replace(
                "frame-ancestors 'none'", "frame-ancestors 'self'"
            )
        return kept

    async def look(self, context: BrowserContext, paths: list[str]) -> list[tuple[str, Any]]:
        """What is wrong with these pages."""
        self.paths = paths
        await context.route("**/*", self.answer)
        await context.add_init_script(WATCH)
        page = await context.new_page()
        wrong: list[tuple[str, Any]] = []
        for first in range(0, len(paths), FRAMES_AT_ONCE):
            numbers = range(first, min(first + FRAMES_AT_ONCE, len(paths)))
            await page.goto(f"https://hub.example/frames?{','.join(map(str, numbers))}")
            wrong += await self._wrong(page, [paths[n] for n in numbers])
        return wrong

    async def _wrong(self, page: Page, paths: list[str]) -> list[tuple[str, Any]]:
        frames = [frame for frame in page.frames if frame.parent_frame == page.main_frame]
        assert len(frames) == len(paths)
        wrong: list[tuple[str, Any]] = []
        for frame, path in zip(frames, paths, strict=True):
            found = await frame.evaluate(LOOK)
            kept = urlsplit(frame.url).netloc == "hub.example"
            text = found.pop("text")
            if any(found.values()) or not kept or PRODUCT in text or frame.child_frames:
                wrong.append((path, {**found, "url": frame.url[:99]}))
        return wrong


@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without it"])
async def test_e1_nothing_that_anybody_wrote_runs(
    browser: Browser, make_hub: MakeHub, policy: bool
) -> None:
    cut = f"{MARK} {ALL}"
    hub = await make_hub(
        name=cut[:80], area=cut[80:200], contact=cut[200:400], imprint=cut[400:2400]
    )
    made = await _attacked(hub)
    pages = await _pages(made)
    assert len(pages["steward"]) > 20
    ways = {one.name: one for one in visitors(made)}
    for name, paths in pages.items():
        window = Window(made, ways[name], policy=policy)
        context = await browser.new_context(service_workers="block")
        wrong = await window.look(context, paths)
        await context.close()
        assert not wrong, "\n".join(map(str, wrong[:20]))
        assert not [one for one in window.outside if EVIL in one], window.outside


async def test_e1_an_attack_that_is_let_through_is_seen(browser: Browser, hub_: Running) -> None:
    """The watch itself: what runs is counted, without the policy, and what it stops with it."""
    made = World(hub_)
    for policy in (True, False):
        window = Window(made, Visitor("stranger", {}, (PAGE,)), policy=policy)
        context = await browser.new_context()
        await context.route("**/*", window.answer)
        await context.add_init_script(WATCH)
        page = await context.new_page()
        await page.goto("https://hub.example/about")
        await page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x:x onerror=alert(1)>')"
        )
        frame: Frame = page.main_frame
        await frame.wait_for_function("window.ran.length + window.stopped.length > 0")
        found = await frame.evaluate(LOOK)
        assert bool(found["ran"]) is not policy
        assert bool(found["stopped"]) is policy
        assert found["odd"]
        await context.close()


@pytest.fixture
async def hub_(make_hub: MakeHub) -> Running:
    """One hub in this process."""
    running: Running = await make_hub()
    return running


async def test_e2_addresses_of_other_servers_that_are_programs_are_left_out(
    hub_: Running,
) -> None:
    """Wherever a document may name an address, one that is a program leads nowhere."""
    made = await world(hub_)
    del made
    peer = Peer(hub_, "evil.example", "ada")
    bad = [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "\njavascript:alert(1)",
    ]
    for number, address in enumerate(bad):
        note = {
            "id": f"{peer.origin}/notes/{number}", "type": "Note", "name": "x", "url": address,
            "attributedTo": peer.uri("ada"), "content": f"<a href='{address}'>x</a> {ADDRESSES[0]}",
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
            "cc": [f"{hub_.url}/actors/board"], "attachment": [{"type": "Link", "href": address}],
            "tag": [{"type": "Mention", "href": f"{hub_.url}/actors/board", "name": "@board"}],
        }  # fmt: skip
        create = {
            "@context": "https://www.w3.org/ns/activitystreams", "type": "Create", "object": note,
            "id": f"{peer.origin}/creates/{number}", "actor": peer.uri("ada"), "to": note["to"],
            "cc": note["cc"],
        }  # fmt: skip
        assert await peer.post("ada", create) == 202
    await hub_.work()
    page = await hub_.web.get("/admin/inbox?show=all", headers={**hub_.steward, "accept": PAGE})
    assert page.status_code == 200
    assert "evil.example" in page.text
    for address in ("javascript:", "vbscript:", "data:text"):
        assert f'href="{address}' not in page.text.lower()
    assert FAR in page.text
