"""P1: mail taken durably ÷ a bare endpoint that only reads and verifies it."""

from __future__ import annotations

from tests.benchmarks.posting import post, server
from tests.benchmarks.rig import Ratio, pairs

COUNT = 3000


def measure() -> list[Ratio]:
    """The ratio, with 3,000 distinct signed activities over 32 connections."""
    yardstick, hub = pairs(_bare, taken)
    return [
        Ratio(
            "P1",
            "inbox: accepted and on disk ÷ bare read and verify",
            yardstick,
            hub,
            hub / yardstick,
            "≥",
            0.6,
            "requests per CPU second",
        )
    ]


def _bare() -> float:
    with server("bare") as running:
        return post([(running.pid, running.port)], COUNT).per_cpu_s


def taken() -> float:
    """What a hub takes, per CPU second; all of it is on disk afterwards."""
    with server("hub") as running:
        cost = post([(running.pid, running.port)], COUNT)
        assert running.kept() == COUNT
    return cost.per_cpu_s
