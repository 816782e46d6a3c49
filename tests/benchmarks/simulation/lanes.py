"""One server's lane in memory: the rules over rows that the hub has as SQL.

`tests/integration/test_simulated_lanes.py` compares the two on both databases. Moments are
seconds since the simulation began; a server has one inbox.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hub.fediverse.lanes import PER_LANE
from hub.fediverse.policy import Visit
from hub.fediverse.upkeep import SILENT, STATES

SILENT_S = SILENT.total_seconds()


@dataclass(slots=True, eq=False)
class Said:
    """An activity: `number` is its place in the order in which things were said."""

    number: int
    kind: str
    thing: int


@dataclass(slots=True, eq=False)
class Parcel:
    """One delivery on its way; `arrived`: its server has it, whatever the ledger knows."""

    said: Said
    run_at: float
    created_at: float
    attempts: int = 0
    arrived: bool = False


@dataclass(slots=True, eq=False)
class Lane:
    """A server as the tables `peer` and `delivery` know it; `waiting` is in order of number."""

    waiting: dict[int, Parcel] = field(default_factory=dict)
    run_at: float | None = None
    lease_until: float | None = None
    failures: int = 0
    closed_until: float | None = None
    failing_since: float | None = None
    answered: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether it failed at its last visit, or never had one (`models.DOUBTFUL`)."""
        return self.failures > 0 or not self.answered

    def open(self, parcel: Parcel, now: float) -> None:
        """New mail: due now, or when the breaker closes (`fanout._open_lanes`)."""
        self.waiting[parcel.said.number] = parcel
        if self.closed_until is not None and self.closed_until > now:
            self.run_at = self.closed_until
        elif self.run_at is None or self.run_at > now:
            self.run_at = now

    def visit(self, now: float) -> Visit:
        """What a worker begins a visit with (`lanes._lane`)."""
        silent = 0.0 if self.failing_since is None else now - self.failing_since
        return Visit(self.failures, timedelta(seconds=silent))

    def due(self, now: float) -> list[Parcel]:
        """What may go now, oldest first (`lanes._due_parcels`)."""
        found: list[Parcel] = []
        held: set[int] = set()
        for parcel in self.waiting.values():
            if parcel.run_at > now:
                held.add(parcel.said.thing)
            elif parcel.said.thing not in held:
                found.append(parcel)
                if len(found) == PER_LANE:
                    break
        return found

    def next_due(self) -> float | None:
        """When the next delivery is due; of each object only the first counts."""
        first: dict[int, float] = {}
        for parcel in self.waiting.values():
            first.setdefault(parcel.said.thing, parcel.run_at)
        return min(first.values(), default=None)

    def give_back(self, visit: Visit, now: float, jitter: float) -> None:
        """The ledger's note of a visit that is over (`ledger._waking`, `_giving_back`)."""
        if visit.is_back():
            for parcel in self.waiting.values():
                parcel.run_at = min(parcel.run_at, now)
        wait, due = visit.closed_for(jitter), self.next_due()
        self.lease_until = None
        self.failures = visit.failures_now()
        self.answered = self.answered or visit.answered
        self.closed_until = now + wait.total_seconds() if wait else None
        self.run_at = due
        if self.closed_until is not None and due is not None:
            self.run_at = max(due, self.closed_until)
        if self.failures == 0:
            self.failing_since = None
        elif self.failing_since is None:
            self.failing_since = now

    def collapse(self, now: float) -> int:
        """How many deliveries made way for a newer state of their object (`upkeep.collapse`)."""
        if self.failing_since is None or self.failing_since >= now - SILENT_S:
            return 0
        renewed: set[int] = set()
        deleted: set[int] = set()
        gone = []
        for number in reversed(list(self.waiting)):
            said = self.waiting[number].said
            newer = said.kind == "Update" and said.thing in renewed
            if newer or (said.kind in STATES and said.thing in deleted):
                gone.append(number)
            if said.kind == "Update":
                renewed.add(said.thing)
            elif said.kind == "Delete":
                deleted.add(said.thing)
        for number in gone:
            del self.waiting[number]
        return len(gone)
