"""Actors: our own, with their keys, and those of others that we know."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base


class Actor(Base):
    """Someone who speaks: `@events` here, a person or another hub elsewhere.

    `authority` is the server's host, with its port where that is not the default. `document` is
    what the actor's server said of it, None for our own. `name` is the part of the handle before
    the `@`. `moved_to` is the actor that it became, since `moved_at`.
    """

    __tablename__ = "actor"
    __table_args__ = (Index("ix_actor_authority", "authority"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    uri: Mapped[str] = mapped_column(unique=True)
    local: Mapped[bool] = mapped_column(default=False)
    kind: Mapped[str]
    name: Mapped[str]
    authority: Mapped[str]
    display_name: Mapped[str] = mapped_column(default="")
    summary: Mapped[str] = mapped_column(default="")
    url: Mapped[str] = mapped_column(default="")
    inbox: Mapped[str]
    shared_inbox: Mapped[str | None]
    followers_uri: Mapped[str | None]
    icon_url: Mapped[str | None]
    document: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    fetched_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    moved_to: Mapped[str | None] = mapped_column(index=True)
    moved_at: Mapped[datetime | None]

    @property
    def handle(self) -> str:
        """`name@host`, as residents read it."""
        return f"{self.name}@{self.authority}"

    @property
    def delivery_inbox(self) -> str:
        """Where public mail for this actor goes: its server's shared inbox if there is one."""
        return self.shared_inbox or self.inbox


class ActorKey(Base):
    """The private keys of one of our actors, encrypted with the hub's master key."""

    __tablename__ = "actor_key"

    actor_id: Mapped[UUID] = mapped_column(
        ForeignKey("actor.id", ondelete="CASCADE"), primary_key=True
    )
    rsa: Mapped[bytes]
    ed25519: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=now)
