"""R2 and R4: the disk is asked before the peer is told, and a crash at no request loses anything.

R4 reads what strace saw: the bytes of an activity are written to the log, the log is synced, and
only then leaves the 202. R2 kills the hub at its N-th durable request and starts it again, for N
over all that a script of five activities needs, and for many of a script of fifty. Both find a hub
that breaks the rule.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from federation.vocab.names import PUBLIC
from tests.integration.faults import tracing
from tests.integration.faults.history import History
from tests.integration.faults.peer import Line, Peer, Unanswered, peer
from tests.integration.faults.scale import ENGINE, noted, patience, scaled
from tests.integration.faults.test_killed import FREE
from tests.processes import HubProcess, seeded

# Activities of a script, and at how many of its requests the hub dies: at most at all it has.
SCRIPTS = [(5, scaled(4, 600)), (50, scaled(6, 1_500))]
ORDERED = scaled(100, 1_000)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ENGINE != "sqlite", reason="R2 and R4 trace SQLite's own writes"),
    pytest.mark.skipif(tracing.why_not() is not None, reason=str(tracing.why_not())),
]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder on the disk: in memory nothing waits for a sync, and the hub asks for other ones."""
    with TemporaryDirectory(prefix="hub-rig-") as name:
        yield Path(name)


def _traced(hub: HubProcess, *options: str) -> HubProcess:
    hub.program = ("strace", "-f", *options, *hub.program)
    return hub


def mail(there: Peer, hub: HubProcess, count: int) -> list[tuple[str, bytes]]:
    """Names and requests; each activity bears its own name often, so that it is seen anywhere."""
    made = []
    for _ in range(count):
        name = f"{there.home}/{uuid4().hex}"
        party = {
            "id": name,
            "type": "Event",
            "attributedTo": there.uri("ada"),
            "name": "Party",
            "content": f"<p>{name} {name}</p>",
            "startTime": "2099-05-01T12:00:00Z",
            "to": [PUBLIC],
            "cc": [f"{hub.url}/actors/events"],
        }
        create = there.activity("ada", "Create", name, party, summary=[name] * 3)
        made.append((name, there.request("ada", f"{hub.url}/inbox", create)))
    return made


@asynccontextmanager
async def _pair(folder: Path, fault: str = "") -> AsyncIterator[tuple[HubProcess, Peer]]:
    async with peer() as there:
        hub = seeded(HubProcess(folder, env=FREE), fault)
        try:
            yield hub, there
        finally:
            if hub.runs:
                hub.kill()


# ------------------------------------------------------------------------------ R4


async def _early(folder: Path, count: int, fault: str = "") -> list[int]:
    """Which of so many 202 left before the activity was synced."""
    log = folder.with_suffix(".strace")
    async with _pair(folder, fault) as (hub, there):
        calls = "trace=pwrite64,fdatasync,fsync,sendto,sendmsg,write,writev"
        _traced(hub, "-y", "-s", "9000", "-o", str(log), "-e", calls)
        await asyncio.to_thread(hub.start)
        line = Line(hub.port)
        names = []
        for name, request in mail(there, hub, count):
            status, _ = await line.ask(request)
            assert status == 202
            names.append(name)
        line.close()
    return _out_of_order(log, names)


def _out_of_order(log: Path, names: list[str]) -> list[int]:
    """The activities come one after the other, so the n-th 202 is the n-th's."""
    early: list[int] = []
    written = synced = False
    number = 0
    pending: dict[str, str] = {}
    for line in log.open(errors="replace"):
        task, _, call = line.partition(" ")
        call = call.strip()
        if number == len(names):
            break
        if call.endswith("<unfinished ...>"):
            if not _says_202(call):
                pending[task] = call
                continue
        elif call.startswith("<..."):
            call = pending.pop(task, "") + call
        if call.startswith("pwrite64") and "-wal" in call and names[number] in call:
            written = True
        elif call.startswith(("fdatasync", "fsync")) and "-wal" in call:
            synced = written
        elif _says_202(call):
            if not synced:
                early.append(number)
            number, written, synced = number + 1, False, False
    assert number == len(names), f"strace saw {number} of {len(names)} answers"
    return early


def _says_202(call: str) -> bool:
    return re.match(r"(sendto|sendmsg|write|writev)\(", call) is not None and "HTTP/1.1 202" in call


@pytest.mark.timeout(patience(120, 900))
async def test_r4_every_202_leaves_after_the_sync(tmp_path: Path) -> None:
    with noted("R4", "202 after the sync, as strace saw it") as figures:
        assert await _early(tmp_path / "hub", ORDERED) == []
        figures |= {"answers": ORDERED, "early": 0}


@pytest.mark.parametrize("fault", ["normal sync", "ack before commit"])
async def test_r4_the_rig_finds_a_hub_that_answers_too_early(tmp_path: Path, fault: str) -> None:
    assert await _early(tmp_path / "hub", 10, fault) != []


# ------------------------------------------------------------------------------ R2


@dataclass
class Sweep:
    """A hub that is killed at one durable request after the other."""

    hub: HubProcess
    peer: Peer
    history: History
    log: Path
    activities: int
    requests: int = 0
    points: int = 0
    reached: int = 0

    async def script(self, *options: str) -> None:
        """All activities, while strace is attached; it ends early when the hub does."""
        hub = self.hub
        assert hub.process is not None
        words = ["strace", "-f", "-o", str(self.log), *options, "-p", str(hub.process.pid)]
        strace = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
        assert strace.stderr is not None
        said = await strace.stderr.readline()
        assert b"attached" in said, said
        line = Line(hub.port)
        for name, request in mail(self.peer, hub, self.activities):
            self.history.sent.add(name)
            try:
                status, _ = await line.ask(request)
            except Unanswered:
                break
            self.history.answered(name, status)
        line.close()
        if hub.process.poll() is None:
            # Acting upon them asks the disk too: it may die there still.
            await self._rest()
        self.reached += hub.process.poll() is not None
        if hub.process.poll() is None:
            hub.kill()
        await strace.communicate()

    async def _rest(self) -> None:
        for _ in range(200):
            assert self.hub.process is not None
            waiting = self.look("SELECT count(*) FROM inbox_activity WHERE state = 'waiting'")
            if self.hub.process.poll() is not None or waiting == [(0,)]:
                return
            await asyncio.sleep(0.05)

    def look(self, query: str) -> list[tuple[object, ...]]:
        """Rows of the hub's own file."""
        path = self.hub.folder / "hub.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def faults(self) -> list[str]:
        """What the restarted hub lost, doubled or broke."""
        kept = [str(uri) for (uri,) in self.look("SELECT uri FROM inbox_activity")]
        whole = self.look("PRAGMA quick_check")
        return [*self.history.faults(kept), *(str(row) for row in whole if row != ("ok",))]

    async def durable_requests(self) -> int:
        """How often one thread of the hub asks the disk in the whole script."""
        await self.script("-e", f"trace={tracing.DURABLE}")
        tasks = Counter(line.split()[0] for line in self.log.read_text().splitlines())
        return max(tasks.values())


async def _sweep(
    folder: Path, activities: int, points: int, fault: str = ""
) -> tuple[Sweep, list[str]]:
    async with _pair(folder, fault) as (hub, there):
        sweep = Sweep(hub, there, History(), folder.with_suffix(".strace"), activities)
        counts = []
        for _ in range(3):  # the first time a hub also makes what is made once, or once a day
            await asyncio.to_thread(hub.start)
            counts.append(await sweep.durable_requests())
        sweep.requests = min(counts)
        sweep.points = min(points, sweep.requests)
        for number in range(sweep.points):
            await asyncio.to_thread(hub.start)
            when = 1 + number * sweep.requests // sweep.points
            await sweep.script("-e", f"inject={tracing.DURABLE}:signal=KILL:when={when}")
            if faults := sweep.faults():
                return sweep, faults
        await asyncio.to_thread(hub.start)
        await sweep._rest()
        shown = [str(uri) for (uri,) in sweep.look("SELECT uri FROM entry WHERE origin != ''")]
        return sweep, [*sweep.faults(), *sweep.history.faults(shown)]


@pytest.mark.timeout(patience(240, 8 * 3600))
@pytest.mark.parametrize(("activities", "points"), SCRIPTS)
async def test_r2_a_crash_at_any_durable_request_loses_nothing(
    tmp_path: Path, activities: int, points: int
) -> None:
    with noted("R2", f"killed at the disk's requests of {activities} activities") as figures:
        sweep, faults = await _sweep(tmp_path / "hub", activities, points)
        assert faults == []
        assert sweep.reached >= sweep.points // 2, "strace rarely hit"
        answered = len(sweep.history.acked)
        figures |= {"requests": sweep.requests, "points": sweep.points, "hit": sweep.reached}
        figures |= {"acknowledged": answered, "lost": 0}


async def test_r2_the_rig_finds_a_hub_that_answers_before_it_commits(tmp_path: Path) -> None:
    _, faults = await _sweep(tmp_path / "hub", 5, 3, "ack before commit")
    assert any("lost" in fault for fault in faults), faults
