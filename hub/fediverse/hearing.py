"""A batch of mail, handed to the handlers in one transaction.

At first all of it in one go, with what will be asked of the database asked at once; if an activity
fails that wrote something already, nothing is kept, and each has its own savepoint (decision 0065).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import FederationError, MalformedDocument, Unauthorised
from federation.inbox import Inbox
from federation.vocab.activities import Accept, Activity, Reject, Undo
from federation.vocab.parse import loads, parse
from hub.actors import service as actors
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.questions import Memory, remember
from hub.core.services import Services
from hub.fediverse import follows, forwarding, peers, relays, rulings
from hub.fediverse.authentic import authentic, author_of
from hub.fediverse.models import LISTED, InboxActivity
from hub.fediverse.received import Alone, Document, LookUps, Received, Together, Wanted

log = logging.getLogger(__name__)

TRIES = 5  # a poisonous activity is given up after this (R14)
PAUSE = timedelta(seconds=30)
_UNKNOWN = Actor()  # the author, until it was looked up
_LOG = InboxActivity.__table__
_NOTED = update(_LOG).where(  # type: ignore[arg-type]
    _LOG.c.id == bindparam("noted_id"), _LOG.c.fence == bindparam("noted_fence")
)


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
        session = self.session.sync_session
        if self.memory.waits(session):  # what others left is theirs
            async with self.whole():
                await self.session.flush()
        before = self.memory.writes(session)
        try:
            yield
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) or self.memory.writes(session) != before:
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


class Hearing:
    """Hands activities to the handlers."""

    def __init__(self, services: Services, handlers: Inbox[Received]) -> None:
        self._services = services
        self._handlers = handlers

    async def hear(self, cases: Sequence[Case], look_ups: LookUps) -> Sequence[Case]:
        """Let the handlers hear of these, and note what became of them; which were ours still."""
        try:
            return await self._heard(cases, look_ups, together=len(cases) > 1)
        except Spoilt as spoilt:
            log.info("a round begins anew, each activity by itself: %r", spoilt.__cause__)
        # Who is new here is written down before anything of theirs is refused, and so one of them
        # spoils it for all: their servers' mail goes by itself.
        new = {case.row.host for case in cases if case.row.actor_document is not None}
        known = [case for case in cases if case.row.host not in new]
        heard: Sequence[Case] = ()
        if known and new:
            heard = await self.hear(known, look_ups)
            cases = [case for case in cases if case.row.host in new]
        return [*heard, *await self._heard(cases, look_ups, together=False)]

    async def _heard(
        self, cases: Sequence[Case], look_ups: LookUps, *, together: bool
    ) -> Sequence[Case]:
        """Those that are still ours to handle, after that was done in one transaction.

        Raises:
            Spoilt: nothing of it was done; not if each is handled by itself.
        """
        for case in cases:
            case.begin()  # also those that are somebody else's by now: they want nothing any more
        async with self._services.db.write() as session:
            cases = await _held(session, cases)
            if together:
                one = Round(session, look_ups, False, Together(), remember(session))
                async with one.whole():
                    await self._look_ahead(session, cases)
            else:
                one = Round(session, look_ups, len(cases) == 1)
            for case in cases:
                await self._try(one, case)
            if one.together is not None:
                async with one.whole():
                    await one.together.finish(session)
            await note(session, [case for case in cases if case.wanted is None and not case.alone])
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

    async def _handle(self, one: Round, case: Case) -> None:
        row, session = case.row, one.session
        document, activity = case.read()
        if await rulings.is_closed(session, self._services, row.host):
            raise Unauthorised("nothing is taken from the server")
        await relays.check(session, activity, row.host)
        received = Received(
            session=session,
            services=self._services,
            author=_UNKNOWN,
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


async def _held(session: AsyncSession, cases: Sequence[Case]) -> list[Case]:
    """Those that nobody took over meanwhile: a worker that slept past its lease does nothing."""
    ids = [case.row.id for case in cases]
    table = InboxActivity
    rows = await session.execute(
        select(table.id, table.fence).where(table.id.in_(ids)).with_for_update()
    )
    fences = dict(rows.all())
    return [case for case in cases if fences.get(case.row.id) == case.row.fence]


async def note(session: AsyncSession, cases: Sequence[Case]) -> None:
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
