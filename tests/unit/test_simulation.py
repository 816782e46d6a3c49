"""Five hundred servers, by the hub's own rules: what must hold however large it grows.

`make simulate` runs the same over 25,000.
"""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch
from xml.etree import ElementTree as ET

import pytest

from federation.delivery import breaker_wait
from hub.fediverse import policy
from tests.benchmarks.simulation.__main__ import at
from tests.benchmarks.simulation.drawing import Axis, chart
from tests.benchmarks.simulation.scenes import WEEK, bursts, week
from tests.benchmarks.simulation.simulator import Figures, Simulation
from tests.benchmarks.simulation.world import DAY, HOUR

SERVERS = 500
SLOTS = 8  # few, as the servers are: places are what the silent take from the living
SLOWER = 1.35  # how much longer the living may wait because of the silent


@pytest.fixture(scope="module")
def simulated() -> Simulation:
    simulation = week(SERVERS, in_flight=64)
    simulation.run(WEEK)
    return simulation


def test_no_server_gets_more_than_two_requests_at_once(simulated: Simulation) -> None:
    assert simulated.figures.most_at_once == policy.PER_HOST


def test_nothing_is_lost_and_a_killed_worker_doubles_little(simulated: Simulation) -> None:
    seen = simulated.figures
    arrived = sum(seen.arrived.values())
    kept = arrived + simulated.waiting() + seen.collapsed + seen.given_up
    assert seen.said == kept
    assert seen.given_up == 0
    assert seen.twice < 1000
    for lane, server in zip(simulated.lanes, simulated.world.servers, strict=True):
        just_back = any(end > WEEK - 12 * HOUR for _, end in server.troubles)
        assert not lane.waiting or just_back or server.kind in ("dead", "hole"), server.kind


def test_r16_who_comes_back_after_a_day_is_served_within_the_hour(simulated: Simulation) -> None:
    seen = simulated.figures
    long = [wait for away, wait in seen.found if away >= DAY]
    assert len(long) > 10
    assert max(long) <= HOUR
    assert max(wait for _, wait in seen.found) <= 12 * HOUR


def test_r16_after_an_outage_of_ours_all_are_found_within_the_hour_but_not_at_once(
    simulated: Simulation,
) -> None:
    back = simulated.figures.line_back
    assert len(back) > SERVERS / 2
    assert max(back) <= HOUR
    in_a_minute = max(sum(0 <= one - start < 60 for one in back) for start in back)
    assert in_a_minute < len(back) / 5


def _waited(figures: Figures) -> float:
    return at(0.99, figures.ages["living"])


def test_the_silent_do_not_slow_the_living_and_without_a_share_of_their_own_they_would() -> None:
    found = bursts(SERVERS, in_flight=SLOTS)
    alone = _waited(found["alone"])
    assert _waited(found["share"]) <= SLOWER * alone
    assert _waited(found["none"]) > SLOWER * alone


def test_the_same_seed_is_the_same_week() -> None:
    first, second = (week(100, seed=7).run(2 * DAY) for _ in range(2))
    assert first == second
    assert first != week(100, seed=8).run(2 * DAY)


def test_a_breaker_without_jitter_is_seen() -> None:
    def all_at_once(failures: int, silent_for: timedelta, _jitter: float) -> timedelta | None:
        return breaker_wait(failures, silent_for)

    with patch("hub.fediverse.policy.breaker_wait", all_at_once):
        back = week(SERVERS, in_flight=64).run(3 * DAY).line_back
    in_a_minute = max(sum(0 <= one - start < 60 for one in back) for start in back)
    assert in_a_minute >= len(back) / 5


def test_a_picture_has_axes_units_and_a_legend() -> None:
    across = Axis("days", 0, 2, [(0, "0"), (2, "2")])
    up = Axis("age", 1, 100, [(1, "1 s"), (100, "100 s")], logarithmic=True)
    drawn = chart("Ages", across, up, [("half <1>", [(0, 1), (2, 100)])], [(0.5, 1, "away")])
    root = ET.fromstring(drawn)  # noqa: S314 - we drew it
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= {"Ages", "days", "age", "1 s", "100 s", "half <1>", "away"}
    (line,) = root.iter("{http://www.w3.org/2000/svg}polyline")
    assert line.get("points") == "74.0,364.0 840.0,78.0"
