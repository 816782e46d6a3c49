"""A real Caddy with our Caddyfile and https, before a hub on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import HubProcess, eventually, free_port

CADDYFILE = Path(__file__).parents[1] / "deploy" / "Caddyfile"
# Its own authority, for these names alone; nothing is put into the machine's store of trust.
OURS = "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tlocal_certs\n}\n\n"


@dataclass(frozen=True)
class Front:
    """Caddy: the address that it answers at, and where its authority's certificate lies."""

    url: str
    authority: Path


@contextmanager
def caddy(folder: Path, upstream: int) -> Iterator[Front]:
    """Caddy with https before whatever listens at the port `upstream`; skipped without Caddy."""
    program = Path(sys.executable).with_name("caddy")
    if not program.exists():
        if os.environ.get("HUB_TEST_COMPLETE"):
            pytest.fail("caddy should have come with requirements/test.txt")
        pytest.skip("caddy is not installed")
    config, url = folder / "Caddyfile", f"https://localhost:{free_port()}"
    config.write_text(OURS + CADDYFILE.read_text(encoding="utf-8"), encoding="utf-8")
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "run", "--adapter", "caddyfile", "--config", config],
            env={
                "HOME": str(folder),
                "HUB_DOMAIN": url,
                "HUB_UPSTREAM": f"127.0.0.1:{upstream}",
            },
            stdout=log,
            stderr=log,
        )
    authority = folder / ".local/share/caddy/pki/authorities/local/root.crt"
    try:
        eventually(authority.exists, (folder / "caddy.log").read_text())
        yield Front(url, authority)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def hub_behind_caddy(folder: Path) -> Iterator[tuple[HubProcess, Front]]:
    """A running hub that the world reaches through Caddy, by https alone."""
    upstream = free_port()
    with caddy(folder, upstream) as front:
        given = {
            "HUB_URL": front.url,
            "HUB_CA_FILE": str(front.authority),
            "HUB_ALLOW_HTTP": "false",
        }
        hub = HubProcess(folder / "data", upstream, given)
        hub.start()
        try:
            yield hub, front
        finally:
            hub.stop()
