"""Who sees what: one predicate, applied by every query that reads entries (SECURITY D1).

`public` is for everybody and leaves the hub. `hub` is for those who live here, and stays: whoever
is signed in, but for guests, who only proved an e-mail address. `private` is for the stewards to
whom it is entrusted. What is somebody's own they see in any case. What is deleted, hidden by a
steward, by a suspended author, from a blocked server, from one that was not heard of for a month,
or from a silenced one and not let through, is seen by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from hub.actors.models import Actor
from hub.entries.models import Entry
from hub.fediverse.models import Peer
from hub.web.doors import Caller, Role

PUBLIC: Final = "public"
HUB: Final = "hub"
PRIVATE: Final = "private"


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom something is read; the default is anybody."""

    person_id: UUID | None = None
    role: Role | None = None
    entrusted: bool = False

    @classmethod
    def of(cls, caller: Caller) -> Viewer:
        """The viewer behind a request."""
        return cls(caller.person_id, caller.role, caller.entrusted)


ANYBODY: Final = Viewer()


@lru_cache(maxsize=256)
def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """Entries that this viewer may see."""
    return and_(standing(), _shown_to(viewer))


@lru_cache(maxsize=2)
def standing(entry: Any = Entry) -> ColumnElement[bool]:
    """Entries that are there for somebody: not deleted, not hidden, of nobody who is barred.

    Said of `entry`, which may be an alias.
    """
    author = aliased(Actor)
    barred = exists().where(
        author.id == entry.author_id,
        or_(author.suspended_at.is_not(None), author.deleted_at.is_not(None)),
    )
    # What a silenced server publishes waits for a steward. That a block of a name holds for the
    # names under it stands in their rows (`rulings`).
    blocked = exists().where(
        Peer.host == entry.origin,
        or_(
            Peer.standing == "blocked",
            (Peer.standing == "silenced") & entry.passed_at.is_(None),
            Peer.lost_at.is_not(None),
        ),
    )
    return and_(
        entry.deleted_at.is_(None),
        entry.hidden_at.is_(None),
        ~barred,
        or_(entry.origin == "", ~blocked),
    )


def _shown_to(viewer: Viewer) -> ColumnElement[bool]:
    if viewer.entrusted:
        return Entry.visibility.in_((PUBLIC, HUB, PRIVATE))
    if viewer.role is None:
        return Entry.visibility == PUBLIC
    own = Entry.owner_id == viewer.person_id
    if viewer.role == "guest":
        return or_(Entry.visibility == PUBLIC, own)
    return or_(Entry.visibility.in_((PUBLIC, HUB)), own)
