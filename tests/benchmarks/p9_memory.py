"""P9: memory of an idle hub ÷ a process that only imports the same, ÷ a Fedify server."""

from __future__ import annotations

import tempfile
import time
import urllib.request

from tests.benchmarks.rig import (
    PAIRS,
    Ratio,
    free_port,
    pairs,
    process,
    rss_mb,
    wait_for_port,
)
from tests.interop import fedify

IDLE_S = 5

# `hub.serving` leaves the loop and the client to the moment in which it is known what is there.
IMPORTS = """
import time
import hub.serving
import uvloop
try:
    import federation.curl
except ImportError:
    pass
print("ready", flush=True)
time.sleep(600)
"""


def measure() -> list[Ratio]:
    """Resident memory, five seconds after the start and one page."""
    yardstick, hub = pairs(_imports, _hub)
    other = sorted(_fedify() for _ in range(min(PAIRS, 3)))[min(PAIRS, 3) // 2]
    return [
        Ratio(
            "P9",
            "idle hub ÷ the same imports alone",
            yardstick,
            hub,
            hub / yardstick,
            "≤",
            1.15,
            "MB",
        ),
        Ratio("P9", "idle hub ÷ idle Fedify server", other, hub, hub / other, "≤", 0.55, "MB"),
    ]


def _imports() -> float:
    with process("-c", IMPORTS) as running:
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(1)
        return rss_mb(running.pid)


def _hub() -> float:
    port = free_port()
    env = {"HUB_PORT": str(port), "HUB_DATA_DIR": tempfile.mkdtemp(prefix="bench-")}
    with process("-m", "hub", "serve", env=env) as running:
        wait_for_port(port)
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").read()
        time.sleep(IDLE_S)
        return rss_mb(running.pid)


def _fedify() -> float:
    with fedify.running_alone() as pid:
        time.sleep(IDLE_S)
        return rss_mb(pid)
