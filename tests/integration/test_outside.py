"""Events beyond the list: by week, in other sites' frames, in calendars and readers, on paper."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import feedparser
import html5lib
import pytest
from icalendar import Calendar

from hub.core.clock import now
from tests.conftest import Running

HTML = {"accept": "text/html"}
START = (datetime.now(UTC) + timedelta(days=2)).replace(hour=17, minute=0, second=0, microsecond=0)
EVENTS: tuple[dict[str, Any], ...] = (
    {"title": "Choir", "location": "Linden hall", "tags": ["music"]},
    {"title": "Chess & tea", "location": "Library", "access_facts": {"entrance": "yes"}},
    {"title": "Dance <3", "location": "Linden hall", "tags": ["music"], "price": "£3"},
    {"title": "Neighbours’ talk", "location": "Linden hall", "visibility": "hub"},
)
FILTERS = (("place", "linden"), ("tag", "music"), ("access", "entrance"), ("q", "choir"))


@pytest.fixture
async def board(hub: Running) -> Running:
    for number, event in enumerate(EVENTS):
        start = START + timedelta(days=number)
        times = {
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(hours=2)).isoformat(),
        }
        made = await hub.web.post(
            "/api/v1/events", json={**event, **times, "summary": "Come along."}, headers=hub.steward
        )
        assert made.status_code == 201, made.text
    return hub


def _valid(page: str) -> None:
    """An independent parser finds nothing wrong with it."""
    html5lib.HTMLParser(strict=True).parse(page)


def _titles(page: str) -> set[str]:
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    text = "".join(tree.itertext())
    return {event["title"] for event in EVENTS if event["title"] in text}


def _combinations() -> list[tuple[tuple[str, str], ...]]:
    return [
        chosen
        for number in range(len(FILTERS) + 1)
        for chosen in itertools.combinations(FILTERS, number)
    ]


@pytest.mark.parametrize("chosen", _combinations())
async def test_every_filter_has_its_calendar_its_feed_and_its_frame(
    board: Running, chosen: tuple[tuple[str, str], ...]
) -> None:
    query = "&".join(f"{name}={value}" for name, value in chosen)
    page = (await board.web.get(f"/events?{query}", headers=HTML)).text
    _valid(page)
    shown = _titles(page.partition('id="results"')[2].partition("</aside>")[0])
    feeds = {
        kind: re.findall(rf'href="(?:https://hub\.example)?(/events[./]{kind}[^"]*)"', page)[-1]
        for kind in ("ics", "rss", "embed")
    }
    for address in feeds.values():
        assert set(re.findall(r"(\w+)=", address)) == {name for name, _ in chosen}
    read = {kind: await board.web.get(url.replace("&amp;", "&")) for kind, url in feeds.items()}
    calendar: Any = Calendar.from_ical(read["ics"].text)
    assert calendar.errors == []
    assert {str(one["summary"]) for one in calendar.events} == shown
    told = feedparser.parse(read["rss"].text)
    assert not told.bozo
    assert (told.version, {one.title for one in told.entries}) == ("rss20", shown)
    assert _titles(read["embed"].text) == shown
    assert "Neighbours’ talk" not in shown


async def test_a_frame_may_hang_anywhere_and_knows_nobody(board: Running) -> None:
    board.web.cookies.clear()
    answer = await board.web.get("/events/embed?tag=music", headers={**HTML, **board.steward})
    assert answer.status_code == 200
    _valid(answer.text)
    assert "set-cookie" not in answer.headers
    assert "x-frame-options" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert "script-src" not in policy
    assert "<script" not in answer.text
    assert '<base target="_top">' in answer.text
    assert "Neighbours’ talk" not in answer.text
    assert len(answer.content) < 6_000


async def test_other_pages_stay_out_of_frames(board: Running) -> None:
    answer = await board.web.get("/events", headers=HTML)
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_the_lines_for_another_site_are_shown_to_be_copied(board: Running) -> None:
    page = (await board.web.get("/events?tag=music&q=a", headers=HTML)).text
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    snippet = "".join(tree.find(".//pre[@id='snippet']").itertext())
    frame = html5lib.parse(snippet, namespaceHTMLElements=False).find(".//iframe")
    assert frame.get("src") == "https://hub.example/events/embed?q=a&tag=music"
    assert frame.get("title") == "Events near Hub"


async def test_a_week_has_seven_days_and_what_is_on_them(board: Running) -> None:
    day = START.date()
    page = (await board.web.get(f"/events?view=week&from={day}", headers=HTML)).text
    _valid(page)
    assert page.count("<section") - page.count('<section class="panel') == 7
    week = [day - timedelta(days=day.weekday()) + timedelta(days=n) for n in range(7)]
    expected = {
        event["title"]
        for number, event in enumerate(EVENTS[:3])
        if day + timedelta(days=number) in week
    }
    assert _titles(page) == expected
    after = re.search(r'href="([^"]+)" rel="next"', page)
    assert after is not None
    following = await board.web.get(after[1].replace("&amp;", "&"), headers=HTML)
    assert f"from={week[0] + timedelta(days=7)}" in after[1]
    assert _titles(following.text) == {event["title"] for event in EVENTS[:3]} - expected
    narrowed = await board.web.get(f"/events?view=week&from={day}&q=choir", headers=HTML)
    assert _titles(narrowed.text) == {"Choir"}
    assert 'name="view" value="week"' in narrowed.text


async def test_the_three_views_lead_to_each_other_and_keep_the_filter(board: Running) -> None:
    for view in ("list", "week", "month"):
        page = (await board.web.get(f"/events?view={view}&tag=music", headers=HTML)).text
        _valid(page)
        assert page.count("<h1") == 1
        nav = page.partition('class="ways"')[2].partition("</nav>")[0].replace("&amp;", "&")
        hrefs = re.findall(r'<a href="([^"]+)"', nav)
        assert [urlsplit(href).query.split("&")[0] for href in hrefs] == [
            *("tag=music", "view=week", "view=month", "layer=event")
        ]
        assert all("tag=music" in href for href in hrefs)
        assert nav.count("aria-current") == 1


async def test_t40_a_week_is_printed_as_a_sheet(board: Running) -> None:
    year, number, _ = START.date().isocalendar()
    page = await board.web.get(f"/events/print?week={year}-W{number:02}&place=linden", headers=HTML)
    _valid(page.text)
    assert "set-cookie" not in page.headers
    assert 'class="qr"' in page.text
    assert "hub.example/events?place=linden" in page.text
    assert "Neighbours’ talk" not in page.text
    large = await board.web.get(f"/events/print?week={START.date()}&large=1", headers=HTML)
    assert '<html lang="en" dir="ltr" class="large">' in large.text
    assert "Choir" in large.text
    wrong = await board.web.get("/events/print?week=soon", headers=HTML)
    assert wrong.status_code == 422
    empty = await board.web.get(f"/events/print?week={now().year + 5}-W10", headers=HTML)
    assert "Nothing is planned for this week yet." in empty.text


async def test_a_poster_leads_to_its_event(board: Running) -> None:
    items = (await board.web.get("/api/v1/events", headers=board.steward)).json()["items"]
    codes = []
    for item in items[:2]:
        page = await board.web.get(urlsplit(item["url"]).path + "/poster", headers=HTML)
        _valid(page.text)
        assert page.text.count("<h1") == 1
        codes += re.findall(r'<svg.*?class="qr".*?</svg>', page.text)
    assert len(set(codes)) == 2
    hidden = next(item for item in items if item["visibility"] == "hub")
    path = urlsplit(hidden["url"]).path + "/poster"
    assert (await board.web.get(path, headers=HTML)).status_code == 404
    assert (await board.web.get(path, headers={**HTML, **board.steward})).status_code == 200
