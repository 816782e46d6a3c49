"""Taking a copy of all that is one's own, and leaving so that nothing stays (T41, SECURITY D7)."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from icalendar import Calendar
from sqlalchemy import JSON, LargeBinary, String, Text, select

from hub.core.clock import now
from hub.core.db import Base
from hub.entries import replies, tending
from hub.entries.models import Entry, Picture, Reply
from hub.fediverse import follows
from hub.fediverse.models import OutboxActivity, Peer, Receipt
from hub.leaving import parcels
from hub.leaving.models import Parcel
from hub.people.models import Person
from tests import neighbours
from tests.clock import Clock
from tests.conftest import Running, settle
from tests.integration.test_reading_back import NEWS
from tests.integration.test_stewards import _photo  # a picture with a place in it
from tests.jobs import ask
from tests.neighbours import Neighbour
from tests.towns import EVENT, Town
from tests.visitor import visiting
from tests.world import WORD, World, world

CANARY = re.compile(rf"{WORD}\d{{3}}x")


async def _copy(hub: Running, who: Neighbour) -> zipfile.ZipFile:
    """Have a copy made on the page, and download it."""
    assert (await neighbours.press(hub, "/me/export", who)).status_code == 303
    assert "being made" in (await neighbours.page(hub, "/me/export", who)).text
    await hub.work()
    page = await neighbours.page(hub, "/me/export", who)
    path = re.findall(r'href="(/me/export/[0-9a-f-]{36})"', page.text)[0]
    answer = await neighbours.page(hub, path, who)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    return zipfile.ZipFile(io.BytesIO(answer.content))


def _canaries(text: str) -> set[str]:
    return set(CANARY.findall(text.lower()))


def _check_copy(made: World, copy: zipfile.ZipFile) -> None:
    """It has all that is the owner's, and nothing that only others may see."""
    assert copy.testzip() is None
    text = "\n".join(copy.read(name).decode("utf-8", "replace") for name in copy.namelist())
    posts = json.loads(copy.read("activitystreams/posts.json"))
    rows = list(csv.DictReader(io.StringIO(copy.read("posts.csv").decode())))
    events = Calendar.from_ical(copy.read("events.ics").decode()).walk("VEVENT")
    found = _canaries(text)
    strange = {
        made.about[one]
        for one in found
        # What a steward hid is its author's all the same.
        if "owner" not in made.seen_by[one] and " hidden " not in made.about[one]
    }
    assert strange == {"what owner is told", "what owner is told at length"}
    for about in (
        "name of owner",
        "the e-mail address of owner",
        "the interests of owner",
        "the title of public events",
        "the words of hub offers",
        "the title of private wants",
        "the words of hidden news",
        "what two say",
        "a private message to the owner",
        "what owner is told",
    ):
        assert about in {made.about[one] for one in found}
    assert posts["totalItems"] == len(rows) == len(posts["orderedItems"])
    kinds = {"Event", "Note", "Article", "Place", "Organization"}
    assert {post["type"] for post in posts["orderedItems"]} == kinds
    assert len(events) == 4  # of every visibility, and one that a steward hid
    assert any(name.startswith("pictures/") for name in copy.namelist())
    assert "<h1>" in copy.read("index.html").decode()


async def test_d11_a_copy_is_for_whoever_asked_and_not_for_long(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    ann = await neighbours.person(hub, "Ann", "member")
    ben = await neighbours.person(hub, "Ben", "steward")
    with await _copy(hub, ann):
        pass
    async with hub.services.db.read() as session:
        (parcel,) = await session.scalars(select(Parcel))
    path, file = f"/me/export/{parcel.id}", parcels.path(hub.services, parcel.id)
    assert file.stat().st_mode & 0o077 == 0
    for headers in (ben.pages, {"Authorization": ann["Authorization"]}, {}):
        answer = await hub.web.get(path, headers={**headers, "accept": "text/html"})
        assert answer.status_code in {303, 401, 404}
    clock.pass_by(days=8)
    assert (await neighbours.page(hub, path, ann)).status_code == 404
    await ask(hub.services, "retention.forget")
    await hub.work()
    assert not await asyncio.to_thread(file.exists)


async def test_one_copy_is_made_at_a_time(hub: Running) -> None:
    ann = await neighbours.person(hub, "Ann", "member")
    for _ in range(3):
        await neighbours.press(hub, "/me/export", ann)
    async with hub.services.db.read() as session:
        assert len((await session.scalars(select(Parcel))).all()) == 1


# ------------------------------------------------------------------------------- leaving


async def _left(hub: Running, who: Neighbour) -> str:
    """Leave by the page; the path that shows how far it is."""
    answer = await neighbours.press(hub, "/me/delete", who)
    assert answer.status_code == 303, answer.text
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    return str(answer.headers["location"])


async def _texts(hub: Running) -> dict[str, str]:
    """Every text of every table, by column; and the names and bytes of all files."""
    found: dict[str, str] = {}
    async with hub.services.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for column in _columns(table):
                values = (await session.scalars(select(column))).all()
                found[f"{table.name}.{column.name}"] = "\n".join(map(_plain, values))
    for path in hub.services.settings.data_dir.rglob("*"):
        if path.is_file():
            found[path.name] = _plain(path.read_bytes())
    return found


def _plain(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _columns(table: Any) -> Iterator[Any]:
    for column in table.columns:
        if isinstance(getattr(column.type, "impl", column.type), (String, Text, JSON, LargeBinary)):
            yield column


def _of_owner(made: World) -> set[str]:
    """What the owner said, or what was kept about them."""
    words = ("owner", "public", "hub ", "private", "hidden", "who has it", "what to bring")
    return {
        one
        for one, said in made.about.items()
        if any(word in said for word in words)
        and not said.startswith(("a ", "our ", "what we "))
        and "deleted" not in said  # by hand, as if it had kept its words
    }


async def test_t41_d7_a_copy_holds_all_and_nothing_stays_of_one_who_left(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    made = await world(hub)
    owner = made.people["owner"]
    image = await _with_picture(hub, owner)
    theirs = _of_owner(made)
    assert len(theirs) > 60
    assert theirs <= _canaries("".join((await _texts(hub)).values()))
    with await _copy(hub, owner) as copy:
        _check_copy(made, copy)
    await _left(hub, owner)
    await hub.work()
    clock.pass_by(days=31)  # mail that waits for a server that is silent
    for name in ("fediverse.upkeep", "retention.forget", "retention.forget"):
        await ask(hub.services, name)
        await hub.work()
    texts = await _texts(hub)
    stays = {
        (where, made.about[one])
        for where, text in texts.items()
        for one in _canaries(text) & theirs
    }
    # Only what others were told of theirs, for a while (docs/retention.md).
    assert {where for where, _ in stays} <= {"told.subject", "told.lines"}, stays
    assert image not in "".join((*texts, *texts.values()))
    async with hub.services.db.read() as session:
        row = await session.get_one(Person, owner.id)
        assert (row.name, row.email, row.interests, row.channels) == ("", None, [], {})


async def _with_picture(hub: Running, who: Neighbour) -> str:
    data = base64.b64encode(_photo()).decode()
    picture = {"data": data, "alt": "A ladder"}
    await neighbours.post(
        hub, "offers", who, title="Ladder", kind="item", mode="lend", image=picture
    )
    async with hub.services.db.read() as session:
        name = await session.scalar(select(Picture.name).where(Picture.alt == "A ladder"))
    assert name is not None
    return name


async def test_t41_one_who_left_sees_which_servers_have_deleted_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered to one; another is away, and after thirty days it is given up."""
    clock = Clock(monkeypatch)
    hub = town.hub
    ann = await neighbours.person(hub, "Ann", "member")
    made = await neighbours.post(hub, "events", ann, **EVENT)
    await neighbours.post(
        hub, "wants", ann, title="Drill", kind="item", mode="lend", visibility="hub"
    )
    await hub.work()
    async with hub.services.db.write() as session:
        inbox = "https://away.example/inbox"
        row = Receipt(object_uri=made["uri"], inbox=inbox, host="away.example")
        row.delivered_at = now()
        session.add(row)
    path = await _left(hub, ann)
    before = (await hub.web.get(path)).text
    assert "just about to tell" in before
    await hub.work()
    page = (await hub.web.get(path)).text
    assert re.search(r"away\.example</h3></div><span class=\"tag want\">", page), page
    assert "not reached yet" in page
    assert "Ann" not in page
    assert "tried for 30 days" in page
    gone = await hub.web.get(made["uri"], headers={"accept": "application/activity+json"})
    assert gone.status_code == 410
    assert gone.json()["type"] == "Tombstone"
    async with hub.services.db.write() as session:
        peer = await session.get_one(Peer, "away.example")
        peer.failing_since = peer.failing_since or now()
    for days in (5, 28):
        clock.pass_by(days=days)
        await ask(hub.services, "retention.forget")
        await hub.work()
    page = (await hub.web.get(path)).text
    assert "given up" in page
    assert "That is all." in page
    clock.pass_by(days=10)
    await ask(hub.services, "retention.forget")
    await hub.work()
    assert (await hub.web.get(path)).status_code == 404
    assert (await hub.web.get("/left/guess")).status_code == 404


async def test_t41_the_other_hub_deletes_it_and_is_shown_as_told(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    answer = await south.web.post(
        "/api/v1/follows", json={"handle": "@events@north.example"}, headers=south.steward
    )
    assert answer.status_code == 201, answer.text
    await settle(north, south)
    ann = await neighbours.person(north, "Ann", "member")
    await neighbours.post(north, "events", ann, **EVENT)
    other = await north.web.post("/api/v1/news", json=NEWS, headers=north.steward)
    await follows.follow(south.services, "@news@north.example")
    await settle(north, south)
    # What she answered for everybody, under what is somebody else's and stays.
    form = f"/answer/{other.json()['id']}"
    said = await neighbours.press(north, form, ann, text="I bring the kettle.")
    assert said.status_code == 303, said.text
    await settle(north, south)
    assert await _answers(south) == {"<p><strong>Ann:</strong> I bring the kettle.</p>"}
    with await _copy(north, ann) as copy:
        assert b"I bring the kettle." in b"".join(copy.read(name) for name in copy.namelist())
    path = await _left(north, ann)
    await settle(north, south)
    assert await _answers(south) == await _answers(north) == set()
    page = (await north.web.get(path)).text
    assert re.search(r"south\.example</h3></div><span class=\"tag offer\">", page), page
    assert "That is all." in page
    async with south.services.db.read() as session:
        titles = await session.scalars(select(Entry.title).where(Entry.kind == "event"))
        assert titles.all() == [""]
    async with north.services.db.read() as session:
        said_yet = select(OutboxActivity.object_uri).where(OutboxActivity.type == "Create")
        assert set(await session.scalars(said_yet)) == {other.json()["uri"]}, "her words are gone"


async def _answers(hub: Running) -> set[str]:
    async with hub.services.db.read() as session:
        return set(await session.scalars(select(Reply.content)))


async def test_one_leaves_whose_answer_was_hidden_and_others_who_answered_it_stay(
    hub: Running,
) -> None:
    news = await hub.web.post("/api/v1/news", json=NEWS, headers=hub.steward)
    form = f"/answer/{news.json()['id']}"
    ann = await neighbours.person(hub, "Ann", "member")
    ben = await neighbours.person(hub, "Ben", "member")
    said = await neighbours.press(hub, form, ann, text="I bring the kettle.")
    above = said.headers["location"].partition("#reply-")[2]
    answer = await neighbours.press(hub, f"{form}?to={above}", ben, text="No kettle.")
    assert answer.status_code == 303, answer.text
    async with hub.services.db.write() as session:
        await tending.hide(session, hub.services, await replies.by_id(session, UUID(above)))
    await _left(hub, ann)
    assert await _answers(hub) == {"<p><strong>Ben:</strong> No kettle.</p>"}


async def test_the_last_steward_cannot_leave(hub: Running) -> None:
    async with visiting(hub) as ann:
        await ann.sign_in("steward")
        answer = await ann.press("/me/delete")
        assert answer.status_code == 409
        assert "last steward" in answer.text
        assert (await ann.get("/me")).status_code == 200
