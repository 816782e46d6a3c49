"""Who may touch a hub's data: one process holds the folder, and a restart takes over its work."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import control, serving
from hub.asking import ask
from hub.core.clock import now
from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.fediverse.models import Peer
from hub.jobs.models import Job
from hub.worker import Worker, _is_dead, machine, worker_name
from tests import jobs
from tests.conftest import ENGINE, Databases, Running
from tests.processes import HubProcess

only_sqlite = pytest.mark.skipif(ENGINE != "sqlite", reason="PostgreSQL keeps its own order")


@pytest.fixture
def settings(databases: Databases, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        url="https://hub.example",
        data_dir=tmp_path / "data",
        database_url=databases.fresh(),
        timezone="UTC",
    )


async def _lines(lines: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line async for line in lines]


def test_a_folder_is_held_by_one_process_and_free_afterwards(tmp_path: Path) -> None:
    with control.lock(tmp_path):
        again = control.lock(tmp_path)
        with pytest.raises(CommandFailed, match=r"^A hub is running in .* already.*\.$"), again:
            pass
    with control.lock(tmp_path):
        pass


async def test_a_command_is_carried_out_while_no_hub_runs(settings: Settings) -> None:
    given = {"name": "tests", "role": "editor"}
    lines = await _lines(serving.alone(settings, "token create", given))
    assert lines[-1] == {"done": True}
    assert any("token" in line.get("row", {}) for line in lines)


@only_sqlite
async def test_a_command_does_not_open_the_database_beside_a_running_hub(
    settings: Settings,
) -> None:
    with control.lock(settings.data_dir), pytest.raises(CommandFailed, match="running"):
        await _lines(serving.alone(settings, "setup", {}))


async def test_a_running_hub_takes_commands_over_its_socket(hub: Running) -> None:
    folder = hub.services.settings.data_dir
    async with control.listening(hub.services):
        assert (folder / "hub.sock").stat().st_mode & 0o777 == 0o600
        lines = await _lines(ask(folder, "token create", {"name": "tests", "role": "editor"}))
        refused = await _lines(ask(folder, "follow", {"handle": "@nobody@nowhere.example"}))
    assert lines[-1] == {"done": True}
    assert set(refused[-1]) == {"failed"}
    with pytest.raises(ConnectionError):
        await _lines(ask(folder, "setup", {}))


def _dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_only_processes_of_this_machine_are_known_to_be_dead() -> None:
    assert _is_dead(f"{machine()}{_dead_pid()}")
    assert _is_dead(worker_name()), "a namesake: nobody else can have our number now"
    assert not _is_dead(f"{machine()}{os.getppid()}")
    assert not _is_dead(f"{machine()}1"), "it lives, although it is not ours"
    assert not _is_dead("elsewhere/1")


async def test_a_restarted_worker_takes_up_what_its_dead_namesake_held(hub: Running) -> None:
    await jobs.ask(hub.services, "fediverse.upkeep")
    lease = {"lease_until": now() + timedelta(minutes=2), "fence": 7}
    async with hub.services.db.write() as session:
        session.add(Peer(host="far.example", leased_by="elsewhere/1", **lease))
        dead = f"{machine()}{_dead_pid()}"
        await session.execute(update(Job).values(leased_by=dead, **lease))
        (job_id,) = (await session.scalars(select(Job.id))).all()
    worker = Worker(hub.services, hub.hub.handlers)
    assert await worker.step() == 0, "a lease runs"
    async with worker.running(), asyncio.timeout(20):
        while await _is_there(hub, job_id):  # noqa: ASYNC110 - the row is all there is to see
            await asyncio.sleep(0.05)
    async with hub.services.db.read() as session:
        peer = await session.get_one(Peer, "far.example")
    # SQLite has one process, so any other name is of the past; elsewhere it may well live.
    assert peer.leased_by == (None if ENGINE == "sqlite" else "elsewhere/1")
    assert peer.fence == 7


async def _is_there(hub: Running, job_id: int) -> bool:
    async with hub.services.db.read() as session:
        return await session.get(Job, job_id) is not None


@pytest.mark.slow
@only_sqlite
def test_who_started_the_hub_hears_when_it_answers(tmp_path: Path) -> None:
    """So that systemd begins what comes after it, such as a backup, and no sooner."""
    hub = HubProcess(tmp_path / "hub")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0{tmp_path}")
        line.settimeout(120)
        hub.env["NOTIFY_SOCKET"] = f"@{tmp_path}"
        hub.start()
        try:
            assert line.recv(64) == b"READY=1"
            assert "Our neighbourhood" in hub.log()
        finally:
            hub.stop()
