"""Places and organisations: the two kinds of a directory's records."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base
from hub.entries.models import Entry

OSM: Final = "https://www.openstreetmap.org/"
_OF_OSM: Final = re.compile(rf"{re.escape(OSM)}(?:node|way|relation)/\d+")


class Record(Entry):
    """A place or an organisation.

    `place` is its address in one line. `happens_at` is when somebody last said that it is all still
    true, by which lists are sorted: what was checked last comes first. `opening_hours` are as
    OpenStreetMap writes them, or in words. `access_facts` are `access.Fact` by name. `has` and
    `lacks` are what it could share and what it needs, one thing each. `status` is always listed.
    `asked_at` is when its contact was last asked whether it is still true, `asked_digest` of the
    secret in that letter, None once it was answered.
    """

    __tablename__ = "record"
    __mapper_args__ = {"polymorphic_abstract": True}

    id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    website: Mapped[str | None]
    links: Mapped[list[str]] = mapped_column(JSON, default=list)
    opening_hours: Mapped[str] = mapped_column(default="")
    access_facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    has: Mapped[list[str]] = mapped_column(JSON, default=list)
    lacks: Mapped[list[str]] = mapped_column(JSON, default=list)
    asked_at: Mapped[datetime | None]
    asked_digest: Mapped[str | None] = mapped_column(index=True)

    @property
    def dialled(self) -> str:
        """The telephone number as a telephone takes it: digits, and a plus before them."""
        return re.sub(r"[^\d+]", "", self.phone)

    @property
    def of_osm(self) -> str:
        """The address of what it is at OpenStreetMap, whose licence (ODbL) wants to be named."""
        addresses = (self.website or "", *self.links)  # on other hubs the first is its web site
        return next((one for one in addresses if _OF_OSM.fullmatch(one)), "")

    @property
    def further_texts(self) -> tuple[str, ...]:
        """What it has and lacks, and how to get in."""
        notes = (fact.get("note", "") for fact in self.access_facts.values())
        return (*self.has, *self.lacks, *notes)

    def empty(self) -> None:
        """Forget how it was reached, and what it had."""
        self.email, self.phone, self.website, self.links = "", "", None, []
        self.opening_hours, self.access_facts, self.has, self.lacks = "", {}, [], []
        self.asked_digest = None


class Place(Record):
    """Somewhere to go."""

    __mapper_args__ = {"polymorphic_identity": "place"}


class Organisation(Record):
    """Those who do something together."""

    __mapper_args__ = {"polymorphic_identity": "organisation"}


class Claim(Base):
    """Somebody says that a record is theirs to look after, in `words`.

    `digest` is of the secret in the letter to the address that the record lists; None where it
    lists none. `outcome` is yes or no, None while it waits.
    """

    __tablename__ = "claim"
    __table_args__ = (UniqueConstraint("record_id", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    record_id: Mapped[UUID] = mapped_column(ForeignKey("record.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    words: Mapped[str] = mapped_column(default="")
    digest: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    decided_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
