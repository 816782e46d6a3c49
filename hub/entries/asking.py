"""What the API's lists can be asked for, and the members that all its answers share."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from federation.errors import BadUrl
from federation.origins import authority
from hub.core import text
from hub.core.settings import Settings
from hub.core.words import later
from hub.entries.models import Entry, Source
from hub.entries.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, Listed, next_link
from hub.entries.queries import Counts, Filters
from hub.entries.schemas import FurtherView, SourceView, image_view, language_tag, on_earth

FARTHEST_M: Final = 500_000
YEARS: Final = range(1000, 9999)  # a day beyond the calendar's ends would be no date any more


def point(value: str) -> str:
    """`value` if it is latitude and longitude with a comma.

    Raises:
        ValueError: it is not.
    """
    parts = value.split(",")
    hint = later("Must be latitude and longitude, such as 50.93,6.94")
    try:
        latitude, longitude = (float(part) for part in parts)
    except ValueError:
        raise ValueError(hint) from None
    if not on_earth(latitude, longitude):
        raise ValueError(hint)
    return value


def _box(value: str) -> str:
    hint = later("Must be west, south, east and north, such as 6.8,50.8,7.1,51.0")
    try:
        west, south, east, north = (float(part) for part in value.split(","))
    except ValueError:
        raise ValueError(hint) from None
    if not (on_earth(south, west) and on_earth(north, east) and south <= north):
        raise ValueError(hint)
    return value


def _origin(value: str) -> str:
    if value in {"all", "local"}:
        return value
    hint = later("Must be all, local, or a host such as hub.example")
    if not set("/?#").isdisjoint(value):
        raise ValueError(hint)
    try:
        return authority(f"https://{value}")
    except BadUrl:
        raise ValueError(hint) from None


def _language(value: str) -> str:
    return language_tag(value) if value else ""


class Asked(BaseModel):
    """The filters that every list has."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=200, description="words that must occur")] = ""
    tag: Annotated[str, Field(max_length=60)] = ""
    near: Annotated[str | None, AfterValidator(point), Field(description="latitude,longitude")] = (
        None
    )
    within: Annotated[
        float | None, Field(gt=0, le=FARTHEST_M, description="metres around `near`")
    ] = None
    bbox: Annotated[
        str | None, AfterValidator(_box), Field(description="west,south,east,north in degrees")
    ] = None
    language: Annotated[
        str, AfterValidator(_language), Field(description="what it is written in, such as cy")
    ] = ""
    origin: Annotated[str, AfterValidator(_origin), Field(description="all, local, or a host")] = (
        "all"
    )
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str | None, Field(max_length=MAX_CURSOR)] = None

    @model_validator(mode="after")
    def _around_what(self) -> Asked:
        if self.within is not None and self.near is None:
            raise ValueError("within needs near")
        return self


class SearchAsked(Asked):
    """The filters of a search over everything."""

    type: Annotated[
        Literal["", "event", "offer", "want", "article", "place", "organisation"],
        Field(description="without it: everything"),
    ] = ""
    when: Annotated[Literal["upcoming", "any"], Field(description="any: also what is over")] = (
        "upcoming"
    )


def filters(asked: Asked, settings: Settings, *, place: str = "") -> Filters:
    """The filters as queries take them."""
    origin = "local" if asked.origin in settings.authorities else asked.origin
    found: Filters = {
        "words": asked.q,
        "tag": asked.tag,
        "place": place,
        "origin": origin,
        "language": asked.language,
        "limit": asked.limit,
        "cursor": asked.cursor,
        "within_m": asked.within or settings.radius_m,
    }
    if asked.near is not None:
        latitude, longitude = asked.near.split(",")
        found["near"] = (float(latitude), float(longitude))
    if asked.bbox is not None:
        west, south, east, north = (float(part) for part in asked.bbox.split(","))
        found["bbox"] = (west, south, east, north)
    return found


def moment(value: str) -> str:
    """`value` if it is a day or a moment; a `+` that an address turned into a space is mended.

    Raises:
        ValueError: it is neither.
    """
    mended = value.strip().replace(" ", "+")
    try:
        year = datetime.fromisoformat(mended).year
    except ValueError:
        year = 0
    if year not in YEARS:
        raise ValueError(later("Must be a day or a moment, such as 2026-09-12"))
    return mended


Moment = Annotated[str, AfterValidator(moment), Field(description="a day, or an RFC 3339 moment")]


def moment_of(value: str | None, zone: ZoneInfo, *, end: bool = False) -> datetime | None:
    """The moment that is meant; a day alone begins at midnight, or at the `end` is over."""
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    if len(value) <= len("2026-09-12"):
        day: date = found.date() + timedelta(days=1) if end else found.date()
        found = datetime.combine(day, time())
    return found if found.tzinfo else found.replace(tzinfo=zone)


def shared_members(entry: Entry, counts: Counts, settings: Settings) -> dict[str, Any]:
    """The members of an answer that do not depend on the kind; author and picture are loaded."""
    return {
        "id": entry.id,
        "uri": entry.uri,
        "url": entry.url,
        **provenance(entry, settings),
        "status": entry.status,
        "visibility": entry.visibility,
        "title": entry.title,
        "description": text.plain(entry.content) if entry.source is None else entry.source,
        "content": text.shown(entry.content, entry.cleaned_by),
        "language": entry.language,
        "location": entry.place,
        "latitude": entry.latitude,
        "longitude": entry.longitude,
        "tags": entry.tags,
        "image": image_view(entry.picture, settings.url),
        "author": entry.author.handle,
        "replies": counts.replies,
        "likes": counts.likes,
        "boosts": counts.boosts,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


def provenance(entry: Entry, settings: Settings) -> dict[str, Any]:
    """Where it is from, by which way, under which terms, how fresh it is, and who else tells it."""
    return {
        "origin": entry.origin or settings.authority,
        "via": entry.via or None,
        "license": entry.licence or None,
        "heard_at": entry.heard_at,
        "sources": [_source(one, settings) for one in entry.noted.sources],
    }


def _source(source: Source, settings: Settings) -> SourceView:
    return SourceView(
        id=source.id,
        url=source.url,
        origin=source.origin or settings.authority,
        via=source.via or None,
        license=source.licence or None,
        heard_at=source.heard_at,
        title=source.title,
        location=source.place,
        happens_at=source.happens_at,
        updated_at=source.updated_at,
        further=[FurtherView.model_validate(one) for one in source.further],
        differs=sorted(source.differs),
    )


def link_next(request: Request, response: Response, listed: Listed[Any]) -> None:
    """Name the next page in a header too (RFC 8288)."""
    response.headers.update(next_link(request, listed))
