"""R3: the power fails. What was answered with 202 is on the disk, not in its cache.

The hub lives on an ext4 disk of its own, which is shut down without flushing while mail comes in;
then the disk is mounted again, and the hub started on what is left. A hub with
`synchronous=NORMAL`, which survives any kill -9, is found out.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.faults import disks
from tests.integration.faults.history import History
from tests.integration.faults.peer import Line, Unanswered, peer
from tests.integration.faults.scale import ENGINE, noted, patience, scaled
from tests.integration.faults.test_killed import FREE
from tests.integration.faults.test_synced import mail
from tests.processes import HubProcess, seeded

CUTS = scaled(3, 100)
LINES = 4
BATCH = 60  # activities under way at each cut

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ENGINE != "sqlite", reason="R3 is about SQLite's own file"),
    pytest.mark.skipif(disks.why_not() is not None, reason=str(disks.why_not())),
]


async def _cut_off(place: Path, cuts: int, fault: str = "") -> tuple[History, list[str]]:
    """So many cuts under load, and what they cost."""
    history, chance = History(), random.Random(3)
    with disks.disk(place) as disk:
        hub = seeded(HubProcess(disk.folder / "hub", env=FREE), fault)
        async with peer() as there:
            await asyncio.to_thread(hub.start)
            try:
                for _ in range(cuts):
                    letters = mail(there, hub, BATCH)
                    share = chance.uniform(0.2, 0.9)
                    await _send_until(hub, letters, history, round(BATCH * share))
                    disk.cut()
                    hub.kill()
                    disk.unmount()
                    disk.mount()
                    await asyncio.to_thread(hub.start)
                    if faults := _faults(hub, history):
                        return history, faults
            finally:
                if hub.runs:
                    hub.kill()
    return history, []


async def _send_until(
    hub: HubProcess, letters: list[tuple[str, bytes]], history: History, enough: int
) -> None:
    """Send over several lines at once, and return while the rest is still under way."""
    reached = asyncio.Event()
    goal = len(history.acked) + enough

    async def one() -> None:
        line = Line(hub.port)
        while letters and not reached.is_set():
            name, request = letters.pop()
            history.sent.add(name)
            try:
                status, _ = await line.ask(request)
            except Unanswered:
                break
            history.answered(name, status)
            if len(history.acked) >= goal:
                reached.set()
        line.close()

    await asyncio.gather(*(one() for _ in range(LINES)))


def _faults(hub: HubProcess, history: History) -> list[str]:
    path = hub.folder / "hub.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        kept = [uri for (uri,) in connection.execute("SELECT uri FROM inbox_activity")]
        whole = connection.execute("PRAGMA integrity_check").fetchall()
    return [*history.faults(kept), *(str(row) for row in whole if row != ("ok",))]


@pytest.mark.timeout(patience(180, 3600))
async def test_r3_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with noted("R3", "power cut under load") as figures:
        history, faults = await _cut_off(tmp_path, CUTS)
        assert faults == []
        assert len(history.acked) >= CUTS * BATCH * 0.2
        figures |= {"cuts": CUTS, "acknowledged": len(history.acked), "lost": 0}


async def test_r3_the_rig_finds_a_hub_that_does_not_sync(tmp_path: Path) -> None:
    _, faults = await _cut_off(tmp_path, 3, "normal sync")
    assert any("lost" in fault for fault in faults), faults
