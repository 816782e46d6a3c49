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
from datetime import datetime
from functools import partial

from federation.delivery import (
    Delivered,
    Dropped,
    GoneForGood,
    Later,
    Outcome,
    Signer,
    deliver,
)
from hub.actors import keys
from hub.core.batch import GroupCommit
from hub.core.clock import now
from hub.core.services import Services
from hub.fediverse import ledger
from hub.fediverse.lanes import Lane, Lanes, Parcel
from hub.fediverse.policy import LANE_TIME, PER_HOST, doubtful_wanted, lanes_wanted, try_again_after

log = logging.getLogger(__name__)

LINGER_S = 0.05  # how long a result waits for others before the ledger is written


class Carrier:
    """Sends what is due; one per worker process."""

    def __init__(self, services: Services, worker: str) -> None:
        self._services = services
        self._signer = Signer(partial(keys.of, services))
        self._due = Lanes(services.db, worker)
        self._ledger = GroupCommit[ledger.Served](ledger.Ledger(services).keep, linger_s=LINGER_S)
        self._lanes: set[asyncio.Task[None]] = set()
        self._doubtful = 0  # of them
        self._slots = asyncio.Semaphore(services.settings.in_flight)
        self._in_flight = services.settings.in_flight

    @property
    def busy(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._lanes)

    async def send_due(self) -> int:
        """How many lanes were taken up; their mail goes out beside the caller."""
        sound, doubtful = self._wanted()
        if sound == doubtful == 0:
            return 0
        async with self._services.db.write() as session:
            lanes = await self._due.claim(session, sound, doubtful)
        for lane in lanes:
            self._doubtful += lane.doubtful
            task = asyncio.create_task(self._serve(lane))
            self._lanes.add(task)
            task.add_done_callback(partial(self._done, lane))
        return len(lanes)

    def _wanted(self) -> tuple[int, int]:
        sound = lanes_wanted(self._in_flight, len(self._lanes) - self._doubtful)
        return sound, doubtful_wanted(self._in_flight, self._doubtful)

    def _done(self, lane: Lane, task: asyncio.Task[None]) -> None:
        self._lanes.discard(task)
        self._doubtful -= lane.doubtful
        if not task.cancelled() and (error := task.exception()) is not None:
            # The lease runs out by itself, and the lane is tried again.
            log.error("a lane was left", exc_info=error)
        if self._wanted()[lane.doubtful]:
            self._services.wake.ring_here()

    def close(self) -> None:
        """Let go of the signing threads."""
        self._signer.close()

    async def settle(self) -> None:
        """Wait for everything that is on its way."""
        while self._lanes:
            await asyncio.wait(self._lanes)

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
                if lane.visit.trouble is not None or now() > ends:
                    return
                outcome = await self._send(lane, parcel)
            lane.results.append(_result(lane, parcel, outcome))
            if isinstance(outcome, Later):
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
            if scheme != "cavage" and next_scheme == "cavage":
                lane.refused = True
            lane.scheme = lane.worked = next_scheme
        lane.visit.note(outcome)
        return outcome


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
    """When a delivery is tried next, or that it is given up."""
    wait = try_again_after(
        outcome,
        parcel.attempts + 1,
        _jitter(),
        age=now() - parcel.created_at,
        silent_for=lane.visit.silent_for,
        is_delete=parcel.said.type == "Delete",
    )
    if wait is None:
        return ledger.Result(
            parcel.id, parcel.object_uri, parcel.inbox, "dropped", reason=outcome.reason
        )
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
    visit = lane.visit
    wait, worst = visit.closed_for(_jitter()), visit.trouble or visit.failed
    return ledger.Served(
        host=lane.host,
        fence=lane.fence,
        results=lane.results,
        scheme=lane.worked,
        refused=lane.refused,
        failures=visit.failures_now(),
        closed_until=now() + wait if wait else None,
        reason=worst.reason if worst else None,
        answered=visit.answered,
        back=visit.is_back(),
    )


def _jitter() -> float:
    return random.uniform(-1, 1)  # noqa: S311 - it spreads load, it guards nothing
