"""Events, and the series that some of them belong to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base
from hub.entries.models import Entry


class Series(Base):
    """A repeating event: the rule, and what its dates have in common.

    `rule` is an RRULE (RFC 5545); `starts_at` the first start, in whose `timezone` the rule is
    counted. `exceptions` are starts that do not take place, `extra` starts beside the rule, both
    RFC 3339. `draft` is the form from which new dates are made; `expanded_until` how far they are.
    """

    __tablename__ = "series"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    rule: Mapped[str]
    starts_at: Mapped[datetime]
    timezone: Mapped[str]
    exceptions: Mapped[list[str]] = mapped_column(default=list)
    extra: Mapped[list[str]] = mapped_column(default=list)
    draft: Mapped[dict[str, Any]]
    expanded_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class Event(Entry):
    """One event, or one date of a series.

    `starts_at` and `ends_at` are moments in UTC; `timezone` is the IANA name of the place's clock,
    in which they are shown. `ends_at` is None while the end is open. `all_day`: only the dates
    count, and `ends_at` is the midnight after the last day. `status` is scheduled, cancelled,
    postponed or moved_online. `occurs_at` is the start that the series' rule gave, whatever
    `starts_at` says now. `access` is what visitors should know about getting in, in words.
    """

    __tablename__ = "event"
    __mapper_args__ = {"polymorphic_identity": "event"}
    __table_args__ = (UniqueConstraint("series_id", "occurs_at"),)

    id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True, default=uuid4)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    previous_starts_at: Mapped[datetime | None]
    timezone: Mapped[str]
    all_day: Mapped[bool] = mapped_column(default=False)
    online_url: Mapped[str | None]
    organiser: Mapped[str] = mapped_column(default="")
    capacity: Mapped[int | None]
    price: Mapped[str] = mapped_column(default="")
    access: Mapped[str] = mapped_column(default="")
    category: Mapped[str] = mapped_column(default="MEETING")
    series_id: Mapped[UUID | None] = mapped_column(ForeignKey("series.id"), index=True)
    occurs_at: Mapped[datetime | None]
