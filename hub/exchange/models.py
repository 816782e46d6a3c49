"""Offers and wants: the two sides of one listing."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.clock import now
from hub.core.db import Base
from hub.entries.models import Entry

# How a match stands.
SUGGESTED: Final = "suggested"
ASKED: Final = "asked"
AGREED: Final = "agreed"
DECLINED: Final = "declined"

COMPANY: Final = "company"  # the sort of a want for somebody to go with


class Listing(Entry):
    """Something a neighbour offers or wants.

    `item_kind` is item, skill, space, time or food; `mode` give, lend, swap, share or sell.
    `quantity` is a positive decimal as text. `status` is open, promised, done, withdrawn or
    expired. Coordinates are the centre of a 0.01° cell: they were snapped before they were stored.
    `sort` of a want is plain, pooled (others say “me too”) or company (somebody to go with).
    `read_by` is the version of the word lists by which its terms were made, 0 before that.
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
    sort: Mapped[str] = mapped_column(default="plain")
    read_by: Mapped[int] = mapped_column(default=0)


class Offer(Listing):
    """Something to give."""

    __mapper_args__ = {"polymorphic_identity": "offer"}


class Want(Listing):
    """Something that is needed."""

    __mapper_args__ = {"polymorphic_identity": "want"}


class Backer(Base):
    """Somebody who said “me too” to a pooled want."""

    __tablename__ = "listing_backer"

    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listing.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Loan(Base):
    """An offer that is lent to `borrower` until `due_at`; open while `returned_at` is None.

    `reminded_at` and `overdue_at` are when its owner was told that it is due soon, and overdue.
    """

    __tablename__ = "loan"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listing.id"), index=True)
    match_id: Mapped[UUID | None] = mapped_column(ForeignKey("listing_match.id"), index=True)
    borrower: Mapped[str]
    lent_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None] = mapped_column(index=True)


class Term(Base):
    """A word of an open listing, as matching compares it; `at` is when the listing was posted."""

    __tablename__ = "listing_term"
    __table_args__ = (Index("ix_listing_term_found", "term", "want", "at"),)

    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listing.id"), primary_key=True)
    term: Mapped[str] = mapped_column(primary_key=True)
    want: Mapped[bool]
    local: Mapped[bool]
    at: Mapped[datetime]


class Match(Base):
    """An offer and a want that fit; at least one of them is ours.

    Where two look for company, the want with the lower id stands in the place of the offer.
    `state` is suggested, asked, agreed or declined. `asked_by` is the kind of the listing whose
    owner asked. `request_id` is the message by which another hub was asked. The reasons are in the
    words of either side.
    """

    __tablename__ = "listing_match"
    __table_args__ = (UniqueConstraint("offer_id", "want_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("listing.id"))
    want_id: Mapped[UUID] = mapped_column(ForeignKey("listing.id"), index=True)
    score: Mapped[float]
    offer_reasons: Mapped[list[str]] = mapped_column(default=list)
    want_reasons: Mapped[list[str]] = mapped_column(default=list)
    state: Mapped[str] = mapped_column(default=SUGGESTED)
    asked_by: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime | None]
    agreed_at: Mapped[datetime | None]
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("reply.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)

    offer: Mapped[Listing] = relationship(foreign_keys=[offer_id], lazy="raise")
    want: Mapped[Listing] = relationship(foreign_keys=[want_id], lazy="raise")

    def side(self, side: str) -> Listing:
        """The offer or the want."""
        return self.offer if side == "offer" else self.want

    def side_of(self, listing_id: UUID) -> Literal["offer", "want"]:
        """In which place a listing stands."""
        return "offer" if self.offer_id == listing_id else "want"

    def reasons(self, side: str) -> list[str]:
        """Why they fit, in the words of the offer or of the want."""
        return self.offer_reasons if side == "offer" else self.want_reasons


class MatchMessage(Base):
    """What one side of a match said to the other; `side` is offer or want."""

    __tablename__ = "match_message"
    __table_args__ = (Index("ix_match_message_read", "match_id", "said_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    match_id: Mapped[UUID] = mapped_column(ForeignKey("listing_match.id"))
    side: Mapped[str]
    text: Mapped[str]
    said_at: Mapped[datetime] = mapped_column(default=now)
    reported_at: Mapped[datetime | None] = mapped_column(index=True)
