"""The whole hub in open formats, readable without it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import zipfile
from pathlib import Path

from icalendar import Calendar
from sqlalchemy import select

from federation.vocab.parse import parse
from hub.entries.models import Entry
from hub.leaving import whole
from tests import neighbours
from tests.conftest import Running
from tests.processes import hub_process
from tests.world import BAD, FAR, QUIET, WORD, world

KINDS = {"Event", "Proposal", "Article", "Note", "Place", "Organization"}


async def test_an_export_has_what_neighbours_may_read_and_no_more(hub: Running) -> None:
    made = await world(hub)
    path = await whole.make(hub.services)
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        files = {name: archive.read(name).decode("utf-8", "replace") for name in names}
    text = "\n".join(files.values())
    strange = {
        made.about[one]
        for one, viewers in made.seen_by.items()
        if one in text and not {"neighbour", "reader"} & viewers
    }
    assert strange == set(), "it is not for neighbours"
    for about in ("the title of hub events", "the words of public news", "a reply"):
        (canary,) = [one for one, said in made.about.items() if said == about]
        assert canary in text, about
    kinds = ("events", "offers", "wants", "news", "places", "organisations")
    ids = {str(made.ids[f"{state} {kind}"]) for state in ("public", "hub") for kind in kinds}
    documents = [name for name in names if name.count("/") == 2]
    assert ids <= {Path(name).stem for name in documents}
    for name in documents:
        thing = parse(json.loads(files[name]))
        assert type(thing).__name__ in KINDS, name
    rows = list(csv.DictReader(io.StringIO(files["entries.csv"])))
    assert {row["visibility"] for row in rows} == {"public", "hub"}
    assert len(rows) == len(documents)
    events = Calendar.from_ical(files["events.ics"]).walk("VEVENT")
    assert len(events) == sum(row["kind"] == "event" for row in rows)
    followers = list(csv.DictReader(io.StringIO(files["followers.csv"])))
    assert [row["Account address"] for row in followers] == [f"ada-far@{FAR}"]
    blocks = list(csv.DictReader(io.StringIO(files["blocks.csv"])))
    assert {row["#domain"]: row["#severity"] for row in blocks} == {
        BAD: "suspend",
        QUIET: "silence",
    }
    assert json.loads(files["actors/events.json"])["type"] == "Service"
    assert WORD in files["index.html"]


async def test_f8_a_cell_is_no_formula(hub: Running) -> None:
    ann = await neighbours.person(hub, "Ann", "member")
    await neighbours.post(hub, "wants", ann, title="=1+1", kind="item", mode="lend")
    with zipfile.ZipFile(await whole.make(hub.services)) as archive:
        (row,) = csv.DictReader(io.StringIO(archive.read("entries.csv").decode()))
    assert row["title"] == "'=1+1"
    async with hub.services.db.read() as session:
        assert await session.scalar(select(Entry.title)) == "=1+1"


async def test_the_command_unpacks_it_into_a_new_folder(tmp_path: Path) -> None:
    def work() -> None:
        with hub_process(tmp_path / "hub") as hub:
            hub.command("demo")
            folder = tmp_path / "out"
            assert str(folder) in hub.command("export", str(folder))
            assert (folder / "README.txt").read_text().startswith("This is ")
            assert list((folder / "activitystreams" / "events").glob("*.json"))
            assert list((folder / "pictures").iterdir())
            assert not list((tmp_path / "hub" / "parcels").glob("*.zip"))
            assert "is not empty" in hub.command("export", str(folder), status=1)

    await asyncio.to_thread(work)
