"""The form of an event and the draft that it makes: two dates, two clocks and a rule in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from hub.core import dates
from hub.core.errors import Invalid
from hub.entries import forms
from hub.entries.models import Picture
from hub.events.models import Event
from hub.events.schemas import EventDraft, event_draft
from hub.web.forms import Form

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
REPEATS: Final = ("", "daily", "weekly", "fortnightly", "weekday", "last", "date", "yearly")
DAY_ENDS: Final = "23:59"
WEEK: Final = 7

_TEXTS: Final = (
    "title",
    "summary",
    "description",
    "location",
    "online_url",
    "organiser",
    "capacity",
    "price",
    "access",
)
_FIELDS: Final = {"starts_at": "starts_on", "ends_at": "ends_time", "recurrence": "repeat"}


def blank(timezone: str, today: date) -> dict[str, Any]:
    """A form that nobody has filled yet."""
    return {
        "starts_on": f"{today:%Y-%m-%d}",
        "timezone": timezone,
        "visibility": "public",
        "joining": "free",
    }


def of_event(event: Event) -> dict[str, Any]:
    """The form of an event that is there."""
    zone = dates.zone_of(event.timezone)
    start = event.starts_at.astimezone(zone)
    found: dict[str, Any] = {
        **forms.kept(event),
        "summary": event.summary,
        "organiser": event.organiser,
        "price": event.price,
        "access": event.access,
        "capacity": event.capacity or "",
        "joining": event.joining,
        "online_url": event.online_url or "",
        "timezone": event.timezone,
        "all_day": event.all_day,
        "starts_on": f"{start:%Y-%m-%d}",
        "starts_time": "" if event.all_day else f"{start:%H:%M}",
    }
    if event.ends_at is None:
        return found
    end = event.ends_at.astimezone(zone)
    last = end - timedelta(minutes=1) if event.all_day else end
    if last.date() != start.date():
        found["ends_on"] = f"{last:%Y-%m-%d}"
    if not event.all_day:
        found["ends_time"] = f"{end:%H:%M}"
    return found


def draft(
    form: Form,
    timezone: str,
    picture: Picture | None = None,
    before: dict[str, Any] | None = None,
) -> EventDraft:
    """The draft that a form makes; `before` are the members that the form does not show.

    Raises:
        Invalid: something in it does not make sense.
    """
    times, amiss = _times(form)
    rule, unclear = _rule(form)
    amiss |= unclear
    members = {
        **(before or {}),
        **forms.members(form, _TEXTS),
        "timezone": form.text("timezone") or timezone,
        "all_day": form.checked("all_day"),
        "image": forms.image(form, picture),
        "recurrence": rule,
        **({"joining": joining} if (joining := form.text("joining")) else {}),
        **times,
    }
    if before is not None and form.text("location") != before.get("location"):
        members |= {"latitude": None, "longitude": None}
    try:
        made = event_draft(members, timezone=timezone)
    except Invalid as error:
        # What a draft misses because the form was incomplete is told once, in the form's words.
        told = {name: words for name, words in error.fields.items() if times or name != "starts_at"}
        raise Invalid(str(error), {**told, **amiss}) from error
    if amiss:
        raise Invalid("Please check what you entered.", amiss)
    return made


def errors(error: Invalid, form: Form) -> dict[str, str]:
    """What is wrong, beside the fields of this form."""
    names = dict(_FIELDS)
    if form.checked("all_day"):
        names["ends_at"] = "ends_on"
    return forms.errors(error, form, names)


def _times(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """Start and end on the place's clock, without its zone; and what is missing."""
    all_day = form.checked("all_day")
    first, start = form.text("starts_on"), form.text("starts_time")
    needed = {"starts_on": first, **({} if all_day else {"starts_time": start})}
    if missing := {name: "please fill this in" for name, value in needed.items() if not value}:
        return {}, missing
    last, end = form.text("ends_on") or first, form.text("ends_time")
    if all_day:
        return {"starts_at": f"{first}T00:00", "ends_at": f"{last}T{DAY_ENDS}"}, {}
    if not end and last == first:
        return {"starts_at": f"{first}T{start}", "ends_at": None}, {}
    end = end or DAY_ENDS
    if last == first and end < start:
        last = _day_after(first)
    return {"starts_at": f"{first}T{start}", "ends_at": f"{last}T{end}"}, {}


def _day_after(text: str) -> str:
    """A party that ends at one ends the next day."""
    day = _day(text)
    return text if day is None else f"{day + timedelta(days=1):%Y-%m-%d}"


def _rule(form: Form) -> tuple[str | None, dict[str, str]]:
    """The RRULE (RFC 5545 §3.3.10) that was chosen in words; and what is wrong with the choice."""
    chosen, until = form.text("repeat"), form.text("repeat_until")
    start = _day(form.text("starts_on"))
    if not chosen or start is None:
        return None, {}
    weekday = WEEKDAYS[start.weekday()]
    rules = {
        "daily": "FREQ=DAILY",
        "weekly": f"FREQ=WEEKLY;BYDAY={weekday}",
        "fortnightly": f"FREQ=WEEKLY;INTERVAL=2;BYDAY={weekday}",
        "weekday": f"FREQ=MONTHLY;BYDAY={(start.day - 1) // WEEK + 1}{weekday}",
        "last": f"FREQ=MONTHLY;BYDAY=-1{weekday}",
        "date": f"FREQ=MONTHLY;BYMONTHDAY={start.day}",
        "yearly": "FREQ=YEARLY",
    }
    if chosen not in rules:
        return None, {"repeat": "must be one of the list"}
    if not until:
        return rules[chosen], {}
    last = _day(until)
    if last is None or last < start:
        return None, {"repeat_until": "must be a day after the first"}
    return f"{rules[chosen]};UNTIL={last:%Y%m%d}", {}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
