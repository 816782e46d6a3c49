"""What the hub keeps of its traffic with other servers.

Out: an `OutboxActivity` is the fan-out row; a worker expands it into `Delivery` rows; success
leaves a `Receipt`. In: an `InboxActivity` is kept before it is answered with 202, and acted upon
later. A `Peer` is another server: what we think of it, and the lane in which its mail waits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.jobs.models import BIG_ID, Claimable

# A server that failed at its last visit, or never had one; an index says it, and so a statement.
DOUBTFUL = "(failures > 0 OR last_delivered_at IS NULL)"
SOUND = "(failures = 0 AND last_delivered_at IS NOT NULL)"

# How we know what an actor said: we read it in a collection of theirs, see `InboxActivity.trust`.
LISTED: Final = "listed"


class Peer(Claimable, Base):
    """Another server, and the lane of its deliveries.

    `standing` is open, allowed, silenced or blocked, and `no_pictures` whether its pictures are not
    shown: what stewards said of the nearest of its names (`rulings`). `run_at` is when its next
    delivery is due (None: nothing waits); a worker leases the whole lane, so a server never gets
    more than two requests at once from us. `failures` counts failed attempts in a row that speak
    of the server itself, `closed_until` is when it may be tried again (breaker, Retry-After);
    `scheme` is the signature scheme that worked last, `rfc9421_at` when the server last showed that
    it speaks RFC 9421.
    `passed_at`: a steward let something of this server through. `flooded_at`: it published so
    much at once that this hub silenced it by itself. `lost_at`: it was not heard of for so long
    that what it published is hidden, until it is heard of again.
    """

    __tablename__ = "peer"
    __table_args__ = (
        Index("ix_peer_due", "run_at"),
        Index(
            "ix_peer_doubtful_due",
            "run_at",
            sqlite_where=text(DOUBTFUL),
            postgresql_where=text(DOUBTFUL),
        ),
    )

    host: Mapped[str] = mapped_column(primary_key=True)
    standing: Mapped[str] = mapped_column(default="open")
    no_pictures: Mapped[bool] = mapped_column(default=False, server_default=false())
    software: Mapped[str | None]
    scheme: Mapped[str | None]
    rfc9421_at: Mapped[datetime | None]
    passed_at: Mapped[datetime | None]
    flooded_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime | None]
    last_delivered_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    closed_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    last_error: Mapped[str | None]


class Ruling(Base):
    """What stewards said of a server's name, and of all below it; the nearest name decides.

    `standing` as in `Peer`. `reject_media`: no pictures from there; `reject_reports`: no reports.
    `comment` may be shown to anybody; `obfuscate` asks others to write the name only in part.
    """

    __tablename__ = "ruling"

    host: Mapped[str] = mapped_column(primary_key=True)
    standing: Mapped[str]
    reject_media: Mapped[bool] = mapped_column(default=False)
    reject_reports: Mapped[bool] = mapped_column(default=False)
    comment: Mapped[str] = mapped_column(default="")
    obfuscate: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(default=now)


class Follow(Base):
    """One actor follows another; `state` is pending, accepted or rejected.

    `relay` is set where we subscribed to a relay: `actor` if we follow it as others do (LitePub's
    way), `public` if we asked it for what is public (Mastodon's way); None for all other follows.
    """

    __tablename__ = "follow"
    __table_args__ = (UniqueConstraint("follower_id", "followee_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    uri: Mapped[str] = mapped_column(unique=True)
    follower_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"))
    followee_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"), index=True)
    state: Mapped[str] = mapped_column(default="pending")
    relay: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    answered_at: Mapped[datetime | None]

    follower: Mapped[Actor] = relationship(foreign_keys=[follower_id], lazy="raise")
    followee: Mapped[Actor] = relationship(foreign_keys=[followee_id], lazy="raise")


class Backfill(Base):
    """How far we have read what a followed actor published before we followed it.

    `collection` is the one of the actor's that is read at the moment (outbox, upcoming, featured;
    with an address behind it, of whom the actor was before), `page` where it goes on; None: at its
    beginning. `total` is how much the outboxes say that they hold; `pages` were read so far,
    `items` of them are of a kind that hubs keep, and `taken` were handed on: what is over is not.
    `tried`: so often in a row it could not be read, as `error` says. `run` counts the readings: all
    is read again now and then, and `taken` adds up.
    """

    __tablename__ = "backfill"

    follow_id: Mapped[UUID] = mapped_column(
        ForeignKey("follow.id", ondelete="CASCADE"), primary_key=True
    )
    run: Mapped[int] = mapped_column(default=1)
    collection: Mapped[str]
    page: Mapped[str | None]
    total: Mapped[int | None] = mapped_column(BigInteger)
    pages: Mapped[int] = mapped_column(default=0)
    items: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(default=0)
    tried: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class OutboxActivity(Base):
    """Something one of our actors said; `id` is the order in which things were said.

    `to_followers`: it goes to the actor's followers. `inboxes`: and to these. `to_receivers`: and
    to every server that got the object before. `from_host`: these are the very bytes that this
    server sent us, and they do not go back to it; None for what we say ourselves. `expanded_to` is
    the inbox up to which deliveries exist, in order of address; `expanded_at` is None until all do.
    """

    __tablename__ = "outbox_activity"
    __table_args__ = (
        Index("ix_outbox_activity_actor", "actor_id", "listed", "id"),
        Index("ix_outbox_activity_unexpanded", "expanded_at", "id"),
    )

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    uri: Mapped[str] = mapped_column(unique=True)
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"))
    type: Mapped[str]
    object_uri: Mapped[str] = mapped_column(index=True)
    body: Mapped[bytes]
    digest: Mapped[str]
    public: Mapped[bool]
    listed: Mapped[bool]
    to_followers: Mapped[bool]
    to_receivers: Mapped[bool]
    inboxes: Mapped[list[str]]
    from_host: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    run_at: Mapped[datetime] = mapped_column(default=now)
    expanded_to: Mapped[str] = mapped_column(default="")
    expanded_at: Mapped[datetime | None]


class Announcement(Base):
    """What one of our actors passed on, once, whatever the path by which it came (AP-88).

    `uri` is the id of the Announce. `activity` is the Create as it was sent to us, for those who
    pass on whole activities (FEP-1b12). `said_at` is None while it waits for a steward.
    """

    __tablename__ = "announcement"
    __table_args__ = (UniqueConstraint("actor_id", "object_uri"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    uri: Mapped[str] = mapped_column(unique=True)
    actor_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"))
    object_uri: Mapped[str] = mapped_column(index=True)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"), index=True)
    activity: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    said_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    actor: Mapped[Actor] = relationship(foreign_keys=[actor_id], lazy="raise")
    author: Mapped[Actor] = relationship(foreign_keys=[author_id], lazy="raise")


class Delivery(Base):
    """One activity on its way to one inbox; gone once it arrived."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("activity_id", "inbox"),
        Index("ix_delivery_lane", "host", "activity_id"),
        Index("ix_delivery_due", "host", "run_at"),
        Index("ix_delivery_object", "host", "object_uri", "activity_id"),
    )

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("outbox_activity.id"))
    object_uri: Mapped[str]
    inbox: Mapped[str]
    host: Mapped[str]
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_error: Mapped[str | None]


class Receipt(Base):
    """A server has this object; it must hear when the object changes or goes (AP-76)."""

    __tablename__ = "receipt"

    object_uri: Mapped[str] = mapped_column(primary_key=True)
    inbox: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(index=True)
    delivered_at: Mapped[datetime]


class InboxActivity(Claimable, Base):
    """Something another server said, kept before it was answered.

    `state` is waiting, done, dropped or failed; `reason` says why in a few words. `trust` is how
    we know that `actor_uri` said it (signer, proof), `listed` where a collection of the actor's own
    has it and we read that, or `refetch` when its origin must be asked;
    `scheme` is the one in which `host` signed the request. `deaths`: how many workers died with it
    in hand.
    """

    __tablename__ = "inbox_activity"
    __table_args__ = (
        Index("ix_inbox_activity_due", "run_at"),
        Index("ix_inbox_activity_received_at", "received_at"),
    )

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    uri: Mapped[str] = mapped_column(unique=True)
    actor_uri: Mapped[str]
    host: Mapped[str]
    trust: Mapped[str]
    scheme: Mapped[str | None]
    body: Mapped[bytes]
    actor_document: Mapped[bytes | None]
    received_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(default="waiting")
    reason: Mapped[str | None]


class Tombstone(Base):
    """An object that is gone, ours or another's: a late Create of it is refused (AP-34).

    `said_by` is empty where its owner said so, or its origin. Of what was never here nobody knows
    the owner: there it is the actor who said so, and that holds for what would be theirs alone.
    """

    __tablename__ = "tombstone"

    uri: Mapped[str] = mapped_column(primary_key=True)
    said_by: Mapped[str] = mapped_column(primary_key=True, default="", server_default="")
    former_type: Mapped[str | None]
    deleted_at: Mapped[datetime] = mapped_column(default=now)


class Undone(Base):
    """An activity that was taken back, perhaps before it came; `key` is a digest (AP-39)."""

    __tablename__ = "undone"

    key: Mapped[str] = mapped_column(primary_key=True)
    undone_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Fact(Base):
    """A small fact that the hub keeps about itself, such as the address it first federated as."""

    __tablename__ = "fact"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
