"""T44: readers are spoken to in their own language, from the right where it is written so."""

from __future__ import annotations

import re

import pytest

from hub.core import words
from tests.catalogues import catalogue
from tests.conftest import Running

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LANGUAGES = [language for language in words.languages() if language != words.ENGLISH]


def _said(language: str, message: str) -> str:
    found = catalogue(language).get(message)
    assert found is not None
    return str(found.string)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_t44_a_page_speaks_as_the_browser_asks(hub: Running, language: str) -> None:
    page = (await hub.web.get("/more", headers={**HTML, "Accept-Language": language})).text
    assert f'<html lang="{language}" dir="{words.direction(language)}">' in page
    assert _said(language, "About this hub") in page
    assert "About this hub" not in page


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
    page = (await hub.web.get("/events", headers=HTML)).text
    assert '<html lang="ar" dir="rtl">' in page
    assert _said("ar", "Events") in page


async def test_errors_are_told_in_the_readers_language(hub: Running) -> None:
    page = await hub.web.get("/nowhere", headers={**HTML, "Accept-Language": "de"})
    assert page.status_code == 404
    told = _said("de", "There is nothing at this address. It may have been moved, or mistyped.")
    assert told in page.text
    problem = await hub.web.get("/api/v1/nowhere", headers={"Accept-Language": "de"})
    assert "nothing" in problem.json()["detail"]


async def test_the_choice_of_a_language_leads_nowhere_else(hub: Running) -> None:
    answer = await hub.web.get("/language/de?back=//evil.example/", headers=HTML)
    assert answer.headers["location"] == "/"
    assert (await hub.web.get("/language/xx", headers=HTML)).status_code == 404
