"""P14: a region takes what other hubs tell ÷ parsing and storing it; from many hubs ÷ from few.

There are two ceilings, which read and clean as the hub does, store by plain SQL and ask nothing:
one stores the hub's own rows in a file of its own, the other eight columns in a table made for it.
Every fifth event is one that another hub told of as well, and is shown once. Each measurement is a
process of its own, so that memory can be compared too: `python -m tests.benchmarks.p14_ingest 20`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import nh3
import orjson
from sqlalchemy import func, insert, select

from federation.vocab.activities import Create
from federation.vocab.base import Place
from federation.vocab.names import AS2, PUBLIC
from federation.vocab.objects import Event
from federation.vocab.parse import loads, parse
from hub import memory
from hub.actors import service
from hub.actors.models import Actor
from hub.bootstrap import Hub, handlers
from hub.core import text
from hub.core.clock import now
from hub.entries.models import Entry, Merged
from hub.entries.search import search_text
from hub.events import activitypub
from hub.fediverse import rulings
from hub.fediverse.inbox import Processor
from hub.fediverse.models import Follow, InboxActivity
from tests.benchmarks.hubs import a_hub
from tests.benchmarks.rig import PAIRS, Ratio, answer_of, own_cpu_s, process, rss_mb

EVENTS: Final = int(os.environ.get("BENCH_EVENTS", "2000"))
FEW, MANY = 20, 2_000
AGAIN: Final = 5  # every so many is told by another hub as well
TOGETHER: Final = 200  # rows of one commit
OWN: Final = "own"
NARROW: Final = "narrow"
STARTS: Final = datetime(2027, 6, 1, 18, tzinfo=UTC)
# The hub's own rows, as it writes them for an event of others; what is left out is NULL.
ENTRY: Final = (
    *("id", "number", "kind", "uri", "url", "author_id", "origin", "title", "summary", "content"),
    *("cleaned_by", "language", "happens_at", "relevant_until", "place", "latitude", "longitude"),
    *("tags", "search_text", "status", "visibility", "document", "licence", "heard_at"),
    *("created_at", "published_at", "updated_at"),
)
ITS_EVENT: Final = (
    *("id", "starts_at", "ends_at", "timezone", "all_day", "organiser", "capacity", "price"),
    *("access", "category", "joining", "access_facts", "bring"),
)
TABLES: Final = """
CREATE TABLE object (id TEXT PRIMARY KEY, actor TEXT, title TEXT, content TEXT, starts TEXT,
                     latitude REAL, longitude REAL, document BLOB);
CREATE INDEX object_actor ON object (actor);
CREATE INDEX object_starts ON object (starts);
CREATE INDEX object_title ON object (title);
CREATE VIRTUAL TABLE words USING fts5 (title, content);
CREATE VIRTUAL TABLE spot USING rtree (id, south, north, west, east);
"""


def measure() -> list[Ratio]:
    """What is taken per CPU second, and the memory that it takes."""
    kinds = (OWN, NARROW, str(FEW), str(MANY))
    rounds = [{kind: _run(kind) for kind in kinds} for _ in range(PAIRS)]

    def median(kind: str, member: str) -> float:
        return statistics.median([told[kind][member] for told in rounds])

    def ratio(what: str, yardstick: float, hub: float, target: float) -> Ratio:
        unit = "events per CPU second"
        return Ratio("P14", what, yardstick, hub, hub / yardstick, "≥", target, unit)

    own, narrow, few, many = (median(kind, "per_cpu_s") for kind in kinds)
    *_, small, large = (median(kind, "mb") for kind in kinds)
    return [
        ratio("region's ingest ÷ parse and store the same rows", own, few, 0.5),
        ratio("region's ingest ÷ parse and store eight columns", narrow, few, 0.5),
        ratio(f"ingest from {MANY:,} hubs ÷ {FEW}", few, many, 0.9),
        Ratio(
            "P14", f"memory for {MANY:,} hubs ÷ {FEW}", small, large, large / small, "≤", 1.15, "MB"
        ),
    ]


def _run(kind: str) -> dict[str, float]:
    with process("-m", "tests.benchmarks.p14_ingest", kind) as running:
        told: dict[str, float] = answer_of(running)
    return told


def _home(number: int) -> str:
    return f"https://hub{number}.example"


def _activity(number: int, hubs: int) -> dict[str, Any]:
    """A hub's Create of an event; each hub publishes in turn."""
    home, what = _home(number % hubs), number - (number % AGAIN == AGAIN - 1)
    starts = STARTS + timedelta(hours=what % 500)
    uri = f"{home}/events/{number}"
    event = {
        "id": uri,
        "type": "Event",
        "name": f"Repair café {what}",
        "content": "<p>" + "Bring what is broken, and we look at it together. " * 20 + "</p>",
        "startTime": starts.isoformat(),
        "endTime": (starts + timedelta(hours=2)).isoformat(),
        "location": {
            "type": "Place",
            "name": "The old school",
            "latitude": 51 + what % 100 / 100,
            "longitude": 7 + what % 90 / 100,
        },
        "attributedTo": f"{home}/actors/events",
        "to": [PUBLIC],
        "cc": [f"{home}/actors/events/followers"],
        "published": "2026-11-22T09:00:00Z",
        "tag": [{"type": "Hashtag", "name": "#repair", "href": f"{home}/tags/repair"}],
    }
    return {
        "@context": AS2,
        "id": f"{uri}#create",
        "type": "Create",
        "actor": event["attributedTo"],
        "published": event["published"],
        "to": event["to"],
        "cc": event["cc"],
        "object": event,
    }


async def _taken(hubs: int) -> dict[str, float]:
    """What a region that follows so many hubs does with their mail, once it is in the log."""
    async with a_hub() as hub:
        await _follow(hub, hubs)
        await _post(hub, hubs)
        processor = Processor(hub.services, handlers(), "bench")
        memory.settle()
        before = own_cpu_s()
        while await processor.process():
            pass
        used = own_cpu_s() - before
        await _check(hub)
    return {"per_cpu_s": EVENTS / used, "mb": rss_mb(os.getpid())}


async def _follow(hub: Hub, hubs: int) -> None:
    async with hub.services.db.write() as session:
        ours = await service.local(session, "events")
        actors = [_actor(number) for number in range(hubs)]
        await session.execute(insert(Actor), actors)
        follows = [
            {
                "id": uuid4(),
                "uri": f"{ours.uri}#follow-{number}",
                "follower_id": ours.id,
                "followee_id": actor["id"],
                "state": "accepted",
                "created_at": now(),
            }
            for number, actor in enumerate(actors)
        ]
        await session.execute(insert(Follow), follows)
        await rulings.ensure(session, [actor["authority"] for actor in actors])  # as following does


def _actor(number: int) -> dict[str, Any]:
    home = _home(number)
    return {
        "id": uuid4(),
        "uri": f"{home}/actors/events",
        "local": False,
        "kind": "Group",
        "name": "events",
        "authority": home.removeprefix("https://"),
        "inbox": f"{home}/actors/events/inbox",
        "created_at": now(),
        "fetched_at": now(),
    }


async def _post(hub: Hub, hubs: int) -> None:
    moment = now()
    rows = [
        {
            "uri": activity["id"],
            "actor_uri": activity["actor"],
            "host": activity["actor"].split("/")[2],
            "trust": "signer",
            "scheme": "cavage",
            "body": orjson.dumps(activity),
            "received_at": moment,
            "run_at": moment,
            "state": "waiting",
        }
        for activity in (_activity(number, hubs) for number in range(EVENTS))
    ]
    async with hub.services.db.write() as session:
        await session.execute(insert(InboxActivity), rows)


async def _check(hub: Hub) -> None:
    """All of it is here, and what two hubs told of is one thing."""
    async with hub.services.db.read() as session:
        events = await session.scalar(select(func.count()).select_from(Entry))
        groups = await session.scalar(select(func.count(Merged.group_id.distinct())))
    assert (events, groups) == (EVENTS, EVENTS // AGAIN), (events, groups)


def _timed(database: sqlite3.Connection, store: Callable[[int, Event], None]) -> dict[str, float]:
    """A ceiling: read as the hub reads, and stored; nothing is asked."""
    bodies = [orjson.dumps(_activity(number, FEW)) for number in range(EVENTS)]
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    before = own_cpu_s()
    for first in range(0, len(bodies), TOGETHER):
        for number, body in enumerate(bodies[first : first + TOGETHER], first):
            activity = parse(loads(body))
            assert isinstance(activity, Create)
            assert isinstance(activity.object, Event)
            store(number, activity.object)
        database.commit()
    used = own_cpu_s() - before
    database.close()
    return {"per_cpu_s": EVENTS / used, "mb": rss_mb(os.getpid())}


def _narrow() -> dict[str, float]:
    """Eight columns with three indexes, the words and the place."""
    database = sqlite3.connect(Path(tempfile.mkdtemp(prefix="bench-")) / "raw.db")
    database.executescript(TABLES)

    def store(number: int, event: Event) -> None:
        place, content = event.location, nh3.clean(event.content or "")
        assert isinstance(place, Place)
        assert event.start_time is not None
        latitude, longitude = place.latitude, place.longitude
        said = (event.id, event.attributed_to, event.name, content, event.start_time.isoformat())
        row = (*said, latitude, longitude, orjson.dumps(event.document()))
        database.execute("INSERT INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.execute("INSERT INTO words VALUES (?, ?)", (event.name, content))
        spot = (number, latitude, latitude, longitude, longitude)
        database.execute("INSERT INTO spot VALUES (?, ?, ?, ?, ?)", spot)

    return _timed(database, store)


async def _own() -> dict[str, float]:
    """The rows that the hub writes, in its own tables with their indexes and triggers."""
    async with a_hub() as hub:
        path, author = hub.services.db.url.database or "", uuid4().hex
    database = sqlite3.connect(path)
    database.execute("PRAGMA secure_delete=ON")
    entry, its_event = _insert("entry", ENTRY), _insert("event", ITS_EVENT)

    def store(number: int, event: Event) -> None:
        draft = activitypub.from_object(event, "Europe/Berlin")
        content = text.clean(activitypub.body_of(event))
        words = (draft.summary, text.plain(content))
        found = search_text(draft.title, words, draft.tags, draft.location)
        moment, id_ = now().isoformat(), uuid4().hex
        starts, ends = draft.starts_at.isoformat(), draft.ends_at and draft.ends_at.isoformat()
        row = (
            *(id_, number, "event", event.id, event.id, author, "hub.example", draft.title),
            *(draft.summary, content, 1, "en", starts, ends, draft.location, draft.latitude),
            *(draft.longitude, json.dumps(draft.tags), found, draft.status, "public"),
            *(orjson.dumps(event.document()), "", moment, moment, moment, moment),
        )
        database.execute(entry, row)
        its_own = (
            *(id_, starts, ends, draft.timezone, draft.all_day, draft.organiser, draft.capacity),
            *(draft.price, draft.access, draft.category, draft.joining, "{}", "[]"),
        )
        database.execute(its_event, its_own)

    return _timed(database, store)


def _insert(table: str, columns: Sequence[str]) -> str:
    named, values = ", ".join(columns), ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({named}) VALUES ({values})"  # noqa: S608 - names of ours


def _answer(kind: str) -> dict[str, float]:
    if kind == NARROW:
        return _narrow()
    return asyncio.run(_own() if kind == OWN else _taken(int(kind)))


if __name__ == "__main__":
    print(json.dumps(_answer(sys.argv[1])), flush=True)
