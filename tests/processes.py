"""Hubs as processes of their own, on loopback, as a steward starts them by hand."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parent.parent
START_S = 60


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Return once `check` is true.

    Raises:
        AssertionError: it was not, for so many seconds.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if check():
            return
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:g} s: {what}")


@dataclass
class HubProcess:
    """A hub, `python -m hub serve`, that can be killed and started again; `home` has its code."""

    folder: Path
    port: int = field(default_factory=free_port)
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    home: Path = ROOT
    program: tuple[str, ...] = (sys.executable, "-m", "hub", "serve")

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What it is started with; nothing of the caller's own hub settings."""
        inherited = {name: value for name, value in os.environ.items() if name[:4] != "HUB_"}
        return {
            **inherited,
            "HUB_PORT": str(self.port),
            "HUB_URL": self.url,
            "HUB_DATA_DIR": str(self.folder),
            "HUB_ALLOW_NETWORKS": "127.0.0.0/8",
            "HUB_ALLOW_HTTP": "true",
            **self.env,
        }

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                self.program,
                cwd=self.home,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self.program[-1] != "work":
            eventually(self._answers, f"the hub starts: {self.log()[-2000:]}", START_S)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()[-4000:]
        try:
            return httpx2.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def log(self) -> str:
        """What it printed so far."""
        path = self.folder / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)

    def command(self, *words: str, status: int = 0) -> str:
        """What `hub WORDS` prints.

        Raises:
            AssertionError: it ended with another status.
        """
        done = subprocess.run(
            [sys.executable, "-m", "hub", *words],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def token(self) -> str:
        """A steward's token for the API."""
        return self.command("token", "create", "tests", "--role", "steward").split()[-1]

    def get(self, path: str, **params: str) -> Any:
        """The JSON at a path of the API."""
        answer = httpx2.get(f"{self.url}/api/v1{path}", params=params, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def everything(self, kind: str) -> list[dict[str, Any]]:
        """All of a kind that the API lists, of this hub and others."""
        items: list[dict[str, Any]] = []
        params = {"origin": "all", "limit": "100"}
        while True:
            page = self.get(f"/{kind}", **params)
            items += page["items"]
            if not page["next"]:
                return items
            params["cursor"] = page["next"]


def seeded(hub: HubProcess, fault: str = "", haste: str = "") -> HubProcess:
    """The same hub in a hurry, or with a fault sown into it (`tests/integration/faults`)."""
    hub.program = (sys.executable, "-m", "tests.integration.faults.seeded", "serve")
    hub.env = {**hub.env, "RIG_FAULT": fault, "RIG_HASTE": haste}
    return hub


@contextmanager
def hub_process(folder: Path, **env: str) -> Iterator[HubProcess]:
    """A running hub, stopped at the end."""
    hub = HubProcess(folder, env=env)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()
