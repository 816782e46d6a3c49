"""A job is a row, written in the transaction that asks for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base

BIG_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER by itself


class Claimable:
    """What makes a row claimable by a worker.

    It is due when `run_at` has come and no lease runs. `fence` grows at each claim: a worker whose
    lease ran out, and whose row another took over, no longer holds the newest number.
    `run_at` None: nothing to do.
    """

    run_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    leased_by: Mapped[str | None] = mapped_column(default=None)
    fence: Mapped[int] = mapped_column(default=0)


class Job(Claimable, Base):
    """Work to be done once, later; `failed_at` is set when it was given up."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_due", "run_at"),)

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    name: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    key: Mapped[str | None] = mapped_column(unique=True)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_error: Mapped[str | None]
    failed_at: Mapped[datetime | None]


class ClockRun(Base):
    """When a clock of `jobs.retention` last ran to its end, and how many rows went then."""

    __tablename__ = "clock_run"

    name: Mapped[str] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime]
    gone: Mapped[int]
