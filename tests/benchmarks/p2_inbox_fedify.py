"""P2: mail taken durably ÷ the inbox of a Fedify server, which keeps nothing."""

from __future__ import annotations

from tests.benchmarks import fedify
from tests.benchmarks.p1_inbox import taken
from tests.benchmarks.posting import post
from tests.benchmarks.rig import Ratio, pairs

WARM = 200  # requests before the count: its compiler has seen the path
COUNT = 400


def measure() -> list[Ratio]:
    """The ratio, with the same kind of requests over 32 connections."""
    yardstick, hub = pairs(_fedify, taken)
    return [
        Ratio(
            "P2",
            "inbox: accepted and on disk ÷ Fedify's inbox",
            yardstick,
            hub,
            hub / yardstick,
            "≥",
            15,
            "requests per CPU second",
        )
    ]


def _fedify() -> float:
    with fedify.server() as running:
        post([(running.pid, running.port)], WARM)
        return post([(running.pid, running.port)], COUNT).per_cpu_s
