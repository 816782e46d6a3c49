"""R15: activities that come twice and in any order leave the same behind as in theirs.

Several people elsewhere write, change, delete, like, boost and follow. What they did is sent once
as it happened, and once shuffled, doubled and cut into batches anywhere; both under names of
their own, in one hub. A seeded fault, a hub that forgets what was deleted, is found.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from sqlalchemy import select

from federation.testing import MemorySite
from federation.verification import VerifiedActivity
from federation.vocab.activities import Activity
from federation.vocab.names import AS2, PUBLIC
from federation.vocab.parse import parse
from hub.actors import service as actors
from hub.actors.models import Actor
from hub.entries.models import Entry, Reaction, Reply
from hub.fediverse.inbox import InboxLog, Processor
from hub.fediverse.models import Follow, InboxActivity
from tests.conftest import MakeHub, Running
from tests.integration.faults.scale import ENGINE, patience, scaled
from tests.integration.faults.scale import note as keep_figures
from tests.towns import EVENT

HOME = "https://town.example"
PEOPLE = ("ada", "bob", "cyd")
THEN = datetime(2026, 9, 1, 12, tzinfo=UTC)
SOON = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)
EXAMPLES = scaled(100 if ENGINE == "sqlite" else 40, 10_000 if ENGINE == "sqlite" else 1_000)

Document = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """One thing that somebody did, and how it went on; `kind` of event, reply, like, …."""

    who: str
    kind: str
    updates: int
    ends: bool

    def told(self, number: int, base: str, ours: str, channel: str) -> list[Document]:
        """Its activities in order; `base` makes every id another run's own."""
        actor, thing = f"{HOME}/actors/{self.who}", f"{base}/{number}"
        if self.kind in {"like", "boost", "follow"}:
            return self._taken_back(actor, thing, channel if self.kind == "follow" else ours)
        said = [
            self._activity("Create" if version == 0 else "Update", actor, f"{thing}/v{version}")
            | {"object": self._object(actor, thing, version, ours)}
            for version in range(self.updates + 1)
        ]
        if self.ends:
            gone = {"id": thing, "type": "Tombstone"}
            said.append(self._activity("Delete", actor, f"{thing}/gone") | {"object": gone})
        return said

    def _activity(self, kind: str, actor: str, uri: str) -> Document:
        return {"@context": AS2, "id": uri, "type": kind, "actor": actor, "to": [PUBLIC]}

    def _object(self, actor: str, uri: str, version: int, ours: str) -> Document:
        thing: Document = {
            "id": uri,
            "attributedTo": actor,
            "published": THEN.isoformat(),
            "updated": (THEN + timedelta(minutes=version)).isoformat(),
            "content": f"<p>Version {version}</p>",
            "to": [PUBLIC],
        }
        if self.kind == "event":
            more = {"type": "Event", "name": f"Party {version}", "startTime": SOON.isoformat()}
            return {**thing, **more}
        return {**thing, "type": "Note", "inReplyTo": ours}

    def _taken_back(self, actor: str, uri: str, target: str) -> list[Document]:
        kind = {"like": "Like", "boost": "Announce", "follow": "Follow"}[self.kind]
        did = self._activity(kind, actor, uri) | {"object": target}
        if not self.ends:
            return [did]
        inner = did if self.updates else uri
        return [did, self._activity("Undo", actor, f"{uri}/undo") | {"object": inner}]


@dataclass(frozen=True)
class Muddle:
    """Stories, and how they arrive: positions in the order in which they were told."""

    stories: tuple[Story, ...]
    arrivals: tuple[int, ...]
    cuts: frozenset[int]


def _length(story: Story) -> int:
    return len(story.told(0, "x:", "", ""))


@st.composite
def muddles(draw: st.DrawFn) -> Muddle:
    """Up to eight stories, each activity at least once and some twice, in any order."""
    people, flags = st.sampled_from(PEOPLE), st.booleans()
    said = st.builds(Story, people, st.sampled_from(("event", "reply")), st.integers(0, 2), flags)
    done = st.builds(
        Story, people, st.sampled_from(("like", "boost", "follow")), st.integers(0, 1), flags
    )
    # Each does a thing to our event once: who likes, takes it back and likes again, quickly and
    # in any order, is the one story that has no single end.
    once = st.lists(done, max_size=4, unique_by=lambda each: (each.who, each.kind))
    stories = draw(st.lists(said, min_size=1, max_size=5)) + draw(once)
    count = sum(map(_length, stories))
    twice = draw(st.lists(st.integers(0, count - 1), max_size=5))
    arrivals = draw(st.permutations([*range(count), *twice]))
    cuts = draw(st.sets(st.integers(0, len(arrivals)), max_size=4))
    return Muddle(tuple(stories), tuple(arrivals), frozenset(cuts))


@dataclass
class Square:
    """A hub with an event of its own, and three people elsewhere whom it follows."""

    hub: Running
    ours: str
    documents: dict[str, Document]
    rounds: int = 0
    log: InboxLog = field(init=False)
    processor: Processor = field(init=False)

    def __post_init__(self) -> None:
        self.log = InboxLog(self.hub.services)
        self.processor = Processor(self.hub.services, self.hub.hub.handlers, "rig")

    async def differs(self, muddle: Muddle) -> str | None:
        """What is otherwise when the stories come muddled; None when nothing is."""
        straight, count = await self._run(muddle, tuple(range(_count(muddle))), frozenset())
        muddled, _ = await self._run(muddle, muddle.arrivals, muddle.cuts)
        assert count == _count(muddle), "each of them is in the log"
        return None if straight == muddled else f"in order: {straight}\nmuddled: {muddled}"

    async def _run(
        self, muddle: Muddle, arrivals: tuple[int, ...], cuts: frozenset[int]
    ) -> tuple[dict[str, Any], int]:
        self.rounds += 1
        base = f"{HOME}/r{self.rounds}-{uuid4().hex[:6]}"
        channel = f"{self.hub.url}/actors/events"
        told = [
            document
            for number, story in enumerate(muddle.stories)
            for document in story.told(number, base, self.ours, channel)
        ]
        for at, which in enumerate(arrivals):
            if at in cuts:
                await self._process()
            await self.log.keep(self.verified(told[which]))
        await self._process()
        try:
            return await self._left(base)
        finally:
            await self._forget()

    async def _process(self) -> None:
        while await self.processor.process():
            await self.processor.settle()

    def verified(self, document: Document) -> VerifiedActivity:
        activity = parse(document)
        assert isinstance(activity, Activity)
        return VerifiedActivity(
            document=document,
            body=orjson.dumps(document),
            activity=activity,
            actor=document["actor"],
            signer=document["actor"],
            host="town.example",
            scheme="cavage",
            trust="signer",
            actor_document=self.documents[document["actor"]],
        )

    async def _left(self, base: str) -> tuple[dict[str, Any], int]:
        """What stands in the hub of this run, without the run's own name."""
        found: dict[str, Any] = {}
        async with self.hub.services.db.read() as session:
            for entry in await session.scalars(select(Entry).where(Entry.uri.startswith(base))):
                if entry.deleted_at is None:
                    state = (entry.title, entry.content, entry.status, entry.published_at)
                    found[entry.uri] = (*state, entry.updated_at)
            for reply in await session.scalars(select(Reply).where(Reply.uri.startswith(base))):
                found[reply.uri] = (reply.content, reply.state, reply.public)
            for row in await session.scalars(select(Reaction).where(Reaction.uri.startswith(base))):
                found[row.uri] = (row.actor_uri, row.kind)
            for follow in await session.scalars(select(Follow).where(Follow.uri.startswith(base))):
                found[follow.uri] = follow.state
            logged = await session.scalars(
                select(InboxActivity).where(InboxActivity.uri.startswith(base))
            )
            rows = logged.all()
        assert {row.state for row in rows} <= {"done", "dropped"}, [row.reason for row in rows]
        return {uri.removeprefix(base): state for uri, state in found.items()}, len(rows)

    async def _forget(self) -> None:
        """Take back what can be done only once by each person."""
        async with self.hub.services.db.write() as session:
            for row in await session.scalars(select(Reaction)):
                await session.delete(row)
            for follow in await session.scalars(select(Follow).where(Follow.uri.startswith(HOME))):
                await session.delete(follow)


def _count(muddle: Muddle) -> int:
    return sum(map(_length, muddle.stories))


@pytest.fixture
async def square(make_hub: MakeHub) -> Square:
    hub: Running = await make_hub("hub.example", federation="open")
    site = MemorySite(HOME, hub.wire, names=("relay", *PEOPLE))
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    documents = {}
    async with hub.services.db.write() as session:
        relay = await actors.local(session, "relay")
        for name in PEOPLE:
            uri = site.uri(name)
            documents[uri] = site.actors[name].document(context=True)
            person = Actor(
                uri=uri,
                kind="Person",
                name=name,
                authority="town.example",
                inbox=f"{uri}/inbox",
            )
            session.add(person)
            await session.flush()
            session.add(
                Follow(
                    uri=f"{hub.url}/f/{name}",
                    follower_id=relay.id,
                    followee_id=person.id,
                    state="accepted",
                )
            )
    return Square(hub, answer.json()["uri"], documents)


QUICK = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


async def _search(
    square: Square, examples: int, *, simplest: bool = True
) -> tuple[Muddle, str] | None:
    """A muddle that ends otherwise, and how; None if so many examples end the same."""
    loop = asyncio.get_running_loop()
    last: dict[Muddle, str] = {}
    phases = (Phase.generate, Phase.shrink) if simplest else (Phase.generate,)

    def differs(muddle: Muddle) -> bool:
        difference = asyncio.run_coroutine_threadsafe(square.differs(muddle), loop).result()
        if difference is not None:
            last[muddle] = difference
        return difference is not None

    limits = settings(QUICK, max_examples=examples, phases=phases)

    def search() -> Muddle | None:
        try:
            return find(muddles(), differs, settings=limits)
        except NoSuchExample:
            return None

    found = await asyncio.to_thread(search)
    return None if found is None else (found, last[found])


@pytest.mark.timeout(patience(180, 3 * 3600))
async def test_r15_doubled_and_reordered_activities_have_one_end(square: Square) -> None:
    found = await _search(square, EXAMPLES)
    assert found is None, f"{found[0]}\n{found[1]}"
    assert square.rounds >= EXAMPLES, "it tried about as many as it was told"
    keep_figures("R15", "histories doubled and reordered", runs=square.rounds // 2, divergent=0)


async def test_r15_the_rig_finds_a_hub_that_forgets_what_was_deleted(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr("hub.entries.publishing.is_gone", never)
    assert await _search(square, 300, simplest=False) is not None


async def test_r15_the_rig_finds_a_hub_that_takes_an_old_version_for_news(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.entries.receiving.is_newer", lambda *_: True)
    assert await _search(square, 300, simplest=False) is not None


@pytest.mark.parametrize("by_id", [True, False])
async def test_ap_39_a_follow_that_was_taken_back_before_it_came_does_not_count(
    square: Square, by_id: bool
) -> None:
    story = Story("ada", "follow", updates=0 if by_id else 1, ends=True)
    for cuts in (frozenset[int](), frozenset({1})):
        assert await square.differs(Muddle((story,), (1, 0), cuts)) is None
