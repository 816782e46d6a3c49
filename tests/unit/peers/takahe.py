"""Takahe 0.11 (PROTOCOL §3.5): as GoToSocial, and picky about attachments."""

from __future__ import annotations

from tests.unit.peers.seen import (
    Document,
    Dropped,
    Seen,
    attachments,
    audience,
    links_in,
    pictures,
    see_with,
    text_of,
    type_of,
)

SHOWN = frozenset({"Note", "Question", "Event", "Page"})
ATTACHED = frozenset({"Image", "Document", "Link", "Video", "Audio"})


def see(document: Document) -> Seen:
    """What a reader sees."""
    type_of(document)
    if "inbox" in document:
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    return see_with(document, _show)


def _show(_: Document, thing: Document) -> Seen:
    kind = type_of(thing)
    if kind not in SHOWN:
        raise Dropped(f"{kind} is not shown")
    if any(one["type"] not in ATTACHED for one in attachments(thing)):
        raise Dropped("lost by an attachment that is no file and no link")
    content = thing.get("content") or thing.get("summary") or ""
    return Seen(
        kind=audience(thing, "post"),
        warning=text_of(thing.get("summary") or thing.get("name") or ""),
        text=text_of(content),
        pictures=pictures(thing),
        links=(thing["url"], *links_in(content)),
    )
