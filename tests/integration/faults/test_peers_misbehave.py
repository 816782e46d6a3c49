"""R11, R12, R13: peers that are away for a month, that never answer, that answer anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.types import ASGIApp, Receive, Scope, Send

from federation import delivery
from federation.client import Answer
from federation.testing import MemorySite
from federation.verification import VerifiedActivity
from federation.vocab.activities import Follow
from hub.fediverse.delivery import Carrier
from hub.fediverse.fanout import expand
from hub.fediverse.models import Delivery, Peer, Receipt
from hub.fediverse.policy import PER_HOST
from tests.benchmarks.hubs import follow_from
from tests.conftest import MakeHub, Running
from tests.integration.faults.scale import ENGINE, SOAK, noted
from tests.jobs import ask
from tests.towns import EVENT

MONTH = timedelta(days=29, hours=22)
STEP = timedelta(hours=2)
OBJECTS = 12
OTHERS = 20
POSTS = 6
ONCE = pytest.mark.skipif(
    ENGINE != "sqlite" and not SOAK,
    reason="a month takes a minute; on PostgreSQL test_delivery_rules.py lets one pass",
)


@dataclass
class Clock:
    """The hub's clock, put forward by hand."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + made.ahead

    monkeypatch.setattr("hub.core.clock.datetime", Ahead)
    return made


async def _post(hub: Running, title: str) -> dict[str, Any]:
    body = {**EVENT, "title": title}
    answer = await hub.web.post("/api/v1/events", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _deliveries(hub: Running) -> list[Delivery]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Delivery)))


# ------------------------------------------------------------------------------ away


async def _month_away(hub: Running, clock: Clock) -> tuple[dict[str, float], list[str]]:
    """A follower's server is gone for a month and comes back; what came then, and what is wrong."""
    site = MemorySite("https://town.example", hub.wire, names=("relay", "ada"), clock=clock.now)
    channel = f"{hub.url}/actors/events"
    follow = Follow(id=f"{site.origin}/f", actor=site.uri("ada"), object=channel)
    await site.send("ada", follow, f"{channel}/inbox")
    posts = [await _post(hub, f"Event {number}") for number in range(OBJECTS // 2)]
    await hub.work()
    known = len(site.received)
    seen = {each.activity.object_id for each in site.received}
    hub.wire.down.add("town.example")
    states: dict[str, str | None] = {post["uri"]: post["title"] for post in posts}
    await _a_month_passes(hub, clock, posts, states)
    assert await _deliveries(hub), "everything is kept"
    assert len(site.received) == known
    hub.wire.down.clear()
    dials = len(hub.wire.dials)
    for _ in range(4):
        clock.ahead += timedelta(minutes=15)
        await hub.work()
    came = site.received[known:]
    faults = [f"still waits: {row.host}" for row in await _deliveries(hub)]
    for uri, title in states.items():
        of_it = [each for each in came if each.activity.object_id == uri]
        faults += _wrong_of(uri, title, of_it, known=uri in seen)
    posted = [dial for dial in hub.wire.dials[dials:] if dial.startswith("POST")]
    if len(posted) > len(came):
        faults.append(f"{len(posted)} attempts for {len(came)} activities")
    return {"listings": len(states), "sent": len(came)}, faults


def _wrong_of(
    uri: str, title: str | None, came: list[VerifiedActivity], *, known: bool
) -> list[str]:
    """What is wrong with what came of one listing; `title` is its newest, None if it is gone."""
    if not came:
        return [f"never came: {uri}"]
    kinds, last = [each.activity.type for each in came], came[-1].document
    allowed = [["Delete"]] if title is None else [["Update"], ["Create"], ["Create", "Update"]]
    faults = [] if kinds in allowed else [f"more than its newest state: {kinds}"]
    if title is not None and last["object"]["name"] != title:
        faults.append(f"not its newest state: {uri}")
    if kinds[0] == "Update" and not known:
        faults.append(f"a change of what it never saw: {uri}")
    return faults


@ONCE
async def test_r11_a_peer_that_was_away_for_a_month_gets_the_newest_state_of_everything(
    make_hub: MakeHub, clock: Clock
) -> None:
    with noted("R11", "a server away for a month") as figures:
        came, faults = await _month_away(await make_hub("hub.example"), clock)
        assert faults == []
        figures |= {"hours away": MONTH // timedelta(hours=1), **came, "missing": 0, "outdated": 0}


@ONCE
async def test_r11_the_rig_finds_a_hub_that_sends_all_that_ever_was(
    make_hub: MakeHub, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep_everything(_: object) -> None:
        """Nothing is folded together."""

    monkeypatch.setattr("hub.fediverse.upkeep.collapse", keep_everything)
    _, faults = await _month_away(await make_hub("hub.example"), clock)
    assert any("more than its newest state" in fault for fault in faults), faults


async def _a_month_passes(
    hub: Running, clock: Clock, posts: list[dict[str, Any]], states: dict[str, str | None]
) -> None:
    """Every two hours the hub looks at its work; now and then a listing is new, changed, gone."""
    begun, steps = clock.ahead, 0
    while clock.ahead - begun < MONTH:
        steps += 1
        await ask(hub.services, "fediverse.upkeep")
        await hub.work()
        clock.ahead += STEP
        if steps % 30 == 0 and len(posts) < OBJECTS:
            posts.append(await _post(hub, f"New {steps}"))
            states[posts[-1]["uri"]] = f"New {steps}"
        if steps % 20 == 0:
            post = posts[steps // 20 % len(posts)]
            if states[post["uri"]] is None:
                continue
            path, title = f"/api/v1/events/{post['id']}", f"Changed {steps}"
            if steps % 100 == 0:
                answer = await hub.web.delete(path, headers=hub.steward)
                states[post["uri"]] = None
            else:
                answer = await hub.web.patch(path, json={"title": title}, headers=hub.steward)
                states[post["uri"]] = title
            assert answer.status_code in {200, 204}, answer.text
    assert None in states.values()


# ------------------------------------------------------------------------------ slow


class Tarpit:
    """Takes every request and answers none; `held` are under way, `most` were so at once."""

    def __init__(self) -> None:
        self.held = self.most = self.ended = 0
        self.release = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.held += 1
        self.most = max(self.most, self.held)
        try:
            await self.release.wait()
        finally:
            self.held -= 1
            self.ended += 1
        await _answer(send, 202)


async def _answer(send: Send, status: int, headers: dict[str, str] | None = None) -> None:
    named = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": b""})


def _follower(hub: Running, host: str, app: ASGIApp) -> str:
    hub.wire.attach(host, app)
    return f"https://{host}/inbox"


async def _beside_a_tarpit(hub: Running) -> int:
    """Deliver to twenty servers and to one that never answers; how many requests it held at once.

    Raises:
        TimeoutError: the others did not get everything while it kept silent.
    """
    tarpit, taken = Tarpit(), Counter[str]()

    async def quick(scope: Scope, receive: Receive, send: Send) -> None:
        taken[scope["server"][0]] += 1
        await _answer(send, 202)

    boxes = [_follower(hub, f"quick{number}.example", quick) for number in range(OTHERS)]
    await follow_from(
        hub.hub, "events", [*boxes, _follower(hub, "slow.example", tarpit)], answered=True
    )
    for number in range(POSTS):
        await _post(hub, f"Event {number}")
    carrier = Carrier(hub.services, "rig")
    while await expand(hub.services):
        pass
    async with asyncio.timeout(60):
        while sum(taken.values()) < OTHERS * POSTS or not tarpit.held:
            await carrier.send_due()
            await asyncio.sleep(0.02)
    assert tarpit.ended == 0, "all others had everything before its first request was over"
    tarpit.release.set()
    async with asyncio.timeout(60):
        await carrier.settle()
    carrier.close()
    return tarpit.most


async def test_r12_a_peer_that_never_answers_delays_nobody_else(make_hub: MakeHub) -> None:
    with noted("R12", "a server that never answers") as figures:
        held = await _beside_a_tarpit(await make_hub("hub.example", in_flight=8))
        assert held == PER_HOST
        figures |= {"others": OTHERS, "delivered to them": OTHERS * POSTS}
        figures |= {"connections to it": held}


async def test_r12_the_rig_finds_a_hub_that_gives_one_server_all_it_has(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.fediverse.delivery.PER_HOST", POSTS)
    assert await _beside_a_tarpit(await make_hub("hub.example", in_flight=8)) > PER_HOST


# ------------------------------------------------------------------------------ lying

TAKEN, LATER, GIVEN_UP = "taken", "later", "given up"
ASKED_TWICE = {400, 401}  # perhaps the other signature scheme (PROTOCOL 2.5)
PASSING = {408, 425, 429}


def _expected(status: int) -> str:
    """The table of PROTOCOL §5, written anew."""
    if 200 <= status < 300:
        return TAKEN
    if status in PASSING or status in {401, 403} or 300 <= status < 400 or status >= 500:
        return LATER
    return GIVEN_UP


async def test_r13_every_answer_has_its_consequence(make_hub: MakeHub) -> None:
    """All answers from 200 to 599, each from a server of its own."""
    statuses = range(200, 600) if ENGINE == "sqlite" else range(200, 600, 7)
    hub: Running = await make_hub("hub.example")
    with noted("R13", "answers to a delivery") as figures:
        hosts, other = await _answered(hub, statuses)
        assert other == {}
        figures |= {"statuses": len(hosts), "otherwise than the table": 0}
    posts = Counter(dial.split("/")[2] for dial in hub.wire.dials if dial.startswith("POST"))
    assert posts == {host: 1 + (status in ASKED_TWICE) for host, status in hosts.items()}
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(Peer).where(Peer.closed_until.is_not(None)))
        waits = {row.host for row in rows}
    assert waits == {"s429.example", "s503.example"} & hosts.keys(), "they said when to come again"


async def test_r13_the_rig_finds_a_hub_that_asks_the_gone_again(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = delivery.outcome_of

    def stubborn(answer: Answer, moment: datetime) -> Any:
        return judged(replace(answer, status=500) if answer.status == 404 else answer, moment)

    monkeypatch.setattr(delivery, "outcome_of", stubborn)
    _, other = await _answered(await make_hub("hub.example"), range(400, 410))
    assert other == {"s404.example": LATER}


async def _answered(hub: Running, statuses: Iterable[int]) -> tuple[dict[str, int], dict[str, str]]:
    """Deliver to a server for each answer: who said what, and where it had another consequence."""

    def saying(status: int) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await _answer(send, status, {"retry-after": "7200"} if status in {429, 503} else None)

        return app

    hosts = {f"s{status}.example": status for status in statuses}
    boxes = [_follower(hub, host, saying(status)) for host, status in hosts.items()]
    await follow_from(hub.hub, "events", boxes)
    await _post(hub, "Street party")
    await hub.work()
    came = {host: await _became(hub, host) for host in hosts}
    return hosts, {host: came[host] for host in hosts if came[host] != _expected(hosts[host])}


async def _became(hub: Running, host: str) -> str:
    async with hub.services.db.read() as session:
        if await session.scalar(select(Receipt.host).where(Receipt.host == host)):
            return TAKEN
        row = await session.scalar(select(Delivery).where(Delivery.host == host))
    if row is None:
        return GIVEN_UP
    assert row.attempts == 1
    return LATER
