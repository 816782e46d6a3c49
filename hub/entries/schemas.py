"""The rules that every published thing obeys, whoever sends it: a form, a program, an import.

A draft is what goes in. Blank members count as absent, what is wrong is said in plain words by
field, and moments leave a draft in UTC.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from hub.core.clock import zones
from hub.core.errors import Invalid
from hub.core.licences import is_licence
from hub.core.text import tidy
from hub.core.words import filled, later
from hub.entries.models import Picture

NO_LICENCE = "none"
LONGEST_TITLE = 200  # Mobilizon refuses longer names
SHORTEST_TITLE = 3
LONGEST_DESCRIPTION = 20_000
REGION = 2  # letters of a country in the name of a language
LONGEST_TAG = 39  # Mobilizon cuts at 40
MOST_TAGS = 20
LONGEST_URL = 2048
NORTH, EAST = 90, 180  # the ends of the Earth, in degrees
LARGEST_PICTURE = 10_000_000
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

Visibility = Literal["private", "hub", "public"]
Draft = TypeVar("Draft", bound="EntryDraft")
Checked = TypeVar("Checked", bound=BaseModel)

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_NOT_IN_TAGS = re.compile(r"[^\w]|_(?=_)")


def tidy_text(value: str) -> str:
    """`value` without control characters, on as many lines as it has."""
    return tidy(value.replace("\r\n", "\n").expandtabs(4), lines=True).strip()


def web_address(value: str) -> str:
    """`value` if a browser can open it.

    Raises:
        ValueError: it is no http(s) address.
    """
    hint = later("must be a web address such as https://example.org/page")
    if any(character.isspace() for character in value) or "\\" in value:
        raise ValueError(hint)
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in parts.netloc:
        raise ValueError(hint)
    return value


def zone_name(value: str) -> str:
    """`value` if it names a clock.

    Raises:
        ValueError: it is no IANA zone.
    """
    if value not in zones():
        raise ValueError(later("must be a time zone such as Europe/Berlin"))
    return value


def language_tag(value: str) -> str:
    """`value` as BCP 47 writes it: `de-AT`.

    Raises:
        ValueError: it names no language.
    """
    if not _LANGUAGE.fullmatch(value):
        raise ValueError(later("must be a language such as en or de-AT"))
    base, *parts = value.split("-")
    return "-".join(
        (base.lower(), *(part.upper() if len(part) == REGION else part for part in parts))
    )


def _licence(value: str) -> str:
    if value != NO_LICENCE and not is_licence(value):
        raise ValueError(later("must be the address of a licence, or none"))
    return value


def tag(value: str) -> str:
    """`value` as it can stand behind a `#`; empty if nothing is left of it.

    Other servers end a hashtag at a space or a hyphen, so what stands around one is joined.
    """
    return _NOT_IN_TAGS.sub("", unicodedata.normalize("NFKC", value)).strip("_")


def _tags(value: object) -> object:
    """The tags of a list, or of one line as people type it: with commas, or with spaces."""
    if isinstance(value, str):
        value = value.split(",") if "," in value else value.split()
    if not isinstance(value, list | tuple):
        return value
    found: dict[str, str] = {}
    for one in value:
        if not isinstance(one, str):
            raise ValueError("must be a list of words")
        word = tag(one)
        if not any(character.isalpha() for character in word):
            raise ValueError(filled("“{word}” has no letter in it", word=one))
        if len(word) > LONGEST_TAG:
            raise ValueError(
                filled("“{word}” is longer than {most} letters", word=word, most=LONGEST_TAG)
            )
        found.setdefault(word.casefold(), word)
    if len(found) > MOST_TAGS:
        raise ValueError(filled("at most {most} tags", most=MOST_TAGS))
    return tuple(found.values())


def _moment(value: object, info: ValidationInfo) -> object:
    """The moment in UTC; one without a zone is read on the clock of the draft's `timezone`."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise ValueError(
            "must be a date and time such as 2026-09-12T15:00 or 2026-09-12T15:00:00+02:00"
        )
    if value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(info.data.get("timezone", "UTC")))
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        moment = LATEST
    if not EARLIEST <= moment < LATEST:
        raise ValueError(later("must lie between the years 1900 and 2200"))
    return moment


def _base64(value: object) -> object:
    """The bytes of base64 text, also of a `data:` address."""
    if not isinstance(value, str):
        return value
    text = value.partition(",")[2] if value.startswith("data:") else value
    if len(text) > LARGEST_PICTURE * 4 // 3 + 4:
        raise ValueError(later("is more than 10 MB"))
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be the picture's bytes in base64") from None


Line = Annotated[str, AfterValidator(tidy)]
Price = Annotated[Line, Field(max_length=200)]
Text = Annotated[str, AfterValidator(tidy_text)]
Title = Annotated[Line, Field(min_length=SHORTEST_TITLE, max_length=LONGEST_TITLE)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
WebAddress = Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(web_address)]
Zone = Annotated[str, AfterValidator(zone_name)]
Tags = Annotated[
    tuple[str, ...],
    BeforeValidator(_tags),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "maxItems": MOST_TAGS}),
]
Bytes64 = Annotated[bytes, BeforeValidator(_base64)]


class ImageDraft(BaseModel):
    """A picture: `id` of one that is here already, or its `data` with `alt` in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID | None = None
    data: Bytes64 | None = None
    alt: Annotated[Text, Field(max_length=1500)] = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"id": value} if isinstance(value, str | UUID) else value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.id is None) == (self.data is None):
            raise ValueError("needs either the id of an uploaded picture, or data")
        if self.data is not None and not self.alt:
            raise ValueError(later("needs alt: say in words what the picture shows"))
        return self


Image = Annotated[
    ImageDraft,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "uuid", "description": "id of an uploaded picture"},
                {
                    "type": "object",
                    "properties": {
                        "data": {"type": "string", "contentEncoding": "base64"},
                        "alt": {"type": "string", "maxLength": 1500},
                    },
                    "required": ["data", "alt"],
                },
            ]
        }
    ),
]


class EntryDraft(BaseModel):
    """What all drafts share. `timezone` stands first: other members are read on its clock.

    `language` is that of its words; without it, that of the hub, or what it was before. So is
    `license`, the address of the terms under which others may use it; NO_LICENCE names none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timezone: Zone
    title: Title
    description: Annotated[Text, Field(max_length=LONGEST_DESCRIPTION)] = ""
    location: Annotated[Line, Field(max_length=300)] = ""
    latitude: Annotated[float | None, Field(ge=-NORTH, le=NORTH, allow_inf_nan=False)] = None
    longitude: Annotated[float | None, Field(ge=-EAST, le=EAST, allow_inf_nan=False)] = None
    tags: Tags = ()
    image: Image | None = None
    visibility: Visibility = "public"
    language: Annotated[str, AfterValidator(language_tag)] | None = None
    license: Annotated[str, AfterValidator(_licence)] | None = None

    @model_validator(mode="after")
    def _both_coordinates(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self


def checked(model: type[Checked], data: Mapping[str, Any], *, timezone: str) -> Checked:
    """The draft that `data` makes; `timezone` is the clock where `data` names none.

    Raises:
        Invalid: something in it does not make sense; `fields` says what.
    """
    given = {name: value for name, value in data.items() if not _blank(value)}
    given.setdefault("timezone", timezone)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise refusal(error) from None


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def refusal(error: ValidationError) -> Invalid:
    """What pydantic found, in plain words by field."""
    fields: dict[str, str] = {}
    for found in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in found["loc"]]
        name, words = _words(path, found["type"], found.get("ctx", {}))
        fields.setdefault(name, words)
    told = "; ".join(f"{name}: {words}" if name else words for name, words in fields.items())
    return Invalid(f"{told[:1].upper()}{told[1:]}.", fields)


def _words(path: list[str], kind: str, about: Mapping[str, Any]) -> tuple[str, str]:
    name = ".".join(path)
    if kind == "extra_forbidden":
        return name, "there is no such field"
    if kind == "value_error":
        words = str(about["error"])
        # A rule about two fields is told at the first that it names.
        return name or words.partition(" ")[0], words
    if kind in _PHRASES:
        return name, filled(_PHRASES[kind], **about)
    return name, later("does not make sense here")


_PHRASES = {
    "missing": later("please fill this in"),
    "string_too_short": later("must have at least {min_length} characters"),
    "string_too_long": later("must have at most {max_length} characters"),
    "too_short": later("must have at least {min_length} characters"),
    "too_long": later("must have at most {max_length} characters"),
    "string_type": later("must be text"),
    "string_unicode": later("must be proper Unicode text"),
    "literal_error": later("must be one of {expected}"),
    "greater_than_equal": later("must be at least {ge}"),
    "less_than_equal": later("must be at most {le}"),
    "int_parsing": later("must be a whole number"),
    "int_type": later("must be a whole number"),
    "int_from_float": later("must be a whole number"),
    "float_parsing": later("must be a number"),
    "float_type": later("must be a number"),
    "finite_number": later("must be a number"),
    "bool_parsing": later("must be true or false"),
    "bool_type": later("must be true or false"),
    "uuid_parsing": later("must be the id of something that is here"),
    "tuple_type": later("must be a list of words"),
    "model_type": later("must be an object with data and alt, or the id of an uploaded picture"),
}


class ImageView(BaseModel):
    """A picture as it is shown."""

    id: UUID
    url: str
    alt: str
    media_type: str
    width: int | None
    height: int | None


def image_view(picture: Picture | None, hub: str) -> ImageView | None:
    """The picture of an entry; its address is absolute."""
    if picture is None:
        return None
    return ImageView(
        id=picture.id,
        url=absolute(picture.url, hub),
        alt=picture.alt,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
    )


def on_earth(latitude: float, longitude: float) -> bool:
    """Whether there is such a point."""
    return abs(latitude) <= NORTH and abs(longitude) <= EAST


def absolute(address: str, hub: str) -> str:
    """`address` with the hub in front where it is a path of ours."""
    return f"{hub}{address}" if address.startswith("/") else address


class FurtherView(BaseModel):
    """One more thing that a hub says: the member that holds it, a label in English, its value."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    label: str
    value: str


class SourceView(BaseModel):
    """What one hub says of something that several tell of.

    `differs` names what it says otherwise than the first: `title`, `when` (of events), `where`, or
    a `further` member, such as `phone`, `opening_hours`, `access_facts`, `status` or `price`; of
    these only what not all say alike is there.
    """

    id: UUID
    url: str
    origin: str
    via: str | None
    license: str | None
    heard_at: datetime | None
    title: str
    location: str
    happens_at: datetime
    updated_at: datetime
    further: list[FurtherView]
    differs: list[str]


class EntryView(BaseModel):
    """What all answers share.

    `origin` is the host that it comes from, our own for what was published here. `via` is the host
    that passed it on when it first came, null if its own did; `license` the address of the terms
    under which it may be used, null if none is named; `heard_at` is when its own host last said
    that it stands, null for our own. `sources` is what each hub says, where several tell of it,
    and who stands for them comes first. `description` is the author's Markdown, plain text for
    what came from elsewhere; `content` is HTML.
    """

    id: UUID
    uri: str
    url: str
    origin: str
    via: str | None
    license: str | None
    heard_at: datetime | None
    sources: list[SourceView]
    status: str
    visibility: str
    title: str
    description: str
    content: str
    language: str
    location: str
    latitude: float | None
    longitude: float | None
    tags: list[str]
    image: ImageView | None
    author: str
    replies: int
    likes: int
    boosts: int
    created_at: datetime
    updated_at: datetime
