"""T44: readers are spoken to in their own language, from the right where it is written so."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import feedparser
import pytest

from hub.core import words
from tests.catalogues import catalogue
from tests.conftest import Running, settle
from tests.integration.test_two_hubs import _follow
from tests.neighbours import page, person, post, press

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LANGUAGES = [language for language in words.languages() if language != words.ENGLISH]


def _said(language: str, message: str) -> str:
    found = catalogue(language).get(message)
    assert found is not None
    return str(found.string)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_t44_a_page_speaks_as_the_browser_asks(hub: Running, language: str) -> None:
    shown = (await hub.web.get("/more", headers={**HTML, "Accept-Language": language})).text
    assert f'<html lang="{language}" dir="{words.direction(language)}">' in shown
    assert _said(language, "About this hub") in shown
    assert "About this hub" not in shown


async def test_t44_who_chose_a_language_is_spoken_to_in_it_from_then_on(hub: Running) -> None:
    before = await hub.web.get("/events?view=month", headers=HTML)
    assert not before.cookies
    link = re.search(r'href="(/more\?back=[^"]*)#language"', before.text)
    assert link is not None
    offered = (await hub.web.get(link[1], headers=HTML)).text
    choice = re.search(r'href="(/language/ar\?back=[^"]*)"', offered)
    assert choice is not None
    chosen = await hub.web.get(choice[1], headers=HTML)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/events?view=month")
    events = (await hub.web.get("/events", headers=HTML)).text
    assert '<html lang="ar" dir="rtl">' in events
    assert _said("ar", "Events") in events


async def test_errors_are_told_in_the_readers_language(hub: Running) -> None:
    lost = await hub.web.get("/nowhere", headers={**HTML, "Accept-Language": "de"})
    assert lost.status_code == 404
    told = _said("de", "There is nothing at this address. It may have been moved, or mistyped.")
    assert told in lost.text
    problem = await hub.web.get("/api/v1/nowhere", headers={"Accept-Language": "de"})
    assert "nothing" in problem.json()["detail"]


async def test_the_choice_of_a_language_leads_nowhere_else(hub: Running) -> None:
    answer = await hub.web.get("/language/de?back=//evil.example/", headers=HTML)
    assert answer.headers["location"] == "/"
    assert (await hub.web.get("/language/xx", headers=HTML)).status_code == 404


async def test_t44_whoever_writes_says_in_which_language(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    await _follow(south, north, "wants")
    ann = await person(north, "Ann")
    form = {"title": "سُلَّم للإعارة", "description": "ليوم السبت", "kind": "item", "mode": "lend"}
    sent = await press(north, "/post/want", ann, **form, language="ar", visibility="public")
    assert sent.status_code == 303, sent.text
    await post(north, "wants", ann, title="A ladder", kind="item", mode="lend")
    await settle(north, south)

    shown = (await page(north, sent.headers["location"], {})).text
    assert '<h1 dir="auto" lang="ar">سُلَّم للإعارة</h1>' in shown
    assert '<div class="prose" dir="auto" lang="ar">' in shown
    (item,) = (await north.web.get("/api/v1/wants?language=ar")).json()["items"]
    assert (item["title"], item["language"]) == (form["title"], "ar")
    accept = {"accept": "application/activity+json"}
    document = (await north.web.get(urlsplit(item["url"]).path, headers=accept)).json()
    assert list(document["contentMap"]) == ["ar"]
    assert "مطلوب" in document["content"], "what the hub adds is in that language too"

    (there,) = (await south.web.get("/api/v1/wants?language=ar")).json()["items"]
    assert (there["uri"], there["language"]) == (item["uri"], "ar")
    for hub in hubs:
        list_page = (await page(hub, "/swap?language=ar", {})).text
        assert '<h3 dir="auto" lang="ar">' in list_page
        assert "A ladder" not in list_page
        assert "A ladder" in (await page(hub, "/swap", {})).text
    feed = feedparser.parse((await south.web.get("/swap.rss?language=en")).content)
    assert [one.title for one in feed.entries] == ["A ladder"]


async def test_a_language_takes_in_its_regional_forms_and_stays_when_it_is_edited(
    hub: Running,
) -> None:
    ann = await person(hub, "Ann")
    given = {"title": "Leiter", "kind": "item", "mode": "lend"}
    made = await post(hub, "offers", ann, **given, language="de-at")
    assert made["language"] == "de-AT"
    path = f"/api/v1/offers/{made['id']}"
    await hub.web.patch(path, json={"title": "Stehleiter"}, headers=ann)
    for asked, titles in (("de", ["Stehleiter"]), ("de-AT", ["Stehleiter"]), ("de-CH", [])):
        items = (await hub.web.get(f"/api/v1/offers?language={asked}")).json()["items"]
        assert [item["title"] for item in items] == titles, asked
    assert (await hub.web.get(path)).json()["language"] == "de-AT"
    form = (await page(hub, f"/offers/{made['id']}/edit", ann)).text
    assert '<option value="de-AT" selected>' in form
    wrong = await hub.web.post("/api/v1/offers", json={**given, "language": "!"}, headers=ann)
    assert list(wrong.json()["fields"]) == ["language"]


async def test_the_form_begins_with_the_language_of_the_page(hub: Running) -> None:
    ann = await person(hub, "Ann")
    headers = {**ann.pages, "accept": "text/html", "accept-language": "pl"}
    form = (await hub.web.get("/post/offer", headers=headers)).text
    assert '<option value="pl" selected>Polski</option>' in form


async def test_a_form_tells_what_is_wrong_in_the_readers_language(hub: Running) -> None:
    ann = await person(hub, "Ann")
    data = {"csrf": ann.csrf, "title": "x", "kind": "item", "mode": "lend", "visibility": "public"}
    headers = {**ann.pages, "accept": "text/html", "accept-language": "de"}
    answer = await hub.web.post("/post/offer", data=data, headers=headers)
    assert answer.status_code == 422
    assert "must have at least" not in answer.text
    assert "mindestens 3 Zeichen" in answer.text
