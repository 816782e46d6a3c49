"""Channels of areas: what a steward enters, and what programs read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from federation.errors import BadUrl
from federation.origins import authority
from hub.core.words import later
from hub.entries.schemas import EAST, NORTH, Line, Tags, refusal

Kind = Literal["event", "offer", "want", "article", "place", "organisation"]

LOCAL: Final = "local"  # this hub, among the origins
MOST_ORIGINS: Final = 200
NEAREST_M, FARTHEST_M, USUAL_M = 100, 500_000, 10_000
NAME: Final = re.compile("[a-z0-9_]{3,30}")


def _name(value: str) -> str:
    name = value.strip().removeprefix("@").lower()
    if not NAME.fullmatch(name):
        raise ValueError(later("Must be 3 to 30 of the letters a to z, digits and _"))
    return name


def _origin(value: str) -> str:
    if value == LOCAL:
        return value
    try:
        return authority(value if "://" in value else f"https://{value}")
    except BadUrl:
        raise ValueError(later("Must be local, or a host such as hub.example")) from None


class AreaRules(BaseModel):
    """What a channel is called and passes on; what is empty does not narrow."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[Line, Field(min_length=3, max_length=80)]
    summary: Annotated[Line, Field(max_length=300)] = ""
    kinds: Annotated[list[Kind], Field(max_length=6)] = []
    tags: Tags = ()
    origins: Annotated[
        list[Annotated[str, AfterValidator(_origin)]], Field(max_length=MOST_ORIGINS)
    ] = []
    latitude: Annotated[float | None, Field(ge=-NORTH, le=NORTH)] = None
    longitude: Annotated[float | None, Field(ge=-EAST, le=EAST)] = None
    within: Annotated[
        int, Field(ge=NEAREST_M, le=FARTHEST_M, description="metres around the centre")
    ] = USUAL_M
    open_to_posts: Annotated[
        bool, Field(description="whether people elsewhere post to it by mentioning it")
    ] = False

    @model_validator(mode="after")
    def _whole_centre(self) -> AreaRules:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self


class AreaDraft(AreaRules):
    """A new channel; its name is that part of its address that stands before the host."""

    name: Annotated[str, AfterValidator(_name), Field(examples=["valley_food"])]


class AreaChange(BaseModel):
    """What is to be otherwise; its name stays."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = None
    summary: str | None = None
    kinds: list[str] | None = None
    tags: list[str] | None = None
    origins: list[str] | None = None
    latitude: float | None = None
    longitude: float | None = None
    within: int | None = None
    open_to_posts: bool | None = None


class AreaView(BaseModel):
    """A channel of an area; `followers` counts them, `said` what it passed on so far."""

    name: str
    handle: str
    uri: str
    url: str
    title: str
    summary: str
    kinds: list[str]
    tags: list[str]
    origins: list[str]
    latitude: float | None
    longitude: float | None
    within: int
    open_to_posts: bool
    followers: int
    said: int
    created_at: datetime


class Areas(BaseModel):
    """All channels of areas, by name."""

    items: list[AreaView]
    next: str | None = None


def draft_of(data: Mapping[str, Any]) -> AreaDraft:
    """The draft that `data` makes.

    Raises:
        Invalid: something in it does not make sense; `fields` says what.
    """
    try:
        return AreaDraft.model_validate(data)
    except ValidationError as error:
        raise refusal(error) from None
