"""Imports: what came in, from where, and what each row became."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint
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
