"""The outbox of letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base


class Mail(Base):
    """A letter that waits, or that went.

    Once it went, or was given up, only its subject and times stay: `recipient`, `link` and
    `content` are emptied, since links in it open doors. `content` is `composing.Letter` without
    what has a column. `attempts` are tries at the mail server, `last_error` what the last one met,
    without any address. After `expires_at` it is of no use to anybody.
    """

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_waiting", "sent_at", "given_up_at", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    recipient: Mapped[str]
    subject: Mapped[str]
    link: Mapped[str] = mapped_column(default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
