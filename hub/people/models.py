"""People who may do things here, and the ways in which they prove who they are.

Secrets are kept as SHA-256 of 160 random bits or more; nobody can read them back.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.clock import now
from hub.core.db import Base


class Person(Base):
    """Someone with an account; `role` is steward, editor or reader."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class SignInLink(Base):
    """A link that signs in once. `person_id` None: whoever uses it becomes a new `role`."""

    __tablename__ = "sign_in_link"

    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Session(Base):
    """A browser that is signed in."""

    __tablename__ = "session"

    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]

    person: Mapped[Person] = relationship(lazy="raise")


class ApiToken(Base):
    """A program's way in; acts as a person of its own with the token's name and role."""

    __tablename__ = "api_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise")


class Idempotency(Base):
    """The answer to a POST that bore an `Idempotency-Key`, kept for a day."""

    __tablename__ = "idempotency"

    key: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    request_digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[bytes]
    location: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
