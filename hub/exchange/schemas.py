"""What goes in and comes out of offers and wants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from hub.core.words import later
from hub.entries.schemas import (
    NO_LICENCE,
    EntryDraft,
    EntryView,
    Moment,
    Price,
    Zone,
    checked,
)
from hub.exchange.models import Listing

Side = Literal["offer", "want"]
Kind = Literal["item", "skill", "space", "time", "food"]
Mode = Literal["give", "lend", "swap", "share", "sell"]
Sort = Literal["plain", "pooled", "company"]
Status = Literal["open", "promised", "done", "withdrawn", "expired"]

MOST: Final = Decimal(1_000_000)
SMALLEST: Final = Decimal("0.000001")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
CELL: Final = 0.01  # degrees of latitude and longitude: what offers and wants are known to


def snapped(degrees: float) -> float:
    """The centre of the 0.01° cell around `degrees`: about a kilometre, never a home.

    Cells are centred on whole hundredths, so that what is stored has two decimals (AP-63).
    """
    return round(degrees, 2) + 0.0


def _quantity(value: object) -> object:
    """A positive decimal number as text."""
    hint = later("must be a number above 0, such as 1 or 2.5")
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError(hint)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(hint) from None
    if not number.is_finite() or not SMALLEST <= number <= MOST:
        raise ValueError(hint)
    return f"{number.quantize(SMALLEST):f}".rstrip("0").rstrip(".")


def _end_of_day(value: object) -> object:
    """A day alone means until it is over."""
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        return f"{value.strip()}T23:59:59"
    return value


Quantity = Annotated[
    str,
    BeforeValidator(_quantity),
    WithJsonSchema({"type": "string", "description": "a decimal number above 0"}),
]


class ListingDraft(EntryDraft):
    """An offer or a want as somebody describes it.

    Coordinates are snapped at once: nothing behind a draft knows where exactly somebody lives.
    """

    kind: Kind = "item"
    mode: Mode = "give"
    price: Price = ""
    quantity: Quantity = "1"
    available_from: Moment | None = None
    expires_at: Annotated[Moment | None, BeforeValidator(_end_of_day)] = None
    status: Status = "open"
    sort: Sort = "plain"

    @field_validator("latitude", "longitude")
    @classmethod
    def _blurred(cls, value: float | None) -> float | None:
        return None if value is None else snapped(value)

    @field_validator("expires_at")
    @classmethod
    def _after_its_beginning(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        begins = info.data.get("available_from")
        if value is not None and begins is not None and value <= begins:
            raise ValueError(later("must be after available_from"))
        return value


def listing_draft(data: Mapping[str, Any], *, timezone: str) -> ListingDraft:
    """The draft that a form, a program or an import describes.

    Raises:
        Invalid: something in it does not make sense; `fields` says what.
    """
    return checked(ListingDraft, data, timezone=timezone)


def members_of(listing: Listing) -> dict[str, Any]:
    """The listing as the members of a draft, for a form or to merge changes into."""
    return {
        "title": listing.title,
        "description": listing.source or "",
        "location": listing.place,
        "latitude": listing.latitude,
        "longitude": listing.longitude,
        "price": listing.price,
        "tags": listing.tags,
        "image": listing.picture_id,
        "visibility": listing.visibility,
        "language": listing.language,
        "license": listing.licence or NO_LICENCE,
        "kind": listing.item_kind,
        "mode": listing.mode,
        "quantity": listing.quantity,
        "available_from": listing.available_from,
        "expires_at": listing.expires_at,
        "status": listing.status,
        "sort": listing.sort,
    }


class ListingView(EntryView):
    """An offer or a want as the API shows it; times carry the offset of `timezone`, the hub's.

    `sort` of a want is plain, pooled (`backers` say “me too”) or company (somebody to go with).
    """

    kind: str
    mode: str
    price: str
    quantity: str
    available_from: datetime | None
    expires_at: datetime | None
    timezone: str
    sort: str
    backers: int


class Lending(BaseModel):
    """To whom something is lent, until when."""

    model_config = ConfigDict(extra="forbid")

    borrower: Annotated[str, Field(max_length=80)] = ""
    due_at: AwareDatetime
    match_id: UUID | None = None


class LendingForm(BaseModel):
    """The same as a form says it; `due_on` is the end of a day on the clock of `timezone`."""

    model_config = ConfigDict(extra="ignore")

    timezone: Zone
    borrower: str = ""
    due_on: Annotated[Moment | None, BeforeValidator(_end_of_day)] = None
    match_id: UUID | None = None


class MatchView(BaseModel):
    """A match as the API shows it; `state` is suggested, asked or agreed.

    `asked`: the other side waits for an answer. `uri`, `title`, `url` and `origin` are those of the
    other side's listing; `score` lies between 0 and 1.
    """

    id: UUID
    state: str
    asked: bool
    score: float
    reasons: list[str]
    uri: str
    title: str
    url: str
    origin: str


class MatchList(BaseModel):
    """What fits, the best first."""

    items: list[MatchView]
