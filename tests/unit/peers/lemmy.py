"""Lemmy (PROTOCOL §3.1, §3.4).

Everything happens in communities: a post is in one, named in `audience` or passed on by it with the
whole activity (FEP-1b12), and a comment answers a post that is.
"""

from __future__ import annotations

from tests.unit.peers.seen import (
    Document,
    Dropped,
    Seen,
    owned,
    pictures,
    text_of,
    type_of,
)

FOLLOWED = frozenset({"Group"})
POSTS = frozenset({"Page", "Article", "Note", "Event", "Video"})
LONGEST_TITLE = 200


def see(document: Document) -> Seen:
    """What a reader sees."""
    kind = type_of(document)
    if "inbox" in document:
        if kind not in FOLLOWED:
            raise Dropped("only communities can be subscribed to")
        return Seen(kind="profile", title=document["name"], text=text_of(document["summary"]))
    if kind in {"Accept", "Reject", "Follow", "Undo"}:
        return Seen(kind="quiet")
    if kind == "Announce":
        inner = document.get("object")
        if not isinstance(inner, dict):
            raise Dropped("a community passes on whole activities")
        return see(inner)
    if kind not in {"Create", "Update"}:
        raise Dropped("nothing in a community")
    thing = owned(document)
    if not thing.get("audience"):
        raise Dropped("in no community")
    return _post(thing)


def _post(thing: Document) -> Seen:
    kind = type_of(thing)
    if kind not in POSTS:
        raise Dropped(f"{kind} is not shown")
    text = text_of(thing.get("content") or "")
    title = thing.get("name") or text.partition("\n")[0]
    return Seen(
        kind="post",
        title=title[:LONGEST_TITLE],
        text=text,
        pictures=pictures(thing, 1),
        links=(thing["url"],),
    )
