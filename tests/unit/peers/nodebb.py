"""NodeBB 4 (PROTOCOL §3.1, §3.5, M11): posts are topics, Events are not shown."""

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

SHOWN = frozenset({"Note", "Article", "Page", "Question"})


def see(document: Document) -> Seen:
    """What a reader sees."""
    if "inbox" in document:
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    return see_with(document, _show, boosts=lambda uri: "/events/" not in uri)


def _show(_: Document, thing: Document) -> Seen:
    kind = type_of(thing)
    if kind not in SHOWN:
        raise Dropped(f"{kind} is not shown")
    content = thing["content"]
    text = text_of(content)
    return Seen(
        kind=audience(thing, "post"),
        title=thing.get("name") or text.partition("\n")[0],
        text=text,
        pictures=pictures(thing),
        links=(thing["url"], *links_in(content)),
    )
