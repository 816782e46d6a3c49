"""The other servers: how far away they are, and how they answer at each moment.

Shares and latencies are assumptions, chosen a little worse than what servers of the fediverse
report; they stand here so that anybody may choose others. Seconds everywhere.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

from federation.client import CONNECT_SECONDS, POST_SECONDS, Answer
from federation.delivery import Outcome, TryOther, outcome_of, outcome_of_error
from federation.errors import Unreachable

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
# Retry-After is given in seconds, so the moment that it counts from does not matter.
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

# How many of each kind there are; what is left lives.
SHARES = {
    "dead": 0.06,  # the name is gone or the port refused: soon known
    "hole": 0.04,  # nothing ever answers: each try costs the whole time allowed to connect
    "slow": 0.03,  # answers after seconds, at times too late
    "leaves": 0.05,  # away from an hour to five days, once or more
    "broken": 0.02,  # answers 502 for hours
    "strict": 0.02,  # takes eight requests in five minutes, then answers 429
}
LIVING = "living"
# Round trip and work, as logarithmic normals: (median, sigma).
ROUND_TRIP = (0.09, 0.7)
WORK = (0.12, 0.6)
SLOW_WORK = (5.0, 0.6)
HICCUP = (0.01, 12.0)  # one answer in a hundred takes so many times as long
COLD_TRIPS = 3.5  # name, TCP and TLS 1.3, before the request's own
AWAY = (14 * HOUR, 1.2)
BROKEN_FOR = (3 * HOUR, 1.0)
STRICT_WINDOW, STRICT_TAKES = 5 * MINUTE, 8
NO_WAY_OUT = 4.0  # how long it takes to learn that our own line is down


def _said(status: int, headers: dict[str, str] | None = None) -> Outcome:
    outcome = outcome_of(Answer(status, headers or {}, b"", ""), MOMENT)
    assert not isinstance(outcome, TryOther)
    return outcome


TAKEN = _said(202)
BAD_GATEWAY = _said(502)
SLOWER = _said(429, {"retry-after": str(int(STRICT_WINDOW))})
REFUSED = outcome_of_error(Unreachable("refused"))
SILENT = outcome_of_error(Unreachable("TimeoutError"))


@dataclass(slots=True, eq=False)
class Server:
    """Another server: `troubles` are the spans in which it is away or broken."""

    kind: str
    round_trip: float
    work: float
    troubles: list[tuple[float, float]] = field(default_factory=list)
    window: float = 0.0
    taken: int = 0
    in_flight: int = 0

    def troubled(self, moment: float) -> bool:
        """Whether it is away or broken then."""
        return any(start <= moment < end for start, end in self.troubles)


@dataclass(slots=True)
class World:
    """All servers, and our own line: `outages` are the spans in which we reach nobody."""

    servers: list[Server]
    outages: list[tuple[float, float]]
    dice: random.Random

    def is_cut(self, moment: float) -> bool:
        """Whether our own line is down then."""
        return any(start <= moment < end for start, end in self.outages)

    def no_connection(self, server: Server, moment: float) -> tuple[Outcome, float] | None:
        """What comes of a POST where nobody is reached, and after how long; None: somebody is."""
        if self.is_cut(moment):
            return SILENT, NO_WAY_OUT
        if server.kind == "dead":
            return REFUSED, server.round_trip
        if server.kind == "hole" or (server.kind == "leaves" and server.troubled(moment)):
            return SILENT, CONNECT_SECONDS
        return None

    def answer(self, server: Server, moment: float, *, warm: bool) -> tuple[Outcome, float]:
        """What comes of a POST to a server that is reached, and after how long."""
        trip = server.round_trip * self.dice.lognormvariate(0, 0.15)
        work = server.work * self.dice.lognormvariate(0, 0.4)
        if self.dice.random() < HICCUP[0]:
            work *= HICCUP[1]
        took = trip * (1.0 if warm else 1.0 + COLD_TRIPS) + work
        if took > POST_SECONDS:
            return SILENT, POST_SECONDS
        if server.kind == "broken" and server.troubled(moment):
            return BAD_GATEWAY, took
        return (TAKEN if _takes(server, moment) else SLOWER), took


def _takes(server: Server, moment: float) -> bool:
    """Whether its limit of requests allows one more."""
    if server.kind != "strict":
        return True
    if moment - server.window >= STRICT_WINDOW:
        server.window, server.taken = moment, 0
    server.taken += 1
    return server.taken <= STRICT_TAKES


def build(
    count: int, length: float, dice: random.Random, *, outages: tuple[tuple[float, float], ...] = ()
) -> World:
    """So many servers for so long a time."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(count * share))]
    kinds += [LIVING] * (count - len(kinds))
    dice.shuffle(kinds)
    return World([_server(kind, length, dice) for kind in kinds], list(outages), dice)


def _server(kind: str, length: float, dice: random.Random) -> Server:
    def drawn(median: float, sigma: float) -> float:
        return dice.lognormvariate(math.log(median), sigma)

    server = Server(kind, drawn(*ROUND_TRIP), drawn(*(SLOW_WORK if kind == "slow" else WORK)))
    if kind in ("leaves", "broken"):
        span = AWAY if kind == "leaves" else BROKEN_FOR
        moment = dice.uniform(0, length / 2)
        while moment < length:
            # Back before the end, so that it is seen how soon it is found.
            end = min(moment + min(max(drawn(*span), HOUR), 5 * DAY), length - 8 * HOUR)
            if end <= moment:
                break
            server.troubles.append((moment, end))
            moment = end + dice.uniform(6 * HOUR, 2 * DAY)
    return server
