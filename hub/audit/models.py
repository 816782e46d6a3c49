"""What stewards, moderators and commands did."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.db import Base
from hub.jobs.models import BIG_ID


class Act(Base):
    """Something that was done to the hub: rows are added and never changed (SECURITY G7).

    `by_id` is the person, or the program that has an account; None for the command line. `way` is
    page, api or command. `deed` is one of `log.DEEDS`, `about` the
    server, or the id of the person or thing. `details` are numbers, roles and names of servers:
    nothing that people wrote or are called. `digest` is over this row and the one before it.
    """

    __tablename__ = "act"

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    by_id: Mapped[UUID | None] = mapped_column(index=True)
    way: Mapped[str]
    deed: Mapped[str] = mapped_column(index=True)
    about: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[str]
    digest: Mapped[str]
