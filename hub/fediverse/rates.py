"""How fast a server may knock: token buckets, bounded in number (PROTOCOL §5, SECURITY B9)."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

MOST_SERVERS = 10_000  # buckets kept; the least recently used go first
LOOK_UPS = 20  # documents fetched at once because of one server's mail, and then in a minute (B8)


def look_ups() -> Rates:
    """What the mail of one server may have us fetch: 20 documents a minute (SECURITY B8)."""
    return Rates(LOOK_UPS, LOOK_UPS / 60)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """One bucket per server: `burst` at once, then `rate` per second."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, server: str) -> float | None:
        """None when the request may pass; else in how many seconds it may."""
        moment = time.monotonic()
        bucket = self._buckets.get(server)
        if bucket is None:
            bucket = self._buckets[server] = _Bucket(self._burst, moment)
            if len(self._buckets) > MOST_SERVERS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(server)
        bucket.tokens = min(self._burst, bucket.tokens + (moment - bucket.at) * self._rate)
        bucket.at = moment
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return (1 - bucket.tokens) / self._rate
