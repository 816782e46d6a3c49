"""Friendica 2024 (PROTOCOL §3.1): Events are entries of its calendar, the rest are posts."""

from __future__ import annotations

from typing import Any

from tests.unit.peers.seen import (
    Document,
    Dropped,
    Seen,
    audience,
    links_in,
    pictures,
    see_with,
    text_of,
    type_of,
)

POSTS = frozenset({"Article", "Page", "Note", "Question"})


def see(document: Document) -> Seen:
    """What a reader sees."""
    if "inbox" in document:
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    return see_with(document, _show)


def _show(_: Document, thing: Document) -> Seen:
    kind = type_of(thing)
    content = thing.get("content") or ""
    shared: dict[str, Any] = {
        "title": thing.get("name") or "",
        "text": text_of(content),
        "pictures": pictures(thing),
        "links": (thing["url"], *links_in(content)),
    }
    if kind == "Event":
        place = thing.get("location") or {}
        return Seen(
            kind="event",
            starts=thing["startTime"],
            ends=thing.get("endTime") or "",
            where=place.get("name") or "",
            **shared,
        )
    if kind not in POSTS:
        raise Dropped(f"{kind} is not shown")
    return Seen(kind=audience(thing, "post"), warning=thing.get("summary") or "", **shared)
