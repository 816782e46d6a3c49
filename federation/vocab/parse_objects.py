"""Documents of published things to values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from federation.errors import MalformedDocument
from federation.vocab import parse_parts as parts
from federation.vocab import reading
from federation.vocab.base import Object, Place, VirtualLocation
from federation.vocab.names import CATEGORIES, EVENT_STATUSES
from federation.vocab.objects import (
    Article,
    Event,
    Media,
    Note,
    Option,
    Organization,
    Page,
    Question,
    Tombstone,
    UnknownObject,
)
from federation.vocab.parse_access import access, details

_OPTION_LIMIT: Final = 50
_ORGANISER_LIMIT: Final = 50
_JOIN_MODES: Final = frozenset({"free", "restricted", "external", "invite", "none"})
_STATUS_WORDS: Final[Mapping[str, str]] = {
    **{status.lower(): status for status in EVENT_STATUSES},
    "cancelled": "EventCancelled",
    "canceled": "EventCancelled",
    "tentative": "EventTentative",
    "confirmed": "EventScheduled",
}
_QUOTES: Final = ("quote", "quoteUrl", "quoteUri", "_misskey_quote")

Document = Mapping[str, Any]


def common(document: Document) -> dict[str, Any]:
    """What every published thing has, as arguments of its value.

    Raises:
        MalformedDocument: a member that says whose it is, or what it answers, is no single id.
    """
    where, _ = parts.location(document)
    return {
        "id": reading.own_id(document),
        "name": reading.name_of(document),
        "summary": reading.summary_of(document),
        "content": reading.content_of(document),
        "language": reading.language_of(document),
        "license": reading.uri(reading.member(document, "license", "schema:license", "licence")),
        "attributed_to": _author(document),
        "url": reading.page_url(document.get("url")),
        "in_reply_to": reading.identity(document, "inReplyTo"),
        "context": reading.uri(reading.member(document, "context", "inScopeOf")),
        "published": reading.moment(document.get("published")),
        "updated": reading.moment(document.get("updated")),
        "start_time": reading.moment(document.get("startTime")),
        "end_time": reading.moment(document.get("endTime")),
        "to": reading.addressees(document, "to"),
        "cc": reading.addressees(document, "cc"),
        "audience": reading.addressees(document, "audience"),
        "attachments": parts.attachments(document),
        "tags": parts.tags(document),
        "location": where,
        "image": parts.picture(document.get("image")),
        "replies": reading.uri(document.get("replies")),
        "likes": reading.uri(document.get("likes")),
        "shares": reading.uri(document.get("shares")),
        "quote": reading.uri(reading.member(document, *_QUOTES)),
        "sensitive": reading.flag(document.get("sensitive")),
        "source_type": reading.types_of(document),
    }


def _author(document: Document) -> str | None:
    """Who published it; Mobilizon and others name only the actor in some documents."""
    author = reading.identity(document, "attributedTo")
    return reading.identity(document, "actor") if author is None else author


def event(document: Document) -> Event:
    """An event (FEP-8a8e), from any software that sends some (AP-55)."""
    where, online = parts.location(document)
    timezone = reading.zone(reading.member(document, "timezone", "ev:timezone"))
    arguments = common(document)
    arguments["start_time"] = reading.moment(document.get("startTime"), timezone)
    arguments["end_time"] = reading.moment(document.get("endTime"), timezone)
    return Event(
        **arguments,
        timezone=timezone,
        display_end_time=reading.flag(document.get("displayEndTime"), default=True),
        event_status=_event_status(document),
        join_mode=_join_mode(reading.member(document, "joinMode", "mz:joinMode")),
        external_participation_url=_participation_url(document),
        capacity=reading.count(reading.member(document, "maximumAttendeeCapacity")),
        attendees=_attendees(document),
        category=_category(document.get("category")),
        is_online=_is_online(document, where, online=online),
        organizers=_organisers(document),
        previous_start_time=reading.moment(document.get("previousStartTime"), timezone),
        access=access(document),
        super_event=reading.uri(reading.member(document, "superEvent", "schema:superEvent")),
    )


def _event_status(document: Document) -> str:
    for name in ("eventStatus", "status", "ical:status"):
        value = reading.member(document, name)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, dict):
            value = value.get("id")
        if isinstance(value, str):
            word = reading.short_type(value).lower()
            if word in _STATUS_WORDS:
                return _STATUS_WORDS[word]
    return "EventScheduled"


def _join_mode(value: object) -> str | None:
    mode = value.lower() if isinstance(value, str) else None
    return mode if mode in _JOIN_MODES else None


def _participation_url(document: Document) -> str | None:
    value = reading.member(document, "externalParticipationUrl", "mz:externalParticipationUrl")
    if isinstance(value, str) and value.startswith("mailto:") and len(value) < reading.URI_LIMIT:
        return reading.text(value)
    return reading.page_url(value)


def _category(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, str):
        return None
    word = value.upper()
    return word if word in CATEGORIES else "MEETING"


def _is_online(document: Document, where: object, *, online: bool) -> bool:
    stated = reading.flag(reading.member(document, "isOnline", "mz:isOnline"))
    return stated or online or isinstance(where, VirtualLocation)


def _attendees(document: Document) -> int | None:
    """How many come, as a collection or as a number alone (Mobilizon)."""
    value = document.get("attendees")
    if isinstance(value, dict) and (total := reading.count(value.get("totalItems"))) is not None:
        return total
    return reading.count(reading.member(document, "participantCount", "mz:participantCount"))


def _organisers(document: Document) -> tuple[str, ...] | None:
    """None if nothing is said; empty if it is said that nobody is named (FEP-8a8e)."""
    if "organizers" not in document:
        return None
    value = document["organizers"]
    if isinstance(value, str):
        # The address of a collection, which says nothing until somebody reads it.
        return None
    if isinstance(value, dict):
        value = reading.member(value, "items", "orderedItems")
    return reading.uris(value, _ORGANISER_LIMIT)


def question(document: Document) -> Question:
    """A poll."""
    multiple = document.get("anyOf") is not None
    listed = reading.items(document.get("anyOf" if multiple else "oneOf"))[:_OPTION_LIMIT]
    options = (_option(one) for one in listed)
    return Question(
        **common(document),
        options=tuple(one for one in options if one is not None),
        multiple=multiple,
        voters=reading.count(document.get("votersCount")),
    )


def _option(value: object) -> Option | None:
    name = reading.name_of(value) if isinstance(value, dict) else None
    if not isinstance(value, dict) or name is None:
        return None
    replies = value.get("replies")
    votes = reading.count(replies.get("totalItems")) if isinstance(replies, dict) else None
    return Option(name=name, votes=votes or 0)


def place(document: Document) -> Place:
    """An entry of a directory."""
    where = {**common(document), **parts.geography(document)}
    return Place(**where, fields=parts.fields(document), details=details(document))


def organization(document: Document) -> Organization:
    """An organisation without an inbox (FEP-2277)."""
    return Organization(
        **common(document), fields=parts.fields(document), details=details(document)
    )


def tombstone(document: Document) -> Tombstone:
    """What is left of something.

    Raises:
        MalformedDocument: it does not say of what.
    """
    uri = reading.own_id(document)
    if uri is None:
        raise MalformedDocument("a Tombstone without id")
    former = [one for one in reading.items(document.get("formerType")) if isinstance(one, str)]
    return Tombstone(
        id=uri,
        former_type=reading.text(reading.short_type(former[0])) if former else None,
        deleted=reading.moment(document.get("deleted")),
    )


def unknown(document: Document, kind: str) -> UnknownObject:
    """An object of a type that we do not know."""
    return UnknownObject(type=kind, **common(document))


def _media(document: Document) -> Media:
    kind = next(one for one in reading.types_of(document) if one in _MEDIA)
    return Media(**{**common(document), "type": kind})


_MEDIA: Final = frozenset({"Audio", "Document", "Image", "Video"})

# In this order: an array of types means the most telling one that we know.
READERS: Final[Mapping[str, Callable[[Document], Object]]] = {
    "Event": event,
    "Question": question,
    "Article": lambda document: Article(**common(document)),
    "Page": lambda document: Page(**common(document)),
    "Place": place,
    "SpatialThing": place,
    "Note": lambda document: Note(**common(document)),
    **dict.fromkeys(sorted(_MEDIA), _media),
}
"""How each type of object is read, the most telling first."""
