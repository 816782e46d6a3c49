"""Taking mail: kept before it is answered, acted upon afterwards.

`accept` appends to the inbox log through group commit. `process` claims a batch of the log and
has it heard. What a handler wants from another server is fetched between transactions, within a
budget, and the handler starts anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import FederationError, Unauthorised, Unreachable
from federation.inbox import Inbox
from federation.rates import Rates
from federation.verification import VerifiedActivity
from hub.core.batch import GroupCommit
from hub.core.clock import now
from hub.core.db import Append
from hub.core.services import Services
from hub.fediverse.hearing import Case, Hearing, note
from hub.fediverse.models import InboxActivity
from hub.fediverse.received import LOOK_UPS, Document, LookUps, Received
from hub.jobs.queue import claim

log = logging.getLogger(__name__)

COLUMNS = (
    "uri",
    "actor_uri",
    "host",
    "trust",
    "scheme",
    "body",
    "actor_document",
    "received_at",
    "run_at",
    "attempts",
    "fence",
    "state",
)
LINGER_S = 0.002  # mail that arrives together shares one fsync; nobody notices two milliseconds
MOST_TOLD = 512  # actor documents remembered as kept already
BATCH = 200
DEATHS = 10  # workers that may die with it in hand; one would do, were it not for bad luck
AT_ONCE = 8  # documents fetched at once for what one server sent in a batch
ASKED = 100  # activities of one server for which is asked in one go
GROUPS = 4  # of these at once; more of it comes later
SOON = timedelta(seconds=2)
ASKING_TIME = timedelta(seconds=60)  # how long is asked for one batch, well within its lease
FETCHES = 10  # documents fetched for one activity (SECURITY B7)


class InboxLog:
    """The durable side of the inbox: `keep` returns when the activity would survive a crash."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._told: dict[str, Document] = {}
        self._append = Append(services.db, InboxActivity, COLUMNS)
        self._commits = GroupCommit[tuple[Any, ...]](self._write, linger_s=LINGER_S)

    async def keep(self, verified: VerifiedActivity) -> None:
        """Append to the log; the same activity id twice leaves one row (AP-28)."""
        moment = now()
        await self._commits.add(
            (
                verified.activity.id or _name_of(verified),
                verified.actor,
                verified.host,
                verified.trust,
                verified.scheme,
                verified.body,
                self._news_of(verified),
                moment,
                moment,
                0,
                0,
                "waiting",
            )
        )

    def _news_of(self, verified: VerifiedActivity) -> bytes | None:
        """The actor's document, when it is not the one that was kept last."""
        document = verified.actor_document
        if document is None or self._told.get(verified.actor) is document:
            return None
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[verified.actor] = document
        return orjson.dumps(document)

    async def _write(self, rows: list[tuple[Any, ...]]) -> None:
        async with self._services.db.write() as session:
            await self._append.rows(session, rows)
        self._services.wake.ring()


def _name_of(verified: VerifiedActivity) -> str:
    """What stands for the id of an activity that has none: its actor and its very bytes."""
    return f"{verified.actor}#sha-256-{hashlib.sha256(verified.body).hexdigest()}"


class Processor:
    """Acts upon what was kept; one per worker process."""

    def __init__(self, services: Services, handlers: Inbox[Received], worker: str) -> None:
        self._services = services
        self._hearing = Hearing(services, handlers)
        self._worker = worker
        self._look_ups = Rates(LOOK_UPS, LOOK_UPS / 60)
        self._groups: dict[str, int] = defaultdict(int)
        self._asking: set[asyncio.Task[None]] = set()

    async def process(self) -> int:
        """How many activities were taken from the log; most are acted upon by now.

        Those that need something of another server go on beside the caller, those of one sender
        together: nobody's mail waits for the slow servers that another's names.
        """
        async with self._services.db.write() as session:
            rows = await claim(session, InboxActivity, self._worker, limit=BATCH)
            cases = await _without_suspects(session, [Case(row) for row in rows])
        for host in {row.host for row in rows}:
            self._services.fetcher.forget(host)  # whoever writes to us is there to be asked
        if cases:
            await self._round(cases)
        senders: dict[str, list[Case]] = defaultdict(list)
        for case in cases:
            if case.wanted is not None:
                senders[case.row.host].append(case)
        for host, wanting in senders.items():
            for at in range(0, len(wanting), ASKED):
                await self._ask_later(host, wanting[at : at + ASKED])
        return len(rows)

    async def _ask_later(self, host: str, group: Sequence[Case]) -> None:
        """Ask for what these want beside the caller, or put them back if there is too much."""
        if self._groups[host] >= GROUPS:
            await self._put_back(group)
            return
        self._groups[host] += 1
        task = asyncio.create_task(self._ask_around(host, group))
        self._asking.add(task)
        task.add_done_callback(self._asked)

    async def settle(self) -> None:
        """Wait for everything that is being asked for."""
        while self._asking:
            await asyncio.wait(self._asking)

    def close(self) -> None:
        """Stop asking; what was not acted upon is taken up again later."""
        for task in self._asking:
            task.cancel()

    async def _ask_around(self, host: str, group: Sequence[Case]) -> None:
        """Fetch what these want, and hand them on anew, until they want no more."""
        slots = asyncio.Semaphore(AT_ONCE)
        ends = now() + ASKING_TIME
        try:
            while group:
                await asyncio.gather(*(self._fetch(case, slots, ends) for case in group))
                await self._round(group)
                group = [case for case in group if case.wanted is not None]
        finally:
            self._groups[host] -= 1
            if not self._groups[host]:
                del self._groups[host]

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The leases run out by themselves, and the activities are taken up again.
            log.error("inbound activities were left", exc_info=error)

    async def _put_back(self, cases: Sequence[Case]) -> None:
        """Look at these again in a moment: too much of their sender is being asked for."""
        async with self._services.db.write() as session:
            for case in cases:
                await session.execute(
                    update(InboxActivity)
                    .where(InboxActivity.id == case.row.id, InboxActivity.fence == case.row.fence)
                    .values(run_at=now() + SOON, lease_until=None, leased_by=None)
                )

    async def _round(self, cases: Sequence[Case]) -> None:
        for case in await self._hearing.hear(cases, LookUps(self._look_ups)):
            if case.alone:
                await self._round([case])

    async def _fetch(self, case: Case, slots: asyncio.Semaphore, ends: datetime) -> None:
        uri = case.wanted or ""
        if len(case.documents) >= FETCHES:
            case.documents[uri] = Unauthorised("it would take too many look-ups")
            return
        async with slots:
            if now() > ends:
                case.documents[uri] = Unreachable("no time left for another look-up")
                return
            try:
                case.documents[uri] = (await self._services.fetcher.fetch(uri)).document
            except FederationError as error:
                case.documents[uri] = error


async def _without_suspects(session: AsyncSession, cases: list[Case]) -> list[Case]:
    """Those to act upon now: what a worker died of goes alone, and is given up in the end (R14).

    Of those that were in hand when a worker died one is taken at a time, and nothing else with
    it: whatever it does, it does to itself.
    """
    suspects = [case for case in cases if case.row.deaths]
    if not suspects:
        return cases
    first, others = suspects[0], [case for case in cases if case is not suspects[0]]
    await session.execute(
        update(InboxActivity)
        .where(InboxActivity.id.in_([case.row.id for case in others]))
        .values(lease_until=None, leased_by=None)
    )
    if first.row.deaths < DEATHS:
        return [first]
    first.state, first.reason = "failed", "workers died of it"
    await note(session, [first])
    return []
