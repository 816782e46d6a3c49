"""Imports: what came in, from where, and what each row became."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base


class Import(Base):
    """One run of an import; `source` is the file's name or the address it came from."""

    __tablename__ = "import"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str]
    source: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)


class FollowedCalendar(Base):
    """A calendar of somebody else that this hub keeps up with.

    `validators` are the request headers that name the version we have, `digest` is of its bytes,
    `read_at` when it was last read in full. `trouble` is why the last try failed, in words; empty
    if it did not; `failures` are tries in a row. `counts` are by outcome when it last changed,
    `needs` what a steward should look at (key, title, when, words, path), `kept` the keys of what
    they saw.
    """

    __tablename__ = "followed_calendar"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    url: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    validators: Mapped[dict[str, Any]] = mapped_column(default=dict)
    digest: Mapped[str] = mapped_column(default="")
    read_at: Mapped[datetime | None]
    last_run_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    next_run_at: Mapped[datetime] = mapped_column(default=now, index=True)
    failures: Mapped[int] = mapped_column(default=0)
    trouble: Mapped[str] = mapped_column(default="")
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    needs: Mapped[list[Any]] = mapped_column(JSON, default=list)
    kept: Mapped[list[str]] = mapped_column(default=list)


class ImportedItem(Base):
    """A row of a source and the entry that it became, so that a second import finds it again.

    `key` names the row within its source: UID and date of an event, a CSV row's id or its text.
    `fingerprint` is a digest of the row, so that an unchanged one is left alone.
    """

    __tablename__ = "imported_item"
    __table_args__ = (UniqueConstraint("source", "key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    source: Mapped[str]
    key: Mapped[str]
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"))
    series_id: Mapped[UUID | None] = mapped_column(ForeignKey("series.id"))
    fingerprint: Mapped[str]


class ImportChange(Base):
    """What one import did to one entry; `before` is its draft as it was, None if it was new."""

    __tablename__ = "import_change"
    __table_args__ = (Index("ix_import_change_import", "import_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("import.id"))
    item_id: Mapped[UUID] = mapped_column(ForeignKey("imported_item.id"))
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"))
    before: Mapped[dict[str, Any] | None]
    fingerprint_before: Mapped[str | None]
