"""What leaves a hub by other doors than ActivityPub obeys the rules of its kind."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import html5lib
import pytest

from tests import validators
from tests.conftest import Running
from tests.integration.test_news import _picture
from tests.towns import signed_in

BERLIN = ZoneInfo("Europe/Berlin")
START = (datetime.now(BERLIN) + timedelta(days=9)).replace(microsecond=0, second=0)
LONG = "Küche, Café; und “vieles” mehr: \\ nachmittags – 午後の縁日 🎪 "
EVENTS: tuple[dict[str, Any], ...] = (
    {"title": (LONG * 4)[:199], "description": f"{LONG * 9}\n\n* one\n* two <b>three</b>"},
    {"title": "Street fair", "all_day": True, "ends_at": START + timedelta(days=2)},
    {"title": "Open end", "ends_at": None, "location": ""},
    {"title": "Online", "location": "", "online_url": "https://meet.example/room?a=1&b=2"},
    {"title": "Elsewhere on the clock", "timezone": "America/New_York"},
    {"title": "In UTC", "timezone": "UTC"},
    {"title": "Weekly", "recurrence": "FREQ=WEEKLY;COUNT=6"},
    {"title": "Days", "recurrence": "FREQ=DAILY;COUNT=3", "all_day": True, "ends_at": None},
    {"title": "Called off", "status": "cancelled"},
    {"title": "Postponed", "status": "postponed"},
)


@pytest.fixture
async def board(hub: Running) -> Running:
    """Events of every sort, offers, wants and news with signs that need care."""
    for event in EVENTS:
        given = {
            "starts_at": START,
            "ends_at": START + timedelta(hours=2),
            "timezone": "Europe/Berlin",
            "location": "Hall; room 2, “Linden”",
            "latitude": 50.93,
            "longitude": 6.94,
            "tags": ["küche", "music"],
            "access_facts": {"captions": "yes", "entrance": {"state": "part", "note": "a ramp"}},
            **event,
        }
        moments = {name: given[name] and given[name].isoformat() for name in MOMENTS}
        await _post(hub, "events", **{**given, **moments})
    dates = (await hub.web.get("/api/v1/events?q=weekly")).json()["items"]
    moved = datetime.fromisoformat(dates[1]["starts_at"]) + timedelta(days=1)
    path = f"/api/v1/events/{dates[1]['id']}"
    await hub.web.patch(
        path,
        json={
            "starts_at": moved.isoformat(),
            "ends_at": (moved + timedelta(hours=1)).isoformat(),
        },
        headers=hub.steward,
    )
    await hub.web.post(f"/api/v1/events/{dates[2]['id']}/cancel", headers=hub.steward)
    await hub.web.delete(f"/api/v1/events/{dates[3]['id']}", headers=hub.steward)
    await _post(hub, "offers", title=f"Ladder {LONG}", mode="lend", description="<&>\x0b")
    await _post(hub, "wants", title="“Bread” & butter", kind="food")
    picture = {"data": _picture(), "alt": "The fountain"}
    await _post(
        hub, "news", title=LONG * 3, description="It **runs** again.", image=picture, consent=True
    )
    await hub.work()
    return hub


MOMENTS = ("starts_at", "ends_at")


async def _post(hub: Running, folder: str, **members: Any) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{folder}", json=members, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_every_calendar_file_is_valid(board: Running) -> None:
    items = (await board.web.get("/api/v1/events?limit=100")).json()["items"]
    series = {item["series_id"] for item in items if item["series_id"]}
    assert len(series) == 2
    paths = ["/events.ics", "/events.ics?q=called", "/events.ics?q=nothing-of-this-name"]
    paths += [f"/series/{one}.ics" for one in series]
    paths += [f"/events/{item['id']}.ics" for item in items]
    for path in paths:
        answer = await board.web.get(path)
        assert answer.status_code == 200, path
        assert validators.calendar_faults(answer.content) == [], (path, answer.text)


async def test_every_feed_is_valid(board: Running) -> None:
    for path in ("/events", "/swap", "/news", "/events", "/search"):
        query = "?q=music" if path == "/search" else ""
        rss = await board.web.get(f"{path}.rss{query}")
        assert rss.status_code == 200, path
        assert validators.rss_faults(rss.content) == [], path
    for path in ("/events.json", "/swap.json"):
        feed = (await board.web.get(path)).json()
        assert feed["items"]
        assert validators.json_feed_faults(feed) == [], path


async def test_every_frame_and_its_snippet_are_valid_html(board: Running) -> None:
    for language in ("en", "de", "ar"):
        headers = {"accept": "text/html", "accept-language": language}
        for path in ("/events/embed", "/events/embed?tag=music", "/events/embed?q=nothing-here"):
            page = await board.web.get(path, headers=headers)
            assert page.status_code == 200
            html5lib.HTMLParser(strict=True).parse(page.text)
            root = html5lib.parse(page.text, namespaceHTMLElements=False)
            assert root.get("lang") == language
            for link in root.iter("a"):
                assert urlsplit(link.get("href", "")).netloc == "hub.example"


async def test_an_events_uid_stays_whatever_becomes_of_it(hub: Running) -> None:
    times = {"starts_at": START.isoformat(), "timezone": "Europe/Berlin"}
    event = await _post(hub, "events", title="Choir", **times)
    path, seen = f"/api/v1/events/{event['id']}", []
    later = {"starts_at": (START + timedelta(days=1)).isoformat()}
    changes = ({"title": "Choir practice"}, later, {"status": "postponed"})
    for change in ({}, *changes):
        if change:
            await hub.web.patch(path, json=change, headers=hub.steward)
        seen += validators.uids((await hub.web.get("/events.ics")).content)
    await hub.web.post(f"{path}/cancel", headers=hub.steward)
    seen += validators.uids((await hub.web.get("/events.ics")).content)
    assert seen == [f"{event['id']}@hub.example"] * 5


async def test_t18_a_repeating_event_is_valid_wherever_it_is_read(hub: Running) -> None:
    """With room and captions; a calendar file, and what search engines read."""
    today = datetime.now(BERLIN).date()
    first = today.replace(day=1) + timedelta(days=40)
    first = first.replace(day=1)
    start = first + timedelta(days=(1 - first.weekday()) % 7 + 7)
    form = {
        "title": "Film evening",
        "starts_on": f"{start}",
        "starts_time": "19:00",
        "ends_time": "21:30",
        "location": "Linden hall",
        "access_captions": "yes",
        "visibility": "public",
        "repeat": "weekday",
        "repeat_every": "1",
        "repeat_not": ["8"],
        "repeat_times": "14",
    }
    async with signed_in(hub) as (web, csrf):
        shown = await web.post("/post/event", data={**form, "csrf": csrf})
        seen = re.findall(r'name="seen" value="([^"]+)"', shown.text)
        sent = await web.post("/post/event", data={**form, "csrf": csrf, "seen": seen})
        assert sent.status_code == 303, sent.text
    items = (await hub.web.get("/api/v1/events?limit=100")).json()["items"]
    starts = [datetime.fromisoformat(item["starts_at"]).astimezone(BERLIN) for item in items]
    assert {(one.weekday(), one.hour, one.minute) for one in starts} == {(1, 19, 0)}
    assert all(8 <= one.day <= 14 for one in starts)
    assert 8 not in {one.month for one in starts}
    assert {one.astimezone(UTC).hour for one in starts} == {17, 18}, "summer and winter"

    file = (await hub.web.get(f"/series/{items[0]['series_id']}.ics")).content
    assert validators.calendar_faults(file) == []
    assert b"Captions" in file
    page = (await hub.web.get(f"/events/{items[0]['id']}", headers={"accept": "text/html"})).text
    (block,) = _blocks(page)
    assert validators.data_block_faults(block) == []
    (fact,) = block["location"]["amenityFeature"]
    assert (fact["name"], fact["value"]) == ("Captions", True)


async def test_every_data_block_is_valid(board: Running) -> None:
    items = (await board.web.get("/api/v1/events?limit=100")).json()["items"]
    news = (await board.web.get("/api/v1/news")).json()["items"]
    kinds = []
    for item in [*items, *news]:
        path = urlsplit(item["url"]).path
        page = await board.web.get(path, headers={"accept": "text/html"})
        (block,) = _blocks(page.text)
        faults = validators.data_block_faults(block)
        assert faults == (["no location"] if item["title"] == "Open end" else []), item["title"]
        kinds.append(block["@type"])
    assert kinds == ["Event"] * len(items) + ["NewsArticle"]


async def test_an_article_says_what_search_engines_ask_for(board: Running) -> None:
    (item,) = (await board.web.get("/api/v1/news")).json()["items"]
    page = await board.web.get(f"/news/{item['id']}", headers={"accept": "text/html"})
    (block,) = _blocks(page.text)
    assert len(block["headline"]) <= 110
    assert block["url"] == block["mainEntityOfPage"] == item["url"]
    assert block["author"]["name"] == "Hub"
    assert block["inLanguage"] == "en"
    assert (await board.web.get(urlsplit(block["image"]).path)).status_code == 200
    hidden = await _post(board, "news", title="For us", description="x", visibility="hub")
    path = f"/news/{hidden['id']}"
    page = await board.web.get(path, headers={**board.steward, "accept": "text/html"})
    assert _blocks(page.text) == []


def _blocks(page: str) -> list[dict[str, Any]]:
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    found = [one for one in tree.iter("script") if one.get("type") == "application/ld+json"]
    return [json.loads("".join(one.itertext())) for one in found]
