"""What an event says beside what every list shows, for those who compare what hubs tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from hub.core.dates import clock
from hub.core.words import later
from hub.entries import access
from hub.entries.models import Further
from hub.events.models import Event

TAKES_PLACE: Final = {
    "scheduled": later("yes"),
    "cancelled": later("Cancelled"),
    "postponed": later("Postponed"),
    "moved_online": later("Moved online"),
}


def said(event: Event) -> Iterator[Further]:
    """Each fact in a few words, in the order of pages."""
    yield Further("status", later("Takes place"), TAKES_PLACE[event.status], ours=True)
    if event.ends_at is not None:
        ends = event.ends_at.astimezone(ZoneInfo(event.timezone))
        yield Further("ends_at", later("Until"), clock(ends))
    if event.price:
        yield Further("price", later("Price"), event.price)
    yield from access.further(event.access_facts)
