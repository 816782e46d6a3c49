"""Events as other servers see them, and back (FEP-8a8e, PROTOCOL §3.3 (a), §3.5). Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from federation.errors import MalformedDocument
from federation.vocab.activities import Join
from federation.vocab.base import Attachment, Place, VirtualLocation
from federation.vocab.collections import collection_document
from federation.vocab.names import CATEGORIES
from federation.vocab.objects import Event as EventDocument
from hub.actors.models import Actor
from hub.core.errors import Invalid
from hub.core.text import SafeHtml, plain, teaser
from hub.entries import access, rendering
from hub.entries import activitypub as common
from hub.entries.rendering import EventFacts
from hub.entries.schemas import EARLIEST, LATEST, LONGEST_TITLE, web_address, zone_name
from hub.entries.words import words
from hub.events.models import Attendance, Event
from hub.events.schemas import EventDraft, Seats, event_draft

TYPE: Final = "Event"
MOST_SEATS: Final = 1_000_000

_STATUS: Final = {
    "scheduled": "EventScheduled",
    "cancelled": "EventCancelled",
    "postponed": "EventPostponed",
    "moved_online": "EventMovedOnline",
}
_READ_STATUS: Final = {peers: ours for ours, peers in _STATUS.items()}

_JOINING: Final = ("free", "restricted")

# What FEP-8a8e has no member for stands in the text: price, getting in, organiser.
_LABELS: Final = {
    "en": ("Price", "Getting in", "Organiser"),
    "de": ("Preis", "Zugang", "Veranstaltet von"),
    "fr": ("Prix", "Accès", "Organisation"),
    "cy": ("Pris", "Mynediad", "Trefnydd"),
    "pl": ("Cena", "Dostęp", "Organizator"),
    "ar": ("السعر", "الوصول", "المنظِّم"),
}

# What `rendering.event_content` puts before the description.
_HEAD: Final = re.compile(r"<p><strong>([^<]*)</strong><br ?/?>([^<]*)</p>")
_LEAD: Final = re.compile(r'<p class="p-summary">([^<]*)</p>')
_PARAGRAPH: Final = re.compile(r"<p>([^<]*)</p>")


def facts_of(event: Event) -> EventFacts:
    """What a reader elsewhere must know of the event."""
    return EventFacts(
        title=event.title,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        timezone=event.timezone,
        all_day=event.all_day,
        place=event.place,
        teaser=event.summary or teaser(plain(event.content), rendering.TEASER),
        status=event.status,
        online=_only_online(event),
        language=event.language,
        url=event.url,
        tags=tuple(event.tags),
    )


def _only_online(event: Event) -> bool:
    moved = event.status == "moved_online"
    return event.online_url is not None and (moved or not event.place)


def to_object(event: Event, hub: str, places: Seats) -> EventDocument:
    """The event as peers see it; `hub` is our origin. Author and picture must be loaded."""
    facts = facts_of(event)
    to, cc = common.audience(event)

    def with_text(body: SafeHtml) -> EventDocument:
        return EventDocument(
            id=event.uri,
            url=event.url,
            attributed_to=event.author.uri,
            name=_name(facts),
            summary=rendering.event_summary(facts),
            content=rendering.event_content(facts, _lead(event) + body + _more(event)),
            language=event.language,
            license=event.licence or None,
            published=event.created_at,
            updated=event.updated_at,
            start_time=event.starts_at,
            end_time=event.ends_at,
            timezone=event.timezone,
            previous_start_time=event.previous_starts_at,
            event_status=_event_status(event),
            location=_location(event),
            is_online=event.online_url is not None,
            category=event.category,
            # Never "none": Mobilizon voids such an event (AP-53).
            join_mode=event.joining,
            external_participation_url=event.url if event.joining == "external" else None,
            capacity=event.capacity,
            attendees=places.coming,
            super_event=None if event.series_id is None else series_uri(hub, event.series_id),
            organizers=None if event.organiser_uri is None else (event.organiser_uri,),
            access=access.said(event.access_facts),
            to=to,
            cc=cc,
            **common.collections(event.uri),
            attachments=(*common.picture(event.picture, hub), *_website(event)),
            tags=common.hashtags(event),
            quotable=True,
        )

    return common.fitting(with_text, SafeHtml(event.content))


def series_uri(hub: str, series_id: object) -> str:
    """What ties the dates of a series together (PROTOCOL §3.3 (a) 8)."""
    return f"{hub}/series/{series_id}"


def document(event: Event, hub: str, places: Seats) -> bytes | None:
    """The event's ActivityPub document to serve; None if it is not for everybody.

    It is what was last said of it, and how many come by now: nobody is told of each.
    """
    if event.visibility != "public":
        return None
    if event.document is None:
        return orjson.dumps(to_object(event, hub, places).document(context=True))
    said = EventDocument(id=event.uri, capacity=event.capacity, attendees=places.coming)
    counts = said.counts()
    if not counts:
        return event.document
    return orjson.dumps(orjson.loads(event.document) | counts)


def attendees(event: Event, places: Seats) -> bytes | None:
    """The collection of those who come: how many, never who; None where nobody counts."""
    if places.coming is None:
        return None
    return orjson.dumps(collection_document(f"{event.uri}/attendees", places.coming, ordered=False))


def join_of(attendance: Attendance, actor: Actor, event: Event) -> Join:
    """What they said, as far as their server must know it again (Mobilizon goes by the id)."""
    return Join(id=attendance.uri or None, actor=actor.uri, object=event.uri)


def _name(facts: EventFacts) -> str:
    return teaser(rendering.prefixed_title(facts), LONGEST_TITLE)


def _event_status(event: Event) -> str:
    if event.status == "scheduled" and event.previous_starts_at is not None:
        return "EventRescheduled"
    return _STATUS[event.status]


def _location(event: Event) -> Place | VirtualLocation | None:
    """Where to go; a calendar must not send anybody where an event has moved away from."""
    if _only_online(event):
        return VirtualLocation(name=words(event.language).online, url=event.online_url)
    found = common.place(event)
    if found is None or not event.place:
        return found
    # Calendars show a name and an address, and Gancio takes no place without both.
    name, _, street = event.place.partition(", ")
    return replace(found, id=_place_id(event), name=name, street=street or name)


def _place_id(event: Event) -> str | None:
    """The place's id; Mobilizon reads no place twice, so another address has another fragment."""
    if event.place_uri is None:
        return None
    said = f"{event.place} {event.latitude} {event.longitude}"
    return f"{event.place_uri}#{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def points_to(thing: EventDocument) -> tuple[str | None, str | None]:
    """The ids of the place and of the organisation that a peer's event names."""
    where = thing.location.id if isinstance(thing.location, Place) else None
    organisers = [uri for uri in thing.organizers or () if uri != thing.attributed_to]
    place = where.partition("#")[0] if where else None
    return place, organisers[0] if organisers else None


def _website(event: Event) -> tuple[Attachment, ...]:
    """Where a hybrid event is online; a purely online one says so in `location`."""
    if event.online_url is None or _only_online(event):
        return ()
    return (Attachment(type="Link", url=event.online_url, media_type="text/html", name="Website"),)


def _lead(event: Event) -> str:
    """The summary once more: calendars read `content` alone."""
    words = escape(event.summary, quote=False)
    return f'<p class="p-summary">{words}</p>' if words else ""


def _more(event: Event) -> str:
    labels = _LABELS.get(event.language.partition("-")[0], _LABELS["en"])
    said = zip(labels, (event.price, event.access, event.organiser), strict=True)
    lines = [f"{label}: {escape(value, quote=False)}" for label, value in said if value]
    return f"<p>{'<br>'.join(lines)}</p>" if lines else ""


def from_object(thing: EventDocument, timezone: str) -> EventDraft:
    """What a peer says of an event, under the rules of our own form.

    What can be cut or left out is, rather than refusing the event (AP-55). `timezone` is the
    clock where it names none. The text is not in the draft: see `body_of`.

    Raises:
        MalformedDocument: it has no name, or does not say when it starts.
    """
    if thing.start_time is None or not EARLIEST <= thing.start_time < LATEST:
        raise MalformedDocument("an event that does not start")
    if not thing.name:
        raise MalformedDocument("an event without a name")
    zone = _zone(thing, timezone)
    end = _end(thing)
    place = common.coordinates(thing.location)
    data: dict[str, Any] = {
        "timezone": zone,
        "title": common.title(_bare_name(thing), TYPE),
        "summary": _summary(thing),
        "starts_at": thing.start_time,
        "ends_at": end,
        "all_day": end is not None and _whole_days(thing.start_time, end, zone),
        "location": common.place_text(thing.location),
        "latitude": place and place[0],
        "longitude": place and place[1],
        "online_url": _online_url(thing),
        "capacity": min(thing.capacity, MOST_SEATS) if thing.capacity else None,
        "joining": thing.join_mode if thing.join_mode in _JOINING else "external",
        "access_facts": access.heard(thing.access),
        "category": thing.category if thing.category in CATEGORIES else None,
        "tags": common.tags_of(thing),
        "status": _READ_STATUS.get(thing.event_status, "scheduled"),
    }
    if data["status"] == "moved_online" and data["online_url"] is None:
        data["status"] = "scheduled"
    try:
        return event_draft(data, timezone=timezone)
    except Invalid as error:
        raise MalformedDocument(str(error)) from error


def body_of(thing: EventDocument) -> str:
    """The text of a peer's event, without what a hub says in it for those who see only text."""
    content = common.without_hashtags(thing.content or "")
    head = _HEAD.match(content)
    if head is not None and unescape(head[1]) in {thing.name, _bare_name(thing)}:
        lead = _LEAD.match(content, head.end())
        return content[(lead or head).end() :]
    return content


def _summary(thing: EventDocument) -> str:
    """The teaser; a hub's summary begins with date and place, which we know already."""
    summary, content = thing.summary or "", thing.content or ""
    head, first = _HEAD.match(content), _PARAGRAPH.match(summary)
    if head is not None and first is not None and head[2] == first[1]:
        lead = _LEAD.match(content, head.end())
        summary = lead[1] if lead else summary[first.end() :]
    return teaser(plain(summary), 500)


def _bare_name(thing: EventDocument) -> str:
    """The name without the word for what became of the event."""
    name = thing.name or ""
    for said in (words(thing.language or "en"), words("en")):
        for word in (said.cancelled, said.postponed):
            if thing.event_status in {"EventCancelled", "EventPostponed"}:
                name = name.removeprefix(f"{word}: ")
    return name


def _zone(thing: EventDocument, default: str) -> str:
    try:
        return zone_name(thing.timezone or default)
    except ValueError:
        return default


def _end(thing: EventDocument) -> datetime | None:
    """The end, where there is one to be shown that comes after the start (FEP-8a8e)."""
    start, end = thing.start_time, thing.end_time
    if start is None or end is None or not thing.display_end_time or not start < end < LATEST:
        return None
    return end


def _whole_days(start: datetime, end: datetime, timezone: str) -> bool:
    """Whether both are midnights of the place: no member says that only the dates count."""
    zone = ZoneInfo(timezone)
    local = [moment.astimezone(UTC).astimezone(zone) for moment in (start, end)]
    midnights = all(one.time() == datetime.min.time() for one in local)
    return midnights and end - start >= timedelta(hours=23)


def _online_url(thing: EventDocument) -> str | None:
    candidates = []
    if isinstance(thing.location, VirtualLocation):
        candidates.append(thing.location.url)
    if thing.is_online:
        candidates += [one.url for one in thing.attachments if one.type == "Link"]
    for url in candidates:
        try:
            return web_address(url or "")
        except ValueError:
            continue
    return None
