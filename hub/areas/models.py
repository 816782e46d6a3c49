"""What a channel of an area passes on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base


class Area(Base):
    """A channel of an area: one of our actors, which says nothing of its own; a Group takes posts.

    It passes on what is of one of `kinds`, bears one of `tags` and comes from one of `origins`
    (authorities; `local`: this hub); where one of these is empty, it does not narrow. With a centre
    it passes on only what lies within `within_m` metres of it.
    """

    __tablename__ = "area"

    actor_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"), primary_key=True)
    kinds: Mapped[list[str]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(default=list)
    origins: Mapped[list[str]] = mapped_column(default=list)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    within_m: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)

    actor: Mapped[Actor] = relationship(lazy="raise")
