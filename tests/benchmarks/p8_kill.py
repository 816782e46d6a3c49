"""P8: a hub killed in the middle of a fan-out: what is lost, and what arrives twice."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from subprocess import Popen

from hub.core.settings import Settings
from tests.benchmarks.hubs import a_hub, follow_from, inboxes, say
from tests.benchmarks.rig import Ratio, answer_of, ask, free_port, process

HOSTS = 2000
KILL_AFTER = 400  # deliveries
SLOWEST_S = 180.0


def measure() -> list[Ratio]:
    """Both counts, for 2,000 servers; the batch in flight is what may come twice."""
    with process("-m", "tests.benchmarks.sink") as sink:
        port = answer_of(sink)["port"]
        folder = asyncio.run(_filled(port))
        lost, twice = _killed_and_restarted(sink, folder)
    most = Settings(_env_file=None).in_flight
    return [
        Ratio("P8", "kill -9 in a fan-out: lost", HOSTS, lost, lost, "≤", 0, "servers"),
        Ratio("P8", "kill -9 in a fan-out: came twice", HOSTS, twice, twice, "≤", most, "servers"),
    ]


async def _filled(port: int) -> Path:
    """The data folder of a hub that has something to say to many."""
    async with a_hub() as hub:
        await follow_from(hub, "events", inboxes(port, HOSTS), answered=True)
        await say(hub)
        return hub.services.settings.data_dir


def _killed_and_restarted(sink: Popen[str], folder: Path) -> tuple[int, int]:
    env = {
        "HUB_DATA_DIR": str(folder),
        "HUB_URL": "http://localhost:1",
        "HUB_PORT": str(free_port()),
        "HUB_ALLOW_NETWORKS": "127.0.0.0/8",
        "HUB_ALLOW_HTTP": "true",
    }
    seen = 0
    with process("-m", "hub", "serve", env=env) as running:
        while seen < KILL_AFTER:
            time.sleep(0.02)
            seen += ask(sink, "keep")["count"]
        running.send_signal(signal.SIGKILL)
        running.wait(20)
    with process("-m", "hub", "serve", env=env):
        quiet_since = time.monotonic()
        ends = quiet_since + SLOWEST_S
        while time.monotonic() < min(quiet_since + 10, ends):
            time.sleep(0.5)
            if ask(sink, "keep")["count"]:
                quiet_since = time.monotonic()
        told = ask(sink)
    return HOSTS - told["hosts"], told["twice"]
