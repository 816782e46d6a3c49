"""Ten thousand servers that do not exist post rubbish; neighbours are served all the same."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from federation.signatures.http import sign_request
from federation.testing import keys_for
from hub.actors.models import Actor
from hub.core.db import Base
from tests.conftest import MakeHub, Running
from tests.integration.faults.scale import note
from tests.integration.test_threats import Scene, activity
from tests.peer import Peer, knock
from tests.towns import EVENT

pytestmark = pytest.mark.timeout(600)

HOSTS = 10_000


@pytest.fixture
async def scene(make_hub: MakeHub) -> Scene:
    hub: Running = await make_hub("hub.example")
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made = Scene(hub, answer.json(), Peer(hub, "north.example", "mallory"), Peer(hub, "s.example"))
    await made.north.post("mallory", activity(made.north, "mallory", "Follow", made.events))
    await hub.work()
    hub.hub.site.forget()
    return made


async def _rows(hub: Running) -> dict[str, int]:
    async with hub.services.db.read() as session:
        return {
            name: await session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def _rubbish(scene: Scene, number: int) -> tuple[bytes, dict[str, str]]:
    """A Follow of somebody invented: without a signature, or with one that nobody made."""
    home = f"https://h{number}.invented.example"
    document: dict[str, Any] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{home}/f/1",
        "type": ("Follow", "Delete", "Create", "Like")[number % 4],
        "actor": f"{home}/a",
        "object": scene.events,
    }
    body = orjson.dumps(document)
    keys = keys_for(scene.north.uri("mallory"))
    headers = sign_request(keys, "POST", f"{scene.hub.url}/inbox", body, now=datetime.now(UTC))
    if number % 2:
        del headers["Signature"]
    else:
        headers["Signature"] = headers["Signature"].replace(keys.rsa_id, f"{home}/a#main-key")
    return body, headers


async def test_a14_ten_thousand_invented_hosts_leave_nothing_behind(scene: Scene) -> None:
    hub, before = scene.hub, await _rows(scene.hub)
    hub.wire.dials.clear()
    statuses: Counter[int] = Counter()
    honest: list[int] = []
    waits: list[float] = []
    for number in range(HOSTS):
        body, headers = _rubbish(scene, number)
        for _ in range(2):
            statuses[(await knock(hub, body, headers)).status] += 1
        if number % 50 == 0:
            like = activity(scene.north, "mallory", "Like", scene.event["uri"], number)
            start = time.perf_counter()
            honest.append(await scene.north.post("mallory", like))
            waits.append(time.perf_counter() - start)
    honest_p99 = quantiles(waits, n=100)[98] * 1000
    print(f"honest p99: {honest_p99:.0f} ms of {len(waits)}")
    assert set(statuses) <= {401, 429}
    assert set(honest) == {202}
    asked = Counter(dial.split("/")[2] for dial in hub.wire.dials)
    assert max(asked.values()) == 1
    assert len(asked) <= HOSTS // 2
    after = await _rows(hub)
    assert after.pop("inbox_activity") - before.pop("inbox_activity") == len(honest)
    assert after == before
    await hub.work()
    async with hub.services.db.read() as session:
        assert list(await session.scalars(select(Actor.uri).where(Actor.local.is_(False)))) == [
            scene.north.uri("mallory")
        ]
    # What is remembered of them is bounded, however many they are (SECURITY B9).
    ring = hub.hub.site.keyring
    assert len(ring._refused) <= 8192
    assert len(ring._asking._rates) <= 10_000
    assert len(hub.services.fetcher._failures) <= 4096
    assert len(hub.hub.site._strangers._buckets) <= 10_000
    seen = {"invented": HOSTS, "rows": 0, "fetches of one": max(asked.values())}
    note("A14", "invented servers", **seen, **{"neighbours' p99, ms": round(honest_p99)})
