"""What a directory says of a place or an organisation, in words of schema.org."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from federation.vocab.names import Document


@dataclass(frozen=True, slots=True)
class AccessFact:
    """Something about getting in and taking part: `state` is yes, part or no."""

    name: str
    state: str
    note: str = ""

    def document(self) -> Document:
        """The JSON of the fact, in words of schema.org."""
        kind = "LocationFeatureSpecification"
        members = {"type": kind, "name": self.name, "value": self.state, "description": self.note}
        return {name: value for name, value in members.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """How to reach it, when it is open, how one gets in, and what it has and lacks.

    `opening_hours` are as OpenStreetMap writes them. `checked` is when somebody last said that all
    this is still true.
    """

    email: str | None = None
    telephone: str | None = None
    opening_hours: str | None = None
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    access: tuple[AccessFact, ...] = ()
    checked: datetime | None = None

    def members(self) -> Document:
        """The members of the document that has them; those that are None fall out."""
        checked = self.checked
        return {
            "email": self.email,
            "telephone": self.telephone,
            "openingHours": self.opening_hours,
            "owns": list(self.has) or None,
            "seeks": list(self.lacks) or None,
            "amenityFeature": [fact.document() for fact in self.access] or None,
            "lastReviewed": checked and checked.isoformat().replace("+00:00", "Z"),
        }


NOTHING: Final = Details()
"""Nothing is said."""
