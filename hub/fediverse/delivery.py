"""Carrying the mail: lanes of servers are leased, their deliveries sent, the ledger kept.

A lane is one server's mail (`Peer.run_at`, lease and fence), so a server never gets more than two
requests at once from us whatever the number of workers, and the cost of finding work does not
depend on how much waits elsewhere. Deliveries of one object go in the order in which they were
said; when one must wait, so do its successors (AP-74).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from datetime import datetime, timedelta

from federation.delivery import (
    BREAKER_FIRST,
    SILENT_AFTER,
    Delivered,
    Dropped,
    GoneForGood,
    Later,
    Outcome,
    Signer,
    breaker_wait,
    deliver,
    next_attempt,
)
from hub.core.batch import GroupCommit
from hub.core.clock import now
from hub.core.services import Services
from hub.fediverse import ledger
from hub.fediverse.lanes import Lane, Lanes, Parcel
from hub.jobs.queue import BATCH

log = logging.getLogger(__name__)

PER_HOST = 2  # requests at once to one server (PROTOCOL §5)
LANE_TIME = timedelta(seconds=60)  # a lane is given back after this, well within its lease
LINGER_S = 0.05  # how long a result waits for others before the ledger is written
PATIENCE = timedelta(days=30)  # how long a silent server's mail is kept (SETTLED 4)
PROBE = timedelta(minutes=45)  # how often it is tried once the schedule has run out
ASKED = timedelta(days=1)  # how often a server that answers, and refuses, is told of a Delete
TOO_MANY = 429  # the server lives, and wants us to be slower
BROKEN = 500


class Carrier:
    """Sends what is due; one per worker process."""

    def __init__(self, services: Services, worker: str) -> None:
        self._services = services
        self._signer = Signer(services.keys.__getitem__)
        self._due = Lanes(services.db, worker)
        self._ledger = GroupCommit[ledger.Served](ledger.Ledger(services).keep, linger_s=LINGER_S)
        self._lanes: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(services.settings.in_flight)
        self._most = services.settings.in_flight + BATCH

    @property
    def busy(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._lanes)

    async def send_due(self) -> int:
        """How many lanes were taken up; their mail goes out beside the caller."""
        room = self._most - len(self._lanes)
        if room < BATCH // 2:  # many at once or none: a claim costs the same for both
            return 0
        lanes = await self._claim(min(room, BATCH))
        for lane in lanes:
            task = asyncio.create_task(self._serve(lane))
            self._lanes.add(task)
            task.add_done_callback(self._done)
        return len(lanes)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._lanes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The lease runs out by itself, and the lane is tried again.
            log.error("a lane was left", exc_info=error)
        if len(self._lanes) <= self._most - BATCH // 2:
            self._services.wake.ring_here()

    def close(self) -> None:
        """Let go of the signing threads."""
        self._signer.close()

    async def settle(self) -> None:
        """Wait for everything that is on its way."""
        while self._lanes:
            await asyncio.wait(self._lanes)

    async def _claim(self, limit: int) -> list[Lane]:
        async with self._services.db.write() as session:
            return await self._due.claim(session, limit)

    async def _serve(self, lane: Lane) -> None:
        """Send a lane's parcels, two at once, those of one object one after the other."""
        chains: dict[str, list[Parcel]] = defaultdict(list)
        for parcel in lane.parcels:
            chains[parcel.object_uri].append(parcel)
        slots = asyncio.Semaphore(PER_HOST)
        ends = now() + LANE_TIME
        work = [self._chain(lane, chain, slots, ends) for chain in chains.values()]
        if len(work) == 1:
            await work[0]  # as most are, and a task less for each
        else:
            await asyncio.gather(*work)
        await self._ledger.add(_summary(lane))

    async def _chain(
        self, lane: Lane, chain: list[Parcel], slots: asyncio.Semaphore, ends: datetime
    ) -> None:
        for parcel in chain:
            async with slots, self._slots:
                if lane.trouble is not None or now() > ends:
                    return
                outcome = await self._send(lane, parcel)
            lane.results.append(_result(lane, parcel, outcome))
            if isinstance(outcome, Later):
                if outcome.host_trouble:
                    lane.trouble = outcome
                return

    async def _send(self, lane: Lane, parcel: Parcel) -> Outcome:
        scheme = lane.scheme
        outcome, next_scheme = await deliver(
            self._services.poster,
            parcel.said.actor_uri,
            parcel.inbox,
            parcel.said.body,
            parcel.said.digest,
            scheme=scheme,
            now=now(),
            signer=self._signer,
        )
        if isinstance(outcome, Delivered):
            lane.refused = lane.refused or (scheme, next_scheme) == ("rfc9421", "cavage")
            lane.scheme = lane.worked = next_scheme
            lane.took = True
        if isinstance(outcome, Later) and _is_fault(outcome):
            lane.failed = outcome
        if not (isinstance(outcome, Later) and outcome.host_trouble):
            lane.answered = True
        return outcome


def _is_fault(outcome: Later) -> bool:
    """Whether the server itself failed; a refusal, or a wish to be slower, is none."""
    return outcome.status is None or outcome.status >= BROKEN


def _result(lane: Lane, parcel: Parcel, outcome: Outcome) -> ledger.Result:
    """What the ledger notes of one delivery."""
    match outcome:
        case Delivered():
            return ledger.Result(parcel.id, parcel.object_uri, parcel.inbox, "delivered")
        case Later():
            return _again(lane, parcel, outcome)
        case Dropped() | GoneForGood():
            return ledger.Result(
                parcel.id,
                parcel.object_uri,
                parcel.inbox,
                "gone" if isinstance(outcome, GoneForGood) else "dropped",
                reason=outcome.reason,
            )


def _again(lane: Lane, parcel: Parcel, outcome: Later) -> ledger.Result:
    """When a delivery is tried next; given up after thirty days, or a few refusals.

    A Delete is not given up before, whatever is answered to it (SETTLED 4).
    """
    age = now() - parcel.created_at
    spread = random.uniform(-1, 1)  # noqa: S311 - it spreads load, it guards nothing
    at_most = None if parcel.said.type == "Delete" else outcome.at_most
    wait = next_attempt(parcel.attempts + 1, spread, at_most=at_most)
    if wait is None and at_most is None and age < PATIENCE:
        wait = PROBE if outcome.at_most is None else ASKED
    if wait is not None and outcome.host_trouble and lane.silent_for >= SILENT_AFTER:
        wait = min(wait, PROBE)  # whoever comes back is found within the hour (SETTLED 4)
    if wait is None:
        return ledger.Result(
            parcel.id, parcel.object_uri, parcel.inbox, "dropped", reason=outcome.reason
        )
    wait = max(wait, outcome.after or wait)
    return ledger.Result(
        parcel.id,
        parcel.object_uri,
        parcel.inbox,
        "later",
        run_at=now() + wait,
        reason=outcome.reason,
        attempts=parcel.attempts + 1,
    )


def _summary(lane: Lane) -> ledger.Served:
    """What the ledger notes of the server itself."""
    failures = _failures(lane)
    wait = breaker_wait(failures, lane.silent_for) or timedelta(0)
    if lane.answered:
        # It lives and fails at some things; what is new need not wait for hours (AP-75).
        wait = min(wait, BREAKER_FIRST)
    if lane.trouble is not None:
        wait = max(wait, lane.trouble.after or timedelta(0))
    worst = lane.trouble or lane.failed
    return ledger.Served(
        host=lane.host,
        fence=lane.fence,
        results=lane.results,
        scheme=lane.worked,
        refused=lane.refused,
        failures=failures,
        closed_until=now() + wait if wait else None,
        reason=worst.reason if worst else None,
        answered=lane.answered,
    )


def _failures(lane: Lane) -> int:
    """How many visits in a row failed by the server's own fault, this one included."""
    if lane.trouble is not None and lane.trouble.status == TOO_MANY:
        return 0
    if lane.trouble is not None or lane.failed is not None:
        if lane.took:
            return 1 if lane.trouble else 0
        return lane.failures + 1
    return 0 if lane.answered else lane.failures
