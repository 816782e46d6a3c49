"""Token buckets, and how much is asked of others on a stranger's word."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from federation.asking import AT_ONCE, AWAY, AskedTooMuch, Asking
from federation.errors import Gone, KeyUnavailable, Unreachable
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


def test_b8_one_server_is_asked_for_keys_at_most_twenty_times_in_any_minute() -> None:
    asking = Asking(lambda: NOW)
    asked, waits = 0, []
    for number in range(10_000):
        try:
            with asking.about(f"https://victim.example/actors/{number}#main-key"):
                asked += 1
                raise Gone("no such actor", 404)
        except Gone:
            continue
        except AskedTooMuch as problem:
            waits.append(problem.wait_s)
    assert asked == 10  # at once; one in six seconds is ten more within the minute
    assert 0 < min(waits) <= max(waits) <= 6
    with asking.about("https://other.example/actor#main-key"):
        asked += 1
    assert asked == 11


def test_b8_only_so_many_servers_are_asked_at_once() -> None:
    asking = Asking(lambda: NOW)
    held = [asking.about(f"https://host{number}.example/a") for number in range(AT_ONCE)]
    for each in held:
        each.__enter__()
    with pytest.raises(AskedTooMuch), asking.about("https://one.more.example/a"):
        pass
    held[0].__exit__(None, None, None)
    with asking.about("https://one.more.example/a"):
        pass


def test_b8_a_server_that_does_not_answer_is_not_asked_again_for_its_other_keys() -> None:
    moment = NOW
    asking = Asking(lambda: moment)
    with pytest.raises(Unreachable), asking.about("https://gone.example/a"):
        raise Unreachable("nobody there")
    with pytest.raises(KeyUnavailable), asking.about("https://gone.example/b"):
        pytest.fail("it was asked again")
    moment = NOW + AWAY
    with asking.about("https://gone.example/b"):
        pass
