"""R7: PostgreSQL is stopped at once and started again, while mail comes in.

The hub says 503 meanwhile, or nothing; what it acknowledged is there afterwards, and it goes on
without being started anew. The server of this test syncs, unlike those of the others.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from tests.integration.faults.history import History
from tests.integration.faults.peer import Line, Unanswered, peer
from tests.integration.faults.scale import ENGINE, noted, patience, scaled
from tests.integration.faults.test_killed import FREE
from tests.integration.faults.test_synced import mail
from tests.postgres import Durable, durable_cluster
from tests.processes import HubProcess, seeded

RESTARTS = scaled(1, 50)  # after each the hub may rest for a minute
BATCH = 40
AWAY_S = 1.0
RESUMED_S = 150  # what two workers stumbled over is tried again after a minute

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ENGINE != "postgresql", reason="R7 is about PostgreSQL"),
]


async def _send(hub: HubProcess, letters: list[tuple[str, bytes]], history: History) -> None:
    """Post each until it is acknowledged: a 5xx or silence means that it is sent again."""
    line = Line(hub.port)
    while letters:
        name, request = letters.pop()
        history.sent.add(name)
        while name not in history.acked:
            try:
                status, _ = await line.ask(request)
            except Unanswered:
                history.unknown[name] += 1
            else:
                # The same signature again counts as a repetition, which is what it is.
                history.answered(name, status)
            await asyncio.sleep(0.02)
    line.close()


async def _rows(server: Durable, name: str, query: str) -> list[str]:
    connection = await asyncpg.connect(f"{server.address}/{name}")
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def _rested(server: Durable, name: str) -> None:
    """Return when the hub has acted upon everything."""
    for _ in range(RESUMED_S * 5):
        waiting = "SELECT uri FROM inbox_activity WHERE state = 'waiting'"
        if not await _rows(server, name, waiting):
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the hub did not go on")


async def _restarted(folder: Path, restarts: int, fault: str = "") -> tuple[History, list[str]]:
    """Stop and start PostgreSQL under a hub that gets mail; what was said, and what is wrong."""
    history, name = History(), f"hub_{uuid4().hex[:8]}"
    with durable_cluster() as server:
        connection = await asyncpg.connect(f"{server.address}/postgres")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        env = {**FREE, "HUB_DATABASE_URL": f"{server.address}/{name}"}
        hub = seeded(HubProcess(folder, env=env), fault)
        await asyncio.to_thread(hub.start)
        pid = hub.process.pid if hub.process else 0
        try:
            async with peer() as there:
                for _ in range(restarts):
                    letters = mail(there, hub, BATCH)
                    senders = [asyncio.create_task(_send(hub, letters, history)) for _ in "1234"]
                    await asyncio.wait(senders, timeout=0.5)
                    await asyncio.to_thread(server.stop)
                    await asyncio.sleep(AWAY_S)
                    await asyncio.to_thread(server.start)
                    async with asyncio.timeout(RESUMED_S):
                        await asyncio.gather(*senders)
                await _rested(server, name)
            kept = await _rows(server, name, "SELECT uri FROM inbox_activity")
            shown = await _rows(server, name, "SELECT uri FROM entry WHERE origin <> ''")
            assert hub.process is not None
            assert hub.process.poll() is None
            assert hub.process.pid == pid, "nobody had to start it anew"
        finally:
            hub.stop()
    assert history.sent == history.acked
    return history, [*history.faults(kept), *history.faults(shown)]


@pytest.mark.timeout(patience(400, 2 * 3600))
async def test_r7_postgresql_stopped_at_once_and_started_again(tmp_path: Path) -> None:
    with noted("R7", "PostgreSQL restarted under load") as figures:
        history, faults = await _restarted(tmp_path / "hub", RESTARTS)
        assert faults == []
        figures |= {"restarts": RESTARTS, "acknowledged": len(history.acked), "lost": 0}
        figures |= {"turned away meanwhile": len(history.refused)}


@pytest.mark.timeout(400)
async def test_r7_the_rig_finds_a_hub_that_answers_before_it_commits(tmp_path: Path) -> None:
    _, faults = await _restarted(tmp_path / "hub", 2, "ack before commit")
    assert any("lost" in fault for fault in faults), faults
