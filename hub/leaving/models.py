"""What somebody takes along, and how far the taking back of what a former member said is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base


class Parcel(Base):
    """A copy of all that is a person's, for them alone; the file is `parcels/{id}.zip`.

    `made_at` is None while it is being made; `size` is in bytes.
    """

    __tablename__ = "parcel"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    made_at: Mapped[datetime | None]
    size: Mapped[int] = mapped_column(BigInteger, default=0)


class Farewell(Base):
    """Somebody left; `digest` is of the secret by which they see how far it is, and no name."""

    __tablename__ = "farewell"

    digest: Mapped[str] = mapped_column(primary_key=True)
    left_at: Mapped[datetime] = mapped_column(default=now)


class FarewellThing(Base):
    """The id of something of theirs that other servers have been asked to delete."""

    __tablename__ = "farewell_thing"

    digest: Mapped[str] = mapped_column(
        ForeignKey("farewell.digest", ondelete="CASCADE"), primary_key=True
    )
    uri: Mapped[str] = mapped_column(primary_key=True)
