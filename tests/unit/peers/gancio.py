"""Gancio 1.21, where its admin follows and trusts the author (PROTOCOL §3.1, §3.5, M10).

Nothing but Events, and nothing that is boosted.
"""

from __future__ import annotations

from tests.unit.peers.seen import (
    Document,
    Dropped,
    Seen,
    attachments,
    gone,
    owned,
    text_of,
    type_of,
)

QUIET = frozenset({"Accept", "Follow", "Undo", "Reject", "Ignore"})


def see(document: Document) -> Seen:
    """What a reader sees."""
    if "inbox" in document:
        return Seen(kind="profile", title=document["name"])
    kind = type_of(document)
    if kind in QUIET:
        return Seen(kind="quiet")
    if kind == "Delete":
        thing = document["object"]
        if not isinstance(thing, dict) or thing.get("formerType") != "Event":
            raise Dropped("deletes nothing but what was an Event")
        return Seen(kind="gone", links=(gone(document),))
    if kind not in {"Create", "Update"}:
        raise Dropped(f"takes no {kind}")
    return _event(owned(document))


def _event(thing: Document) -> Seen:
    kind = thing.get("type")
    if kind != "Event":
        raise Dropped(f"takes no {kind}")
    for one in attachments(thing):
        if not isinstance(one.get("mediaType"), str):
            raise Dropped("throws at an attachment without mediaType")
    for tag in thing["tag"]:
        if not isinstance(tag.get("name"), str):
            raise Dropped("throws at a tag without name")
    place = thing.get("location") or {}
    if not isinstance(place, dict):
        raise Dropped("400 for a location that is no object")
    address = place.get("address") or {}
    street = address if isinstance(address, str) else address.get("streetAddress", "")
    images = [one for one in attachments(thing) if one["mediaType"].startswith("image/")]
    return Seen(
        kind="event",
        title=thing["name"],
        text=text_of(thing.get("content") or thing.get("summary") or ""),
        starts=thing["startTime"],
        ends=thing.get("endTime") or "",
        where=", ".join(part for part in (place.get("name"), street) if part),
        pictures=tuple((one["url"], one.get("name") or "") for one in images[:1]),
        links=(thing["url"],),
    )
