"""How often one may knock: token buckets, bounded in number (PROTOCOL §5, SECURITY B9)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST = 10_000  # buckets kept; the least recently used go first


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """One bucket per name: `burst` at once, then `rate` per second.

    A bucket that is full again is forgotten, so that memory holds only who was here lately.
    `seconds` is a clock that never goes back.
    """

    def __init__(
        self,
        burst: int,
        rate: float,
        *,
        most: int = MOST,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._most = most
        self._seconds = seconds
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, name: str) -> float | None:
        """None when a token is there; else in how many seconds there will be one."""
        tokens = self._tokens(name, self._seconds())
        return None if tokens >= 1 else (1 - tokens) / self._rate

    def take(self, name: str) -> float | None:
        """As `wait`, and the token is gone."""
        moment = self._seconds()
        tokens = self._tokens(name, moment)
        if tokens < 1:
            return (1 - tokens) / self._rate
        self._buckets[name] = _Bucket(tokens - 1, moment)
        self._buckets.move_to_end(name)
        self._forget(moment)
        return None

    def give_back(self, name: str) -> None:
        """A token that was taken is there again."""
        bucket = self._buckets.get(name)
        if bucket is not None:
            bucket.tokens += 1

    def _tokens(self, name: str, moment: float) -> float:
        bucket = self._buckets.get(name)
        if bucket is None:
            return self._burst
        return min(self._burst, bucket.tokens + (moment - bucket.at) * self._rate)

    def _forget(self, moment: float) -> None:
        """Drop the oldest while they are full again, or too many."""
        while self._buckets:
            name = next(iter(self._buckets))
            if len(self._buckets) <= self._most and self._tokens(name, moment) < self._burst:
                return
            del self._buckets[name]
