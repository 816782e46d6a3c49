"""Lists of servers that were read, taken, and perhaps taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base


class ServerList(Base):
    """A list of servers: `words` is what it says, as members of `rulings.Word`.

    `source` is the name of its file, `refused` are lines that were not understood (`Refused`).
    `changes` are the names that were taken, each with what had been said of it before (None:
    nothing); `follows` and `replies` went with them and can come back; `mail` deliveries and
    `taken_back` posts of the noticeboard cannot. `outcome` is what became of it when it was taken
    back (`returning.Undone`). What could be undone is forgotten with the time in which it can.
    """

    __tablename__ = "server_list"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    source: Mapped[str]
    words: Mapped[list[Any]] = mapped_column(JSON)
    read_at: Mapped[datetime] = mapped_column(default=now)
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    refused: Mapped[list[Any]] = mapped_column(JSON, default=list)
    taken_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    changes: Mapped[list[Any]] = mapped_column(JSON, default=list)
    follows: Mapped[list[Any]] = mapped_column(JSON, default=list)
    replies: Mapped[list[str]] = mapped_column(default=list)
    mail: Mapped[int] = mapped_column(default=0)
    taken_back: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
