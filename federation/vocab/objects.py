"""Published things by type: notes, articles, events and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from federation.vocab.base import Field, Object, location_document, moment, present
from federation.vocab.details import NOTHING, AccessFact, Details
from federation.vocab.names import Document, context_of

_USUAL_LENGTH: Final = timedelta(hours=2)
_JOIN_MODES: Final = frozenset({"free", "restricted", "external", "invite"})
# iCalendar's three words for FEP-8a8e's six; Mobilizon reads only these.
_STATUS: Final = {
    "EventCancelled": "CANCELLED",
    "EventTentative": "TENTATIVE",
    "EventPostponed": "TENTATIVE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Object):
    """A short text.

    A `name` is read (it is a vote in a poll) and never written: GoToSocial and Takahe make a
    content warning of it, snac2 a vote.
    """

    type: str = "Note"

    def _heading(self) -> Document:
        return {**super(Note, self)._heading(), "name": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Article(Object):
    """A longer text with a title (FEP-b2b8)."""

    type: str = "Article"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Object):
    """A page or a link with a title, as Lemmy sends posts."""

    type: str = "Page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media(Object):
    """A film, a recording, a picture or a file as a post of its own."""

    type: str = "Document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization(Object):
    """An organisation that cannot be followed: it has no inbox (FEP-2277)."""

    type: str = "Organization"
    fields: tuple[Field, ...] = ()
    details: Details = NOTHING

    def _own_members(self) -> Document:
        return self.details.members()

    def _audience(self) -> Document:
        members = super(Organization, self)._audience()
        members["attachment"] += [line.document() for line in self.fields]
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownObject(Object):
    """An object inside an activity, of a type that we do not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer of a poll, and how many chose it."""

    name: str
    votes: int = 0

    def document(self) -> Document:
        """The JSON of the answer."""
        replies = {"type": "Collection", "totalItems": self.votes}
        return {"type": "Note", "name": self.name, "replies": replies}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Object):
    """A poll; `multiple` allows more than one answer."""

    type: str = "Question"
    options: tuple[Option, ...] = ()
    multiple: bool = False
    voters: int | None = None

    def _own_members(self) -> Document:
        kind = "anyOf" if self.multiple else "oneOf"
        return {
            kind: [option.document() for option in self.options],
            "votersCount": self.voters,
        }


def _mobilizon_access(facts: tuple[AccessFact, ...]) -> Document:
    """The same by the four keys of Mobilizon's event metadata; what is unknown is not there."""
    known = {fact.name: fact.state for fact in facts}
    found: Document = {}
    ways = [known[name] for name in ("entrance", "inside") if name in known]
    if ways:
        whole = ways == ["yes", "yes"]
        word = "no" if known.get("entrance") == "no" else "fully" if whole else "partially"
        found["mz:accessibility:wheelchairAccessible"] = word
    for name, key in MOBILIZON_ACCESS.items():
        if name in known:
            found[key] = known[name] == "yes"
    return found


MOBILIZON_ACCESS: Final = {
    "captions": "mz:accessibility:live:subtitle",
    "sign_language": "mz:accessibility:live:sign_language",
    "smoke_free": "mz:accessibility:smokeFree",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Object):
    """Something that happens (FEP-8a8e).

    `timezone` is the IANA zone in which both times are shown and written. Without `end_time` a
    document says two hours, and by `displayEndTime` that this is not to be shown.
    `event_status` is one of `names.EVENT_STATUSES`. `join_mode` is free, restricted, external,
    invite, or none, which is read and never written (AP-53). `organizers` is None where nothing is
    said of them and empty where they are deliberately not named. `attendees` is how many come, None
    where nobody counts; who they are is not said. `super_event` is the series. `access` are facts
    about getting in; what is not said is unknown.
    """

    type: str = "Event"
    timezone: str | None = None
    display_end_time: bool = True
    event_status: str = "EventScheduled"
    join_mode: str | None = None
    external_participation_url: str | None = None
    capacity: int | None = None
    attendees: int | None = None
    category: str | None = None
    is_online: bool = False
    organizers: tuple[str, ...] | None = None
    previous_start_time: datetime | None = None
    super_event: str | None = None
    access: tuple[AccessFact, ...] = ()

    def _times(self) -> Document:
        start, end, shown = self.start_time, self.end_time, self.display_end_time
        if start is not None and end is None:
            # Mobilizon and calendars want an end.
            end, shown = start + _USUAL_LENGTH, False
        members = super(Event, self)._times()
        members["startTime"] = start and self._local(start)
        members["endTime"] = end and self._local(end)
        members["timezone"] = self.timezone
        members["displayEndTime"] = None if end is None else shown
        return members

    def _local(self, at: datetime) -> str:
        return moment(at.astimezone(ZoneInfo(self.timezone)) if self.timezone else at)

    def _own_members(self) -> Document:
        previous = self.previous_start_time
        return {
            "inLanguage": self.language,
            "eventStatus": self.event_status,
            "status": _STATUS.get(self.event_status, "CONFIRMED"),
            "previousStartTime": previous and self._local(previous),
            "location": self.location and location_document(self.location),
            "isOnline": self.is_online,
            "category": self.category,
            "joinMode": self.join_mode if self.join_mode in _JOIN_MODES else None,
            "externalParticipationUrl": self.external_participation_url,
            "maximumAttendeeCapacity": self.capacity,
            **self.counts(),
            "organizers": self._organizers(),
            "superEvent": self.super_event,
            # Not among the attachments: Gancio and Takahe stumble over what they do not know there.
            "amenityFeature": [fact.document() for fact in self.access] or None,
            **_mobilizon_access(self.access),
        }

    def counts(self) -> Document:
        """The members that change when somebody comes along: FEP-8a8e's, and what Mobilizon reads.

        Empty where nobody counts.
        """
        if self.attendees is None:
            return {}
        left = None if self.capacity is None else max(0, self.capacity - self.attendees)
        collection = {
            "id": self.id and f"{self.id}/attendees",
            "type": "Collection",
            "totalItems": self.attendees,
        }
        return present(
            {
                "attendees": present(collection),
                "participantCount": self.attendees,
                "remainingAttendeeCapacity": left,
            }
        )

    def _organizers(self) -> Document | None:
        if self.organizers is None:
            return None
        return present(
            {
                "id": self.id and f"{self.id}/organizers",
                "type": "Collection",
                "totalItems": len(self.organizers),
                "items": list(self.organizers),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is left of something deleted (FEP-4f05).

    Gancio deletes only with `former_type`.
    """

    id: str
    former_type: str | None = None
    deleted: datetime | None = None

    @property
    def type(self) -> str:
        """Always `Tombstone`."""
        return "Tombstone"

    def document(self, *, context: bool = False) -> Document:
        """The JSON of the tombstone, with its `@context` if it is to stand alone."""
        members = present(
            {
                "id": self.id,
                "type": self.type,
                "formerType": self.former_type,
                "deleted": self.deleted and moment(self.deleted),
            }
        )
        return {"@context": context_of(members), **members} if context else members
