"""P4 and P5: fan-out ÷ a Fedify server with the same activity to the same sink."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen

from sqlalchemy import update

from hub.fediverse.delivery import Carrier
from hub.fediverse.models import Peer
from tests.benchmarks import fedify
from tests.benchmarks.hubs import a_hub, addresses, carry, follow_from, inboxes, say
from tests.benchmarks.rig import Ratio, answer_of, ask, cpu_s, own_cpu_s, pairs, process
from tests.interop.certificates import Certificates, issue

HOSTS = 500
TLS_HOSTS = 250
QUEUE_S = 120.0
LIKE_OURS = 2048  # bits: the hub's keys, where Fedify's default is 4,096
UNIT = "deliveries per CPU second"


def measure() -> list[Ratio]:
    """Warm over HTTP: direct, through its queue, Ed25519, and with keys as long as ours."""
    with process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        direct, hub = pairs(partial(_fedify, sink, port), partial(_hub, port))
        queued, again = pairs(partial(_fedify, sink, port, queue=True), partial(_hub, port))
        short, third = pairs(
            partial(_fedify, sink, port, rsa_bits=LIKE_OURS), partial(_hub, port, "ed25519")
        )
    return [
        _ratio("P4", "fan-out ÷ Fedify, sent directly", direct, hub, 5),
        _ratio("P4", "fan-out ÷ Fedify, through its queue", queued, again, 8),
        _ratio("P4", "fan-out with Ed25519 ÷ Fedify, sent directly", direct, third, 12),
        _ratio("P4", "fan-out ÷ Fedify with 2,048-bit keys as ours", short, hub, 1),
    ]


def measure_tls() -> list[Ratio]:
    """Cold TLS: every connection is new."""
    with _tls_sink(TLS_HOSTS) as (sink, port, certificates):
        yardstick, hub = pairs(
            partial(_fedify_cold, sink, port, certificates), partial(_hub_cold, port, certificates)
        )
    return [
        _ratio("P5", f"fan-out to {TLS_HOSTS} servers over new TLS ÷ Fedify", yardstick, hub, 1.8)
    ]


def _ratio(number: str, what: str, yardstick: float, hub: float, target: float) -> Ratio:
    return Ratio(number, what, yardstick, hub, hub / yardstick, "≥", target, UNIT)


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


def _hub(port: int, scheme: str = "cavage") -> float:
    return asyncio.run(_fanned_out(port, scheme))


async def _fanned_out(port: int, scheme: str) -> float:
    async with a_hub() as hub:
        await follow_from(hub, "events", inboxes(port, HOSTS))
        carrier = Carrier(hub.services, "bench")
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


@contextmanager
def _tls_sink(hosts: int) -> Iterator[tuple[Popen[str], int, Certificates]]:
    with tempfile.TemporaryDirectory(prefix="bench-tls-") as folder:
        certificates = issue(addresses(hosts, net=2), Path(folder))
        files = (str(certificates.chain), str(certificates.key))
        with process("-m", "tests.benchmarks.sink", *files) as sink:
            yield sink, answer_of(sink)["port"], certificates


def _fedify_cold(sink: Popen[str], port: int, certificates: Certificates) -> float:
    with fedify.server(authority=certificates.authority) as running, _warm() as (plain, other):
        _sent(running, plain, inboxes(other, HOSTS))  # its compiler has seen the path
        return _sent(running, sink, inboxes(port, TLS_HOSTS, scheme="https", net=2))


@contextmanager
def _warm() -> Iterator[tuple[Popen[str], int]]:
    with process("-m", "tests.benchmarks.sink") as plain:
        yield plain, answer_of(plain)["port"]


def _hub_cold(port: int, certificates: Certificates) -> float:
    return asyncio.run(_cold(port, certificates))


async def _cold(port: int, certificates: Certificates) -> float:
    async with a_hub(ca_file=certificates.authority) as hub:
        await follow_from(hub, "events", inboxes(port, TLS_HOSTS, scheme="https", net=2))
        carrier = Carrier(hub.services, "bench")
        await say(hub)
        before = own_cpu_s()
        await carry(hub, carrier)
        used = own_cpu_s() - before
        carrier.close()
    return TLS_HOSTS / used
