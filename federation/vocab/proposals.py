"""Offers and wants (FEP-0837), the draft's words in this file and in `parse_proposals` only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from federation.vocab.base import Object, present
from federation.vocab.names import Document
from federation.vocab.objects import Note


def _measure(quantity: str | None, unit: str) -> Document | None:
    # As a string: a decimal number must not become a binary one on its way (FEP-0837).
    return None if quantity is None else {"hasUnit": unit, "hasNumericalValue": quantity}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to change hands or be done.

    `action` is `transfer` for things and `deliverService` for help, skills and lending.
    `conforms_to` is the IRI of a kind of thing. `quantity` and `available` are decimal numbers in
    `unit` (`one` for pieces).
    """

    id: str | None = None
    name: str | None = None
    action: str = "transfer"
    conforms_to: str | None = None
    quantity: str | None = None
    available: str | None = None
    unit: str = "one"

    def document(self) -> Document:
        """The JSON of the intent."""
        return present(
            {
                "type": "Intent",
                "id": self.id,
                "name": self.name,
                "action": self.action,
                "resourceConformsTo": self.conforms_to,
                "resourceQuantity": _measure(self.quantity, self.unit),
                "availableQuantity": _measure(self.available, self.unit),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Note):
    """An offer or a want; written as a Note, so that every peer can show it.

    `publishes` bears the title, since a Note has no name. `reciprocal` is the price; None is a
    gift. With `unit_based`, the price is for one unit. `end_time` is until when it holds.
    """

    purpose: Literal["offer", "request"]
    publishes: Intent
    reciprocal: Intent | None = None
    unit_based: bool = False

    def _heading(self) -> Document:
        # A summary would be shown as a warning (AP-58).
        return {**super(Proposal, self)._heading(), "summary": None}

    def _own_members(self) -> Document:
        return {
            "purpose": self.purpose,
            "publishes": self.publishes.document(),
            "reciprocal": self.reciprocal and self.reciprocal.document(),
            "unitBased": self.unit_based,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What one side of an agreement promises; `satisfies` is the id of an Intent."""

    satisfies: str
    id: str | None = None
    quantity: str | None = None
    unit: str = "one"

    def document(self) -> Document:
        """The JSON of the promise."""
        return present(
            {
                "type": "Commitment",
                "id": self.id,
                "satisfies": self.satisfies,
                "resourceQuantity": _measure(self.quantity, self.unit),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Object):
    """What an Offer asks for, and its Accept confirms (FEP-0837)."""

    type: str = "Agreement"
    stipulates: Commitment
    reciprocal: Commitment | None = None

    def _own_members(self) -> Document:
        return {
            "stipulates": self.stipulates.document(),
            "reciprocal": self.reciprocal and self.reciprocal.document(),
        }
