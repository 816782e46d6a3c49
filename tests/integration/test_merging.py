"""The same thing from several hubs: shown once, with what each of them says of it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from hub.audit import log
from hub.core.errors import Conflict, Invalid, NotFound
from hub.entries import categories, merging
from hub.entries.models import Apart, Entry, Merged, Source
from hub.fediverse import follows, peers
from tests.conftest import MakeHub, Running, settle
from tests.integration.test_two_hubs import EVENT, OFFER, _listed, _post
from tests.visitor import visiting

HTML = {"accept": "text/html"}
Region = tuple[Running, Running, Running]


@pytest.fixture
async def region(make_hub: MakeHub) -> Region:
    """North and west, and a region that follows both."""
    north, west, region = [await make_hub(f"{name}.example") for name in ("n", "w", "region")]
    for host in ("n", "w"):
        await follows.follow(region.services, f"@events@{host}.example")
    await settle(north, west, region)
    return north, west, region


async def _group(hub: Running) -> list[Source]:
    async with hub.services.db.read() as session:
        entry = (await session.scalars(select(Entry).order_by(Entry.number))).first()
        assert entry is not None
        return list((await merging.sources(session, [entry.id])).get(entry.id, ()))


async def _both(region: Region, **more: Any) -> None:
    """The same event on both hubs, called otherwise by the second."""
    north, west, south = region
    await _post(north, "events", EVENT)
    await _post(west, "events", {**EVENT, "title": "Repair café, with cake", **more})
    await settle(north, west, south)


async def test_t27_the_same_event_of_two_hubs_is_one_with_two_sources(region: Region) -> None:
    await _both(region, location="Linden yard")
    (shown,) = await _listed(region[2], "events")
    assert shown["origin"] == "n.example"
    first, second = await _group(region[2])
    assert (first.origin, second.origin) == ("n.example", "w.example")
    assert first.differs == frozenset()
    assert second.differs == {"title", "where"}
    found = (await region[2].web.get("/api/v1/search", params={"q": "repair"})).json()
    assert [each["id"] for each in found["items"]] == [shown["id"]]
    calendar = (await region[2].web.get("/events.ics")).text
    assert calendar.count("BEGIN:VEVENT") == 1


async def test_one_hub_alone_shows_its_own_and_words_of_one_source_find_the_group(
    region: Region,
) -> None:
    await _both(region)
    web = region[2].web
    for origin in ("n.example", "w.example"):
        items = (await web.get("/api/v1/events", params={"origin": origin})).json()["items"]
        assert [each["origin"] for each in items] == [origin]
    items = (await web.get("/api/v1/events", params={"q": "cake"})).json()["items"]
    assert [each["origin"] for each in items] == ["w.example"]


async def test_our_own_stands_for_all_and_another_when_it_goes(region: Region) -> None:
    await _both(region)
    south = region[2]
    ours = await _post(south, "events", EVENT)
    (shown,) = await _listed(south, "events")
    assert shown["id"] == ours["id"]
    assert len(await _group(south)) == 3
    await south.web.delete(f"/api/v1/events/{ours['id']}", headers=south.steward)
    (shown,) = await _listed(south, "events")
    assert shown["origin"] == "n.example"
    async with south.services.db.write() as session:
        await peers.block(session, south.services, "n.example")
    (shown,) = await _listed(south, "events")
    assert shown["origin"] == "w.example"
    assert await _group(south) == []


async def test_what_is_changed_leaves_and_comes_back(region: Region) -> None:
    north, west, south = region
    await _both(region)
    (theirs,) = await _listed(west, "events")
    path = f"/api/v1/events/{theirs['id']}"
    await west.web.patch(path, json={"title": "Bicycle market"}, headers=west.steward)
    await settle(north, west, south)
    assert len(await _listed(south, "events")) == 2
    async with south.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Merged)) == 0
    await west.web.patch(path, json={"title": "Repair café"}, headers=west.steward)
    await settle(north, west, south)
    assert len(await _listed(south, "events")) == 1


async def test_t27_a_hall_of_two_hubs_is_one_once_its_name_is_right(region: Region) -> None:
    north, west, south = region
    for host in ("n", "w"):
        await follows.follow(south.services, f"@places@{host}.example")
    await settle(*region)
    hall = {"title": "Linden hall", "latitude": 50.9391, "longitude": 6.9391}
    await _post(north, "places", hall)
    other = await _post(west, "places", {**hall, "title": "Boat shed"})
    await settle(*region)
    assert len(await _listed(south, "places")) == 2
    path = f"/api/v1/places/{other['id']}"
    answer = await west.web.patch(path, json={"title": "Linden hall"}, headers=west.steward)
    assert answer.status_code == 200
    await settle(*region)
    (shown,) = await _listed(south, "places")
    # When each was looked at is no difference, and what neither says is none.
    assert [one["differs"] for one in shown["sources"]] == [[], []]
    pins = (await south.web.get("/map.geojson?layer=place")).json()["features"]
    assert [pin["id"] for pin in pins] == [shown["id"]]
    async with visiting(south) as editor:
        await editor.sign_in("editor")
        page = await editor.get(f"/places/{shown['id']}")
    assert "/part" in page.text


async def test_t27_what_hubs_say_otherwise_of_a_hall_stands_side_by_side(region: Region) -> None:
    north, west, south = region
    for host in ("n", "w"):
        await follows.follow(south.services, f"@places@{host}.example")
    await settle(*region)
    hall = {"title": "Linden hall", "latitude": 50.9391, "longitude": 6.9391, "phone": "+44 20 1"}
    await _post(north, "places", {**hall, "access_facts": {"entrance": "yes", "toilet": "yes"}})
    other = {"phone": "+44 20 2", "opening_hours": "Mo-Su 08:00-20:00"}
    await _post(west, "places", {**hall, **other, "access_facts": {"entrance": "no"}})
    await settle(*region)
    (shown,) = await _listed(south, "places")
    assert [one["differs"] for one in shown["sources"]] == [
        [],
        ["access_facts", "opening_hours", "phone"],
    ]
    second = {one["label"]: one["value"] for one in shown["sources"][1]["further"]}
    assert second == {
        "Opening hours": "Mo-Su 08:00-20:00",
        "Telephone": "+44 20 2",
        "Step-free way in": "no",
    }
    text = (await south.web.get(f"/places/{shown['id']}", headers=HTML)).text
    told = re.findall(r"<tr>.*?</tr>", text[text.index("sources-head") :], re.DOTALL)
    for words in ("<bdi>+44 20 1</bdi>", "Step-free way in:</span> <bdi>yes</bdi>"):
        assert words in told[1], words
    for words in ("+44 20 2", "Mo-Su 08:00-20:00", "no"):
        assert f"<strong><bdi>{words}</bdi></strong>" in told[2], words
    assert "Accessible toilet" not in told[1] + told[2]  # of which only one says anything
    # A third tells of it, this hub itself, and stands for all; an editor takes it out again.
    ours = await _post(south, "places", {**hall, "phone": "+44 20 3"})
    (shown,) = await _listed(south, "places")
    assert shown["id"] == ours["id"]
    assert [one["differs"] for one in shown["sources"]] == [
        [],
        ["access_facts", "phone"],
        ["access_facts", "opening_hours", "phone"],
    ]
    path = f"/places/{ours['id']}"
    async with visiting(south) as editor:
        await editor.sign_in("editor")
        page = await editor.get(path)
        assert "3 hubs tell of this" in page.text
        await editor.send(page, f"/same/{ours['id']}/part", back=path)
        assert "hubs tell of this" not in (await editor.get(path)).text
    assert len(await _listed(south, "places")) == 2


async def test_t27_where_one_hub_calls_an_event_off_that_is_seen(region: Region) -> None:
    _, west, south = region
    await _both(region)
    (theirs,) = await _listed(west, "events")
    off = {"status": "cancelled"}
    await west.web.patch(f"/api/v1/events/{theirs['id']}", json=off, headers=west.steward)
    await settle(*region)
    (shown,) = await _listed(south, "events")
    assert shown["sources"][1]["differs"] == ["status", "title"]
    page = (await south.web.get(f"/events/{shown['id']}", headers=HTML)).text
    assert "<strong><bdi>Cancelled</bdi></strong>" in page


async def test_what_an_editor_takes_apart_is_never_merged_again(region: Region) -> None:
    north, west, south = region
    await _both(region)
    first, second = await _group(south)
    async with south.services.db.write() as session:
        await merging.part(session, second.id)
    assert len(await _listed(south, "events")) == 2
    (theirs,) = await _listed(west, "events")
    path = f"/api/v1/events/{theirs['id']}"
    await west.web.patch(path, json={"title": "Repair café"}, headers=west.steward)
    await settle(north, west, south)
    assert len(await _listed(south, "events")) == 2
    async with south.services.db.write() as session:
        await merging.merge(session, second.id, first.id)
        assert await session.scalar(select(func.count()).select_from(Apart)) == 0
    assert len(await _listed(south, "events")) == 1


async def test_only_what_can_be_the_same_is_merged_by_hand(region: Region) -> None:
    await _both(region, title="Bicycle market")
    south = region[2]
    offer = await _post(south, "offers", OFFER)
    async with south.services.db.write() as session:
        ids = list(await session.scalars(select(Entry.id).where(Entry.kind == "event")))
        offer_id = await session.scalar(select(Entry.id).where(Entry.uri == offer["uri"]))
        assert offer_id is not None
        with pytest.raises(Invalid):
            await merging.merge(session, ids[0], offer_id)
        with pytest.raises(NotFound):
            await merging.part(session, ids[0])
        await merging.merge(session, ids[0], ids[1])
    other = await _post(region[0], "events", {**EVENT, "title": "Choir"})
    await settle(*region)
    async with south.services.db.write() as session:
        choir = await session.scalar(select(Entry.id).where(Entry.uri == other["uri"]))
        north = await session.scalar(
            select(Entry.id).where(Entry.origin == "n.example", Entry.id != choir)
        )
        assert choir is not None
        assert north is not None
        with pytest.raises(Conflict):
            await merging.merge(session, choir, north)
    assert len(await _listed(south, "events")) == 2


async def test_t26_the_api_says_of_each_thing_whence_how_and_under_which_terms_it_came(
    region: Region,
) -> None:
    north, west, south = region
    posted = await _post(north, "events", {**EVENT, "license": "https://terms.example/own"})
    await _post(west, "events", {**EVENT, "title": "Repair café, with cake", "license": "none"})
    await settle(north, west, south)
    (shown,) = await _listed(south, "events")
    one = (await south.web.get(f"/api/v1/events/{shown['id']}")).json()
    for found in (shown, one):
        assert (found["origin"], found["via"]) == ("n.example", None)
        assert found["license"] == posted["license"] == "https://terms.example/own"
        assert found["heard_at"] is not None
        assert [
            (each["origin"], each["license"], each["title"], each["differs"])
            for each in found["sources"]
        ] == [
            ("n.example", "https://terms.example/own", EVENT["title"], []),
            ("w.example", None, "Repair café, with cake", ["title"]),
        ]
    assert (posted["heard_at"], posted["sources"]) == (None, [])
    path = f"/api/v1/events/{posted['id']}"
    kept = await north.web.patch(path, json={"summary": "Come!"}, headers=north.steward)
    assert kept.json()["license"] == "https://terms.example/own"
    freed = await north.web.patch(path, json={"license": "none"}, headers=north.steward)
    assert freed.json()["license"] is None
    bad = await north.web.patch(path, json={"license": "mine"}, headers=north.steward)
    assert bad.status_code == 422


async def test_files_of_the_region_and_its_map_hold_the_same_thing_once(region: Region) -> None:
    await _both(region)
    south = region[2]
    (row,) = (await south.web.get("/region.json")).json()["items"]
    assert row["sources"] == ["n.example", "w.example"]
    assert (await south.web.get("/region.csv")).text.count("n.example, w.example") == 1
    assert len((await south.web.get("/region.geojson")).json()["features"]) == 1
    assert (await south.web.get("/region.ics")).text.count("BEGIN:VEVENT") == 1
    (spot,) = (await south.web.get("/map.geojson?layer=event")).json()["features"]
    assert spot["properties"]["origin"] == "n.example"


async def test_the_map_finds_a_thing_by_a_tag_that_one_of_its_sources_alone_bears(
    region: Region,
) -> None:
    await _both(region, tags=["cake"])
    (spot,) = (await region[2].web.get("/map.geojson?tag=cake")).json()["features"]
    assert spot["properties"]["origin"] == "w.example"
    assert "Repair café, with cake" in (await region[2].web.get("/map?tag=cake")).text


async def test_a_way_in_of_which_one_source_alone_knows_finds_the_thing(region: Region) -> None:
    north, west, south = region
    for host in ("n", "w"):
        await follows.follow(south.services, f"@places@{host}.example")
    await settle(*region)
    hall = {"title": "Linden hall", "latitude": 50.9391, "longitude": 6.9391}
    await _post(north, "places", hall)
    knows = {"access_facts": {"entrance": "yes"}, "opening_hours": "24/7"}
    await _post(west, "places", {**hall, **knows})
    await _both(region, access_facts={"entrance": "yes"})
    for lists in ("places?access=entrance", "places?open=tue", "events?access=entrance"):
        (item,) = (await south.web.get(f"/api/v1/{lists}&origin=all")).json()["items"]
        assert item["origin"] == "w.example", lists
    page = (await south.web.get("/places", headers=HTML)).text
    assert 'Step-free way in <span class="count">1<' in page
    spots = (await south.web.get("/map.geojson?access=entrance")).json()["features"]
    assert [spot["properties"]["origin"] for spot in spots] == ["w.example"] * 2


async def test_t26_pages_say_where_it_is_from_how_fresh_it_is_and_who_else_tells_of_it(
    region: Region,
) -> None:
    await _both(region, location="Linden yard")
    south = region[2]
    async with visiting(south) as editor:
        await editor.sign_in("editor")
        (shown,) = await _listed(south, "events")
        row = await editor.get("/events")
        assert "from \u2068n.example\u2069" in row.text
        assert "2 hubs tell of this" in row.text
        path = f"/events/{shown['id']}"
        page = await editor.get(path)
        for words in ("See the original", "Last changed", "CC BY 4.0", "2 hubs tell"):
            assert words in page.text, words
        assert f'href="{shown["url"]}"' in page.text
        assert urlsplit(shown["url"]).netloc == "n.example"
        assert "<strong><bdi>Repair café, with cake</bdi></strong>" in page.text
        _, second = await _group(south)
        await editor.send(page, f"/same/{second.id}/part", back=path)
        assert len(await _listed(south, "events")) == 2
        await editor.send(page, f"/same/{second.id}/merge", back=path, other=shown["uri"])
        assert len(await _listed(south, "events")) == 1
        bad = await editor.send(page, f"/same/{second.id}/merge", other="https://x.example/")
        assert bad.status_code == 404
    async with south.services.db.read() as session:
        acts = [(act.deed, act.about, act.details) for act in await log.listed(session)]
    one, other = str(second.id), shown["id"]
    assert acts[:2] == [("merged", one, {"other": other}), ("parted", one, {"sources": 1})]


async def test_t26_what_a_hub_passes_on_of_its_own_came_directly(make_hub: MakeHub) -> None:
    north, south = await make_hub("n.example"), await make_hub("region.example")
    await follows.follow(south.services, "@relay@n.example")
    await settle(north, south)
    await _post(north, "events", EVENT)
    await settle(north, south)
    (shown,) = await _listed(south, "events")
    page = await south.web.get(f"/events/{shown['id']}", headers={"accept": "text/html"})
    assert "n.example" in page.text
    assert "Passed on by" not in page.text


async def test_t29_a_word_of_another_hub_is_ours_for_what_is_here_and_what_comes(
    region: Region,
) -> None:
    north, south = region[0], region[2]
    await _post(north, "events", {**EVENT, "tags": ["Reparieren", "Hof"]})
    await settle(*region)
    async with visiting(south) as moderator:
        await moderator.sign_in("moderator")
        page = await moderator.get("/admin/hubs/n.example/words")
        assert page.text.count("no word of ours yet") >= 2
        words = {"word hof": "", "word reparieren": "repair"}
        assert all(f'name="{name}"' in page.text for name in words)
        done = await moderator.send(page, "/admin/hubs/n.example/words", **words)
        assert done.status_code == 303
        many = {f"word {number}": "" for number in range(categories.MOST_SHOWN)}
        done = await moderator.send(page, "/admin/hubs/n.example/words", **many)
        assert done.status_code == 303
    await _post(north, "events", {**EVENT, "title": "Sewing", "tags": ["Reparieren"]})
    await settle(*region)
    async with south.services.db.read() as session:
        act = (await log.listed(session, deed="words set"))[-1]
    assert (act.about, act.details) == ("n.example", {"changed": 1, "words": 2})
    assert (await south.web.get("/api/v1/events", params={"tag": "yard"})).json()["items"] == []
    found = await south.web.get("/api/v1/events", params={"tag": "repair"})
    assert {each["title"] for each in found.json()["items"]} == {EVENT["title"], "Sewing"}
    async with south.services.db.write() as session:
        assert await categories.set_all(session, "n.example", {"reparieren": ""}) == 2
    found = await south.web.get("/api/v1/events", params={"tag": "repair"})
    assert found.json()["items"] == []
