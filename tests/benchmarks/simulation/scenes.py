"""What is simulated: a week with an outage of ours, and a burst with rules and without them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tests.benchmarks.simulation.lanes import Lane, Said
from tests.benchmarks.simulation.simulator import Figures, Simulation
from tests.benchmarks.simulation.world import DAY, HOUR, World, build

WEEK = 6 * DAY
OUTAGE = (1.5 * DAY, 2.5 * DAY)
BURST = 4 * DAY
BURST_POSTS = 10
WARM_UP = 3 * HOUR
BUCKET = HOUR / 2


def week(servers: int, *, seed: int = 1, workers: int = 2, in_flight: int = 256) -> Simulation:
    """Eight posts a day, half of them Updates; a day without our line; then a burst.

    In the burst one of the workers is killed, and stays dead.
    """
    world = build(servers, WEEK, random.Random(seed), outages=(OUTAGE,))
    simulation = Simulation(world, workers=workers, in_flight=in_flight, bucket_s=BUCKET)
    number = 0
    for step in range(1, int(WEEK / (3 * HOUR)) - 2):
        number += 1
        changed = max(0, number % 4 - 1)  # two new ones, then two changes of the second
        kind, thing = ("Update", number - changed) if changed else ("Create", number)
        simulation.say(step * 3 * HOUR, Said(number, kind, thing))
        if step * 3 * HOUR == BURST:
            number = _burst(simulation, number, BURST)
            simulation.kill(BURST + 90, 0)
    return simulation


def _burst(simulation: Simulation, number: int, moment: float) -> int:
    for post in range(BURST_POSTS):
        number += 1
        simulation.say(moment + 60 + 6 * post, Said(number, "Create", number))
    return number


def burst(world: World, *, in_flight: int = 256) -> Figures:
    """Ten posts within a minute, three hours after a first one showed who is silent."""
    simulation = Simulation(world, in_flight=in_flight, bucket_s=15)
    simulation.say(0.0, Said(1, "Create", 1))
    simulation.run(WARM_UP)
    simulation.figures = Figures(15)
    _burst(simulation, 1, WARM_UP - 60)
    return simulation.run(WARM_UP + 2 * HOUR)


def bursts(servers: int, *, seed: int = 1, in_flight: int = 16) -> dict[str, Figures]:
    """The burst before the living alone, before all, and before all without some of the rules."""

    def world(*without: str) -> World:
        made = build(servers, DAY, random.Random(seed))
        made.servers = [server for server in made.servers if server.kind not in without]
        return made

    found = {
        "alone": burst(world("dead", "hole", "leaves"), in_flight=in_flight),
        "share": burst(world(), in_flight=in_flight),
    }
    with no_share():
        found["breaker"] = burst(world(), in_flight=in_flight)
        with no_breaker():
            found["none"] = burst(world(), in_flight=in_flight)
    return found


@contextmanager
def no_share() -> Iterator[None]:
    """Nobody is in doubt, and so all have the same places."""
    with patch.object(Lane, "doubtful", False):
        yield


@contextmanager
def no_breaker() -> Iterator[None]:
    """The rules without their breaker: a fault to be found."""
    with patch("hub.fediverse.policy.breaker_wait", lambda *given: None):
        yield
