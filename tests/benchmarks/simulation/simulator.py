"""Workers carrying mail to many servers, event by event, by the hub's own rules.

What the workers decide is `hub.fediverse.policy` and `federation.delivery`; what they find due is
`lanes`; how servers answer is `world`. Only the waiting is left out. Seconds everywhere.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from federation.client import KEEP_ALIVE_SECONDS, MAX_IDLE_CONNECTIONS
from federation.delivery import Delivered, Later, Outcome
from hub.fediverse import policy
from hub.fediverse.delivery import LINGER_S
from hub.fediverse.fanout import CHUNK
from hub.jobs.queue import BATCH, LEASE
from hub.worker import BREATH_S, PAUSE_S
from tests.benchmarks.simulation.lanes import Lane, Parcel, Said
from tests.benchmarks.simulation.world import HOUR, Server, World

LANE_S = policy.LANE_TIME.total_seconds()


@dataclass(frozen=True)
class Costs:
    """What work costs, of one core: `docs/scale.md` says how each was measured."""

    delivery_s: float = 0.0013  # claim, sign, POST and ledger on an open connection
    handshake_s: float = 0.006  # more, for a new TLS connection and its certificates
    claim_s: float = 0.01  # between two claims
    step_s: float = 0.03  # a step of fan-out: CHUNK deliveries are written


@dataclass(slots=True, eq=False)
class Worker:
    """One worker process: a core, places for what is in flight, connections kept open."""

    free: int
    held: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)
    queue: deque[tuple[Run, deque[Parcel]]] = field(default_factory=deque)
    busy_until: float = 0.0
    warm: OrderedDict[int, float] = field(default_factory=OrderedDict)
    dead: bool = False


@dataclass(slots=True, eq=False)
class Run:
    """A lane in a worker's hands: chains of parcels, one for each object."""

    worker: Worker
    number: int
    visit: policy.Visit
    ends: float
    chains: deque[deque[Parcel]]
    active: int = 0
    results: list[tuple[Parcel, float | None]] = field(default_factory=list)


def _is_over(run: Run, now: float) -> bool:
    return run.visit.trouble is not None or now > run.ends


@dataclass
class Figures:
    """What was seen; ages are from saying to arrival.

    `ages` are by kind of server; what was said to the living while our line was down is of the
    kind "cut off". `arrived`, `wasted` and `ages_at` (of the living) go by buckets of `bucket_s`.
    `found` are servers that came back while mail waited: (how long away, how long until the first
    delivery); `line_back` is the latter for the living, after an outage of ours.
    """

    bucket_s: float
    ages: dict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    ages_at: dict[int, array[float]] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )
    arrived: Counter[int] = field(default_factory=Counter)
    wasted: Counter[int] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    said: int = 0
    twice: int = 0
    given_up: int = 0
    collapsed: int = 0
    most_at_once: int = 0
    found: list[tuple[float, float]] = field(default_factory=list)
    line_back: list[float] = field(default_factory=list)

    def arrived_living(self) -> Counter[int]:
        """By bucket, what arrived at servers that live."""
        return Counter({bucket: len(ages) for bucket, ages in self.ages_at.items()})


class Simulation:
    """One hub with its workers before the world."""

    def __init__(
        self,
        world: World,
        *,
        workers: int = 1,
        in_flight: int = 256,
        costs: Costs | None = None,
        bucket_s: float = 900,
    ) -> None:
        self.world = world
        self.figures = Figures(bucket_s)
        self.lanes = [Lane() for _ in world.servers]
        self.now = 0.0
        self._workers = [Worker(in_flight) for _ in range(workers)]
        self._in_flight = in_flight
        self._costs = costs or Costs()
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._due: dict[bool, list[tuple[float, int]]] = {False: [], True: []}  # doubtful or not
        self._look_at: float | None = None
        self._fresh: deque[tuple[Said, int]] = deque()
        self._away: dict[int, tuple[float, float]] = {}
        self._cut: dict[int, float] = {}
        self._schedule_returns()
        self._at(HOUR, self._upkeep)

    def say(self, moment: float, said: Said) -> None:
        """Publish it then, to every server."""
        self._at(moment, self._publish, said)

    def kill(self, moment: float, worker: int) -> None:
        """A worker dies then; its leases run out by themselves."""
        self._at(moment, self._die, self._workers[worker])

    def run(self, until: float) -> Figures:
        """Everything that happens until then."""
        events = self._events
        while events and events[0][0] <= until:
            self.now, _, act, given = heapq.heappop(events)
            act(*given)
        self.now = until
        return self.figures

    def waiting(self) -> int:
        """How many deliveries wait."""
        return sum(len(lane.waiting) for lane in self.lanes)

    # ------------------------------------------------------------------------ time

    def _at(self, moment: float, act: Callable[..., None], *given: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, act, given))

    def _look_by(self, moment: float) -> None:
        """Somebody looks for work then, or sooner."""
        if self._look_at is None or moment < self._look_at:
            self._look_at = moment
            self._at(moment, self._look, moment)

    def _schedule_returns(self) -> None:
        for number, server in enumerate(self.world.servers):
            if server.kind == "leaves":
                for start, end in server.troubles:
                    self._at(end, self._came_back, number, start)
        for _, end in self.world.outages:
            self._at(end, self._line_is_back)

    def _came_back(self, number: int, start: float) -> None:
        for begins, ends in self.world.outages:
            if begins <= self.now < ends:  # nobody can find it yet
                self._at(ends, self._came_back, number, start)
                return
        if self.lanes[number].waiting:
            since = self.lanes[number].failing_since
            self._away[number] = (self.now - (since or start), self.now)

    def _line_is_back(self) -> None:
        for number, server in enumerate(self.world.servers):
            if self.lanes[number].waiting and server.kind == "living":
                self._cut[number] = self.now
        for number in list(self._away):  # back before, and not found until the line was cut
            self._came_back(number, self.now)

    def _upkeep(self) -> None:
        for lane in self.lanes:
            if lane.lease_until is None:
                self.figures.collapsed += lane.collapse(self.now)
        self._at(self.now + HOUR, self._upkeep)

    # ------------------------------------------------------------------------ fan-out

    def _publish(self, said: Said) -> None:
        self._fresh.append((said, 0))
        if len(self._fresh) == 1:
            self._expand()

    def _expand(self) -> None:
        """One step of `fanout.expand`; the next follows when the database had its time."""
        said, start = self._fresh[0]
        end = min(start + CHUNK, len(self.lanes))
        for number in range(start, end):
            lane = self.lanes[number]
            lane.open(Parcel(said, self.now, self.now), self.now)
            self._note_due(number)
        self.figures.said += end - start
        if end == len(self.lanes):
            self._fresh.popleft()
        else:
            self._fresh[0] = (said, end)
        if self._fresh:
            self._at(self.now + self._costs.step_s, self._expand)
        self._look_by(self.now + BREATH_S)

    # ------------------------------------------------------------------------ claims

    def _note_due(self, number: int) -> None:
        lane = self.lanes[number]
        if lane.run_at is not None and lane.lease_until is None:
            heapq.heappush(self._due[lane.doubtful], (lane.run_at, number))

    def _next_due(self, doubtful: bool) -> float:
        """When the next of such lanes is due; infinite for never."""
        due = self._due[doubtful]
        while due:
            moment, number = due[0]
            lane = self.lanes[number]
            if lane.run_at == moment and lane.lease_until is None:
                return moment
            heapq.heappop(due)
        return math.inf

    def _look(self, moment: float) -> None:
        if self._look_at != moment:
            return  # somebody looked sooner
        self._look_at = None
        took = False
        for worker in self._workers:
            if worker.dead:
                continue
            left = BATCH
            for doubtful in (True, False):
                wanted = min(self._wanted(worker, doubtful), left)
                while wanted and self._next_due(doubtful) <= self.now:
                    wanted, left, took = wanted - 1, left - 1, True
                    self._serve(worker, heapq.heappop(self._due[doubtful])[1])
        self._workers.append(self._workers.pop(0))
        if took:
            self._look_by(self.now + self._costs.claim_s)
            return
        later = [due for due in map(self._next_due, (True, False)) if self.now < due < math.inf]
        if later:
            # Nobody rings when a moment comes; a look every PAUSE_S finds it.
            self._look_by(math.ceil(min(later) / PAUSE_S) * PAUSE_S)

    def _wanted(self, worker: Worker, doubtful: bool) -> int:
        """How many lanes the worker takes up of this kind."""
        held = len(worker.doubtful)
        if doubtful:
            return policy.doubtful_wanted(self._in_flight, held)
        return policy.lanes_wanted(self._in_flight, len(worker.held) - held)

    def _serve(self, worker: Worker, number: int) -> None:
        lane = self.lanes[number]
        lane.lease_until = self.now + LEASE.total_seconds()
        chains: dict[int, deque[Parcel]] = {}
        for parcel in lane.due(self.now):
            chains.setdefault(parcel.said.thing, deque()).append(parcel)
        ends = self.now + LANE_S
        run = Run(worker, number, lane.visit(self.now), ends, deque(chains.values()))
        worker.held.add(number)
        if lane.doubtful:
            worker.doubtful.add(number)
        self._advance(run)
        self._fill(worker)

    def _advance(self, run: Run) -> None:
        """Two parcels at once, those of one object one after the other."""
        if _is_over(run, self.now):
            run.chains.clear()
        while run.chains and run.active < policy.PER_HOST:
            run.active += 1
            run.worker.queue.append((run, run.chains.popleft()))
        if not run.active:
            self._at(self.now + LINGER_S, self._keep, run)

    def _fill(self, worker: Worker) -> None:
        """Whoever waited longest gets the next place."""
        while worker.free and worker.queue:
            run, chain = worker.queue.popleft()
            if _is_over(run, self.now):
                run.active -= 1
                self._advance(run)
            else:
                self._begin(run, chain)

    def _begin(self, run: Run, chain: deque[Parcel]) -> None:
        server, worker, costs = self.world.servers[run.number], run.worker, self._costs
        worker.free -= 1
        starts = max(self.now, worker.busy_until) + costs.delivery_s
        found = self.world.no_connection(server, starts)
        if found is None:
            warm = self._is_warm(worker, run.number)
            starts += 0.0 if warm else costs.handshake_s
            found = self.world.answer(server, starts, warm=warm)
        worker.busy_until = starts
        outcome, took = found
        server.in_flight += 1
        self.figures.most_at_once = max(self.figures.most_at_once, server.in_flight)
        self._at(starts + took, self._end, run, chain, outcome)

    def _is_warm(self, worker: Worker, number: int) -> bool:
        last = worker.warm.pop(number, None)
        return last is not None and self.now - last <= KEEP_ALIVE_SECONDS

    def _end(self, run: Run, chain: deque[Parcel], outcome: Outcome) -> None:
        server, worker = self.world.servers[run.number], run.worker
        server.in_flight -= 1
        self.figures.attempts[server.kind] += 1
        parcel = chain.popleft()
        if isinstance(outcome, Delivered):
            self._arrived(run.number, server, parcel)
            worker.warm[run.number] = self.now
            if len(worker.warm) > MAX_IDLE_CONNECTIONS:
                worker.warm.popitem(last=False)
        else:
            self.figures.wasted[int(self.now // self.figures.bucket_s)] += 1
        if not worker.dead:
            run.visit.note(outcome)
            run.results.append((parcel, self._again(run, parcel, outcome)))
            if chain and not isinstance(outcome, Later):
                run.chains.append(chain)
            run.active -= 1
            worker.free += 1
            self._advance(run)
            self._fill(worker)

    def _again(self, run: Run, parcel: Parcel, outcome: Outcome) -> float | None:
        """When it is tried next; None: it arrived, or is given up."""
        if not isinstance(outcome, Later):
            return None
        wait = policy.try_again_after(
            outcome,
            parcel.attempts + 1,
            self.world.dice.uniform(-1, 1),
            age=timedelta(seconds=self.now - parcel.created_at),
            silent_for=run.visit.silent_for,
            is_delete=parcel.said.kind == "Delete",
        )
        if wait is None:
            self.figures.given_up += 1
            return None
        return self.now + wait.total_seconds()

    # ------------------------------------------------------------------------ the ledger

    def _keep(self, run: Run) -> None:
        """Note what came of a visit; a dead worker notes nothing."""
        if run.worker.dead:
            return
        lane, was_doubtful = self.lanes[run.number], run.number in run.worker.doubtful
        for parcel, again in run.results:
            if again is None:
                del lane.waiting[parcel.said.number]
            else:
                parcel.run_at, parcel.attempts = again, parcel.attempts + 1
        lane.give_back(run.visit, self.now, self.world.dice.uniform(-1, 1))
        self._note_due(run.number)
        run.worker.held.discard(run.number)
        run.worker.doubtful.discard(run.number)
        if self._wanted(run.worker, was_doubtful):
            self._look_by(self.now + BREATH_S)

    def _die(self, worker: Worker) -> None:
        worker.dead = True
        for number in worker.held:
            until = self.lanes[number].lease_until
            assert until is not None
            self._at(until, self._lease_ends, number)

    def _lease_ends(self, number: int) -> None:
        self.lanes[number].lease_until = None
        self._note_due(number)
        self._look_by(self.now + PAUSE_S)

    # ------------------------------------------------------------------------ figures

    def _arrived(self, number: int, server: Server, parcel: Parcel) -> None:
        seen = self.figures
        if parcel.arrived:
            seen.twice += 1
            return
        parcel.arrived = True
        bucket, age = int(self.now // seen.bucket_s), self.now - parcel.created_at
        seen.arrived[bucket] += 1
        kind = server.kind
        if kind == "living":
            seen.ages_at[bucket].append(age)
            kind = "cut off" if self.world.is_cut(parcel.created_at) else kind
        seen.ages[kind].append(age)
        if number in self._away:
            away, back = self._away.pop(number)
            seen.found.append((away, self.now - back))
        if number in self._cut:
            seen.line_back.append(self.now - self._cut.pop(number))
