"""P1: mail taken durably ÷ a bare endpoint that only reads and verifies it."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path

from tests.benchmarks.rig import (
    Ratio,
    answer_of,
    cpu_s,
    free_port,
    pairs,
    process,
    wait_for_port,
)

COUNT = 5000
CONNECTIONS = 32


def measure() -> list[Ratio]:
    """The ratio, with 5,000 distinct signed activities over 32 connections."""
    yardstick, hub = pairs(lambda: _rate("bare"), lambda: _rate("hub"))
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


def _rate(which: str) -> float:
    port = free_port()
    folder = tempfile.mkdtemp(prefix="bench-")
    with process("-m", "tests.benchmarks.servers", which, str(port), folder) as server:
        wait_for_port(port)
        with process("-m", "tests.benchmarks.load") as load:
            assert load.stdin is not None
            task = {
                "url": f"http://127.0.0.1:{port}/inbox",
                "count": COUNT,
                "connections": CONNECTIONS,
            }
            load.stdin.write(json.dumps(task) + "\n")
            load.stdin.flush()
            answer_of(load)
            before = cpu_s(server.pid)
            load.stdin.write("go\n")
            load.stdin.flush()
            answer = answer_of(load)
            used = cpu_s(server.pid) - before
    assert answer["accepted"] == COUNT, answer
    database = Path(folder) / "hub.db"
    if database.exists():
        kept = sqlite3.connect(database).execute("SELECT count(*) FROM inbox_activity").fetchone()
        assert kept == (COUNT,), kept
    return COUNT / used
