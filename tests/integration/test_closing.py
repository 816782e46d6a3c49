"""A hub closes: announced with a day, undone until then, read for ever after (INTERFACE)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.audit import log as audit
from hub.commands import COMMANDS
from hub.core.clock import now
from hub.core.closing import closing_of
from hub.core.errors import Conflict, Invalid
from hub.entries.models import Entry
from hub.fediverse.models import Follow
from tests import neighbours
from tests.clock import Clock
from tests.conftest import Running, settle
from tests.jobs import ask
from tests.towns import EVENT

PLACE = "/admin/closing"
PAGE = {"accept": "text/html"}
AS2 = {"accept": "application/activity+json"}


async def _close(hub: Running, **given: Any) -> str:
    return "".join([line["text"] async for line in COMMANDS["close"](hub.services, **given)])


def _day(days: int) -> str:
    return f"{now().date() + timedelta(days=days)}"


async def test_it_is_announced_and_undone_until_the_day(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    assert "closes on" not in (await hub.web.get("/", headers=PAGE)).text
    for day, words in (("soon", "is not a day"), (_day(-2), "is over")):
        with pytest.raises(Invalid, match=words):
            await _close(hub, day=day)
    with pytest.raises(Conflict, match="Nobody said"):
        await _close(hub, undo=True)
    assert "hub close --undo" in await _close(hub, day=_day(30))
    page = (await hub.web.get("/", headers=PAGE)).text
    assert "This hub closes on" in page
    assert "Then everything is deleted" not in page
    ann = await neighbours.person(hub, "Ann", "member")
    await neighbours.post(hub, "events", ann, **EVENT)
    assert "stays open" in await _close(hub, undo=True)
    assert "closes on" not in (await hub.web.get("/", headers=PAGE)).text
    await _close(hub, day=_day(30))
    clock.pass_by(days=32)
    with pytest.raises(Conflict, match="That stays so"):
        await _close(hub, undo=True)


async def test_stewards_announce_it_on_a_page_that_says_what_becomes_of_everything(
    hub: Running,
) -> None:
    sue = await neighbours.person(hub, "Sue", "steward")
    ann = await neighbours.person(hub, "Ann", "member")
    await neighbours.post(hub, "events", ann, **EVENT)
    assert (await neighbours.page(hub, PLACE, ann)).status_code == 403
    page = (await neighbours.page(hub, PLACE, sue)).text
    for words in ("1 thing that was posted here", "3 people with an account", "0 followers"):
        assert words in page
    asked = {"deed": "close", "day": _day(30), "then": "delete"}
    for given, told in (
        ({**asked, "name": "Linden"}, "Write the name of this hub"),
        ({**asked, "name": "hub", "day": _day(-1)}, "is over"),
        ({**asked, "name": "hub", "day": ""}, "is not a day"),
    ):
        refused = await neighbours.press(hub, PLACE, sue, **given)
        assert refused.status_code == 422
        assert told in refused.text
        assert 'value="delete" checked' in refused.text, "what was chosen stays chosen"
    assert closing_of(hub.services.settings) is None
    done = await neighbours.press(hub, PLACE, sue, **asked, name=" HUB ")
    assert done.headers["location"] == f"{PLACE}?said=closes"
    assert "Then everything is deleted." in (await hub.web.get("/", headers=PAGE)).text
    assert "Stay open after all" in (await neighbours.page(hub, PLACE, sue)).text
    back = await neighbours.press(hub, PLACE, sue, deed="stay")
    assert back.headers["location"] == f"{PLACE}?said=stays"
    assert closing_of(hub.services.settings) is None
    assert (await neighbours.press(hub, PLACE, sue, deed="stay")).status_code == 409
    async with hub.services.db.read() as session:
        acts = [act for act in await audit.listed(session) if act.deed in {"closing", "stays open"}]
    assert [(act.deed, act.about) for act in acts] == [
        ("stays open", _day(30)),
        ("closing", _day(30)),
    ]
    assert acts[1].details == {"deletes": True}
    assert acts[1].by_id == sue.id


async def test_after_the_day_all_is_read_and_nothing_new_is_taken(
    hubs: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    north, south = hubs
    ann = await neighbours.person(north, "Ann", "member")
    made = await neighbours.post(north, "wants", ann, title="Drill", kind="item", mode="lend")
    await _close(north, day=_day(30))
    clock.pass_by(days=32)
    answer = await north.web.post("/api/v1/events", json=EVENT, headers=ann)
    assert answer.status_code == 409
    assert "nothing new can be posted" in answer.json()["detail"]
    refused = await neighbours.press(north, "/post/want", ann, title="Saw")
    assert refused.status_code == 409
    assert "take along what is yours" in refused.text
    path = made["uri"].removeprefix(north.url)
    page = await north.web.get(path, headers=PAGE)
    assert page.status_code == 200
    assert "This hub has closed." in page.text
    assert (await north.web.get(path, headers=AS2)).json()["id"] == made["uri"]
    # Who wants to follow is told no; who lives here can take all along, and leave.
    follow = {"handle": "@events@north.example"}
    await south.web.post("/api/v1/follows", json=follow, headers=south.steward)
    await settle(north, south)
    async with south.services.db.read() as session:
        assert await session.scalar(select(Follow.state)) == "rejected"
    assert (await neighbours.press(north, "/me/export", ann)).status_code == 303
    await ask(north.services, "leaving.end")
    await north.work()
    async with north.services.db.read() as session:
        assert await session.scalar(select(Entry.title)) == "Drill"
    assert (await neighbours.press(north, "/me/delete", ann)).status_code == 303


async def test_if_it_was_said_everything_is_deleted_then_and_not_before(
    hubs: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    north, south = hubs
    follow = {"handle": "@events@north.example"}
    await south.web.post("/api/v1/follows", json=follow, headers=south.steward)
    await settle(north, south)
    ann = await neighbours.person(north, "Ann", "member")
    made = await neighbours.post(north, "events", ann, **EVENT)
    await neighbours.post(north, "news", ann, title="News", description="Words")
    assert "taken back" in await _close(north, day=_day(30), deletes=True)
    assert "Then everything is deleted" in (await north.web.get("/", headers=PAGE)).text
    for days, left in ((29, 2), (3, 0)):
        clock.pass_by(days=days)
        await ask(north.services, "leaving.end")
        await settle(north, south)
        async with north.services.db.read() as session:
            rows = await session.scalars(select(Entry).where(Entry.deleted_at.is_(None)))
            assert len(rows.all()) == left
    answer = await north.web.get(made["uri"], headers=AS2)
    assert (answer.status_code, answer.json()["type"]) == (410, "Tombstone")
    async with south.services.db.read() as session:
        assert await session.scalar(select(Entry.title)) == ""
