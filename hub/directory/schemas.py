"""What goes in and comes out of the directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from hub.core.words import later
from hub.directory.models import Record
from hub.entries.access import Fact, FactName, tidied
from hub.entries.schemas import (
    NO_LICENCE,
    EntryDraft,
    EntryView,
    Line,
    Moment,
    WebAddress,
    checked,
)

Sort = Literal["place", "organisation"]
FOLDERS: Final[dict[str, Sort]] = {"places": "place", "organisations": "organisation"}
MOST_LINES: Final = 30  # things that one has or lacks
MOST_LINKS: Final = 10
_EMAIL: Final = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,180}\.[^@\s<>\".]{2,63}")


def email_address(value: str) -> str:
    """`value` if a letter could go there.

    Raises:
        ValueError: it is no address.
    """
    if value and not _EMAIL.fullmatch(value):
        raise ValueError(later("must be an e-mail address such as hall@example.org"))
    return value


Lines = Annotated[
    tuple[Annotated[Line, Field(min_length=1, max_length=120)], ...], Field(max_length=MOST_LINES)
]


class RecordDraft(EntryDraft):
    """A place or an organisation as somebody describes it.

    `location` is its address in one line, `opening_hours` as OpenStreetMap writes them
    (`Mo-Fr 09:00-17:00; Sa 10:00-13:00`) or in words. `has` is what it could share, `lacks` what it
    needs. `checked_at` is when somebody last made sure of it all, without it now.
    """

    summary: Annotated[Line, Field(max_length=500)] = ""
    email: Annotated[Line, Field(max_length=254), AfterValidator(email_address)] = ""
    phone: Annotated[Line, Field(max_length=60)] = ""
    website: WebAddress | None = None
    links: Annotated[tuple[WebAddress, ...], Field(max_length=MOST_LINKS)] = ()
    opening_hours: Annotated[Line, Field(max_length=300)] = ""
    access_facts: Annotated[dict[FactName, Fact], BeforeValidator(tidied)] = Field(
        default_factory=dict
    )
    has: Lines = ()
    lacks: Lines = ()
    checked_at: Moment | None = None


def record_draft(data: Mapping[str, Any], *, timezone: str) -> RecordDraft:
    """The draft that a form, a program or an import describes.

    Raises:
        Invalid: something in it does not make sense; `fields` says what.
    """
    return checked(RecordDraft, data, timezone=timezone)


def members_of(record: Record) -> dict[str, Any]:
    """The record as the members of a draft, for a form or to merge changes into.

    When it was checked is not among them: whoever changes it has looked at it.
    """
    return {
        "title": record.title,
        "summary": record.summary,
        "description": record.source or "",
        "location": record.place,
        "latitude": record.latitude,
        "longitude": record.longitude,
        "email": record.email,
        "phone": record.phone,
        "website": record.website,
        "links": record.links,
        "opening_hours": record.opening_hours,
        "access_facts": record.access_facts,
        "has": record.has,
        "lacks": record.lacks,
        "tags": record.tags,
        "image": record.picture_id,
        "visibility": record.visibility,
        "language": record.language,
        "license": record.licence or NO_LICENCE,
    }


class RecordView(EntryView):
    """A place or an organisation as the API shows it; `location` is its address."""

    summary: str
    email: str
    phone: str
    website: str | None
    links: list[str]
    opening_hours: str
    access_facts: dict[str, Fact]
    has: list[str]
    lacks: list[str]
    checked_at: datetime
