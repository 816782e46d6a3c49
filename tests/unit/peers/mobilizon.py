"""Mobilizon 5 (PROTOCOL §3.1–3.4).

Events become calendar entries, shown to all once an actor that its relay follows has boosted them.
Notes are comments and nothing else. Persons cannot be followed.
"""

from __future__ import annotations

from tests.unit.peers.seen import (
    Document,
    Dropped,
    Seen,
    attachments,
    audience,
    see_with,
    text_of,
    type_of,
)

JOIN_MODES = frozenset({"free", "restricted", "invite", "external"})
STATUSES = frozenset({"CONFIRMED", "TENTATIVE", "CANCELLED"})
FOLLOWED = frozenset({"Application", "Group", "Service", "Organization"})
LONGEST_TAG = 40  # without its sign


def see(document: Document) -> Seen:
    """What a reader sees."""
    if "inbox" in document:
        if type_of(document) not in FOLLOWED:
            raise Dropped("a Person cannot be followed")
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    return see_with(document, _show)


def _show(_: Document, thing: Document) -> Seen:
    kind = type_of(thing)
    if kind == "Note":
        if not thing.get("inReplyTo"):
            raise Dropped("a Note is a comment, and this is none")
        return Seen(kind=audience(thing, "reply"), text=text_of(thing["content"]))
    if kind != "Event":
        raise Dropped(f"{kind} is not shown")
    return _event(thing)


def _event(thing: Document) -> Seen:
    if not 3 <= len(thing.get("name") or "") <= 200:
        raise Dropped("the title is too short or too long")
    if not isinstance(thing.get("status"), str):
        raise Dropped("crashes at a status that is no text")
    if isinstance(thing.get("location"), list):
        raise Dropped("crashes at several locations")
    mode = thing.get("joinMode", "free")
    if mode not in JOIN_MODES:
        raise Dropped(f"voided by joinMode {mode}")
    if any(len(tag["name"].lstrip("#")) >= LONGEST_TAG for tag in thing["tag"]):
        raise Dropped("a tag is too long")
    cancelled = "CANCELLED " if thing["status"] == "CANCELLED" else ""
    return Seen(
        kind="event",
        title=cancelled + thing["name"],
        text=text_of(thing.get("content") or ""),
        starts=thing["startTime"],
        ends=thing["endTime"] if thing.get("displayEndTime", True) else "",
        where=_where(thing.get("location")),
        pictures=_banner(thing),
        links=(thing["url"], *([thing["externalParticipationUrl"]] if mode == "external" else [])),
    )


def _where(place: Document | None) -> str:
    if place is None or place.get("type") != "Place":
        return ""
    address = place.get("address") or {}
    point = [place.get("latitude"), place.get("longitude")]
    pin = f" @{point[0]},{point[1]}" if all(isinstance(one, float) for one in point) else ""
    parts = (place.get("name"), address.get("streetAddress"), address.get("addressLocality"))
    return ", ".join(part for part in parts if part) + pin


def _banner(thing: Document) -> tuple[tuple[str, str], ...]:
    images = [one for one in attachments(thing) if one["mediaType"].startswith("image/")]
    banner = next((one for one in images if one.get("name") == "Banner"), None)
    found = banner or thing.get("image") or next(iter(images), None)
    return () if found is None else ((found["url"], found.get("name") or ""),)
