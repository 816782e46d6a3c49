"""Misskey (PROTOCOL §3.1, §3.2, §5).

The first type counts; `summary` is the warning, with its tags as they stand; `name` is not shown.
"""

from __future__ import annotations

import orjson

from tests.unit.peers.seen import (
    Document,
    Dropped,
    Seen,
    audience,
    host,
    links_in,
    pictures,
    see_with,
    text_of,
)

SHOWN = frozenset(
    ["Note", "Question", "Article", "Audio", "Document", "Image", "Page", "Video", "Event"]
)
LARGEST = 64 * 1024
LONGEST_NAME = 128


def see(document: Document) -> Seen:
    """What a reader sees."""
    if "inbox" in document:
        if len(document["preferredUsername"]) > LONGEST_NAME:
            raise Dropped("the name is too long")
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    if len(orjson.dumps(document)) > LARGEST:
        raise Dropped("413")
    uri = document.get("id")
    if not isinstance(uri, str) or host(uri) != host(document["actor"]):
        raise Dropped("the activity's id is not of the signer's host")
    return see_with(document, _show)


def _show(_: Document, thing: Document) -> Seen:
    kind = thing["type"][0] if isinstance(thing["type"], list) else thing["type"]
    if kind not in SHOWN:
        raise Dropped(f"{kind} is not shown")
    if not thing["url"].startswith("https://"):
        raise Dropped("the page is not https")
    content = thing.get("content") or ""
    return Seen(
        kind=audience(thing, "post"),
        warning=thing.get("summary") or "",
        text=text_of(content),
        pictures=pictures(thing),
        links=(thing["url"], *links_in(content)),
    )
