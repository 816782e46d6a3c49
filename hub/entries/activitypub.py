"""What the documents of all kinds share: audience, pictures, hashtags, places, size. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypedDict, TypeVar

import orjson

from federation.vocab.base import Attachment, Object, Place, Tag, VirtualLocation
from federation.vocab.names import PUBLIC
from hub.core.text import SafeHtml, paragraphs, plain, teaser, tidy
from hub.entries import rendering
from hub.entries.models import Entry, Picture
from hub.entries.schemas import (
    LONGEST_TAG,
    LONGEST_TITLE,
    MOST_TAGS,
    SHORTEST_TITLE,
    absolute,
    on_earth,
    tag,
)

Thing = TypeVar("Thing", bound=Object)

# Misskey takes 64 KB; with the activity around it and its proof this stays under 48 KiB (AP-66).
LARGEST_OBJECT = 44 * 1024
SHORTER = (12_000, 8_000, 4_000, 2_000, 1_000, 500)  # characters of text, until it fits


def followers_of(entry: Entry) -> str:
    """The collection of those who follow the entry's author."""
    return entry.author.followers_uri or f"{entry.author.uri}/followers"


def audience(entry: Entry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`to` and `cc` of a public entry (PROTOCOL §3.2)."""
    return (PUBLIC,), (followers_of(entry),)


class Collections(TypedDict):
    """What hangs on a thing of ours: four addresses, made of its own."""

    replies: str
    likes: str
    shares: str
    context: str


def collections(uri: str) -> Collections:
    """The collections of an entry (ActivityPub §5.7, §5.8, FEP-7458, FEP-7888)."""
    return {
        "replies": f"{uri}/replies",
        "likes": f"{uri}/likes",
        "shares": f"{uri}/shares",
        "context": f"{uri}/context",
    }


def picture(found: Picture | None, hub: str) -> tuple[Attachment, ...]:
    """The picture of an entry, with its words where each peer looks for them."""
    if found is None:
        return ()
    return (
        Attachment(
            type="Image",
            url=absolute(found.url, hub),
            media_type=found.media_type,
            name=found.alt,
            summary=found.alt,
            width=found.width,
            height=found.height,
        ),
    )


def hashtags(entry: Entry) -> tuple[Tag, ...]:
    """The tags of an entry as peers know them (FEP-eb48)."""
    return tuple(
        Tag(type="Hashtag", name=f"#{word}", href=rendering.tag_url(entry.url, word))
        for word in entry.tags
    )


def tags_of(thing: Object) -> tuple[str, ...]:
    """The hashtags of a document that we can keep."""
    found: dict[str, str] = {}
    for one in thing.tags:
        word = tag(one.name or "") if one.type == "Hashtag" else ""
        if any(character.isalpha() for character in word) and len(word) <= LONGEST_TAG:
            found.setdefault(word.casefold(), word)
    return tuple(found.values())[:MOST_TAGS]


def place(entry: Entry) -> Place | None:
    """Where it is: one object, with coordinates if there are any (AP-52)."""
    if not entry.place and entry.latitude is None:
        return None
    return Place(name=entry.place or None, latitude=entry.latitude, longitude=entry.longitude)


def place_text(where: Place | VirtualLocation | None) -> str:
    """A place in one line."""
    if not isinstance(where, Place):
        return ""
    town = " ".join(part for part in (where.postal_code, where.locality) if part)
    parts = (where.name, where.street, town, where.region if not town else None)
    said: list[str] = []
    for part in parts:
        # Gancio and others repeat the street in the name.
        if part and not any(part in earlier for earlier in said):
            said.append(part)
    return tidy(", ".join(said))[:300].strip()


def coordinates(where: Place | VirtualLocation | None) -> tuple[float, float] | None:
    """Latitude and longitude, if both are there and on the Earth."""
    if not isinstance(where, Place) or where.latitude is None or where.longitude is None:
        return None
    point = (where.latitude, where.longitude)
    return point if on_earth(*point) else None


def title(words: str | None, prefix: str) -> str:
    """`words` as a title by our rules: cut, or begun with `prefix` where they are too few."""
    line = teaser(tidy(words or ""), LONGEST_TITLE)
    return line if len(line) >= SHORTEST_TITLE else tidy(f"{prefix}: {line}").strip(": ")


_HASHTAGS = re.compile(
    r'(?:<p>(?:<a [^>]*class="mention hashtag"[^>]*>#<span>[^<]*</span></a>\s*)+</p>)$'
)


def without_hashtags(html: str) -> str:
    """`html` without the line of tags at its end: they are shown beside it."""
    return _HASHTAGS.sub("", html)


def fitting(make: Callable[[SafeHtml], Thing], body: SafeHtml) -> Thing:
    """What `make` makes of a text, or of its beginning if the document would get too big."""
    thing = make(body)
    words = plain(body)
    for limit in SHORTER:
        if len(orjson.dumps(thing.document(context=True))) <= LARGEST_OBJECT:
            break
        thing = make(paragraphs(teaser(words, limit)))
    return thing
