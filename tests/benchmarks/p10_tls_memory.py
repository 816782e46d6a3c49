"""P10: how much a hub grows while it posts to a thousand servers over TLS."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

import uvloop

from hub import memory
from hub.fediverse.delivery import Carrier
from tests.benchmarks.hubs import Carrying, a_hub, carry, follow_from, inboxes, say, tls_sink
from tests.benchmarks.rig import PAIRS, Ratio, answer_of, process

HOSTS = 1000
KB = 1024


def measure() -> list[Ratio]:
    """The median of several hubs, each a process of its own, for each client."""
    with tls_sink(HOSTS) as (_, port, authority):
        return [_ratio(by, port, authority) for by in Carrying]


def _ratio(by: Carrying, port: int, authority: Path) -> Ratio:
    found = sorted(_grown(by, port, authority) for _ in range(PAIRS))
    grown, before = found[len(found) // 2]
    return Ratio(
        "P10",
        f"growth in a fan-out to {HOSTS:,} servers over TLS, {by}",
        before,
        before + grown,
        grown,
        "≤",
        60,
        "MB, before and at most",
    )


def _grown(by: Carrying, port: int, authority: Path) -> tuple[float, float]:
    with process("-m", "tests.benchmarks.p10_tls_memory", by, str(port), str(authority)) as hub:
        told = answer_of(hub)
    return told["most"] - told["before"], told["before"]


def _status(name: str) -> float:
    """A size of this process in MB, as the kernel counts it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / KB
    raise LookupError(name)


def _forget_most() -> None:
    """Let the kernel's high-water mark start anew."""
    Path("/proc/self/clear_refs").write_text("5")


async def _fan_out(by: Carrying, port: int, authority: Path) -> None:
    async with a_hub(by, ca_file=authority, in_flight=256) as hub:
        await follow_from(hub, "events", inboxes(port, HOSTS, scheme="https", net=2), answered=True)
        carrier = Carrier(hub.services, "bench")
        await say(hub)
        gc.collect()
        memory.settle()
        before = _status("VmRSS")
        _forget_most()
        await carry(hub, carrier)
        carrier.close()
        print(json.dumps({"before": before, "most": _status("VmHWM")}), flush=True)


if __name__ == "__main__":
    uvloop.run(_fan_out(Carrying(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
