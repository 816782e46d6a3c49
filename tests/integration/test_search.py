"""Everything is found, by whatever part of it somebody remembers, and by nobody who may not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from hub.commands import COMMANDS
from hub.core.clock import now
from hub.entries import search
from hub.entries.models import Entry
from tests.conftest import MakeHub, Running, settle

KOELN = {"latitude": 50.94, "longitude": 6.96}
BONN = {"latitude": 50.73, "longitude": 7.1}


async def _post(hub: Running, folder: str, **members: Any) -> dict[str, Any]:
    if folder == "events":
        start = now() + timedelta(days=members.pop("days", 7))
        members.setdefault("starts_at", start.isoformat())
        members.setdefault("ends_at", (start + timedelta(hours=2)).isoformat())
    answer = await hub.web.post(f"/api/v1/{folder}", json=members, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _titles(hub: Running, q: str, path: str = "/api/v1/search", **more: Any) -> list[str]:
    answer = await hub.web.get(path, params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def test_accents_case_and_the_ends_of_words_do_not_matter(hub: Running) -> None:
    await _post(hub, "offers", title="Vieux vélo à donner")
    await _post(hub, "wants", title="Kinderwagen, gern Nähe Lange Straße")
    for q in ("velo", "VÉLO", "vel", "vieux velo", "donner vieux", "l'à vélo"[2:]):
        assert await _titles(hub, q) == ["Vieux vélo à donner"], q
    for q in ("strasse", "Straße", "STRASSE lange", "nahe", "kinderw"):
        assert await _titles(hub, q) == ["Kinderwagen, gern Nähe Lange Straße"], q
    assert await _titles(hub, "elo") == []


async def test_phrases_stand_side_by_side_and_a_minus_leaves_out(hub: Running) -> None:
    await _post(hub, "offers", title="Repair café tools")
    await _post(hub, "offers", title="Café chairs, in need of repair")
    assert await _titles(hub, '"repair cafe"') == ["Repair café tools"]
    assert await _titles(hub, "„Repair Café“") == ["Repair café tools"]
    assert await _titles(hub, '"repair caf"') == []
    assert await _titles(hub, "repair -tools") == ["Café chairs, in need of repair"]
    assert await _titles(hub, 'cafe -"repair cafe"') == ["Café chairs, in need of repair"]
    assert await _titles(hub, "-tools") == ["Café chairs, in need of repair"]


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("ベビーカーを探しています", "カーを探"),
        ("旧自行车出售", "自行车"),
        ("สอนภาษาไทย", "ภาษา"),
        ("Велосипед для детей", "велосип"),
        ("دراجة للأطفال", "دراجة"),
        ("बच्चों की साइकिल", "साइकिल"),
        ("어린이 자전거", "자전거"),
        ("Łódka i żagiel", "lodka zagiel"),
    ],
)
async def test_other_scripts_are_found(hub: Running, title: str, asked: str) -> None:
    await _post(hub, "offers", title=title)
    await _post(hub, "offers", title="Something else")
    assert await _titles(hub, asked) == [title]
    assert await _titles(hub, asked, "/api/v1/offers") == [title]


async def test_what_has_the_words_in_its_title_comes_first_then_the_newest(hub: Running) -> None:
    await _post(hub, "offers", title="Ladder, old")
    await _post(hub, "wants", title="Help in the garden", description="Bring a ladder.")
    await _post(hub, "events", title="Ladder safety", location="The hall")
    await _post(hub, "offers", title="Paint", tags=["ladder"])
    await _post(hub, "events", title="Open day", location="Ladder Street", organiser="Rungs")
    assert await _titles(hub, "ladder") == [
        "Ladder safety",
        "Ladder, old",
        "Open day",
        "Paint",
        "Help in the garden",
    ]
    assert await _titles(hub, "rungs") == ["Open day"]


async def test_it_is_found_as_it_is_now_and_no_more_when_it_is_gone(hub: Running) -> None:
    posted = await _post(hub, "offers", title="A tandem")
    path = f"/api/v1/offers/{posted['id']}"
    await hub.web.patch(path, json={"title": "A rickshaw"}, headers=hub.steward)
    assert (await _titles(hub, "tandem"), await _titles(hub, "rickshaw")) == ([], ["A rickshaw"])
    await hub.web.delete(path, headers=hub.steward)
    assert await _titles(hub, "rickshaw") == []
    async with hub.services.db.write() as session:
        if hub.services.db.is_sqlite:
            check = text("INSERT INTO entry_words(entry_words) VALUES ('integrity-check')")
            await session.execute(check)


async def test_what_comes_from_other_hubs_is_found_too(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    await south.web.post(
        "/api/v1/follows", json={"handle": "@offers@north.example"}, headers=south.steward
    )
    await settle(north, south)
    await _post(north, "offers", title="A loom")
    await settle(north, south)
    assert await _titles(south, "loom") == ["A loom"]
    assert await _titles(south, "loom", origin="north.example") == ["A loom"]
    assert await _titles(south, "loom", origin="local") == []


async def test_nobody_finds_what_they_may_not_see(hub: Running) -> None:
    await _post(hub, "offers", title="Canary for neighbours", visibility="hub")
    await _post(hub, "offers", title="Canary for me", visibility="private")
    hidden = await _post(hub, "offers", title="Canary that was hidden")
    async with hub.services.db.write() as session:
        change = update(Entry).where(Entry.uri == hidden["uri"]).values(hidden_at=now())
        await session.execute(change)
    for path in ("/search", "/search.rss", "/search.json", "/api/v1/search", "/api/v1/offers"):
        answer = await hub.web.get(path, params={"q": "canary"})
        assert answer.status_code == 200
        assert "Canary for" not in answer.text, path
        assert "Canary that" not in answer.text, path
    seen = await hub.web.get("/api/v1/search", params={"q": "canary"}, headers=hub.steward)
    assert {one["title"] for one in seen.json()["items"]} == {
        "Canary for me",
        "Canary for neighbours",
    }


async def test_a_search_is_narrowed_by_type_distance_time_and_origin(hub: Running) -> None:
    await _post(hub, "offers", title="Choir robes", **KOELN)
    await _post(hub, "wants", title="Choir tenor", **BONN)
    await _post(hub, "events", title="Choir evening", **KOELN)
    over = await _post(hub, "events", title="Choir of last year")
    async with hub.services.db.write() as session:
        past = update(Entry).where(Entry.uri == over["uri"])
        await session.execute(past.values(relevant_until=now() - timedelta(days=300)))
    everything = {"Choir robes", "Choir tenor", "Choir evening"}
    assert set(await _titles(hub, "choir")) == everything
    assert set(await _titles(hub, "choir", when="any")) == everything | {"Choir of last year"}
    assert await _titles(hub, "choir", type="want") == ["Choir tenor"]
    near = {"near": "50.94,6.96", "within": "3000"}
    assert set(await _titles(hub, "choir", **near)) == {"Choir robes", "Choir evening"}
    assert await _titles(hub, "choir", **near, type="event") == ["Choir evening"]
    assert set(await _titles(hub, "", **near)) == {"Choir robes", "Choir evening"}
    assert await _titles(hub, "choir", origin="elsewhere.example") == []


@pytest.mark.parametrize(
    "wrong", [{"near": "here"}, {"within": "5"}, {"type": "thing"}, {"cursor": "x"}, {"x": "1"}]
)
async def test_a_filter_that_makes_no_sense_is_told_in_words(
    hub: Running, wrong: dict[str, str]
) -> None:
    answer = await hub.web.get("/api/v1/search", params=wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_pages_follow_each_other_without_gap_or_repetition(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the hits that are ranked together, and although more come in the meantime."""
    titles = [f"Bread {n}" if n % 3 else f"Cake {n}" for n in range(23)]
    for title in titles:
        await _post(hub, "offers", title=title, description="From the bread oven")
    monkeypatch.setattr(search, "FEW", 7)
    found: list[str] = []
    cursor = None
    for _ in range(30):
        asked = {"q": "bread", "limit": "3", "cursor": cursor or ""}
        answer = await hub.web.get("/api/v1/search", params=asked)
        page = answer.json()
        found += [item["title"] for item in page["items"]]
        await _post(hub, "offers", title="Bread, later")
        cursor = page["next"]
        if cursor is None:
            break
        assert 'rel="next"' in answer.headers["link"]
    assert sorted(found) == sorted(titles)
    assert found[:7] == [*(f"Bread {n}" for n in (22, 20, 19, 17, 16)), "Cake 21", "Cake 18"]


@pytest.mark.parametrize("few", [0, 500])
async def test_lists_ask_the_same_index_whether_words_are_rare_or_common(
    hub: Running, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    await _post(hub, "events", title="Fête du vélo", days=9)
    await _post(hub, "events", title="Vélo-école", days=3)
    await _post(hub, "events", title="Velocity of light", days=5)
    await _post(hub, "offers", title="Vélo")
    if few == 0:
        monkeypatch.setattr(search, "FEW", 1)
    assert await _titles(hub, "velo", "/api/v1/events") == [
        "Vélo-école",
        "Velocity of light",
        "Fête du vélo",
    ]
    assert await _titles(hub, '"velo"', "/api/v1/events") == ["Vélo-école", "Fête du vélo"]
    assert await _titles(hub, "velo -ecole", "/api/v1/events") == [
        "Velocity of light",
        "Fête du vélo",
    ]
    assert await _titles(hub, "velo", "/api/v1/events", limit=1) == ["Vélo-école"]


async def test_of_a_series_the_next_date_stands_for_all(hub: Running) -> None:
    posted = await _post(hub, "events", title="Weekly choir", recurrence="FREQ=WEEKLY;COUNT=6")
    dates = (await hub.web.get("/api/v1/events", params={"q": "choir"})).json()["items"]
    assert len(dates) == 6
    found = (await hub.web.get("/api/v1/search", params={"q": "choir"})).json()["items"]
    assert [one["id"] for one in found] == [posted["id"]]
    assert len(await _titles(hub, "choir", when="any")) == 6
    # A date by another name is something else.
    changed = f"/api/v1/events/{dates[3]['id']}"
    await hub.web.patch(changed, json={"title": "Choir with guests"}, headers=hub.steward)
    assert set(await _titles(hub, "choir")) == {"Weekly choir", "Choir with guests"}


async def test_the_page_counts_types_and_says_what_to_try(make_hub: MakeHub) -> None:
    hub: Running = await make_hub(latitude=50.94, longitude=6.96, area="Linden")
    await _post(hub, "offers", title="Choir robes", **KOELN)
    await _post(hub, "offers", title="Choir folders", **BONN)
    await _post(hub, "events", title="Choir evening", **KOELN)

    async def page(**asked: str) -> str:
        answer = await hub.web.get("/search", params=asked)
        assert answer.status_code == 200
        return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())

    assert "How to search" in await page()
    shown = await page(q="choir")
    assert "Everything 3 Events 1 Offers 2 Wants 0 News 0" in shown
    assert "3 results" in shown
    shown = await page(q="choir", type="offer")
    assert ("Choir folders" in shown, "Choir evening" in shown) == (True, False)
    assert "Everything 3 Events 1 Offers 2" in shown
    # A distance alone is measured from the middle of the hub.
    shown = await page(q="choir", within="2000")
    assert "How far from Linden?" in shown
    assert ("Choir robes" in shown, "Choir folders" in shown) == (True, False)
    shown = await page(q="trombone", within="2000")
    assert "Nothing was found for “trombone”. Try this:" in shown
    assert "Ask your neighbours for it" in shown
    header = (await hub.web.get("/events")).text
    assert 'action="/search" role="search"' in header


async def test_a_search_can_be_kept_as_a_feed_and_as_a_calendar(hub: Running) -> None:
    await _post(hub, "offers", title="Choir robes")
    await _post(hub, "events", title="Choir evening")
    await _post(hub, "events", title="Football")
    page = (await hub.web.get("/search", params={"q": "choir"})).text
    assert 'href="/search.rss?q=choir"' in page
    rss = (await hub.web.get("/search.rss?q=choir")).text
    assert re.findall(r"<title>([^<]+)</title>", rss)[1:] == ["Choir evening", "Choir robes"]
    # What is new comes first, wherever it has the word: else it would never come to the reader.
    await _post(hub, "wants", title="A tenor", description="For the choir")
    newest = (await hub.web.get("/search.json?q=choir&limit=1")).json()
    assert [item["title"] for item in newest["items"]] == ["A tenor"]
    json = (await hub.web.get("/search.json?q=choir&type=offer")).json()
    assert [item["title"] for item in json["items"]] == ["Choir robes"]
    calendar = (await hub.web.get("/search.ics?q=choir&type=event&when=any")).text
    assert re.findall(r"SUMMARY:(.+)", calendar) == ["Choir evening\r"]


async def test_no_question_breaks_the_search(hub: Running) -> None:
    await _post(hub, "offers", title="Anchor")
    pieces = st.sampled_from(
        ['"', "-", "*", "(", ")", "NOT", "AND", "OR", "NEAR(", "^", ":", "'", "\\", "{", "}", "+",
         "&", "|", "!", "<->", "%", "_", "\0", "\x1e", "\x1f", "#", "\ud800", "ß", "é", "anchor",
         "東京", "\u202e", "words:", "entry_words", " ", "  ", "\t", ":*", "'':A", "0", "😀"]
    )  # fmt: skip
    anything = st.one_of(st.lists(pieces, max_size=14).map("".join), st.text(max_size=60))
    asked: list[str] = []

    @settings(max_examples=250, suppress_health_check=list(HealthCheck))
    @given(anything)
    def collect(one: str) -> None:
        asked.append(one)

    collect()
    async with hub.services.db.read() as session:
        for one in asked:
            question = search.question(one)
            await session.execute(search.hits(session, question))
            await search.narrowing(session, question)
    for one in asked[:40]:
        q = one.encode("utf-8", "replace").decode()[:200]
        for path in ("/search", "/api/v1/search", "/api/v1/offers"):
            assert (await hub.web.get(path, params={"q": q})).status_code == 200, (path, q)


async def test_the_index_can_be_made_anew(hub: Running) -> None:
    await _post(hub, "events", title="Vélo-école", organiser="Zweirad e.V.")
    async with hub.services.db.write() as session:
        await session.execute(update(Entry).values(search_text=""))
    assert await _titles(hub, "velo") == []
    lines = [line async for line in COMMANDS["index"](hub.services)]
    assert "1" in lines[-1]["text"]
    assert await _titles(hub, "velo zweirad") == ["Vélo-école"]
