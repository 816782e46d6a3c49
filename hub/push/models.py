"""The hub's key for push services, and the browsers that are told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ForeignKey, exists
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base


class PushKey(Base):
    """The one key by which push services know this hub (RFC 8292), sealed with the master key."""

    __tablename__ = "push_key"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Subscription(Base):
    """A browser that is told, for as long as it is signed in: with its session it goes.

    `endpoint` is its address at its push service; `key` (the browser's `p256dh`) and `secret` (its
    `auth`) are what messages are encrypted with, in base64.
    """

    __tablename__ = "push_subscription"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    session_digest: Mapped[str] = mapped_column(
        ForeignKey("session.digest", ondelete="CASCADE"), unique=True
    )
    endpoint: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str]
    secret: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


def fresh() -> ColumnElement[bool]:
    """Whether a browser allowed messages by the key that we have now, not by one before."""
    return ~exists().where(PushKey.created_at > Subscription.created_at)
