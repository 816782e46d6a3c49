"""Token buckets, and how much is asked of others on a stranger's word."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from federation.asking import AT_ONCE, AWAY, BURST, PER_SECOND, AskedTooMuch, Asking
from federation.errors import KeyUnavailable, Unreachable
from federation.rates import Rates

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    rates = Rates(3, 2, seconds=clock)
    assert [rates.take("a") for _ in range(5)] == [None, None, None, 0.5, 0.5]
    assert rates.take("b") is None
    clock.seconds = 0.5
    assert rates.wait("a") is None
    assert rates.take("a") is None
    assert rates.take("a") == 0.5


def test_asking_how_long_costs_nothing() -> None:
    rates = Rates(1, 1, seconds=Clock())
    assert [rates.wait("a") for _ in range(9)] == [None] * 9
    assert rates.take("a") is None
    assert rates.wait("a") == 1


def test_b9_a_million_names_leave_no_more_buckets_than_there_may_be() -> None:
    rates = Rates(5, 1, most=100, seconds=Clock())
    for number in range(1_000_000):
        rates.take(f"host{number}.example")
    assert len(rates) == 100


def test_b9_a_bucket_that_is_full_again_is_forgotten() -> None:
    clock = Clock()
    rates = Rates(5, 1, seconds=clock)
    for number in range(50):
        rates.take(f"host{number}.example")
    clock.seconds = 60
    rates.take("other.example")
    assert len(rates) == 1


async def test_b8_one_server_is_asked_in_vain_at_most_twenty_times_in_any_minute() -> None:
    asking = Asking(lambda: NOW)
    asked, waits = 0, []
    for number in range(200):
        try:
            async with asking.about(f"https://victim.example/actors/{number}#main-key"):
                asked += 1
        except AskedTooMuch as problem:
            waits.append(problem.wait_s)
    assert asked == BURST
    assert BURST + 60 * PER_SECOND <= 20
    assert 0 < min(waits) <= max(waits) <= 1 / PER_SECOND
    async with asking.about("https://other.example/actor#main-key"):
        asked += 1
    assert asked == BURST + 1


async def test_b8_a_server_whose_keys_fit_is_asked_for_as_many_as_it_has() -> None:
    asking, asked = Asking(lambda: NOW), 0

    async def one(number: int) -> None:
        nonlocal asked
        key_id = f"https://busy.example/actors/{number}#main-key"
        async with asking.about(key_id):
            await asyncio.sleep(0.01)
            asked += 1
        asking.fitted(key_id)

    await asyncio.gather(*(one(number) for number in range(AT_ONCE)))
    assert asked == AT_ONCE


async def test_b8_only_so_many_servers_are_asked_at_once() -> None:
    asking = Asking(lambda: NOW)
    async with AsyncExitStack() as held:
        for number in range(AT_ONCE):
            await held.enter_async_context(asking.about(f"https://host{number}.example/a"))
        with pytest.raises(AskedTooMuch):
            await held.enter_async_context(asking.about("https://one.more.example/a"))
    async with asking.about("https://one.more.example/a"):
        pass


async def test_b8_a_server_that_does_not_answer_is_not_asked_for_its_other_keys() -> None:
    moment = NOW
    asking = Asking(lambda: moment)
    with pytest.raises(Unreachable):
        async with asking.about("https://gone.example/a"):
            raise Unreachable("nobody there")
    with pytest.raises(KeyUnavailable):
        async with asking.about("https://gone.example/b"):
            pytest.fail("it was asked again")
    moment = NOW + AWAY
    async with asking.about("https://gone.example/b"):
        pass
