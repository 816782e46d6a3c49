"""Taking up lanes: a server's mail is leased whole, and its due deliveries are read with it.

What was said is read once, however many servers it goes to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, text, update
from sqlalchemy.orm import aliased

from federation.delivery import first_scheme
from federation.recent import Recent
from federation.signatures.http import Scheme
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import AsyncSession, Database
from hub.core.prepared import WIDTH, Prepared, among, wide
from hub.fediverse import ledger
from hub.fediverse.models import DOUBTFUL, SOUND, Delivery, OutboxActivity, Peer
from hub.fediverse.policy import Visit
from hub.jobs import queue

PER_LANE = 20  # deliveries taken from a lane in one lease
MOST_SAID = 256  # activities kept at hand, some 3 kB each


@dataclass(frozen=True, slots=True)
class Said:
    """An activity as it goes out: the same bytes and digest to everyone."""

    type: str
    actor_uri: str
    body: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery with all that is needed to send it."""

    id: int
    object_uri: str
    inbox: str
    attempts: int
    created_at: datetime
    said: Said


@dataclass(slots=True)
class Lane:
    """A leased server and what was done for it.

    `doubtful`: it failed at its last visit, or never had one. `worked` is the signature scheme that
    it took last, `scheme` the one to begin with; `refused`: it did not take RFC 9421 although that
    seemed right.
    """

    host: str
    fence: int
    doubtful: bool
    worked: str | None
    scheme: Scheme
    visit: Visit
    parcels: list[Parcel]
    results: list[ledger.Result] = field(default_factory=list)
    refused: bool = False


Words = tuple[int, str]
"""An activity of the outbox by its number, and the digest of its bytes."""

PEER = (
    Peer.host,
    Peer.fence,
    Peer.scheme,
    Peer.rfc9421_at,
    Peer.failures,
    Peer.failing_since,
    Peer.last_delivered_at,
)
DELIVERY = (
    Delivery.host,
    Delivery.id,
    Delivery.object_uri,
    Delivery.inbox,
    Delivery.attempts,
    Delivery.created_at,
    Delivery.activity_id,
    OutboxActivity.digest,
)


class Lanes:
    """The lanes of a database, for one worker."""

    def __init__(self, database: Database, worker: str) -> None:
        self._worker = worker
        self._sound = Prepared(database, _claiming(SOUND), _columns(PEER))
        self._doubtful = Prepared(database, _claiming(DOUBTFUL), _columns(PEER))
        self._parcels = Prepared(database, _due_parcels(), _columns(DELIVERY))
        self._said: Recent[Words, Said] = Recent(MOST_SAID)

    async def claim(self, session: AsyncSession, sound: int, doubtful: int) -> list[Lane]:
        """Lease so many due lanes, and so many of servers that are in doubt; WIDTH in all.

        Of both kinds those that are longest due.
        """
        moment = now()
        given = {"moment": moment, "until": moment + queue.LEASE, "worker": self._worker}
        peers: list[tuple[Any, ...]] = []
        for claim, most in ((self._doubtful, doubtful), (self._sound, sound)):
            if room := min(most, WIDTH - len(peers)):
                peers += await claim.rows(session, {**given, "most": room})
        if not peers:
            return []
        given = {"moment": moment, **wide([host for host, *_ in peers])}
        rows = await self._parcels.rows(session, given)
        said = await self._read(session, {(row[-2], row[-1]) for row in rows})
        parcels: dict[str, list[Parcel]] = defaultdict(list)
        for host, number, uri, inbox, attempts, created_at, *words in rows:
            parcel = Parcel(number, uri, inbox, attempts, created_at, said[words[0], words[1]])
            parcels[host].append(parcel)
        return [_lane(peer, parcels[peer[0]], moment) for peer in peers]

    async def _read(self, session: AsyncSession, wanted: Set[Words]) -> dict[Words, Said]:
        """What was said in these activities; read from the database if it was not lately.

        The digest tells what was said anew since (`outbox.restate`).
        """
        found = {each: said for each in wanted if (said := self._said.get(each)) is not None}
        missing = [number for number, digest in wanted if (number, digest) not in found]
        if missing:
            rows = await session.execute(
                select(
                    OutboxActivity.id,
                    OutboxActivity.type,
                    Actor.uri,
                    OutboxActivity.body,
                    OutboxActivity.digest,
                )
                .join(Actor, Actor.id == OutboxActivity.actor_id)
                .where(OutboxActivity.id.in_(missing))
            )
            for number, kind, actor_uri, body, digest in rows:
                found[number, digest] = Said(kind, actor_uri, body, digest)
                self._said.put((number, digest), found[number, digest])
        return found


def _lane(peer: tuple[Any, ...], parcels: list[Parcel], moment: datetime) -> Lane:
    host, fence, worked, spoke_at, failures, failing_since, answered_at = peer
    return Lane(
        host=host,
        fence=fence,
        doubtful=failures > 0 or answered_at is None,
        worked=worked,
        scheme=first_scheme(worked, spoke_at, moment),
        visit=Visit(failures, moment - failing_since if failing_since else timedelta(0)),
        parcels=parcels,
    )


def _columns(attributes: Iterable[Any]) -> list[ColumnElement[Any]]:
    return [attribute.expression for attribute in attributes]


def _moment() -> Any:
    return bindparam("moment", type_=Delivery.run_at.type)


def _claiming(which: str) -> Any:
    """As `jobs.queue.claim`, of some servers.

    `SKIP LOCKED` is left out on SQLite, whose one writer is alone.
    """
    due = (
        select(Peer.host)
        .where(
            Peer.run_at <= _moment(),
            or_(Peer.lease_until.is_(None), Peer.lease_until <= _moment()),
            text(which),
        )
        .order_by(Peer.run_at)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(Peer)
        .where(Peer.host.in_(due))
        .values(lease_until=bindparam("until"), leased_by=bindparam("worker"), fence=Peer.fence + 1)
        .returning(*PEER)
    )


def _due_parcels() -> Any:
    """The due deliveries of some servers, at most PER_LANE each, oldest activity first."""
    return (
        select(*DELIVERY)
        .select_from(Peer)
        .join(Delivery, and_(Delivery.host == Peer.host, Delivery.activity_id <= _last_taken()))
        .join(OutboxActivity, OutboxActivity.id == Delivery.activity_id)
        .where(
            among(Peer.host.expression), Delivery.run_at <= _moment(), ~_waits_for_another(Delivery)
        )
        .order_by(Delivery.host, Delivery.activity_id, Delivery.id)
    )


def _last_taken() -> ColumnElement[int]:
    """The last activity that a lease may take from a server's lane: its PER_LANE-th that may go.

    Only those that may go count, or a server that refuses twenty would never see the next.
    """
    other = aliased(Delivery)
    nth = (
        select(other.activity_id)
        .where(other.host == Peer.host, other.run_at <= _moment(), ~_waits_for_another(other))
        .order_by(other.activity_id)
        .limit(1)
        .offset(PER_LANE - 1)
        .correlate(Peer)
        .scalar_subquery()
    )
    return func.coalesce(nth, 2**62)


def _waits_for_another(delivery: Any) -> ColumnElement[bool]:
    """Whether something said earlier of the same object is not due yet (AP-74)."""
    earlier = aliased(Delivery)
    return (
        select(earlier.id)
        .where(
            earlier.host == delivery.host,
            earlier.object_uri == delivery.object_uri,
            earlier.activity_id < delivery.activity_id,
            earlier.run_at > _moment(),
        )
        .correlate(delivery)
        .exists()
    )
