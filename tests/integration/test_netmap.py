"""Who works with whom: as a picture, as a table and as files, of what everybody may see."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from defusedxml import ElementTree
from sqlalchemy import select, update

from hub.core.clock import now
from hub.entries.models import Entry, Merged
from hub.events.models import Event
from hub.netmap import kept, queries
from tests import neighbours
from tests.clock import Clock
from tests.conftest import Running

HTML = {"accept": "text/html"}
XML = "{http://graphml.graphdrawing.org/xmlns}"


async def _organisation(hub: Running, title: str, **members: Any) -> str:
    return str(
        (await neighbours.post(hub, "organisations", hub.steward, title=title, **members))["id"]
    )


async def _event(hub: Running, title: str, organiser: str, days: int = 3, **members: Any) -> None:
    starts = (now() + timedelta(days=days)).isoformat()
    given = {"title": title, "organiser": organiser, "starts_at": starts, **members}
    await neighbours.post(hub, "events", hub.steward, **given)


async def _neighbourhood(hub: Running) -> None:
    """Three groups that hold a feast together, two that use one hall, and what is not public."""
    friends = await _organisation(hub, "Friends of Mill Park", tags=["food"])
    await _organisation(hub, "Linden Choir")
    await _organisation(hub, "Repair Café")
    await _organisation(hub, "Secret Society", visibility="hub")
    await _organisation(hub, "Chess Club")
    hall = await neighbours.post(hub, "places", hub.steward, title="St Anne Hall")
    await _event(hub, "Street feast", "Friends of Mill Park, Linden Choir and Repair Café")
    await _event(hub, "Rehearsal", "Linden Choir", place_id=hall["id"])
    await _event(hub, "Planting", "", organiser_id=friends, place_id=hall["id"])
    await _event(hub, "Hidden supper", "Linden Choir, Repair Café", visibility="hub")
    await _event(hub, "Oath", "Secret Society, Linden Choir")
    await _event(hub, "By a person", "Eve Miller")


async def test_t17_the_picture_its_table_and_its_files_say_what_the_records_say(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _neighbourhood(hub)
    said = (await hub.web.get("/network.json")).json()
    titles = {node["id"]: node["title"] for node in said["nodes"]}
    edges = {
        (frozenset((titles[edge["source"]], titles[edge["target"]])), edge["tie"]): edge["why"]
        for edge in said["edges"]
    }
    friends, choir, cafe = "Friends of Mill Park", "Linden Choir", "Repair Café"
    assert edges == {
        (frozenset((friends, choir)), "together"): ["Street feast"],
        (frozenset((friends, cafe)), "together"): ["Street feast"],
        (frozenset((choir, cafe)), "together"): ["Street feast"],
        (frozenset((friends, choir)), "place"): ["St Anne Hall"],
    }
    page = (await hub.web.get("/network", headers=HTML)).text
    assert page.count("<circle") == 3
    assert len(re.findall(r'<tr>\s*<th scope="row">', page)) == len(edges) + len(titles)
    assert "Chess Club" in page  # who has no link is named as well
    for private in ("Secret Society", "Hidden supper", "Oath", "Eve Miller"):
        assert private not in page
    whole = ElementTree.fromstring((await hub.web.get("/network.graphml")).content)
    assert len(whole.findall(f".//{XML}node")) == len(titles)
    assert len(whole.findall(f".//{XML}edge")) == len(edges)
    table = (await hub.web.get("/network.csv")).content.decode("utf-8-sig")
    assert len(list(csv.reader(table.splitlines()))) == len(edges) + 1

    # By a word: "food" is what one of them says of itself.
    narrow = (await hub.web.get("/network.json?q=food")).json()
    assert len(narrow["edges"]) == 3
    assert (await hub.web.get("/network.json?q=nothing-like-it")).json()["edges"] == []
    # By time.
    Clock(monkeypatch).pass_by(days=150)
    assert (await hub.web.get("/network.json?months=3")).json()["edges"] == []
    assert len((await hub.web.get("/network.json?months=6")).json()["edges"]) == len(edges)
    assert "Nothing links two" in (await hub.web.get("/network?months=3", headers=HTML)).text


async def test_it_is_open_to_everybody_and_takes_no_nonsense(hub: Running) -> None:
    page = await hub.web.get("/network", headers=HTML)
    assert page.status_code == 200
    assert "Nothing links two" in page.text
    assert (await hub.web.get("/network?months=7", headers=HTML)).status_code == 422
    assert (await hub.web.get("/network.json?months=ever&utm=x")).status_code == 200


async def test_it_is_read_anew_when_something_of_it_changed_and_only_then(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _neighbourhood(hub)
    read: list[str] = []
    graph_of = queries.graph_of

    async def counted(session: Any, since: Any, until: Any, word: str) -> Any:
        read.append(word)
        return await graph_of(session, since, until, word)

    monkeypatch.setattr(queries, "graph_of", counted)

    async def told(address: str = "/network.json") -> Any:
        return (await hub.web.get(address)).json()

    async def change(statement: Any) -> None:
        async with hub.services.db.write() as session:
            await session.execute(statement)

    first = await told()
    assert await told() == first
    await hub.web.get("/network", headers=HTML)
    await hub.web.get("/network.csv")
    assert read == [""]
    assert len((await told("/network.json?q=food"))["edges"]) == 3
    assert await told() == first
    assert read == ["", "food"], "a word makes another, and takes nothing from the first"

    feast = Entry.title == "Street feast"
    await change(update(Entry).where(feast).values(hidden_at=now()))
    assert len((await told())["edges"]) == 1, "what is hidden is gone at once"
    await change(update(Entry).where(feast).values(hidden_at=None))
    assert await told() == first
    assert read == ["", "food", ""]
    await change(update(Event).values(place_id=None, place_uri=None))
    assert {edge["tie"] for edge in (await told())["edges"]} == {"together"}
    choir = Entry.title == "Linden Choir"
    await change(update(Entry).where(choir).values(title="Lime Choir", updated_at=now()))
    friends, cafe = "Friends of Mill Park", "Repair Café"
    assert {node["title"] for node in (await told())["nodes"]} == {friends, cafe}
    async with hub.services.db.write() as session:
        two = select(Entry.id).where(Entry.title.in_((friends, cafe)))
        ids = (await session.scalars(two)).all()
        group = uuid4()
        session.add_all(Merged(entry_id=id_, group_id=group) for id_ in ids)
    assert (await told())["nodes"] == [], "they are one now"


async def test_no_more_graphs_are_kept_than_so_many(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    ours = kept.Kept(hub.services.db)
    since, until = now() - timedelta(days=9), now()
    made = [await ours.graph(since, until, word) for word in "abc"]
    assert await ours.graph(since, until, "c") is made[2]
    assert await ours.graph(since, until, "b") is made[1]
    assert await ours.graph(since, until, "a") is not made[0]
