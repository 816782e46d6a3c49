"""The form of a place or an organisation, and the draft that it makes."""

from __future__ import annotations

from typing import Any, Final

from hub.directory.models import Record
from hub.directory.schemas import RecordDraft, record_draft
from hub.entries import forms
from hub.entries.models import Picture
from hub.web.forms import Form

_TEXTS: Final = (
    *("title", "summary", "description", "location", "latitude", "longitude"),
    *("email", "phone", "website", "opening_hours"),
)
_LINES: Final = ("links", "has", "lacks")


def blank() -> dict[str, Any]:
    """A form that nobody has filled yet."""
    return {"visibility": "public"}


def of_record(record: Record) -> dict[str, Any]:
    """The form of a record that is there."""
    point = {"latitude": record.latitude, "longitude": record.longitude}
    return {
        **forms.kept(record),
        **{name: "" if value is None else f"{value:g}" for name, value in point.items()},
        "summary": record.summary,
        "email": record.email,
        "phone": record.phone,
        "website": record.website or "",
        "opening_hours": record.opening_hours,
        **{name: "\n".join(getattr(record, name)) for name in _LINES},
        **forms.facts_kept(record.access_facts),
    }


def draft(
    form: Form,
    timezone: str,
    picture: Picture | None = None,
    before: dict[str, Any] | None = None,
) -> RecordDraft:
    """The draft that a form makes; `before` are the members that the form does not show.

    Raises:
        Invalid: something in it does not make sense.
    """
    members = {
        **(before or {}),
        **forms.members(form, _TEXTS),
        **{name: forms.lines(form, name) for name in _LINES},
        "access_facts": forms.facts(form),
        "image": forms.image(form, picture),
    }
    return record_draft(members, timezone=timezone)
