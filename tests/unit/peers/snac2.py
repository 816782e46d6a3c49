"""snac2 2.38 (PROTOCOL §3.5, M2, M3): Notes, Pages and polls; a Note with a name is a vote."""

from __future__ import annotations

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

SHOWN = frozenset({"Note", "Page", "Question"})


def see(document: Document) -> Seen:
    """What a reader sees."""
    if "inbox" in document:
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    return see_with(document, _show, boosts=lambda uri: "/events/" not in uri)


def _show(_: Document, thing: Document) -> Seen:
    kind = type_of(thing)
    if kind not in SHOWN:
        raise Dropped(f"{kind} is not shown")
    if kind == "Note" and thing.get("name"):
        raise Dropped("taken for a vote")
    content = thing["content"]
    return Seen(
        kind=audience(thing, "post"),
        warning=thing.get("summary") or "",
        text=text_of(content),
        pictures=pictures(thing),
        links=(thing["url"], *links_in(content)),
    )
