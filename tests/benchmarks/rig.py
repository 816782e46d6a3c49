"""What every benchmark uses: a yardstick and the hub in turn, medians, CPU seconds.

The unit is work per CPU second of the process under test (user and system time of all its
threads). Figures of one machine on one day mean little; ratios of one run mean something.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAIRS = int(os.environ.get("BENCH_PAIRS", "5"))
TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Ratio:
    """One line of the table; `better` says on which side of `target` it should be."""

    number: str
    what: str
    yardstick: float
    hub: float
    value: float
    better: str
    target: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.value >= self.target if self.better == "≥" else self.value <= self.target

    def line(self) -> str:
        """The line, for a Markdown table."""
        return (
            f"| {self.number} | {self.what} | {self.yardstick:,.4g} | {self.hub:,.4g} "
            f"| {self.value:.2f} | {self.better} {self.target:g} | {self.unit} "
            f"| {'yes' if self.met else '**no**'} |"
        )


def pairs(yardstick: Callable[[], float], hub: Callable[[], float]) -> tuple[float, float]:
    """Medians of both, measured A B A B."""
    first, second = in_turn(yardstick, hub)
    return first, second


def in_turn(*measures: Callable[[], float]) -> list[float]:
    """Medians of several, measured A B C A B C."""
    rounds = [[measure() for measure in measures] for _ in range(PAIRS)]
    return [statistics.median(found) for found in zip(*rounds, strict=True)]


async def in_turn_here(
    yardstick: Callable[[], Awaitable[float]], hub: Callable[[], Awaitable[float]]
) -> tuple[float, float]:
    """The same of what is measured in this process."""
    first, second = [], []
    for _ in range(PAIRS):
        first.append(await yardstick())
        second.append(await hub())
    return statistics.median(first), statistics.median(second)


def own_cpu_s() -> float:
    """CPU seconds that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise LookupError(pid)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(*arguments: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A Python process of ours, stopped at the end."""
    running = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


def wait_for_port(port: int, host: str = "127.0.0.1", seconds: float = 60) -> None:
    """Return when something listens there."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on {port}")


def ask(running: subprocess.Popen[str], question: str = "?") -> Any:
    """What a process answers to one line."""
    assert running.stdin is not None
    running.stdin.write(question + "\n")
    running.stdin.flush()
    return answer_of(running)


def answer_of(running: subprocess.Popen[str]) -> Any:
    """The next line that a process prints, as JSON."""
    assert running.stdout is not None
    return json.loads(running.stdout.readline())
