"""P16: mail taken with `synchronous=FULL` ÷ with NORMAL, which may lose it in a power cut."""

from __future__ import annotations

from tests.benchmarks.posting import post, server
from tests.benchmarks.rig import Ratio, pairs

COUNT = 3000


def measure() -> list[Ratio]:
    """The ratio of throughputs on the clock, with 3,000 activities over 32 connections."""
    normal, full = pairs(lambda: _rate("NORMAL"), lambda: _rate("FULL"))
    return [
        Ratio(
            "P16",
            "inbox with synchronous=FULL ÷ NORMAL",
            normal,
            full,
            full / normal,
            "≥",
            0.85,
            "requests per second",
        )
    ]


def _rate(synchronous: str) -> float:
    with server("hub", {"BENCH_SYNCHRONOUS": synchronous}) as running:
        return post([(running.pid, running.port)], COUNT).per_s
