"""What moderators decided and asked, about which things, and what their authors say to that."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base
from hub.jobs.models import BIG_ID


class Decision(Base):
    """What was decided: rows are added and never changed (SECURITY G7).

    `digest` is over this row and the one before it, so that a change is seen (`moderation/log`).
    `deed` is passed, refused, limited, restored, upheld or undone. `kind` is what it was about:
    event, offer, want, article, reply, message or hub. `host` is the server it came from, empty
    for our own; `rule` the house rule that was broken, `note` what the author was told besides.
    `count` is how many things it was about, `undoes_id` the decision that it takes back.
    """

    __tablename__ = "decision"

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    deed: Mapped[str]
    kind: Mapped[str]
    host: Mapped[str] = mapped_column(default="")
    rule: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    count: Mapped[int] = mapped_column(default=1)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), index=True)
    previous: Mapped[str]
    digest: Mapped[str]


class Decided(Base):
    """One thing that a decision was about, and how it stood before.

    `about` is entry, reply or report. `before` is held, shown or hidden; of what was posted
    without an account, private, hub or public. `person_id` or `actor_id` is its author.
    """

    __tablename__ = "decided"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), index=True)
    about: Mapped[str]
    thing_id: Mapped[UUID]
    before: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    actor_id: Mapped[UUID | None] = mapped_column(index=True)


class Appeal(Base):
    """The way in which an author can say that a decision about them was wrong.

    `digest` is of the secret in the link that they were sent. It waits for a moderator from
    `asked_at` on, when they sent their `words`; `outcome` is restored, upheld or undone.
    """

    __tablename__ = "appeal"
    __table_args__ = (Index("ix_appeal_waiting", "decided_at", "asked_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    digest: Mapped[str] = mapped_column(unique=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), index=True)
    title: Mapped[str] = mapped_column(default="")
    person_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    words: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    outcome: Mapped[str | None]


class Question(Base):
    """What a moderator asked the author of something that waits, and the answer.

    `thing_id` is the entry or answer that it is about; of a reported message, the message.
    `digest` is of the secret in the link that its author was sent; it is good until `closed_at`,
    when a moderator decided. `answer` is empty until `answered_at`.
    """

    __tablename__ = "question"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    digest: Mapped[str] = mapped_column(unique=True)
    thing_id: Mapped[UUID] = mapped_column(index=True)
    title: Mapped[str] = mapped_column(default="")
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    actor_id: Mapped[UUID | None]
    words: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(default=now, index=True)
    answer: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
