"""What all published things have in common, and the small parts that they are made of.

All values are frozen. Moments are aware datetimes; texts called `content` and `summary` are HTML as
it came (cleaning is the reader's), `name` is plain text. None means absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self

from federation.vocab.details import NOTHING, Details
from federation.vocab.names import PUBLIC, Document, context_of

# Mastodon takes an object that does not say so for one that nobody may quote.
_QUOTABLE: Final = {"canQuote": {"automaticApproval": [PUBLIC]}}


def moment(value: datetime) -> str:
    """`value` as RFC 3339 with its zone; a naive one is taken as UTC."""
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    text = aware.isoformat()
    return text.removesuffix("+00:00") + "Z" if aware.utcoffset() == timedelta(0) else text


def present(members: Mapping[str, Any]) -> Document:
    """`members` without those that are None."""
    return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A picture, a file or a link that belongs to an object.

    `url` of a Link is its target (`href`). `name` is the text instead of the picture; Mastodon
    prefers the same text in `summary`. `width` and `height` are pixels; `focal_point` is x and y
    from -1 to 1.
    """

    type: Literal["Image", "Document", "Link"] = "Image"
    url: str
    media_type: str
    name: str | None = None
    summary: str | None = None
    width: int | None = None
    height: int | None = None
    focal_point: tuple[float, float] | None = None
    blurhash: str | None = None

    @classmethod
    def picture(cls, url: str, media_type: str, alt: str | None) -> Self:
        """A picture with its alternative text where each peer looks for it."""
        return cls(type="Image", url=url, media_type=media_type, name=alt, summary=alt)

    def document(self) -> Document:
        """The JSON of the attachment."""
        focal = None if self.focal_point is None else [float(part) for part in self.focal_point]
        return present(
            {
                "type": self.type,
                "mediaType": self.media_type,
                ("href" if self.type == "Link" else "url"): self.url,
                "name": self.name,
                "summary": self.summary,
                "width": self.width,
                "height": self.height,
                "focalPoint": focal,
                "blurhash": self.blurhash,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A hashtag (`name` with its #), a mention (`href` is the actor), a link or an emoji."""

    type: str
    name: str | None = None
    href: str | None = None

    def document(self) -> Document:
        """The JSON of the tag."""
        return present({"type": self.type, "name": self.name, "href": self.href})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One line of a profile; `value` is HTML."""

    name: str
    value: str

    def document(self) -> Document:
        """The JSON of the line, as Mastodon reads it."""
        return {"type": "PropertyValue", "name": self.name, "value": self.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualLocation:
    """Where something happens that happens online."""

    name: str | None = None
    url: str | None = None

    def document(self) -> Document:
        """The JSON of the location."""
        return present({"type": "VirtualLocation", "name": self.name, "url": self.url})


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """Something published.

    `context` is the thread, `audience` the groups; `replies`, `likes` and `shares` are collections.
    `quotable` says that everybody may quote it (FEP-044f); it is written and never read.
    `language` is a BCP 47 tag, `license` the address of the terms under which others may use it
    (schema.org). `source_type` holds the type or types as they came. `document()`
    writes plain JSON: one string for `type` and every reference, arrays for `to`, `cc`,
    `attachment` and `tag` even when empty (AP-49).
    """

    type: str
    id: str | None = None
    name: str | None = None
    summary: str | None = None
    content: str | None = None
    language: str | None = None
    attributed_to: str | None = None
    url: str | None = None
    in_reply_to: str | None = None
    context: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    tags: tuple[Tag, ...] = ()
    location: Place | VirtualLocation | None = None
    image: Attachment | None = None
    replies: str | None = None
    likes: str | None = None
    shares: str | None = None
    quote: str | None = None
    license: str | None = None
    quotable: bool = False
    sensitive: bool = False
    source_type: tuple[str, ...] = field(default=(), compare=False)

    def document(self, *, context: bool = False) -> Document:
        """The JSON of the object, with its `@context` if it is to stand alone."""
        members = present(self._members())
        return {"@context": context_of(members), **members} if context else members

    def _members(self) -> Document:
        """All members in the order in which they are written; those that are None fall out."""
        return {
            **self._heading(),
            **self._times(),
            **self._own_members(),
            **self._audience(),
        }

    def _own_members(self) -> Document:
        """What only this type has."""
        return {}

    def _heading(self) -> Document:
        content_map = None
        if self.content is not None and self.language is not None:
            content_map = {self.language: self.content}
        return {
            "id": self.id,
            "type": self.type,
            "attributedTo": self.attributed_to,
            "url": self.url,
            "inReplyTo": self.in_reply_to,
            "name": self.name,
            "summary": self.summary,
            "content": self.content,
            "contentMap": content_map,
            "sensitive": self.sensitive or None,
        }

    def _times(self) -> Document:
        published, updated = self.published, self.updated
        if published is not None and updated is not None:
            # GoToSocial refuses what was changed before it was published (AP-61).
            updated = max(published, updated)
        return {
            "published": published and moment(published),
            "updated": updated and moment(updated),
            "startTime": self.start_time and moment(self.start_time),
            "endTime": self.end_time and moment(self.end_time),
        }

    def _audience(self) -> Document:
        return {
            "location": self.location and location_document(self.location),
            "image": self.image and self.image.document(),
            "to": list(self.to),
            "cc": list(self.cc),
            "audience": list(self.audience) or None,
            "attachment": [one.document() for one in _pictures_first(self.attachments)],
            "tag": [tag.document() for tag in self.tags],
            "quote": self.quote,
            "license": self.license,
            "interactionPolicy": _QUOTABLE if self.quotable else None,
            "replies": self.replies,
            "likes": self.likes,
            "shares": self.shares,
            "context": self.context,
        }


def _pictures_first(attachments: Iterable[Attachment]) -> list[Attachment]:
    """Gancio and Mobilizon take the first attachment for the picture (AP-50)."""
    return sorted(attachments, key=lambda one: not one.media_type.startswith("image/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Object):
    """A place: where an event happens, or an entry of a directory.

    Degrees are WGS 84. `country` is a name or an ISO 3166 code. `address` in one line, as some
    peers send it, is read into `street`.
    """

    type: str = "Place"
    latitude: float | None = None
    longitude: float | None = None
    street: str | None = None
    postal_code: str | None = None
    locality: str | None = None
    region: str | None = None
    country: str | None = None
    fields: tuple[Field, ...] = ()
    details: Details = NOTHING

    def _own_members(self) -> Document:
        return {**geography(self), **self.details.members()}

    def _audience(self) -> Document:
        members = super(Place, self)._audience()
        members["attachment"] += [line.document() for line in self.fields]
        return members


def geography(place: Place) -> Document:
    """Address and coordinates; these with a fraction, or Mobilizon drops them (AP-52)."""
    address = present(
        {
            "streetAddress": place.street,
            "postalCode": place.postal_code,
            "addressLocality": place.locality,
            "addressRegion": place.region,
            "addressCountry": place.country,
        }
    )
    return {
        "address": {"type": "PostalAddress", **address} if address else None,
        "latitude": None if place.latitude is None else float(place.latitude),
        "longitude": None if place.longitude is None else float(place.longitude),
    }


def location_document(location: Place | VirtualLocation) -> Document:
    """The JSON of a location inside another object: one object, without audience."""
    if isinstance(location, VirtualLocation):
        return location.document()
    return present(
        {
            "type": "Place",
            "id": location.id,
            "name": location.name,
            **geography(location),
            "url": location.url,
        }
    )
