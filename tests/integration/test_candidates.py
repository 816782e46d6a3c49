"""What other hubs tell of the same thing is found, whatever else there is, and by an index."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from hub.actors.models import Actor
from hub.core.clock import now
from hub.entries import candidates
from hub.entries.models import Entry, Merged
from hub.entries.search import search_text
from tests.conftest import Running
from tests.integration.test_rounds import (
    STARTS,
    Document,
    come,
    counted,
    follow,
    groups,
    hall,
    home_of,
    party,
    told,
)

MILL = {"latitude": 51.5, "longitude": 7.5}


async def plan_of(hub: Running, asked: str) -> list[str]:
    """How SQLite goes about a statement; nothing of the others."""
    if not hub.services.db.is_sqlite:
        return []
    async with hub.services.db.read() as session:
        connection = await session.connection()
        unknown = (None,) * asked.count("?")
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", unknown)
        return [row[-1] for row in plan if " entry " in row[-1]]


async def test_what_may_be_the_same_event_is_found_by_its_time(hub: Running) -> None:
    """SQLite walks along all events where the statement leads it to the kind alone."""
    await follow(hub, 2)
    with counted(hub) as statements:
        await come(hub, *(told("Create", party(f"{n}", n), n) for n in range(2)))
    [asked] = [one for one in statements if "entry.happens_at BETWEEN" in one]
    plan = await plan_of(hub, asked)
    if plan:
        assert len(plan) == candidates.TIMES
        assert all("happens_at>? AND happens_at<?" in step for step in plan)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"latitude": 51.5, "longitude": 7.5}, {"latitude": 51.5, "longitude": 7.5}),
        ({}, {"latitude": 51.5, "longitude": 7.5}),
        ({"latitude": 51.5, "longitude": 7.5}, {}),
        ({}, {"name": "The Mill Hall of Music"}),
    ],
)
async def test_t27_the_same_place_is_found_among_any_number(
    hub: Running, first: Document, second: Document
) -> None:
    """Wherever it lies, and if nobody said so; by an index, whatever there is besides."""
    await follow(hub, 3)
    await crowd(hub, 2 * candidates.MOST + 2)
    await come(hub, told("Create", hall(0, **first)))
    with counted(hub) as statements:
        await come(hub, told("Create", hall(1, **second), 1))
    async with hub.services.db.read() as session:
        assert len((await session.scalars(select(Merged.entry_id))).all()) == 2
    asked = [one for one in statements if "entry.place, entry.latitude" in one]
    assert len(asked) > 1
    for one in asked:
        for step in await plan_of(hub, one):
            ways = ("ix_entry_on_map", "ix_entry_number", "sqlite_autoindex_entry_1")
            assert any(way in step for way in ways), step


async def crowd(
    hub: Running, size: int, like: Mapping[str, Any] = MappingProxyType({}), number: int = 2
) -> None:
    """Other places of a hub: half of them on the map, and one word is theirs too."""
    text = search_text("Mill Shed", (), (), "")
    home, name = home_of(number), f"hub{number}.example"
    async with hub.services.db.write() as session:
        author = await session.scalar(select(Actor.id).where(Actor.authority == name))
        rows: list[Document] = [
            {
                "kind": "place", "uri": f"{home}/places/{n}", "url": f"{home}/{n}",
                "author_id": author, "origin": name, "title": "Mill Shed",
                "happens_at": now(), "status": "open", "search_text": text,
                "latitude": 50 if n % 2 else None, "longitude": 8 if n % 2 else None, **like,
            }
            for n in range(size)
        ]  # fmt: skip
        await session.execute(insert(Entry.__table__), rows)  # type: ignore[arg-type]


async def test_t27_a_crowd_at_one_time_hides_nobody_from_those_who_compare(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MOST", 3)
    await follow(hub, 2)
    crowd = [told("Create", party(f"{n}", 1, name=f"Stall {n}"), 1) for n in range(9)]
    await come(hub, *crowd, told("Create", party("a", name="Repair café")))
    await come(hub, told("Create", party("b", 1, name="Repair café"), 1))
    async with hub.services.db.read() as session:
        assert len((await session.scalars(select(Merged.entry_id))).all()) == 2


async def test_what_is_gone_takes_no_room_from_what_stands(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MOST", 3)
    await follow(hub, 3)
    dead = [party(f"{n}", 1) for n in range(3)]
    await come(hub, *(told("Create", one, 1) for one in dead))
    await come(hub, *(told("Delete", one["id"], 1) for one in dead))
    quiz, choir = party("q", 2, name="Quiz night"), party("c", name="Choir")
    await come(hub, told("Create", party("a", 2), 2), told("Create", quiz, 2))
    await come(hub, told("Create", party("a")), told("Create", choir))
    assert await groups(hub) == ["Street party a", "Street party a"]


async def test_a_crowd_at_one_time_is_asked_for_once(hub: Running) -> None:
    await follow(hub, 2)
    rest = {"kind": "event", "place": "Fair", "latitude": 50, "longitude": 8, "happens_at": STARTS}
    await crowd(hub, 2 * candidates.MOST, rest, number=1)
    with counted(hub) as statements:
        await come(hub, *(told("Create", party(f"{n}")) for n in range(20)))
    assert len([one for one in statements if "entry.happens_at BETWEEN" in one]) == 1


async def test_what_is_merged_stays_so_whatever_its_title_would_find(hub: Running) -> None:
    """The longest words of the longer title are not in the shorter one."""
    await follow(hub, 2)
    mine = hall(0, name="Nachbarschaftstreff Linden im Freizeitheim")
    theirs = hall(1, name="Nachbarschaftstreff Linden", **MILL)
    await come(hub, told("Create", mine))
    await come(hub, told("Create", theirs, 1))
    assert len(await groups(hub)) == 2
    changed = {**mine, "content": "<p>New hours.</p>", "updated": now().isoformat()}
    await come(hub, told("Update", changed))
    assert len(await groups(hub)) == 2


async def test_a_hall_is_found_by_its_name_among_all_that_happens_there(hub: Running) -> None:
    await follow(hub, 3)
    await come(hub, told("Create", hall(0, **MILL)))
    there = search_text("Concert", (), (), "Mill Hall of Music")
    event = {"kind": "event", "title": "Concert", "place": "Mill Hall of Music", **MILL}
    await crowd(hub, candidates.MOST + 1, {**event, "search_text": there})
    await come(hub, told("Create", hall(1), 1))
    assert len(await groups(hub)) == 2


async def test_a_hall_is_found_in_a_street_of_many_shops(hub: Running) -> None:
    await follow(hub, 3)
    await come(hub, told("Create", hall(0, **MILL)))
    await crowd(hub, candidates.MOST + 1, {"latitude": 51.495, "longitude": 7.5})
    near = {"latitude": 51.5003, "longitude": 7.5}
    await come(hub, told("Create", hall(1, name="The Mill Music Hall of Dortmund", **near), 1))
    assert len(await groups(hub)) == 2


async def test_copies_of_somebody_barred_part_nobody(hub: Running) -> None:
    await follow(hub, 3)
    copies = [told("Create", party(f"{n}", 2, name="Repair café"), 2) for n in range(30)]
    await come(hub, *copies)
    async with hub.services.db.write() as session:
        theirs = update(Actor).where(Actor.authority == "hub2.example")
        await session.execute(theirs.values(suspended_at=now()))
    await come(hub, told("Create", party("a", 0, name="Repair café")), told("Create", party("b")))
    choir = party("c", 1, name="Choir")
    await come(hub, told("Create", party("a", 1, name="Repair café"), 1), told("Create", choir, 1))
    assert await groups(hub) == ["Repair café", "Repair café"]
