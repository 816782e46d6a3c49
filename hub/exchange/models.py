"""Offers and wants: the two sides of one listing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.entries.models import Entry


class Listing(Entry):
    """Something a neighbour offers or wants.

    `item_kind` is item, skill, space, time or food; `mode` give, lend, swap, share or sell.
    `quantity` is a positive decimal as text. `status` is open, promised, done, withdrawn or
    expired. Coordinates are the centre of a 0.01° cell: they were snapped before they were stored.
    """

    __tablename__ = "listing"
    __mapper_args__ = {"polymorphic_abstract": True}

    id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True, default=uuid4)
    item_kind: Mapped[str]
    mode: Mapped[str]
    quantity: Mapped[str] = mapped_column(default="1")
    price: Mapped[str] = mapped_column(default="")
    available_from: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class Offer(Listing):
    """Something to give."""

    __mapper_args__ = {"polymorphic_identity": "offer"}


class Want(Listing):
    """Something that is needed."""

    __mapper_args__ = {"polymorphic_identity": "want"}
