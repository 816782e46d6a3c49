"""R1: kill -9 at any moment. What was answered with yes is there afterwards, and its effect once.

A real hub is killed and started again and again, while a peer posts likes, replies and events, and
residents' programs post, change and delete listings that this peer follows. Everything that was
asked and answered is written down here, outside of the hub. Sown faults are found: 202 before the
commit, a table without its unique keys, deliveries that overtake each other.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.integration.faults.history import History, faults_of_order
from tests.integration.faults.peer import Document, Line, Peer, Unanswered, peer
from tests.integration.faults.scale import ENGINE, SOAK, noted, patience, scaled
from tests.processes import HubProcess, seeded
from tests.towns import EVENT

KILLS = scaled(20, 200)
ACTIVITIES = scaled(5_000, 100_000)
PEOPLE = 45
TOO_MANY = 429
EVENTS = 100 if SOAK else 60  # likes are the cheapest mail: each person likes each once
LINES = 16  # connections of the peer
RESIDENTS = 2
SETTLE_S = 60  # everything is in its place this long after the last start (SETTLED 12)
FREE = {
    "HUB_FEDERATION": "open",
    "HUB_INBOX_BURST": "1000000",
    "HUB_PEER_BURST": "1000000",
    "HUB_LOG_LEVEL": "warning",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ENGINE != "sqlite", reason="R1 looks into the hub's own SQLite file"),
]


@dataclass
class Rig:
    """A hub that is killed, a peer that posts to it and follows it, and what was noted of both."""

    hub: HubProcess
    peer: Peer
    token: str
    likes: History = field(default_factory=History)
    things: History = field(default_factory=History)
    posts: History = field(default_factory=History)
    deleted: History = field(default_factory=History)
    events: list[str] = field(default_factory=list)
    done: int = 0
    kills: int = 0
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)
    chance: random.Random = field(default_factory=lambda: random.Random(22))

    # -------------------------------------------------------------- what the peer does

    def mail(self, count: int) -> list[tuple[str, str, Document]]:
        """Name of the effect, sender and activity; some come again, likes also under another id."""
        made = []
        soon = (datetime.now(UTC) + timedelta(days=9)).isoformat()
        for number in range(count):
            who, event = f"p{number % PEOPLE}", self.events[number // PEOPLE % len(self.events)]
            uri = f"{self.peer.home}/{uuid4().hex}"
            thing: Document = {
                "id": uri,
                "attributedTo": self.peer.uri(who),
                "content": f"<p>{number}</p>",
            }
            public = {"to": ["https://www.w3.org/ns/activitystreams#Public"]}
            if number < PEOPLE * len(self.events) and number % 10:
                like = self.peer.activity(who, "Like", uri, event)
                made.append((f"{who} {event}", who, like))
                continue
            if number % 20:
                thing |= {"type": "Note", "inReplyTo": event, **public}
            else:
                ours = [f"{self.hub.url}/actors/events"]
                thing |= {"type": "Event", "name": "Party", "startTime": soon, "cc": ours, **public}
            made.append((uri, who, self.peer.activity(who, "Create", f"{uri}#create", thing)))
        again = [
            (name, who, {**like, "id": f"{like['id']}-again"})
            for name, who, like in made
            if like["type"] == "Like"
        ][::10]
        return [*made, *again, *made[::20], *made[5::20]]

    async def send(self, mail: list[tuple[str, str, Document]]) -> None:
        """Post until nothing is left; what stays unanswered is mostly, not always, sent again."""
        line = Line(self.hub.port)
        inbox = f"{self.hub.url}/inbox"
        while mail:
            name, who, document = mail.pop()
            history = self.likes if document["type"] == "Like" else self.things
            while True:
                request = self.peer.request(who, inbox, document)
                try:
                    history.sent.add(name)
                    status, _ = await line.ask(request)
                except Unanswered as why:
                    if why.sent:
                        history.unknown[name] += 1
                    if why.sent and self.chance.random() < 0.3:
                        break
                    await asyncio.sleep(0.1)
                    continue
                if status == TOO_MANY:  # a hub that has just begun asks for a few keys at a time
                    await asyncio.sleep(0.5)
                    continue
                history.answered(name, status)
                break
            async with self.progress:
                self.done += 1
                self.progress.notify_all()
        line.close()

    # -------------------------------------------------------------- what residents do

    async def ask(self, line: Line, method: str, path: str, body: Any, key: str = "") -> Any:
        """The answer of the API, asked again until there is one; None where there is none."""
        data = orjson.dumps(body) if body is not None else b""
        head = [
            f"{method} /api/v1{path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.hub.port}",
            f"Authorization: Bearer {self.token}",
            "Content-Type: application/json",
            f"Content-Length: {len(data)}",
            *([f"Idempotency-Key: {key}"] if key else []),
        ]
        request = ("\r\n".join(head) + "\r\n\r\n").encode() + data
        while True:
            try:
                status, answer = await line.ask(request)
            except Unanswered as why:
                if why.sent and not key:
                    return None
                await asyncio.sleep(0.1)
                continue
            assert status < 500, answer
            return status, orjson.loads(answer) if answer else None

    async def live(self, name: str, stop: asyncio.Event) -> None:
        """Post, change and delete events, one after the other, until it is time to stop."""
        line, number = Line(self.hub.port), 0
        while not stop.is_set():
            number += 1
            title = f"{name}.{number}"
            key = title if number % 2 else ""
            self.posts.sent.add(title)
            body = {**EVENT, "title": f"{title} 0"}
            answer = await self.ask(line, "POST", "/events", body, key)
            if answer is None:
                continue
            self.posts.answered(title, answer[0])
            path = f"/events/{answer[1]['id']}"
            for state in range(1, 1 + number % 3):
                named = f"{title} {state}"
                await self.ask(line, "PATCH", path, {"title": named}, named)
            if number % 4 == 0:
                self.deleted.sent.add(title)
                gone = await self.ask(line, "DELETE", path, None)
                if gone is not None and gone[0] in {204, 404}:
                    self.deleted.acked.add(title)
            await asyncio.sleep(0.2)
        line.close()

    # -------------------------------------------------------------- what happens to the hub

    async def kill(self, times: int, total: int) -> None:
        """Kill it at random moments, evenly over the work, and start it again."""
        for number in range(times):
            await self._until(total * (number + 0.5) / times)
            await asyncio.sleep(self.chance.random() * 0.2)
            self.hub.kill()
            self.kills += 1
            await asyncio.to_thread(self.hub.start)

    async def _until(self, done: float) -> None:
        async with self.progress:
            await self.progress.wait_for(lambda: self.done >= done)

    async def run(self, activities: int, kills: int) -> None:
        """All of it, until the hub has come to rest."""
        mail = self.mail(activities)
        total = len(mail)
        self.chance.shuffle(mail)
        stop = asyncio.Event()
        residents = [asyncio.create_task(self.live(f"r{n}", stop)) for n in range(RESIDENTS)]
        async with asyncio.TaskGroup() as group:
            group.create_task(self.kill(kills, total))
            for _ in range(LINES):
                group.create_task(self.send(mail))
        stop.set()
        await asyncio.gather(*residents)
        assert self.done == total
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing waits in the hub."""
        open_ends = (
            "SELECT count(*) FROM inbox_activity WHERE state = 'waiting'",
            "SELECT count(*) FROM outbox_activity WHERE expanded_at IS NULL",
            "SELECT count(*) FROM delivery",
        )
        ends = asyncio.get_running_loop().time() + patience(SETTLE_S, SETTLE_S * 10)
        while left := {each: self.look(each)[0][0] for each in open_ends}:
            if not any(left.values()):
                return
            assert asyncio.get_running_loop().time() < ends, left
            await asyncio.sleep(0.2)

    # -------------------------------------------------------------- what is there in the end

    def look(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the hub's own file."""
        path = self.hub.folder / "hub.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def faults(self) -> list[str]:
        """All that contradicts what was answered; nothing, in a hub that is well."""
        # However often somebody likes an event it counts once; each like is there by its id, once.
        likes = [
            name
            for actor, event, times in self.look(
                "SELECT reaction.actor_uri, entry.uri, COUNT(*) - COUNT(DISTINCT reaction.uri) + 1"
                " FROM reaction JOIN entry ON entry.id = reaction.entry_id GROUP BY 1, 2"
            )
            for name in [f"{actor.rpartition('/')[2]} {event}"] * times
        ]
        things = self.look(
            "SELECT uri FROM reply UNION ALL SELECT uri FROM entry WHERE origin != ''"
        )
        posts = self.look(
            "SELECT uri, title FROM entry"
            " WHERE origin = '' AND deleted_at IS NULL AND title LIKE 'r%.%'"
        )
        standing = [title.partition(" ")[0] for _, title in posts]
        checked = {
            "likes": self.likes.faults(likes),
            "replies and events": self.things.faults([uri for (uri,) in things]),
            "posts": self._of_posts(standing),
            "the peer": [*faults_of_order(self.peer.received), *self._of_peer(dict(posts))],
        }
        return [f"{what}: {fault}" for what, faults in checked.items() for fault in faults]

    def _of_posts(self, standing: list[str]) -> list[str]:
        gone = self.deleted.sent - set(standing)
        back = self.deleted.acked & set(standing)
        faults = [f"deleted, and there again: {sorted(back)[:3]}"] if back else []
        return [*faults, *self.posts.faults([*standing, *gone])]

    def _of_peer(self, posts: dict[str, str]) -> list[str]:
        """Whether the peer holds the newest state of all that stands, and nothing else."""
        states: dict[str, str | None] = {}
        creates: Counter[str] = Counter()
        for activity in {each["id"]: each for each in self.peer.received}.values():
            thing = activity["object"]
            if activity["type"] in {"Create", "Update"}:
                states[thing["id"]] = thing["name"]
                creates[thing["id"]] += activity["type"] == "Create"
            elif activity["type"] == "Delete":
                states[thing["id"]] = None
        held = {uri: title for uri, title in states.items() if title is not None}
        there, here = held.items() - posts.items(), posts.items() - held.items()
        twice = [uri for uri, count in creates.items() if count > 1]
        return [
            *([f"has {sorted(there)[:3]}"] if there else []),
            *([f"has not {sorted(here)[:3]}"] if here else []),
            *([f"was told twice of {twice[:3]}"] if twice else []),
        ]


def _moody() -> Callable[[Document], int]:
    """A peer that takes every third thing only when asked again: what follows must wait."""
    asked: Counter[str] = Counter()

    def says(document: Document) -> int:
        asked[document["id"]] += 1
        first = asked[document["id"]] == 1
        return 500 if first and hash(document["id"]) % 3 == 0 else 202

    return says


async def _rig(stack: AsyncExitStack, folder: Path, events: int, fault: str = "") -> Rig:
    """A hub with some events, and a peer that follows its events."""
    there = await stack.enter_async_context(peer(says=_moody()))
    hub = seeded(HubProcess(folder, env=FREE), fault, haste="retries")
    stack.callback(hub.stop)
    await asyncio.to_thread(hub.start)
    rig = Rig(hub, there, await asyncio.to_thread(hub.token))
    line = Line(hub.port)
    for number in range(events):
        _, made = await rig.ask(line, "POST", "/events", {**EVENT, "title": f"Event {number}"})
        rig.events.append(made["uri"])
    channel = f"{hub.url}/actors/events"
    follow = there.activity("p0", "Follow", f"{there.home}/follow", channel)
    status, _ = await line.ask(there.request("p0", f"{channel}/inbox", follow))
    assert status == 202
    line.close()
    async with asyncio.timeout(SETTLE_S):
        await there.heard.wait()
    assert [each["type"] for each in there.received] == ["Accept"]
    await rig.settle()
    return rig


@pytest.mark.timeout(patience(900, 4 * 3600))
async def test_r1_kill_nine_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with noted("R1", "kill -9 under load") as figures:
        async with AsyncExitStack() as stack:
            rig = await _rig(stack, tmp_path / "hub", events=EVENTS)
            await rig.run(ACTIVITIES, KILLS)
            faults = rig.faults()
        histories = (rig.likes, rig.things, rig.posts)
        assert faults == []
        assert rig.kills == KILLS
        assert all(not each.refused for each in histories), [each.refused for each in histories]
        assert sum(each.unknown.total() for each in histories), "no kill ever hit a request"
        figures |= {
            "kills": rig.kills,
            "activities": rig.done,
            "posts": len(rig.posts.sent),
            "unanswered": sum(each.unknown.total() for each in histories),
            "lost": 0,
            "doubled": 0,
        }


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("ack before commit", "lost"),
        ("missing unique key", "likes: "),
        ("swallowed reorder", " after "),
    ],
)
async def test_r1_the_rig_finds_a_hub_that_breaks_its_word(
    tmp_path: Path, fault: str, found: str
) -> None:
    async with AsyncExitStack() as stack:
        rig = await _rig(stack, tmp_path / "hub", events=8, fault=fault)
        await rig.run(600, 1)
        faults = rig.faults()
    assert any(found in each for each in faults), faults
