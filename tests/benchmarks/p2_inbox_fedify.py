"""P2: mail taken durably ÷ the inbox of a Fedify server, which keeps nothing.

The requests are what Mastodon sends of a public post: signed as requests, and signed in
themselves. Fedify, as it comes, verifies the latter first; a hub passes it over (AP-24).
"""

from __future__ import annotations

from tests.benchmarks import fedify
from tests.benchmarks.posting import post, server
from tests.benchmarks.rig import Ratio, pairs

WARM = 200  # requests before the count: its compiler has seen the path
COUNT = 400
MORE = 2000  # for the hub, which needs less than a millisecond each


def measure() -> list[Ratio]:
    """The ratio, with the same kind of requests over 32 connections."""
    yardstick, hub = pairs(_fedify, _hub)
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
        post([(running.pid, running.port)], WARM, as_mastodon=True)
        return post([(running.pid, running.port)], COUNT, as_mastodon=True).per_cpu_s


def _hub() -> float:
    with server("hub") as running:
        post([(running.pid, running.port)], WARM, as_mastodon=True)
        cost = post([(running.pid, running.port)], MORE, as_mastodon=True)
        assert running.kept() == WARM + MORE
    return cost.per_cpu_s
