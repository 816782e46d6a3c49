"""What goes in and comes out of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from federation.vocab.names import CATEGORIES
from hub.core.words import later
from hub.entries.access import Fact, FactName, tidied
from hub.entries.schemas import (
    NO_LICENCE,
    EntryDraft,
    EntryView,
    Line,
    Moment,
    Price,
    Text,
    WebAddress,
    checked,
)
from hub.events.models import Event

MOST_TO_BRING = 30  # things on the list of an event
MOST_LEFT_OUT = 500  # a series has no more dates
# What belongs to the series as a whole, and to none of its dates.
OF_SERIES = frozenset({"recurrence", "left_out"})
Status = Literal["scheduled", "cancelled", "postponed", "moved_online"]
Joining = Literal["free", "restricted", "external"]
ResponseState = Literal["asked", "accepted", "rejected", "waiting"]


class EventDraft(EntryDraft):
    """An event as somebody describes it.

    `ends_at` None: the end is open. `all_day`: only dates count, and both moments are moved to
    midnights on the clock of `timezone`. `joining` is how people elsewhere come along.
    `recurrence` is an RRULE (RFC 5545 §3.3.10); `left_out` are days, on the calendar of the place,
    on which it does not take place after all. `access_facts` are what one can ask for about getting
    in, `bring` what people may bring along, one thing each. `place_id` is a place of the directory,
    whose name and address become the `location`; `organiser_id` an organisation.
    """

    summary: Annotated[Line, Field(max_length=500)] = ""
    all_day: bool = False
    starts_at: Moment
    ends_at: Moment | None = None
    online_url: WebAddress | None = None
    organiser: Annotated[Line, Field(max_length=200)] = ""
    place_id: UUID | None = None
    organiser_id: UUID | None = None
    capacity: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    joining: Joining = "free"
    price: Price = ""
    access: Annotated[Text, Field(max_length=1000)] = ""
    access_facts: Annotated[dict[FactName, Fact], BeforeValidator(tidied)] = Field(
        default_factory=dict
    )
    bring: Annotated[
        tuple[Annotated[Line, Field(min_length=1, max_length=80)], ...],
        Field(max_length=MOST_TO_BRING),
    ] = ()
    category: str = "MEETING"
    recurrence: Annotated[Line | None, Field(max_length=500)] = None
    left_out: Annotated[tuple[date, ...], Field(max_length=MOST_LEFT_OUT)] = ()
    status: Status = "scheduled"

    @field_validator("starts_at")
    @classmethod
    def _first_midnight(cls, value: datetime, info: ValidationInfo) -> datetime:
        return _midnight(value, info.data)[0] if info.data.get("all_day") else value

    @field_validator("ends_at")
    @classmethod
    def _after_the_start(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("starts_at")
        if value is None or start is None:
            return value
        if value <= start:
            raise ValueError(later("must be after starts_at"))
        return _midnight(value, info.data)[1] if info.data.get("all_day") else value

    @field_validator("category")
    @classmethod
    def _known(cls, value: str) -> str:
        word = value.strip().upper()
        if word not in CATEGORIES:
            raise ValueError("must be one of FEP-8a8e's categories, such as MEETING or MUSIC")
        return word

    @model_validator(mode="after")
    def _moved_where(self) -> Self:
        if self.status == "moved_online" and self.online_url is None:
            raise ValueError(later("online_url is needed for an event that moved online"))
        return self


def _midnight(moment: datetime, data: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """The midnight at or before `moment`, and the one at or after it, on the draft's clock."""
    zone = ZoneInfo(data.get("timezone", "UTC"))
    local = moment.astimezone(zone)
    before = local.replace(hour=0, minute=0, second=0, microsecond=0)
    after = before if before == local else before + timedelta(days=1)
    return before.astimezone(UTC), after.astimezone(UTC)


def event_draft(data: Mapping[str, Any], *, timezone: str) -> EventDraft:
    """The draft that a form, a program or an import describes.

    Raises:
        Invalid: something in it does not make sense; `fields` says what.
    """
    return checked(EventDraft, data, timezone=timezone)


def members_of(event: Event) -> dict[str, Any]:
    """The event as the members of a draft, for a form or to merge changes into.

    Its `recurrence` is not among them: that belongs to the series.
    """
    return {
        "timezone": event.timezone,
        "title": event.title,
        "summary": event.summary,
        "description": event.source or "",
        "location": event.place,
        "latitude": event.latitude,
        "longitude": event.longitude,
        "all_day": event.all_day,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "online_url": event.online_url,
        "organiser": event.organiser,
        "place_id": event.place_id,
        "organiser_id": event.organiser_id,
        "capacity": event.capacity,
        "joining": event.joining,
        "price": event.price,
        "access": event.access,
        "access_facts": event.access_facts,
        "bring": event.bring,
        "category": event.category,
        "tags": event.tags,
        "image": event.picture_id,
        "visibility": event.visibility,
        "language": event.language,
        "license": event.licence or NO_LICENCE,
        "status": event.status,
    }


class EventView(EntryView):
    """An event as the API shows it; times carry the offset of `timezone`.

    `repeats` is the rule of its series in words, empty where there is none.
    `coming` is how many said so, null where this hub does not count them; `places_left` is null
    where any number can come.
    """

    summary: str
    starts_at: datetime
    ends_at: datetime | None
    timezone: str
    all_day: bool
    online_url: str | None
    organiser: str
    place_id: UUID | None
    organiser_id: UUID | None
    capacity: int | None
    joining: str
    coming: int | None
    places_left: int | None
    price: str
    access: str
    access_facts: dict[str, Fact]
    bring: list[str]
    category: str
    recurrence: str | None
    repeats: str
    series_id: UUID | None


@dataclass(frozen=True, slots=True)
class Seats:
    """How many come to an event, and how many more can: None where any number, or none is counted.

    `full`: nobody more can.
    """

    coming: int | None = None
    left: int | None = None

    @property
    def full(self) -> bool:
        """Whether the last place is taken."""
        return self.left == 0

    def holds(self, people: int) -> bool:
        """Whether so many more can come."""
        return self.left is None or self.left >= people


def seats(event: Event, coming: int) -> Seats:
    """The places of an event to which `coming` people come.

    Others count theirs themselves; and where people do not come along by us, nobody does here.
    """
    counted = event.local and event.joining != "external"
    if not counted:
        return Seats()
    left = None if event.capacity is None else max(0, event.capacity - coming)
    return Seats(coming, left)


class ResponseChange(BaseModel):
    """What the organiser says to somebody who wants to come."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["accepted", "rejected"]


class ResponseView(BaseModel):
    """Somebody who wants to come; `message` is theirs, plain text.

    `handle`, `uri` and `url` are of people elsewhere, `email` of guests without an account.
    """

    id: UUID
    state: ResponseState
    handle: str
    name: str
    uri: str
    url: str
    email: str
    people: int
    brings: list[str]
    message: str
    asked_at: datetime
    answered_at: datetime | None
