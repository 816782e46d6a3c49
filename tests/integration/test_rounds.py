"""Mail that is acted upon together: asked for at once, and as if each had come by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import event, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import Unauthorised
from federation.rates import Rates
from federation.vocab.names import AS2, PUBLIC
from hub.actors import service
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.questions import Question, add, remember
from hub.entries.models import Entry, Merged, Picture
from hub.fediverse import facts
from hub.fediverse.hearing import Case, Hearing, Round, Spoilt
from hub.fediverse.inbox import Processor
from hub.fediverse.models import Fact, Follow, InboxActivity
from hub.fediverse.received import LookUps, Together
from tests.conftest import MakeHub, Running

STARTS = (now() + timedelta(days=9)).replace(microsecond=0)
Document = dict[str, Any]


def home_of(number: int) -> str:
    return f"https://hub{number}.example"


async def follow(hub: Running, hubs: int, state: str = "accepted") -> None:
    """@events follows an actor on each of so many hubs."""
    async with hub.services.db.write() as session:
        ours = await service.local(session, "events")
        for number in range(hubs):
            uri = f"{home_of(number)}/actors/events"
            actor = Actor(
                id=uuid4(), uri=uri, kind="Group", name="events", inbox=f"{uri}/inbox",
                authority=f"hub{number}.example", fetched_at=now(),
            )  # fmt: skip
            session.add(actor)
            await session.flush()
            session.add(
                Follow(
                    uri=f"{ours.uri}#follow-{number}",
                    follower_id=ours.id,
                    followee_id=actor.id,
                    state=state,
                )
            )


def told(kind: str, thing: Document | str, number: int = 0) -> Document:
    """An activity of one hub's actor."""
    return {
        "@context": AS2,
        "id": f"{home_of(number)}/activities/{uuid4()}",
        "type": kind,
        "actor": f"{home_of(number)}/actors/events",
        "to": [PUBLIC],
        "object": thing,
    }


def party(which: str, number: int = 0, **more: Any) -> Document:
    """An event of one hub."""
    return {
        "id": f"{home_of(number)}/events/{which}",
        "type": "Event",
        "name": f"Street party {which}",
        "startTime": STARTS.isoformat(),
        "location": {"type": "Place", "name": "The old school", "latitude": 51, "longitude": 7},
        "attributedTo": f"{home_of(number)}/actors/events",
        "to": [PUBLIC],
        "published": "2026-11-22T09:00:00Z",
        **more,
    }


async def come(
    hub: Running, *activities: Document, documents: Mapping[str, Document] | None = None
) -> dict[str, str]:
    """All of these are acted upon in one round; what became of each, by its id.

    `documents` are those of actors that came with an activity, by its id.
    """
    known = documents or {}
    moment = now()
    rows = [
        {
            "uri": one["id"],
            "actor_uri": one["actor"],
            "host": one["actor"].split("/")[2],
            "trust": "signer",
            "scheme": "cavage",
            "body": orjson.dumps(one),
            "actor_document": orjson.dumps(known[one["id"]]) if one["id"] in known else None,
            "received_at": moment,
            "run_at": moment,
            "state": "waiting",
        }
        for one in activities
    ]
    async with hub.services.db.write() as session:
        await session.execute(insert(InboxActivity), rows)
    processor = Processor(hub.services, hub.hub.handlers, "test")
    assert await processor.process() == len(rows)
    async with hub.services.db.read() as session:
        found = await session.execute(select(InboxActivity.uri, InboxActivity.state))
    return dict(found.all())


async def titles(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        shown = select(Entry.title).where(Entry.deleted_at.is_(None)).order_by(Entry.title)
        return list(await session.scalars(shown))


def hall(number: int, **more: Any) -> Document:
    """A place of one hub."""
    return {
        "id": f"{home_of(number)}/places/mill",
        "type": "Place",
        "name": "Mill Hall of Music",
        "address": {"type": "PostalAddress", "streetAddress": "Mill Road 1"},
        "attributedTo": f"{home_of(number)}/actors/events",
        "to": [PUBLIC],
        "published": "2026-11-22T09:00:00Z",
        **more,
    }


async def groups(hub: Running) -> list[str]:
    """What is merged, by title."""
    async with hub.services.db.read() as session:
        query = select(Entry.title).join(Merged, Merged.entry_id == Entry.id)
        return list(await session.scalars(query.order_by(Entry.title)))


@contextmanager
def counted(hub: Running) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    seen: list[str] = []

    def note(*given: Any) -> None:
        seen.append(given[2])

    engine = hub.services.db.writer.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_p14_many_activities_are_asked_about_at_once(hub: Running) -> None:
    await follow(hub, 3)
    cost = []
    for round_, size in enumerate((10, 40)):
        mail = [told("Create", party(f"{round_}-{n}", n % 3), n % 3) for n in range(size)]
        with counted(hub) as statements:
            states = await come(hub, *mail)
        assert set(states.values()) == {"done"}
        cost.append(len(statements))
    assert len(await titles(hub)) == 50
    assert cost[1] <= cost[0] + 3, cost


async def test_the_same_thing_twice_in_a_round_is_kept_once(hub: Running) -> None:
    await follow(hub, 1)
    party_ = party("a")
    later = {**party_, "name": "Street fair", "updated": now().isoformat()}
    mail = [told("Create", party_), told("Create", party_), told("Update", later)]
    assert set((await come(hub, *mail)).values()) == {"done"}
    assert await titles(hub) == ["Street fair"]


async def test_who_accepts_us_is_heard_in_the_same_round(hub: Running) -> None:
    await follow(hub, 1, state="pending")
    async with hub.services.db.read() as session:
        asked = await session.scalar(select(Follow.uri))
    mail = [told("Accept", asked or ""), told("Create", party("a"))]
    assert set((await come(hub, *mail)).values()) == {"done"}
    assert await titles(hub) == ["Street party a"]


async def test_what_was_deleted_in_a_round_does_not_come_back_in_it(hub: Running) -> None:
    await follow(hub, 1)
    old, new = party("old"), party("new")
    mail = [
        told("Create", new),
        told("Delete", new["id"]),
        told("Delete", old["id"]),
        told("Create", old),
        told("Create", party("other")),
    ]
    states = await come(hub, *mail)
    assert states[mail[3]["id"]] == "dropped"
    assert await titles(hub) == ["Street party other"]


async def test_t27_what_two_hubs_tell_in_a_round_is_merged(hub: Running) -> None:
    await follow(hub, 3)
    mail = [told("Create", party("a", number, name="Repair café"), number) for number in range(3)]
    again = party("b", 1, name="Choir")
    await come(hub, *mail, told("Create", again, 1))
    async with hub.services.db.read() as session:
        rows = (await session.execute(select(Merged.entry_id, Merged.group_id))).all()
    assert len(rows) == 3
    assert len({row.group_id for row in rows}) == 1


async def test_a_refusal_spoils_nothing(hub: Running, caplog: pytest.LogCaptureFixture) -> None:
    await follow(hub, 1)
    mail = [
        told("Create", party("a")),
        told("Create", party("of nobody", 0, to=["https://hub0.example/x"])),
        told("Create", {"type": "Event"}),
        told("Create", party("b")),
    ]
    with caplog.at_level("INFO", "hub.fediverse.hearing"):
        states = await come(hub, *mail)
    assert [states[one["id"]] for one in mail] == ["done", "dropped", "dropped", "done"]
    assert not [record for record in caplog.records if "anew" in record.message]


async def test_a_stranger_who_is_refused_leaves_nothing_and_holds_nobody_up(hub: Running) -> None:
    await follow(hub, 1)
    stranger = told("Create", party("x", 7), 7)
    document = {
        "@context": AS2,
        "id": stranger["actor"],
        "type": "Person",
        "preferredUsername": "x",
        "inbox": f"{home_of(7)}/inbox",
    }
    mail = [told("Create", party("a")), stranger, told("Create", party("b"))]
    states = await come(hub, *mail, documents={stranger["id"]: document})
    assert [states[one["id"]] for one in mail] == ["done", "dropped", "done"]
    async with hub.services.db.read() as session:
        assert await service.by_uri(session, stranger["actor"]) is None


async def test_r17_who_lost_an_activity_wants_nothing_more_for_it(hub: Running) -> None:
    await follow(hub, 1)
    await come(hub, told("Create", party("a")))
    async with hub.services.db.write() as session:
        (row,) = await session.scalars(select(InboxActivity))
        session.expunge(row)
        await session.execute(update(InboxActivity).values(fence=InboxActivity.fence + 1))
    cases = [Case(row, wanted="https://hub0.example/x"), Case(row, alone=True)]
    hearing = Hearing(hub.services, hub.hub.handlers)
    assert await hearing.hear(cases, LookUps(Rates(1, 1))) == []
    assert [(case.wanted, case.alone) for case in cases] == [(None, False)] * 2


async def test_what_one_left_unwritten_is_not_held_against_the_next(hub: Running) -> None:
    async with hub.services.db.write() as session:
        rows = [Fact(name=name, value="old") for name in ("a", "b")]
        session.add_all(rows)
    for writes in (False, True):
        async with hub.services.db.write() as session:
            memory = remember(session)
            for row in rows:
                (await session.get_one(Fact, row.name)).value = f"new {writes}"
            one = Round(session, LookUps(Rates(1, 1)), together=Together(), memory=memory)
            with pytest.raises(Spoilt if writes else Unauthorised):
                await _refused(one, writes=writes)
            await session.rollback()


async def _refused(one: Round, *, writes: bool) -> None:
    async with one.part():
        await facts.get(one.session, "c")
        if writes:
            one.session.add(Fact(name="c", value="half"))
        raise Unauthorised("no")


async def test_pictures_come_with_what_they_show(
    hub: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hub.fediverse.hearing")
    await follow(hub, 1)
    first, second = (
        party(which, attachment=[{"type": "Image", "url": f"{home_of(0)}/media/{which}.png"}])
        for which in "bc"
    )
    bare = party("a")  # of its kind there is one already when the first picture comes
    changed = {**second, "name": "Street fair", "updated": now().isoformat()}
    became = await come(
        hub, *(told("Create", one) for one in (bare, first, second)), told("Update", changed)
    )
    assert set(became.values()) == {"done"}
    assert "begins anew" not in caplog.text
    async with hub.services.db.read() as session:
        shown = select(Entry.title, Picture.url).outerjoin(Entry.picture).order_by(Entry.title)
        assert (await session.execute(shown)).all() == [
            ("Street fair", f"{home_of(0)}/media/c.png"),
            ("Street party a", None),
            ("Street party b", f"{home_of(0)}/media/b.png"),
        ]


@pytest.mark.parametrize("then", ["Update", "Delete"])
async def test_what_is_changed_in_its_round_is_merged_as_it_is_then(
    hub: Running, then: str
) -> None:
    await follow(hub, 2)
    await come(hub, told("Create", party("a", 1), 1), told("Create", party("b", 1), 1))
    mine = party("a")
    later = (STARTS + timedelta(days=3)).isoformat()
    changed = {**mine, "name": "Choir", "startTime": later, "updated": now().isoformat()}
    said = told(then, changed if then == "Update" else mine["id"])
    assert set((await come(hub, told("Create", mine), said)).values()) == {"done"}
    assert await groups(hub) == []


# What each kind says; a bare event, and one with all that hangs on it.
THINGS: list[Document] = [
    party("a"),
    party("b", attachment=[{"type": "Image", "url": f"{home_of(0)}/media/b.png"}]),
    hall(0),
    hall(0, type="Organization", id=f"{home_of(0)}/organisations/choir", name="Choir"),
    {**party("n"), "type": "Article", "content": "<p>There is <b>news</b>.</p>"},
    {
        **party("o"),
        "type": "Proposal",
        "purpose": "offer",
        "replies": f"{home_of(0)}/offers/o/replies",  # for which is asked before it is read
        "publishes": {"type": "Intent", "action": "transfer", "name": "Ladder"},
    },
]


async def test_all_kinds_are_kept_in_a_round_as_if_each_came_alone(make_hub: MakeHub) -> None:
    here, there = await make_hub(), await make_hub()
    mail = [told("Create", thing) for thing in THINGS]
    for hub in (here, there):
        await follow(hub, 1)
    assert set((await come(here, *mail)).values()) == {"done"}
    for one in mail:
        await come(there, one)
    assert await rows_of(here) == await rows_of(there)


async def rows_of(hub: Running) -> list[Document]:
    """All entries with everything of them, but for ids; of moments only the day."""
    made = {"id", "number", "author_id", "picture_id"}
    async with hub.services.db.read() as session:
        entries = (await session.scalars(select(Entry).order_by(Entry.uri))).all()
        for one in entries:
            await session.refresh(one)
        return [
            {
                each.key: value.date() if isinstance(value, datetime) else value
                for each in one.__mapper__.column_attrs
                if each.key not in made
                for value in [getattr(one, each.key)]
            }
            for one in entries
        ]


# ------------------------------------------------------------------------------ questions


async def test_an_answer_holds_until_something_is_written(hub: Running) -> None:
    async with hub.services.db.write() as session:
        remember(session)
        await facts.note(session, "colour", "red")
        assert await facts.get(session, "colour") == "red"
        with counted(hub) as statements:
            assert await facts.get(session, "colour") == "red"
        assert statements == []
        await facts.note(session, "colour", "blue")  # a statement
        assert await facts.get(session, "colour") == "blue"
        row = await session.get_one(Fact, "colour")
        row.value = "green"  # a row that was changed, and waits
        assert await facts.get(session, "colour") == "green"
        assert await facts.get(session, "size") is None
        session.add(Fact(name="size", value="large"))  # a new one that waits
        assert await facts.get(session, "size") == "large"
        await session.delete(row)
        assert await facts.get(session, "colour") is None


async def test_answers_are_asked_for_in_parts_and_told(hub: Running) -> None:
    asked: list[int] = []

    async def squares(_session: AsyncSession, keys: Any) -> dict[int, int]:
        asked.append(len(keys))
        return {key: key * key for key in keys if key}

    question = Question[int, int](squares, Fact, otherwise=-1)
    async with hub.services.db.write() as session:
        await question.ahead(session, range(3))
        assert asked == [], "nobody remembers what is answered"
        assert await question.of(session, 3) == 9
        remember(session)
        await question.ahead(session, range(450))
        assert asked == [1, 200, 200, 50]
        assert [await question.of(session, key) for key in (0, 1, 449)] == [-1, 1, 449 * 449]
        question.tell(session, 1, 7)
        assert await question.of(session, 1) == 7
        assert len(asked) == 4


async def test_new_rows_wait_for_each_other_and_none_is_lost(hub: Running) -> None:
    async with hub.services.db.write() as session:
        remember(session)
        with counted(hub) as statements:
            add(session, Fact(name="colour", value="red"))
            add(session, Fact(name="size", value="large"))
        assert statements == []
        assert await facts.get(session, "colour") == "red", "whoever asks finds them"
        add(session, Fact(name="shape", value="round"))
        with pytest.raises(RuntimeError, match="savepoint"):
            await session.begin_nested()
        await session.rollback()
    async with hub.services.db.write() as session:
        remember(session)
        add(session, Fact(name="colour", value="blue"))
    async with hub.services.db.write() as session:
        add(session, Fact(name="size", value="small"))
    async with hub.services.db.read() as session:
        assert await facts.get(session, "colour") == "blue", "kept with the rest"
        assert await facts.get(session, "size") == "small", "where nothing is remembered"
