"""The form of an event and the draft that it makes: two dates, two clocks and a rule in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from hub.core import dates, words
from hub.core.errors import Invalid
from hub.core.words import later
from hub.entries import forms, spots
from hub.entries.models import Picture
from hub.events.models import Event
from hub.events.recurrence import COUNT_MAX
from hub.events.schemas import EventDraft, event_draft
from hub.web.forms import Form

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
REPEATS: Final = ("", "daily", "weekly", "weekday", "last", "date", "yearly")
DAY_ENDS: Final = "23:59"
WEEK: Final = 7
MOST_EVERY: Final = 52
MONTHS: Final = range(1, 13)

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
_FIELDS: Final = {
    "starts_at": "starts_on",
    "ends_at": "ends_time",
    "recurrence": "repeat",
    "left_out": "repeat",
}


def blank(timezone: str, today: date) -> dict[str, Any]:
    """A form that nobody has filled yet."""
    return {
        "starts_on": f"{today:%Y-%m-%d}",
        "timezone": timezone,
        "visibility": "public",
        "joining": "free",
        "repeat_every": "1",
    }


def of_event(event: Event) -> dict[str, Any]:
    """The form of an event that is there."""
    zone = dates.zone_of(event.timezone)
    start = event.starts_at.astimezone(zone)
    found: dict[str, Any] = {
        **forms.kept(event),
        spots.SPOT: spots.value(event.latitude, event.longitude),
        "summary": event.summary,
        "organiser": event.organiser,
        "price": event.price,
        "access": event.access,
        **forms.facts_kept(event.access_facts),
        "bring": "\n".join(event.bring),
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
        "access_facts": forms.facts(form),
        "bring": forms.lines(form, "bring"),
        "left_out": [] if rule is None else list(form.all("left_out")),
        **({"joining": joining} if (joining := form.text("joining")) else {}),
        **times,
    }
    try:
        members |= spots.members(form, before)
        made = event_draft(members, timezone=timezone)
    except Invalid as error:
        # What a draft misses because the form was incomplete is told once, in the form's words.
        told = {name: said for name, said in error.fields.items() if times or name != "starts_at"}
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


def filled(form: Form) -> dict[str, Any]:
    """What was entered, to fill the form again."""
    several = {name: form.all(name) for name in ("repeat_not", "left_out")}
    return {**forms.filled(form), **several}


def _times(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """Start and end on the place's clock, without its zone; and what is missing."""
    all_day = form.checked("all_day")
    first, start = form.text("starts_on"), form.text("starts_time")
    needed = {"starts_on": first, **({} if all_day else {"starts_time": start})}
    if missing := {
        name: later("please fill this in") for name, value in needed.items() if not value
    }:
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
    chosen, start = form.text("repeat"), _day(form.text("starts_on"))
    if not chosen or start is None:
        return None, {}
    weekday = WEEKDAYS[start.weekday()]
    rules = {
        "daily": "FREQ=DAILY",
        "weekly": f"FREQ=WEEKLY;BYDAY={weekday}",
        "weekday": f"FREQ=MONTHLY;BYDAY={(start.day - 1) // WEEK + 1}{weekday}",
        "last": f"FREQ=MONTHLY;BYDAY=-1{weekday}",
        "date": f"FREQ=MONTHLY;BYMONTHDAY={start.day}",
        "yearly": "FREQ=YEARLY",
    }
    if chosen not in rules:
        return None, {"repeat": later("must be one of the list")}
    if chosen == "last" and (start + timedelta(days=WEEK)).month == start.month:
        return None, {"repeat": later("the day above is not the last such weekday of its month")}
    amiss: dict[str, str] = {}
    parts = (_interval(form, amiss), _end(form, start, amiss), _months(form, start, amiss))
    return "".join((rules[chosen], *parts)), amiss


def _interval(form: Form, amiss: dict[str, str]) -> str:
    """Every how many days, weeks, months or years."""
    said = form.text("repeat_every", "1") or "1"
    if not said.isdecimal() or not 1 <= int(said) <= MOST_EVERY:
        amiss["repeat_every"] = words.filled("must be a number from 1 to {most}", most=MOST_EVERY)
        return ""
    return f";INTERVAL={int(said)}" if int(said) > 1 else ""


def _end(form: Form, start: date, amiss: dict[str, str]) -> str:
    """A last day or a number of times, at most one of the two."""
    until, times = form.text("repeat_until"), form.text("repeat_times")
    if until and times:
        amiss["repeat_times"] = later("choose either a last day or a number of times")
    elif times:
        if times.isdecimal() and 1 <= int(times) <= COUNT_MAX:
            return f";COUNT={int(times)}"
        amiss["repeat_times"] = words.filled("must be a number from 1 to {most}", most=COUNT_MAX)
    elif until:
        last = _day(until)
        if last is not None and last >= start:
            return f";UNTIL={last:%Y%m%d}"
        amiss["repeat_until"] = later("must be a day after the first")
    return ""


def _months(form: Form, start: date, amiss: dict[str, str]) -> str:
    """The months that count, where some are left out."""
    without = set(form.all("repeat_not")) & {str(month) for month in MONTHS}
    if not without:
        return ""
    if form.text("repeat") == "yearly":
        amiss["repeat_not"] = later("what happens once a year has no months to leave out")
    elif str(start.month) in without:
        amiss["repeat_not"] = later("the first day lies in a month that you leave out")
    return f";BYMONTH={','.join(str(month) for month in MONTHS if str(month) not in without)}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
