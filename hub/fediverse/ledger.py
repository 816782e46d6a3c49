"""Keeping the ledger: many lanes' results in one transaction.

A worker whose lease was taken over (the fence moved on) notes nothing: the lane's new holder does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Boolean, ScalarSelect, Text, bindparam, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Database, insert_for, insert_into
from hub.core.prepared import WIDTH, Prepared, among, wide
from hub.core.services import Services
from hub.fediverse.departures import look_after
from hub.fediverse.models import Delivery, Peer, Receipt
from hub.jobs.queue import enqueue


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one delivery; `run_at` and `attempts` count for `later` alone."""

    delivery_id: int
    object_uri: str
    inbox: str
    state: Literal["delivered", "later", "dropped", "gone"]
    run_at: datetime | None = None
    reason: str | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """What became of one lane.

    `refused`: it took our mail, but not signed by RFC 9421. `back`: it takes mail again after a
    silence, so what waits for it is due now.
    """

    host: str
    fence: int
    results: list[Result]
    scheme: str | None
    refused: bool
    failures: int
    closed_until: datetime | None
    reason: str | None
    answered: bool
    back: bool


async def note_holder(session: AsyncSession, object_uri: str, actor: Actor) -> None:
    """An actor's server has this object, though we never sent it there (AP-76)."""
    await session.execute(
        insert_for(session, Receipt)
        .values(
            object_uri=object_uri,
            inbox=actor.delivery_inbox,
            host=actor.authority,
            delivered_at=now(),
        )
        .on_conflict_do_nothing()
    )


async def is_held(session: AsyncSession, object_uri: str) -> bool:
    """Whether some server has this object."""
    query = select(Receipt.inbox).where(Receipt.object_uri == object_uri).limit(1)
    return await session.scalar(query) is not None


class Ledger:
    """Notes what became of deliveries, by statements made once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        database = services.db
        # Locked in the order of names, as fan-out does: two workers never wait for each other.
        fences = (
            select(Peer.host, Peer.fence)
            .where(among(Peer.host.expression))
            .order_by(Peer.host)
            .with_for_update()
        )
        self._fences = Prepared(database, fences, [Peer.host.expression, Peer.fence.expression])
        self._finish = Prepared(
            database, delete(Delivery).where(Delivery.id == bindparam("delivery_id"))
        )
        self._receipt = Prepared(database, _receiving(database))
        self._postpone = Prepared(database, _postponing())
        self._wake = Prepared(database, _waking())
        self._give_back = Prepared(database, _giving_back())

    async def keep(self, batch: Sequence[Served]) -> None:
        """Note the results of these lanes and give the lanes back, in one transaction."""
        async with self._services.db.write() as session:
            held = await self._still_ours(session, batch)
            results = [(lane, result) for lane in held for result in lane.results]
            await self._finished(session, [each for each in results if each[1].state != "later"])
            later = (result for _, result in results if result.state == "later")
            await self._postpone.many(session, map(_postponed, later))
            moment = now()
            awake = ({"lane": lane.host, "moment": moment} for lane in held if lane.back)
            await self._wake.many(session, awake)
            await self._give_back.many(session, (_given_back(lane, moment) for lane in held))

    async def _still_ours(self, session: AsyncSession, batch: Sequence[Served]) -> list[Served]:
        hosts = sorted(lane.host for lane in batch)
        fences: dict[str, int] = {}
        for start in range(0, len(hosts), WIDTH):
            fences.update(await self._fences.rows(session, wide(hosts[start : start + WIDTH])))
        return [lane for lane in batch if fences.get(lane.host) == lane.fence]

    async def _finished(self, session: AsyncSession, results: list[tuple[Served, Result]]) -> None:
        await self._finish.many(
            session, ({"delivery_id": result.delivery_id} for _, result in results)
        )
        moment = now()
        await self._receipt.many(
            session,
            (
                {
                    "object_uri": result.object_uri,
                    "inbox": result.inbox,
                    "host": lane.host,
                    "delivered_at": moment,
                }
                for lane, result in results
                if result.state == "delivered"
            ),
        )
        for box in {result.inbox for _, result in results if result.state == "gone"}:
            await enqueue(session, look_after, key=f"gone:{box}", inbox=box)


def _receiving(database: Database) -> Any:
    """That a server has an object now; when it got it first or again."""
    statement = insert_into(database, Receipt).values(
        object_uri=bindparam("object_uri"),
        inbox=bindparam("inbox"),
        host=bindparam("host"),
        delivered_at=bindparam("delivered_at"),
    )
    return statement.on_conflict_do_update(
        index_elements=["object_uri", "inbox"],
        set_={"delivered_at": statement.excluded.delivered_at},
    )


def _postponing() -> Any:
    return (
        update(Delivery)
        .where(Delivery.id == bindparam("delivery_id"))
        .values(
            run_at=bindparam("again_at"),
            attempts=bindparam("tries"),
            last_error=bindparam("why"),
        )
    )


def _postponed(result: Result) -> dict[str, Any]:
    return {
        "delivery_id": result.delivery_id,
        "again_at": result.run_at,
        "tries": result.attempts,
        "why": (result.reason or "")[:300],
    }


def _waking() -> Any:
    """What waits for a server is due now, as when it sends us something (`peers.seen`)."""
    moment = bindparam("moment", type_=Delivery.run_at.type)
    return (
        update(Delivery)
        .where(Delivery.host == bindparam("lane"), Delivery.run_at > moment)
        .values(run_at=moment)
    )


def _giving_back() -> Any:
    """Release a lane: due again when its next delivery is, and not while closed."""
    moment = Peer.closed_until.type
    due, closed = _next_due(), bindparam("closed", type_=moment)
    failed = bindparam("failed", type_=Peer.failures.type)
    return (
        update(Peer)
        .where(Peer.host == bindparam("lane"))
        .values(
            run_at=case((closed > due, closed), else_=due),
            lease_until=None,
            leased_by=None,
            scheme=bindparam("worked"),
            rfc9421_at=case((bindparam("refused", type_=Boolean), None), else_=Peer.rfc9421_at),
            failures=failed,
            closed_until=closed,
            failing_since=case(
                (failed == 0, None),
                else_=func.coalesce(Peer.failing_since, bindparam("moment", type_=moment)),
            ),
            last_error=func.coalesce(bindparam("why", type_=Text), Peer.last_error),
            last_delivered_at=func.coalesce(
                bindparam("arrived", type_=moment), Peer.last_delivered_at
            ),
        )
    )


def _next_due() -> ScalarSelect[datetime]:
    """When the next delivery of the `lane` is due; of each object only the first one counts."""
    earlier = aliased(Delivery)
    waits = (
        select(earlier.id)
        .where(
            earlier.host == Delivery.host,
            earlier.object_uri == Delivery.object_uri,
            earlier.activity_id < Delivery.activity_id,
        )
        .exists()
    )
    return (
        select(Delivery.run_at)
        .where(Delivery.host == bindparam("lane"), ~waits)
        .order_by(Delivery.run_at)
        .limit(1)
        .scalar_subquery()
    )


def _given_back(lane: Served, moment: datetime) -> dict[str, Any]:
    return {
        "lane": lane.host,
        "closed": lane.closed_until,
        "worked": lane.scheme,
        "refused": lane.refused,
        "failed": lane.failures,
        "why": lane.reason,
        "arrived": moment if lane.answered else None,
        "moment": moment,
    }
