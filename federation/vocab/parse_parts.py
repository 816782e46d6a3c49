"""Attachments, tags, places and lines of profiles, in all the shapes in which peers send them."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from federation.vocab import reading
from federation.vocab.base import Attachment, Field, Place, Tag, VirtualLocation

ATTACHMENT_LIMIT: Final = 16
TAG_LIMIT: Final = 50
FIELD_LIMIT: Final = 50
_PIXEL_LIMIT: Final = 100_000
_LINE_LIMIT: Final = 500

_KINDS: Final[Mapping[str, Literal["Image", "Document", "Link"]]] = {
    "Image": "Image",
    "Document": "Document",
    "Audio": "Document",
    "Video": "Document",
    "Link": "Link",
    "Page": "Link",
}
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,63}")
_BLURHASH: Final = re.compile(r"[!-~]{6,200}")
_VALUEFLOWS: Final = ("atLocation", "eligibleLocation")
_PLACE_TYPES: Final = frozenset({"Place", "SpatialThing", "PostalAddress", "Location"})


def attachments(document: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The pictures, files and links; what has no usable address is left out."""
    stated = document.get("attachment")
    if not stated:
        return ()
    found = (attachment(one) for one in reading.items(stated)[:ATTACHMENT_LIMIT])
    return tuple(one for one in found if one is not None)


def attachment(value: object) -> Attachment | None:
    """One picture, file or link."""
    if isinstance(value, str):
        value = {"type": "Link", "href": value}
    if not isinstance(value, dict):
        return None
    types = [one for one in reading.items(value.get("type")) if isinstance(one, str)]
    kind = next((_KINDS[one] for one in map(reading.short_type, types) if one in _KINDS), None)
    url = reading.page_url(reading.member(value, "href", "url"))
    if kind is None or url is None:
        return None
    return Attachment(
        type=kind,
        url=url,
        media_type=_media_type(value, url, kind),
        name=reading.text(value.get("name")),
        summary=reading.text(value.get("summary")),
        width=reading.count(value.get("width"), _PIXEL_LIMIT),
        height=reading.count(value.get("height"), _PIXEL_LIMIT),
        focal_point=_focal_point(value.get("focalPoint")),
        blurhash=_blurhash(value.get("blurhash")),
    )


def picture(value: object) -> Attachment | None:
    """The first picture in `value`, which may be a mere address."""
    for one in reading.items(value)[:ATTACHMENT_LIMIT]:
        found = attachment({"type": "Image", "url": one} if isinstance(one, str) else one)
        if found is not None:
            return found
    return None


def _media_type(value: Mapping[str, Any], url: str, kind: str) -> str:
    stated = reading.member(value, "mediaType")
    if stated is None:
        links = [one for one in reading.items(value.get("url")) if isinstance(one, dict)]
        stated = links[0].get("mediaType") if links else None
    if isinstance(stated, str) and _MEDIA_TYPE.fullmatch(stated.lower()):
        return stated.lower()
    if kind == "Link":
        return "text/html"
    path = re.split("[?#]", url, maxsplit=1)[0]
    # Only the ending counts; a whole address would be taken for one of a scheme of its own.
    guessed, _ = mimetypes.guess_type(path.rpartition("/")[2])
    return guessed or ("image/jpeg" if kind == "Image" else "application/octet-stream")


def _focal_point(value: object) -> tuple[float, float] | None:
    match value:
        case [x, y]:
            across, up = reading.number(x, -1, 1), reading.number(y, -1, 1)
            return None if across is None or up is None else (across, up)
        case _:
            return None


def _blurhash(value: object) -> str | None:
    return value if isinstance(value, str) and _BLURHASH.fullmatch(value) else None


def tags(document: Mapping[str, Any]) -> tuple[Tag, ...]:
    """The hashtags, mentions, links and emojis; a bare `#word` is a hashtag."""
    stated = document.get("tag")
    if not stated:
        return ()
    found = (_tag(one) for one in reading.items(stated)[:TAG_LIMIT])
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _tag(value: object) -> Tag | None:
    if isinstance(value, str):
        name = reading.text(value)
        return Tag(type="Hashtag", name=name) if name and name.startswith("#") else None
    if not isinstance(value, dict):
        return None
    types = [one for one in reading.items(value.get("type")) if isinstance(one, str) and one]
    kind = reading.text(reading.short_type(types[0])) if types else None
    name = reading.text(value.get("name"))
    href = reading.page_url(reading.member(value, "href", "url"))
    if kind == "Emoji":
        icon = picture(value.get("icon"))
        href = None if icon is None else icon.url
    if kind == "Hashtag" and name is not None and not name.startswith("#"):
        name = f"#{name}"
    if kind is None or (name is None and href is None) or (kind == "Mention" and href is None):
        return None
    return Tag(type=kind, name=name, href=href)


def fields(document: Mapping[str, Any]) -> tuple[Field, ...]:
    """The lines of a profile."""
    found: list[Field] = []
    for value in reading.items(document.get("attachment")):
        if not isinstance(value, dict) or len(found) == FIELD_LIMIT:
            continue
        kind = value.get("type")
        name = reading.text(value.get("name"))
        line = reading.html(reading.member(value, "value", "schema:value"), reading.NAME_LIMIT)
        if isinstance(kind, str) and reading.short_type(kind) == "PropertyValue" and name and line:
            found.append(Field(name=name, value=line))
    return tuple(found)


def location(document: Mapping[str, Any]) -> tuple[Place | VirtualLocation | None, bool]:
    """Where it is, and whether it is (also) online; of several the first that we can read."""
    stated = reading.member(document, "location", "schema:location", *_VALUEFLOWS)
    if stated is None:
        return None, False
    found = [one for one in map(_location, reading.items(stated)[:ATTACHMENT_LIMIT]) if one]
    online = any(isinstance(one, VirtualLocation) for one in found)
    return (found[0] if found else None), online


def place(value: object) -> Place | None:
    """The first place in `value`."""
    found = (_location(one) for one in reading.items(value)[:ATTACHMENT_LIMIT])
    return next((one for one in found if isinstance(one, Place)), None)


def _location(value: object) -> Place | VirtualLocation | None:
    if isinstance(value, str):
        if reading.is_uri(value):
            return Place(id=value)
        name = reading.text(value)
        return Place(name=name) if name else None
    if not isinstance(value, dict):
        return None
    types = [one for one in reading.items(value.get("type")) if isinstance(one, str)]
    kinds = set(map(reading.short_type, types))
    if "VirtualLocation" in kinds:
        name, url = reading.name_of(value), reading.page_url(value.get("url"))
        return VirtualLocation(name=name, url=url) if name or url else None
    if kinds and not kinds & _PLACE_TYPES:
        return None
    return _place_or_online(value, "PostalAddress" in kinds)


def _place_or_online(value: dict[str, Any], is_address: bool) -> Place | VirtualLocation | None:
    parts = geography(value if not is_address else {"address": value})
    name, url = reading.name_of(value), reading.page_url(value.get("url"))
    address = value.get("address")
    if url is None and isinstance(address, dict):
        # Gancio says so that an event is online.
        url = reading.page_url(address.get("url"))
        if url is not None and not any(part is not None for part in parts.values()):
            return VirtualLocation(name=name, url=url)
    found = Place(id=reading.uri(value.get("id")), name=name, url=url, **parts)
    return None if found == Place() else found


def geography(document: Mapping[str, Any]) -> dict[str, Any]:
    """Coordinates and address, as the arguments of a Place."""
    geo = reading.member(document, "geo", "schema:geo")
    point: Mapping[str, Any] = geo if isinstance(geo, dict) else document
    latitude = reading.number(reading.member(point, "latitude", "lat"), -90, 90)
    longitude = reading.number(reading.member(point, "longitude", "long", "lng", "lon"), -180, 180)
    known = latitude is not None and longitude is not None
    return {
        "latitude": latitude if known else None,
        "longitude": longitude if known else None,
        **_address(document),
    }


def _address(document: Mapping[str, Any]) -> dict[str, str | None]:
    stated = reading.member(document, "address", "schema:address", "mappableAddress")
    if isinstance(stated, list):
        stated = stated[0] if stated else None
    if isinstance(stated, str):
        return {"street": reading.text(stated, _LINE_LIMIT)}
    if not isinstance(stated, dict):
        return {}
    return {
        "street": _line(stated, "streetAddress"),
        "postal_code": _line(stated, "postalCode"),
        "locality": _line(stated, "addressLocality"),
        "region": _line(stated, "addressRegion"),
        "country": _line(stated, "addressCountry"),
    }


def _line(address: Mapping[str, Any], name: str) -> str | None:
    value = reading.member(address, name, f"schema:{name}")
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        value = str(value)
    return reading.text(value, _LINE_LIMIT)
