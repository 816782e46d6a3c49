"""Mastodon 4.5 and later (PROTOCOL §3.1, §3.2, §1.2).

Notes are shown as they are. Events become a bold title, the summary as text and a link; their
content is ignored, and so are their Updates. It hides nothing but what has a `summary` as a Note.
"""

from __future__ import annotations

from tests.unit.peers.seen import (
    ACTORS,
    AS2,
    Document,
    Dropped,
    Seen,
    audience,
    host,
    links_in,
    pictures,
    see_with,
    text_of,
    type_of,
)

NATIVE = frozenset({"Note", "Question"})
CONVERTED = frozenset({"Image", "Audio", "Video", "Article", "Page", "Event"})
MOST_PICTURES = 4


def see(document: Document) -> Seen:
    """What a reader sees."""
    context = document.get("@context")
    if AS2 not in (context if isinstance(context, list) else [context]):
        raise Dropped("not ActivityStreams")
    if document.get("type") in ACTORS:
        return _profile(document)
    return see_with(document, _show)


def _show(activity: Document, thing: Document) -> Seen:
    kind = type_of(thing)
    if kind not in NATIVE | CONVERTED:
        raise Dropped(f"{kind} is not shown")
    if activity["type"] == "Update":
        if kind in CONVERTED:
            raise Dropped(f"a changed {kind} is not shown")
        if not thing["updated"] > thing["published"]:
            raise Dropped("the edit is not newer")
    return _native(thing) if kind in NATIVE else _converted(thing)


def _native(thing: Document) -> Seen:
    if thing.get("name") and thing.get("inReplyTo"):
        raise Dropped("taken for a vote")
    content = thing.get("content") or next(iter(thing.get("contentMap", {}).values()), "")
    kind = audience(thing, "post")
    if kind == "private" and not any(tag["type"] == "Mention" for tag in thing["tag"]):
        raise Dropped("a direct post that mentions nobody")
    return Seen(
        kind=kind,
        warning=thing.get("summary") or "",
        text=text_of(content),
        pictures=pictures(thing, MOST_PICTURES),
        links=(_page(thing), *links_in(content)),
    )


def _converted(thing: Document) -> Seen:
    return Seen(
        kind=audience(thing, "post"),
        title=thing.get("name") or "",
        text=text_of(thing.get("summary") or ""),
        pictures=pictures(thing, MOST_PICTURES),
        links=(_page(thing),),
    )


def _page(thing: Document) -> str:
    url = thing.get("url")
    return url if isinstance(url, str) and url.startswith("http") else str(thing["id"])


def _profile(actor: Document) -> Seen:
    if type_of(actor) not in ACTORS:
        raise Dropped("not an actor")
    if not actor.get("inbox") or not (actor.get("preferredUsername") or actor.get("webfinger")):
        raise Dropped("no inbox or no name")
    url = actor["url"] if host(actor["url"]) == host(actor["id"]) else actor["id"]
    return Seen(
        kind="profile",
        title=actor["name"],
        text=text_of(actor["summary"]),
        pictures=((actor["icon"]["url"], ""),),
        links=(url,),
    )
