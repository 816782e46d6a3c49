"""P4 and P5: fan-out ÷ a Fedify server with the same activity to the same sink."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from subprocess import Popen

import uvloop
from sqlalchemy import update

from hub import memory
from hub.fediverse.delivery import Carrier
from hub.fediverse.models import Peer
from tests.benchmarks import fedify
from tests.benchmarks.hubs import (
    Carrying,
    a_hub,
    carry,
    follow_from,
    inboxes,
    say,
    tls_sink,
)
from tests.benchmarks.rig import Ratio, answer_of, ask, cpu_s, in_turn, own_cpu_s, process

HOSTS = 500
TLS_HOSTS = 250
QUEUE_S = 120.0
LIKE_OURS = 2048  # bits: the hub's keys, where Fedify's default is 4,096
UNIT = "deliveries per CPU second"


def measure() -> list[Ratio]:
    """Warm over HTTP: direct, through its queue, Ed25519, and with keys as long as ours."""
    with process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        fedify_sends = partial(_fedify, sink, port)
        return [
            *_each("fan-out ÷ Fedify, sent directly", fedify_sends, _hub(port), 5),
            *_each(
                "fan-out ÷ Fedify, through its queue",
                partial(fedify_sends, queue=True),
                _hub(port),
                8,
            ),
            *_each(
                "fan-out with Ed25519 ÷ Fedify, sent directly",
                fedify_sends,
                _hub(port, "ed25519"),
                12,
            ),
            *_each(
                "fan-out ÷ Fedify with 2,048-bit keys as ours",
                partial(fedify_sends, rsa_bits=LIKE_OURS),
                _hub(port),
                1,
            ),
        ]


def measure_tls() -> list[Ratio]:
    """Cold TLS: every connection is new."""
    with tls_sink(TLS_HOSTS) as (sink, port, authority):
        what = f"fan-out to {TLS_HOSTS} servers over new TLS ÷ Fedify"
        yardstick = partial(_fedify_cold, sink, port, authority)
        default, fast = _each(what, yardstick, partial(_hub_cold, port, authority), 1.8, "P5")
        return [default, replace(fast, target=4)]


def _each(
    what: str,
    yardstick: Callable[[], float],
    hub: Callable[[Carrying], float],
    target: float,
    number: str = "P4",
) -> list[Ratio]:
    """The ratio by each client, all in turn."""
    base, *found = in_turn(yardstick, *(partial(hub, by) for by in Carrying))
    return [
        Ratio(number, f"{what}; {by}", base, rate, rate / base, "≥", target, UNIT)
        for by, rate in zip(Carrying, found, strict=True)
    ]


def _fedify(sink: Popen[str], port: int, *, queue: bool = False, rsa_bits: int = 0) -> float:
    with fedify.server(queue=queue, rsa_bits=rsa_bits) as running:
        _sent(running, sink, inboxes(port, HOSTS))
        return _sent(running, sink, inboxes(port, HOSTS))


def _sent(running: fedify.Server, sink: Popen[str], boxes: list[str]) -> float:
    """Deliveries per CPU second of one fan-out, once the sink has them all."""
    ask(sink)
    before = cpu_s(running.pid)
    running.fan_out(boxes)
    arrived, ends = 0, time.monotonic() + QUEUE_S
    while arrived < len(boxes):
        arrived += ask(sink)["count"]
        assert time.monotonic() < ends, f"{arrived} of {len(boxes)} arrived"
        time.sleep(0.1)
    return len(boxes) / (cpu_s(running.pid) - before)


def _hub(port: int, scheme: str = "cavage") -> Callable[[Carrying], float]:
    return lambda by: uvloop.run(_fanned_out(by, port, scheme))


async def _fanned_out(by: Carrying, port: int, scheme: str) -> float:
    async with a_hub(by) as hub:
        await follow_from(hub, "events", inboxes(port, HOSTS), answered=True)
        carrier = Carrier(hub.services, "bench")
        memory.settle()
        await say(hub)
        await carry(hub, carrier)
        async with hub.services.db.write() as session:
            await session.execute(update(Peer).values(scheme=scheme))
        await say(hub)
        before = own_cpu_s()
        await carry(hub, carrier)
        used = own_cpu_s() - before
        carrier.close()
    return HOSTS / used


def _fedify_cold(sink: Popen[str], port: int, authority: Path) -> float:
    with fedify.server(authority=authority) as running, _warm() as (plain, other):
        _sent(running, plain, inboxes(other, HOSTS))  # its compiler has seen the path
        return _sent(running, sink, inboxes(port, TLS_HOSTS, scheme="https", net=2))


@contextmanager
def _warm() -> Iterator[tuple[Popen[str], int]]:
    with process("-m", "tests.benchmarks.sink") as plain:
        yield plain, answer_of(plain)["port"]


def _hub_cold(port: int, authority: Path, by: Carrying) -> float:
    return uvloop.run(_cold(by, port, authority))


async def _cold(by: Carrying, port: int, authority: Path) -> float:
    async with a_hub(by, ca_file=authority) as hub:
        await follow_from(
            hub, "events", inboxes(port, TLS_HOSTS, scheme="https", net=2), answered=True
        )
        carrier = Carrier(hub.services, "bench")
        memory.settle()
        await say(hub)
        before = own_cpu_s()
        await carry(hub, carrier)
        used = own_cpu_s() - before
        carrier.close()
    return TLS_HOSTS / used
