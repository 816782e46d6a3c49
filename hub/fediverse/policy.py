"""How patient we are with other servers: functions of time and of what was answered.

No database, no network and no clock of their own, so that `make simulate` runs these very rules
over many thousand servers. Which mail of a lane is due is a rule over rows: see `lanes`, `ledger`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from federation.delivery import (
    BREAKER_FAILURES,
    BREAKER_FIRST,
    SILENT_PROBE,
    Delivered,
    Later,
    Outcome,
    breaker_wait,
    longest_wait,
    next_attempt,
)
from hub.jobs.queue import BATCH

PER_HOST = 2  # requests at once to one server (PROTOCOL §5)
LANE_TIME = timedelta(seconds=60)  # a lane is given back after this, well within its lease
PATIENCE = timedelta(days=30)  # how long a silent server's mail is kept (SETTLED 4)
ASKED = timedelta(days=1)  # how often a server that answers, and refuses, is told of a Delete
TOO_MANY = 429  # the server lives, and wants us to be slower
BROKEN = 500
DOUBTFUL_SHARE = 4  # one place of so many is for servers that did not answer when last asked
NOW = timedelta(0)


@dataclass(slots=True)
class Visit:
    """One visit to a server, and what it says of that server.

    `failures` counts the visits in a row before it that failed, `silent_for` is how long that has
    been so. `trouble` is why its other mail must wait too, `failed` why some failed by a fault of
    the server; `answered` and `took` say whether it answered anything, and whether it took
    anything.
    """

    failures: int
    silent_for: timedelta
    trouble: Later | None = None
    failed: Later | None = None
    answered: bool = False
    took: bool = False

    def note(self, outcome: Outcome) -> None:
        """One delivery was tried, and this came of it."""
        if isinstance(outcome, Delivered):
            self.took = True
        if not isinstance(outcome, Later):
            self.answered = True
            return
        if _is_fault(outcome):
            self.failed = outcome
        if outcome.host_trouble:
            self.trouble = outcome
        else:
            self.answered = True

    def failures_now(self) -> int:
        """How many visits in a row failed by the server's own fault, this one included."""
        if self.trouble is not None and self.trouble.status == TOO_MANY:
            return 0
        if self.trouble is not None or self.failed is not None:
            if self.took:
                return 1 if self.trouble else 0
            return self.failures + 1
        return 0 if self.answered else self.failures

    def is_back(self) -> bool:
        """Whether it takes mail again after its breaker was open: what waits is due now."""
        return self.took and self.failures >= BREAKER_FAILURES

    def closed_for(self, jitter: float) -> timedelta | None:
        """How long to leave the server alone now; None for not at all. `jitter`: -1 to 1."""
        wait = breaker_wait(self.failures_now(), self.silent_for, jitter) or NOW
        if self.answered:
            # It lives and fails at some things; what is new need not wait for hours (AP-75).
            wait = min(wait, BREAKER_FIRST)
        if self.trouble is not None:
            wait = max(wait, self.trouble.after or NOW)
        return wait or None


def _is_fault(outcome: Later) -> bool:
    """Whether the server itself failed; a refusal, or a wish to be slower, is none."""
    return outcome.status is None or outcome.status >= BROKEN


def try_again_after(
    outcome: Later,
    attempts: int,
    jitter: float,
    *,
    age: timedelta,
    silent_for: timedelta,
    is_delete: bool,
) -> timedelta | None:
    """How long a delivery waits after this many attempts; None: it is given up.

    That is after thirty days, or a few refusals; a Delete is not given up before, whatever is
    answered to it (SETTLED 4). `jitter` is from -1 to 1, `age` that of the delivery.
    """
    at_most = None if is_delete else outcome.at_most
    wait = next_attempt(attempts, jitter, at_most=at_most)
    if wait is None and at_most is None and age < PATIENCE:
        wait = SILENT_PROBE if outcome.at_most is None else ASKED
    if wait is None:
        return None
    if outcome.host_trouble:
        # Whoever comes back after a day or more is found within the hour (SETTLED 4).
        wait = min(wait, longest_wait(silent_for, jitter))
    return max(wait, outcome.after or wait)


def lanes_wanted(in_flight: int, held: int) -> int:
    """How many lanes a worker takes up that may send so many at once, and holds so many.

    Many at once or none: a claim costs the same for both.
    """
    return _many(in_flight + BATCH - held)


def doubtful_wanted(in_flight: int, held: int) -> int:
    """How many lanes it takes up of servers that failed at their last visit, or never had one.

    These have a share of their own: who is silent keeps a place for as long as we wait for a
    connection, and enough of them would leave none to those that live.
    """
    share = max(in_flight // DOUBTFUL_SHARE, 1)
    return _many(share - held, of=share)


def _many(room: int, of: int = BATCH) -> int:
    return min(room, BATCH) if room >= max(min(of, BATCH) // 2, 1) else 0
