"""An event as search engines read it: schema.org/Event, as JSON-LD. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hub.core import dates
from hub.core.settings import Settings
from hub.entries.access import LABELS
from hub.events.models import Event
from hub.events.schemas import Seats

SCHEMA: Final = "https://schema.org"

_STATES: Final = {
    "cancelled": "EventCancelled",
    "postponed": "EventPostponed",
    "moved_online": "EventRescheduled",
}


def of_event(event: Event, settings: Settings, places: Seats) -> dict[str, Any]:
    """The event's data block; author and picture are loaded."""
    ends = event.ends_at
    if ends is not None and event.all_day:
        ends -= timedelta(minutes=1)  # theirs is the last day, ours the midnight after it
    picture = event.picture
    found: dict[str, Any] = {
        "@context": SCHEMA,
        "@type": "Event",
        "@id": event.uri,
        "url": event.url,
        "name": event.title,
        "description": event.summary,
        "startDate": _when(event, event.starts_at),
        "endDate": None if ends is None else _when(event, ends),
        "eventStatus": f"{SCHEMA}/{_STATES.get(event.status, 'EventScheduled')}",
        "organizer": {"@type": "Organization", "name": event.organiser or settings.name},
        "maximumAttendeeCapacity": event.capacity,
        "remainingAttendeeCapacity": places.left,
        "image": f"{settings.url}/media/{picture.name}" if picture and picture.name else None,
        **_where(event),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _where(event: Event) -> dict[str, Any]:
    place: dict[str, Any] = {"@type": "Place", "name": event.place, "address": event.place}
    if event.access_facts:
        place["amenityFeature"] = [
            _feature(LABELS[name], event.access_facts[name])
            for name in LABELS
            if name in event.access_facts
        ]
    online = {"@type": "VirtualLocation", "url": event.online_url}
    if event.online_url and (not event.place or event.status == "moved_online"):
        return {"location": online, "eventAttendanceMode": f"{SCHEMA}/OnlineEventAttendanceMode"}
    if not event.place:
        return {}
    if event.online_url:
        return {
            "location": [place, online],
            "eventAttendanceMode": f"{SCHEMA}/MixedEventAttendanceMode",
        }
    return {"location": place, "eventAttendanceMode": f"{SCHEMA}/OfflineEventAttendanceMode"}


def _feature(label: str, fact: Mapping[str, str]) -> dict[str, Any]:
    """A fact about getting in; schema.org takes "partly" as a word."""
    value: bool | str = {"yes": True, "no": False}.get(fact["state"], "partly")
    found = {"@type": "LocationFeatureSpecification", "name": label, "value": value}
    return found | ({"description": fact["note"]} if fact.get("note") else {})


def _when(event: Event, moment: datetime) -> str:
    """A moment with its offset, or the day alone where only days count."""
    local = moment.astimezone(dates.zone_of(event.timezone))
    return f"{local:%Y-%m-%d}" if event.all_day else local.isoformat()
