"""What `deploy/` promises: a tight unit, a proxy that keeps signatures whole, honest files."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
EXPOSURE = 15  # tenths: 1.5 (SETTLED 25)
START_S = 20.0


def _tool(name: str) -> str:
    """A program beside this Python, else of the machine; its tests are skipped without it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        if os.environ.get("HUB_TEST_COMPLETE") and name == "caddy":
            pytest.fail("caddy should have come with requirements/test.txt")
        pytest.skip(f"{name} is not installed")
    return found


def _run(*command: str | Path, **given: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **given
    )


SERVICES = ("hub.service", "hub-work@1.service", "hub-backup.service")


@pytest.mark.parametrize("name", [*SERVICES, "hub-backup.timer"])
def test_systemd_understands_every_line_of_the_units(tmp_path: Path, name: str) -> None:
    for path in DEPLOY.glob("hub*.*"):  # a timer is looked at with its service
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace("/opt/hub/.venv/bin/hub", "/bin/true"))
    unit = tmp_path / name
    checked = _run(_tool("systemd-analyze"), "verify", "--man=no", unit)
    assert checked.returncode == 0, checked.stderr
    assert "Unknown" not in checked.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_h5_the_units_leave_little_exposed(name: str) -> None:
    checked = _run(
        *(_tool("systemd-analyze"), "security", "--no-pager", "--offline=true"),
        *(f"--threshold={EXPOSURE}", DEPLOY / name.replace("1", "")),
    )
    assert checked.returncode == 0, checked.stdout.strip().splitlines()[-1:]


def test_caddy_takes_the_configuration() -> None:
    caddy, file = _tool("caddy"), DEPLOY / "Caddyfile"
    checked = _run(caddy, "validate", "--adapter", "caddyfile", "--config", file)
    assert checked.returncode == 0, checked.stderr
    formatted = _run(caddy, "fmt", file)
    assert formatted.stdout == file.read_text(encoding="utf-8")


def test_caddy_keeps_what_is_signed(tmp_path: Path) -> None:
    """Host, User-Agent, Content-Length, Date, Digest, path and body come as they came (M14)."""
    body = b'{"type": "Create"}'
    signed = {
        "Host": "hub.example",
        "User-Agent": "Peer/1.0",
        "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
        "Digest": "SHA-256=abc=",
        "Content-Digest": "sha-256=:YWJj:",
        "Signature": 'keyId="https://peer.example/a#k",headers="(request-target) host date digest"',
        "Content-Type": "application/activity+json",
    }
    with _listening() as (hub, seen), _caddy(tmp_path, hub) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/actors/events/inbox?a=%7Eb", body, signed)
        assert connection.getresponse().status == 202
        connection.close()
    path, headers, received = seen[-1]
    assert path == "/actors/events/inbox?a=%7Eb"
    assert received == body
    assert {name: headers.get(name) for name in signed} == signed
    assert headers["Content-Length"] == str(len(body))


@contextmanager
def _listening() -> Iterator[tuple[int, list[tuple[str, Any, bytes]]]]:
    """A server that notes what reaches it; its port, and what it noted."""
    seen: list[tuple[str, Any, bytes]] = []

    class Hub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers, content))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _caddy(folder: Path, hub: int) -> Iterator[int]:
    """Caddy with our configuration, on plain http and a port of its own."""
    port = _free_port()
    caddy = subprocess.Popen(
        [_tool("caddy"), "run", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"],
        env={
            "HOME": str(folder),
            "HUB_DOMAIN": f"http://:{port}",
            "HUB_UPSTREAM": f"127.0.0.1:{hub}",
            "CADDY_ADMIN": f"unix/{folder}/admin.sock",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        caddy.terminate()
        caddy.wait(timeout=START_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("caddy did not start")


def test_compose_names_the_two_services_and_gives_them_nothing_they_do_not_need() -> None:
    yaml = pytest.importorskip("yaml", reason="pyyaml comes with requirements/test.txt")
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    compose = yaml.safe_load(text)
    assert set(compose["services"]) == {"hub", "caddy"}
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith(".") or source in compose["volumes"], volume
    assert "//127.0.0.1:8000/healthz" in compose["services"]["hub"]["healthcheck"]["test"][-1]
    assert "ports" not in compose["services"]["hub"], "only Caddy is reached from outside"
    subnet = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert compose["services"]["hub"]["environment"]["HUB_TRUSTED_PROXIES"] == subnet
    assert (DEPLOY / compose["services"]["hub"]["build"]["context"]).resolve() == ROOT


def test_the_containerfile_is_pinned_hashed_and_not_root() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    joined = text.replace("\\\n", " ")
    steps = [line.strip() for line in joined.splitlines() if line.strip() and line[0] != "#"]
    assert {step.split()[1] for step in steps if step.startswith("FROM ")} == {"${BASE}"}
    (base,) = (step for step in steps if step.startswith("ARG BASE="))
    assert re.search(r":\d+\.\d+\.\d+-", base), "a tag that stays"
    users = [step.split()[1] for step in steps if step.startswith("USER ")]
    assert users
    assert users[-1].split(":")[0] not in {"root", "0"}
    for step in steps:
        assert not step.startswith("ADD "), step
        if "pip install" in step:
            parts = step.split("pip install")[1:]
            assert all("--require-hashes" in part or "--no-deps" in part for part in parts), step
    copied = {word for step in steps if step.startswith("COPY r") for word in step.split()[1:-1]}
    assert all((ROOT / path).exists() for path in copied)
    for name in re.findall(r"requirements/\w+\.txt", text):
        assert (ROOT / name).exists(), name


def _play(folder: Path, *words: str, **host: str) -> subprocess.CompletedProcess[str]:
    """Ansible with the role, at this machine, as somebody who may change nothing of it."""
    inventory = folder / "inventory.yml"
    given = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        **host,
    }
    inventory.write_text(json.dumps({"hubs": {"hosts": {"oak": given}}}), encoding="utf-8")
    env = {**os.environ, "ANSIBLE_HOME": str(folder), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
    playbook = DEPLOY / "ansible" / "hubs.yml"
    return _run(_tool("ansible-playbook"), *words, "-i", inventory, playbook, env=env)


def test_ansible_understands_the_role(tmp_path: Path) -> None:
    played = _play(tmp_path, "--syntax-check")
    assert played.returncode == 0, played.stdout + played.stderr


@pytest.mark.parametrize("name", ["oak", "oak.example; reboot"])
def test_the_role_touches_nothing_where_the_hub_has_no_name(tmp_path: Path, name: str) -> None:
    played = _play(tmp_path, "--check", hub_name=name, hub_repository="https://code.example/hub")
    assert played.returncode != 0
    assert "A hub needs a Debian, hub_name" in played.stdout
    assert "changed=0" in played.stdout
