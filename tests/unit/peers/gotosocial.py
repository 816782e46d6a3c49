"""GoToSocial 0.20 (PROTOCOL §3.1, §3.2, §3.5).

Nearly every type is a post. `summary`, and without one `name`, is its warning: of what has both,
the name is lost.
"""

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

SHOWN = frozenset(
    [
        "Event",
        "Article",
        "Page",
        "Note",
        "Question",
        "Place",
        "Profile",
        "Image",
        "Video",
        "Audio",
        "Document",
        "Album",
    ]
)


def see(document: Document) -> Seen:
    """What a reader sees."""
    type_of(document)
    if "inbox" in document:
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    return see_with(document, _show)


def _show(activity: Document, thing: Document) -> Seen:
    kind = type_of(thing)
    if kind not in SHOWN:
        raise Dropped(f"500 for a {kind}")
    if thing["updated"] < thing["published"]:
        raise Dropped("changed before it was published")
    content = thing.get("content") or ""
    return Seen(
        kind=audience(thing, "post"),
        warning=text_of(thing.get("summary") or thing.get("name") or ""),
        text=text_of(content),
        pictures=pictures(thing),
        links=(thing["url"], *links_in(content)),
    )
