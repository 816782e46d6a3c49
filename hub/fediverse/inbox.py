"""Taking mail: kept before it is answered, acted upon afterwards.

`accept` appends to the inbox log through group commit. `process` claims a batch of the log and
hands each activity to the handlers: at first all of them in one go, with what they will ask of the
database asked at once; if one fails that wrote something already, none of it is kept, and each has
its own savepoint. What a handler wants from another server is fetched between transactions, within
a budget, and the handler starts anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import (
    FederationError,
    MalformedDocument,
    Unauthorised,
    Unreachable,
)
from federation.inbox import Inbox
from federation.rates import Rates
from federation.verification import VerifiedActivity
from federation.vocab.activities import Accept, Activity, Reject, Undo
from federation.vocab.parse import loads, parse
from hub.actors import service as actors
from hub.actors.models import Actor
from hub.core.batch import GroupCommit
from hub.core.clock import now
from hub.core.db import Append
from hub.core.questions import Memory, remember
from hub.core.services import Services
from hub.fediverse import follows, forwarding, peers, relays, rulings
from hub.fediverse.authentic import authentic, author_of
from hub.fediverse.models import LISTED, InboxActivity
from hub.fediverse.received import (
    LOOK_UPS,
    Alone,
    Document,
    LookUps,
    Received,
    Together,
    Wanted,
)
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
BATCH = 100
DEATHS = 10  # workers that may die with it in hand; one would do, were it not for bad luck
TRIES = 5  # a poisonous activity is given up after this (R14)
PAUSE = timedelta(seconds=30)
AT_ONCE = 8  # documents fetched at once for what one server sent in a batch
GROUPS = 4  # batches of one server for which is asked at once; more of it comes later
SOON = timedelta(seconds=2)
ASKING_TIME = timedelta(seconds=60)  # how long is asked for one batch, well within its lease
FETCHES = 10  # documents fetched for one activity (SECURITY B7)
_LOG = InboxActivity.__table__
_NOTED = update(_LOG).where(  # type: ignore[arg-type]
    _LOG.c.id == bindparam("noted_id"), _LOG.c.fence == bindparam("noted_fence")
)


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


@dataclass
class Case:
    """One activity of a batch on its way through the handlers."""

    row: InboxActivity
    documents: dict[str, Document | FederationError] = field(default_factory=dict)
    wanted: str | None = None
    alone: bool = False
    state: str = "waiting"
    reason: str | None = None
    retry: bool = False
    _read: tuple[Document, Activity] | None = None

    def begin(self) -> None:
        """As if it had not been handled yet; what was fetched for it stays."""
        self.wanted, self.alone, self.retry = None, False, False
        self.state, self.reason = "waiting", None

    def read(self) -> tuple[Document, Activity]:
        """The document, and the activity that it is.

        Raises:
            MalformedDocument: it is none.
        """
        if self._read is None:
            document = loads(self.row.body)
            activity = parse(document)
            if not isinstance(activity, Activity):
                raise MalformedDocument("not an activity")
            self._read = document, activity
        return self._read


class Spoilt(Exception):
    """An activity failed after something was written: nothing of the round can be kept."""


@dataclass(frozen=True, slots=True)
class Round:
    """One transaction in which activities are handled.

    `together` and `memory` are None where each has a savepoint of its own.
    """

    session: AsyncSession
    look_ups: LookUps
    alone: bool = False
    together: Together | None = None
    memory: Memory | None = None

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """What one activity does: all of it is kept, or nothing.

        Raises:
            Spoilt: it failed, and what it did cannot be told from what others did.
        """
        if self.memory is None:
            async with self.session.begin_nested():
                yield
            return
        before = self.memory.writes(self.session)
        try:
            yield
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) or self.memory.writes(self.session) != before:
                raise Spoilt from error
            raise

    @asynccontextmanager
    async def whole(self) -> AsyncIterator[None]:
        """What is done for all activities at once.

        Raises:
            Spoilt: it failed.
        """
        try:
            yield
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            raise Spoilt from error


class Processor:
    """Acts upon what was kept; one per worker process."""

    def __init__(self, services: Services, handlers: Inbox[Received], worker: str) -> None:
        self._services = services
        self._handlers = handlers
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
        for host, group in senders.items():
            if self._groups[host] >= GROUPS:
                await self._put_back(group)
                continue
            self._groups[host] += 1
            task = asyncio.create_task(self._ask_around(host, group))
            self._asking.add(task)
            task.add_done_callback(self._asked)
        return len(rows)

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
        """Let the handlers hear of these, and note what became of them."""
        look_ups = LookUps(self._look_ups)
        try:
            cases = await self._heard(cases, look_ups, together=len(cases) > 1)
        except Spoilt as spoilt:
            log.info("a round begins anew, each activity by itself: %r", spoilt.__cause__)
            cases = await self._heard(cases, look_ups, together=False)
        for case in cases:
            if case.alone:
                await self._round([case])

    async def _heard(
        self, cases: Sequence[Case], look_ups: LookUps, *, together: bool
    ) -> Sequence[Case]:
        """Those that are still ours to handle, after that was done in one transaction.

        Raises:
            Spoilt: nothing of it was done; not if each is handled by itself.
        """
        async with self._services.db.write() as session:
            cases = await _held(session, cases)
            if together:
                one = Round(session, look_ups, False, Together(), remember(session))
                async with one.whole():
                    await self._look_ahead(session, cases)
            else:
                one = Round(session, look_ups, len(cases) == 1)
            for case in cases:
                case.begin()
                await self._try(one, case)
            if one.together is not None:
                async with one.whole():
                    await one.together.finish(session)
            await _note(session, [one for one in cases if one.wanted is None and not one.alone])
            rows = [case.row for case in cases]
            modern = [row.host for row in rows if row.scheme == "rfc9421"]
            await peers.seen(session, [row.host for row in rows], modern)
        return cases

    async def _look_ahead(self, session: AsyncSession, cases: Sequence[Case]) -> None:
        """Ask at once what will be asked of each of these."""
        activities = []
        for case in cases:
            with suppress(FederationError):  # it is said when its turn comes
                activities.append(case.read()[1])
        hosts = {case.row.host for case in cases}
        await rulings.OF.ahead(session, hosts)
        people = {case.row.actor_uri for case in cases}
        await actors.BY_URI.ahead(session, people)
        known = [await actors.BY_URI.of(session, uri) for uri in people]
        await follows.FOLLOWED.ahead(session, (one.id for one in known if one is not None))
        await self._handlers.look_ahead(session, activities, hosts)

    async def _try(self, one: Round, case: Case) -> None:
        """Let the handlers hear of it; what they do is kept only if they come to an end."""
        try:
            async with one.part():
                await self._handle(one, case)
        except Wanted as wanted:
            case.wanted = wanted.uri
        except Alone:
            case.alone = True
        except FederationError as error:
            case.state, case.retry = "dropped", error.retry
            case.reason = f"{type(error).__name__}: {error}"
        except (Spoilt, OperationalError, InterfaceError):
            raise  # with the last two the database itself is in trouble; nothing was done
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            # A handler's fault must not stop its neighbours (R14).
            log.exception("inbound %s of %s failed", case.row.id, case.row.host)
            case.state, case.retry = "failed", True
            case.reason = f"{type(error).__name__}: {error}"

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

    async def _handle(self, one: Round, case: Case) -> None:
        row, session = case.row, one.session
        document, activity = case.read()
        if await rulings.is_closed(session, self._services, row.host):
            raise Unauthorised("nothing is taken from the server")
        await relays.check(session, activity, row.host)
        received = Received(
            session=session,
            services=self._services,
            author=Actor(uri=row.actor_uri),
            activity=activity,
            document=document,
            host=row.host,
            now=now(),
            documents=case.documents,
            dispatch=self._handlers.dispatch,
            alone=one.alone,
            listed=row.trust == LISTED,
            look_ups=one.look_ups,
            together=one.together,
        )
        author = await author_of(received, row)
        elsewhere = author.authority != row.host
        if author.suspended_at is not None or (
            elsewhere and await rulings.is_closed(session, self._services, author.authority)
        ):
            raise Unauthorised("nothing is taken from the author's server")
        received = await authentic(replace(received, author=author), row.trust)
        received = await self._whole(received)
        known = await self._handlers.dispatch(received, received.activity)
        await forwarding.forward(received, row)
        case.state = "done" if known else "dropped"
        case.reason = None if known else f"nothing to do for {activity.type}"

    async def _whole(self, received: Received) -> Received:
        """The same, with the activity that an Undo, Accept or Reject names by its id alone."""
        activity = received.activity
        if isinstance(activity, Undo | Accept | Reject) and isinstance(activity.object, str):
            named = await self._handlers.recall(received, activity.object)
            if named is not None:
                return replace(received, activity=replace(activity, object=named))
        return received


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
    await _note(session, [first])
    return []


async def _held(session: AsyncSession, cases: Sequence[Case]) -> list[Case]:
    """Those that nobody took over meanwhile: a worker that slept past its lease does nothing."""
    ids = [case.row.id for case in cases]
    table = InboxActivity
    rows = await session.execute(
        select(table.id, table.fence).where(table.id.in_(ids)).with_for_update()
    )
    fences = dict(rows.all())
    return [case for case in cases if fences.get(case.row.id) == case.row.fence]


async def _note(session: AsyncSession, cases: Sequence[Case]) -> None:
    """What became of each; tried again later where that may help."""
    if cases:
        await session.execute(_NOTED, [_noted(case) for case in cases])


def _noted(case: Case) -> dict[str, Any]:
    attempts = case.row.attempts + 1
    again = case.retry and attempts < TRIES
    return {
        "noted_id": case.row.id,
        "noted_fence": case.row.fence,
        "state": "waiting" if again else case.state,
        "reason": (case.reason or "")[:300] or None,
        "attempts": attempts,
        "run_at": now() + PAUSE * 2**attempts if again else None,
        "lease_until": None,
        "leased_by": None,
    }
