"""Who may do what: readers read what stays in the hub, editors post, stewards look after it all."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

from hub.core.errors import Forbidden, NotSignedIn
from hub.entries.models import Entry
from hub.web.doors import SIGN_IN, Caller, Role

Deed = Literal["post", "moderate", "administer"]
E = TypeVar("E", bound=Entry)

ROLES: Final[tuple[Role, ...]] = ("steward", "editor", "reader")

_MAY: Final[dict[Role, frozenset[Deed]]] = {
    "reader": frozenset(),
    "editor": frozenset({"post"}),
    "steward": frozenset({"post", "moderate", "administer"}),
}
_WORDS: Final[dict[Deed, str]] = {
    "post": "Posting needs the role editor or steward. Ask a steward of this hub for it.",
    "moderate": "Only stewards of this hub may do this.",
    "administer": "Only stewards of this hub may do this.",
}


def may(caller: Caller, deed: Deed) -> bool:
    """Whether the caller's role allows it."""
    return caller.role is not None and deed in _MAY[caller.role]


def require(caller: Caller, deed: Deed) -> None:
    """Go on only if the caller may.

    Raises:
        NotSignedIn: we do not know who it is.
        Forbidden: their role does not allow it.
    """
    if not caller.known:
        raise NotSignedIn(SIGN_IN)
    if not may(caller, deed):
        raise Forbidden(_WORDS[deed])


def may_change(caller: Caller, owner_id: object) -> bool:
    """Whether the caller may change something of this owner: their own, or as a steward any."""
    if not may(caller, "post"):
        return False
    return caller.steward or (owner_id is not None and owner_id == caller.person_id)


def changeable(caller: Caller, entry: E) -> E:
    """The entry, if the caller may change it.

    Raises:
        Forbidden: it comes from another server, or is somebody else's.
    """
    if not entry.local:
        raise Forbidden(f"This comes from {entry.origin}, and can be changed only there.")
    if not may_change(caller, entry.owner_id):
        raise Forbidden("Only whoever published this, or a steward, can change it.")
    return entry
