"""P9: memory of an idle hub ÷ a process that only imports the same libraries, ÷ a Fedify server."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request

from tests.benchmarks.rig import (
    PAIRS,
    ROOT,
    Ratio,
    free_port,
    pairs,
    process,
    rss_mb,
    wait_for_port,
)
from tests.interop import fedify

IDLE_S = 5

LIBRARIES = """
import importlib, json, sys
import hub.serving
print(json.dumps(sorted(
    name for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
)))
"""

IMPORTS = """
import importlib, json, sys, time
for name in json.load(open(sys.argv[1])):
    importlib.import_module(name)
print("ready", flush=True)
time.sleep(600)
"""


def measure() -> list[Ratio]:
    """Resident memory, five seconds after the start and one page."""
    libraries = json.loads(subprocess.check_output([sys.executable, "-c", LIBRARIES], cwd=ROOT))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as names:
        json.dump(libraries, names)
        names.flush()
        yardstick, hub = pairs(lambda: _imports(names.name), _hub)
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


def _imports(names: str) -> float:
    with process("-c", IMPORTS, names) as running:
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
