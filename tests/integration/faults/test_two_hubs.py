"""R29, R31: two hubs; one comes back older than it was, or the wire between them breaks."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from federation.errors import Unreachable
from federation.rates import Rates
from federation.testing import Wire
from hub.core.settings import Settings
from hub.entries.models import Entry
from hub.fediverse import follows
from hub.fediverse.models import Follow
from hub.keeping import restoring, saving
from tests.clock import Clock
from tests.conftest import Databases, MakeHub, Running, settle, started
from tests.integration.faults.scale import noted, patience, scaled
from tests.integration.faults.test_saved import elsewhere, key_of
from tests.towns import EVENT

AFTER = scaled(3, 200)  # what is said after the backup
STEPS = scaled(12, 1_000)  # what is said while the wire is broken
LOST = 0.3  # of requests, and as many of the answers that do come


async def _post(hub: Running, title: str) -> dict[str, Any]:
    body = {**EVENT, "title": title}
    answer = await hub.web.post("/api/v1/events", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _shown(hub: Running, origin: str) -> dict[str, str]:
    """What a hub shows of those that were made at `origin`: titles by their ids."""
    async with hub.services.db.read() as session:
        here = "" if hub.services.settings.authority == origin else origin
        wanted = (Entry.origin == here, Entry.deleted_at.is_(None))
        rows = await session.scalars(select(Entry).where(*wanted))
        return {row.uri or f"{hub.url}{row.path}": row.title for row in rows}


async def _followed(hub: Running) -> set[str]:
    async with hub.services.db.read() as session:
        return set(await session.scalars(select(Follow.state)))


# ------------------------------------------------------------------------------ R29


@pytest.mark.timeout(patience(120, 3600))
async def test_r29_a_hub_that_comes_back_older_than_it_was_troubles_nobody(
    make_hub: MakeHub, databases: Databases, tmp_path: Path
) -> None:
    """It takes no id twice, sends nothing again but what was on its way, and follows as before."""
    south: Running = await make_hub("south.example")
    wire: Wire = south.wire
    settings = Settings(
        _env_file=None,
        url="https://north.example",
        data_dir=tmp_path / "old",
        database_url=databases.fresh(),
        name="North",
        timezone="Europe/Berlin",
    )
    async with started(settings, wire) as north:
        await follows.follow(south.services, "@events@north.example")
        await follows.follow(north.services, "@events@south.example")
        await settle(north, south)
        before = [await _post(north, f"Before {number}") for number in range(3)]
        await settle(north, south)
        before.append(await _post(north, "On its way"))
        path = await saving.save(settings)
        await settle(north, south)
        after = [await _post(north, f"After {number}") for number in range(AFTER)]
        await settle(north, south)
    assert len(await _shown(south, "north.example")) == len(before) + AFTER
    # Meanwhile south forgets that north follows it.
    async with south.services.db.write() as session:
        for row in await session.scalars(select(Follow)):
            if row.uri.startswith("https://north.example"):
                await session.delete(row)
    again = elsewhere(settings, tmp_path / "new", databases.fresh())
    await restoring.restore(again, path, key_of(settings), only_try=False)
    dials = len(wire.dials)
    with noted("R29", "a hub of an old backup") as figures:
        async with started(again, wire) as north:
            await settle(north, south)
            sent = [
                each for each in wire.dials[dials:] if each == "POST https://south.example/inbox"
            ]
            assert len(sent) <= 2, "what was on its way, and the wish to follow"
            new = [await _post(north, f"New {number}") for number in range(AFTER)]
            old_ids = {each["uri"] for each in (*before, *after)}
            assert old_ids.isdisjoint(each["uri"] for each in new)
            await _post(south, "From south")
            await settle(north, south)
            shown = await _shown(south, "north.example")
            assert Counter(shown.values()) == Counter(
                each["title"] for each in (*before, *after, *new)
            ), "nothing is shown twice, and what is new has arrived"
            assert list((await _shown(north, "south.example")).values()) == ["From south"]
            assert await _followed(north) == await _followed(south) == {"accepted"}
        figures |= {"said after the backup": AFTER, "ids taken twice": 0, "sent again": len(sent)}


# ------------------------------------------------------------------------------ R31


class Weather:
    """What becomes of requests between hubs: lost on the way, or their answers on the way back."""

    def __init__(self, wire: Wire, patch: pytest.MonkeyPatch) -> None:
        self.lost = self.refused = 0
        self.chance = 0.0
        self._dice = random.Random(31)
        self._exchange = wire.exchange
        patch.setattr(wire, "exchange", self.exchange)

    async def exchange(self, *given: Any) -> tuple[int, dict[str, str], bytes]:
        """As on a good day; or nobody answers, although the other side may have heard it all."""
        if self._dice.random() < self.chance:
            self.refused += 1
            raise Unreachable("the wire is broken")
        answer = await self._exchange(*given)
        if self._dice.random() < self.chance:
            self.lost += 1
            raise Unreachable("the answer was lost")
        return answer


async def _say_something(hub: Running, dice: random.Random, ours: list[dict[str, Any]]) -> None:
    """Something new, something else, or something less."""
    deed = dice.choice(("post", "post", "change", "delete"))
    if deed == "post" or not ours:
        ours.append(await _post(hub, f"No {dice.random()}"))
        return
    one = ours[dice.randrange(len(ours))]
    path = f"/api/v1/events/{one['id']}"
    if deed == "delete":
        ours.remove(one)
        answer = await hub.web.delete(path, headers=hub.steward)
    else:
        changed = {"title": f"Changed {dice.random()}"}
        answer = await hub.web.patch(path, json=changed, headers=hub.steward)
    assert answer.status_code in {200, 204}, answer.text


def _count_by(clock: Clock, patch: pytest.MonkeyPatch) -> None:
    """What a hub allows in a minute is counted by this clock too: a day of it passes in seconds."""

    def seconds() -> float:
        return time.monotonic() + clock.ahead.total_seconds()

    patch.setattr(Rates, "__init__", partialmethod(Rates.__init__, seconds=seconds))


@pytest.mark.timeout(patience(120, 3600))
@pytest.mark.parametrize("chance", [LOST, 1.0], ids=["a third is lost", "nothing comes through"])
async def test_r31_hubs_that_were_parted_agree_when_the_wire_is_whole_again(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, chance: float
) -> None:
    clock = Clock(monkeypatch)
    _count_by(clock, monkeypatch)
    north, south = await make_hub("north.example"), await make_hub("south.example")
    weather, dice = Weather(north.wire, monkeypatch), random.Random(29)
    for hub, other in ((north, south), (south, north)):
        await follows.follow(hub.services, f"@events@{other.services.settings.authority}")
    await settle(north, south)
    said: dict[str, list[dict[str, Any]]] = {"north.example": [], "south.example": []}
    with noted("R31", f"two hubs parted, {chance:.0%} lost") as figures:
        weather.chance = chance
        for _ in range(STEPS):
            hub = dice.choice((north, south))
            await _say_something(hub, dice, said[hub.services.settings.authority])
            await hub.work()
            clock.pass_by(minutes=20)
        weather.chance = 0.0
        for _ in range(4):
            # What a server that was away gets when: at most twice a day (PROTOCOL 5).
            clock.pass_by(hours=12)
            await settle(north, south)
        for origin, standing in said.items():
            there = await _shown(north, origin)
            assert there == await _shown(south, origin)
            assert len(there) == len(standing)
        assert weather.refused > 0
        figures |= {"deeds": STEPS, "requests lost": weather.refused, "answers lost": weather.lost}
        figures |= {"differences": 0}
