"""Events, the series that some of them belong to, and who comes along."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.actors.models import Actor
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
    `starts_at` says now. `access` is what visitors should know about getting in, in words;
    `access_facts` the same as facts that can be asked for (`access.Fact` by name). `bring` is what
    people may bring along.
    `place_id` and `organiser_id` are records of the directory that were chosen, no foreign keys,
    since one may be gone; `place_uri` and `organiser_uri` their ids as other servers know them,
    also of records that are not here (yet).
    `joining` is how people come along: free (whoever asks, while there is room), restricted (the
    organiser decides) or external (not by us); `capacity` how many can, None for any number.
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
    joining: Mapped[str] = mapped_column(default="free")
    price: Mapped[str] = mapped_column(default="")
    access: Mapped[str] = mapped_column(default="")
    access_facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    bring: Mapped[list[str]] = mapped_column(default=list)
    category: Mapped[str] = mapped_column(default="MEETING")
    place_id: Mapped[UUID | None]
    place_uri: Mapped[str | None] = mapped_column(index=True)
    organiser_id: Mapped[UUID | None]
    organiser_uri: Mapped[str | None] = mapped_column(index=True)
    series_id: Mapped[UUID | None] = mapped_column(ForeignKey("series.id"), index=True)
    occurs_at: Mapped[datetime | None]

    @property
    def further_texts(self) -> tuple[str, ...]:
        """Who organises it, and how to get in."""
        return (self.organiser, self.access)


class Attendance(Base):
    """Somebody who wants to come to an event of ours.

    It is an `actor` elsewhere, a `person` here, or a guest without an account, who has an `email`.
    `state` is unconfirmed (a guest whose link was not followed yet), asked (waits for the
    organiser), waiting (for a place), accepted, rejected (by the organiser) or left. `uri` is the
    id of the Join that counts; empty if that had none, and for a Leave that came before its Join.
    `message` is theirs, plain text. `answered_at` is when `state` last changed, None while it is
    asked. `people` are how many come with one answer, `brings` things of the event's list.
    `secret` is in the link by which they look at their answer and change it; it opens nothing else
    and stands in every letter, so it is kept as it is. `quiet`: they want no letters about it.
    """

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint("event_id", "actor_id"),
        UniqueConstraint("event_id", "person_id"),
        UniqueConstraint("event_id", "email"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"))
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("actor.id"), index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    email: Mapped[str | None]
    name: Mapped[str] = mapped_column(default="")
    people: Mapped[int] = mapped_column(default=1)
    brings: Mapped[list[str]] = mapped_column(default=list)
    secret: Mapped[str | None] = mapped_column(index=True)
    quiet: Mapped[bool] = mapped_column(default=False)
    uri: Mapped[str] = mapped_column(index=True, default="")
    state: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime] = mapped_column(default=now)
    answered_at: Mapped[datetime | None]

    actor: Mapped[Actor | None] = relationship(lazy="raise")
