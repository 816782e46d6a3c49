"""Articles, and who said that those in their pictures agree."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base
from hub.entries.models import Entry


class Article(Entry):
    """A piece of news; `status` is always published."""

    __tablename__ = "article"
    __mapper_args__ = {"polymorphic_identity": "article"}

    id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True, default=uuid4)


class Consent(Base):
    """Somebody ticked that everybody who can be recognised in a picture agrees.

    `picture` is the file's name, which is its digest; `person_id` and `name` are who ticked.
    """

    __tablename__ = "consent"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"), index=True)
    picture: Mapped[str]
    person_id: Mapped[UUID | None]
    name: Mapped[str]
    ticked_at: Mapped[datetime] = mapped_column(default=now)
