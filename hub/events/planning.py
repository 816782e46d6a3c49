"""The dates that the draft of a series comes to, before and after there are rows of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hub.events import recurrence
from hub.events.schemas import OF_SERIES, EventDraft

USUAL_LENGTH: Final = timedelta(hours=2)  # how long an event with an open end stays in lists
MOST_AHEAD: Final = 24  # dates that are shown before a series is published


def on(draft: EventDraft, start: datetime) -> EventDraft:
    """The draft on another date; it lasts as long on the clock of the place."""
    end = draft.ends_at
    if end is not None:
        zone = ZoneInfo(draft.timezone)
        first, last = (moment.astimezone(zone) for moment in (draft.starts_at, end))
        length = last.replace(tzinfo=None) - first.replace(tzinfo=None)
        end = max((start.astimezone(zone) + length).astimezone(UTC), start + timedelta(minutes=1))
    alone = dict.fromkeys(OF_SERIES) | {"left_out": ()}
    return draft.model_copy(update={**alone, "starts_at": start, "ends_at": end})


def left_out(draft: EventDraft) -> list[datetime]:
    """The starts that the draft leaves out: its days, at the time of its first start."""
    zone = ZoneInfo(draft.timezone)
    clock = draft.starts_at.astimezone(zone).time()
    return [datetime.combine(day, clock, zone).astimezone(UTC) for day in draft.left_out]


def ahead(draft: EventDraft, since: datetime, *, limit: int = MOST_AHEAD) -> list[EventDraft]:
    """The draft on each of its next dates; one that does not repeat has itself alone.

    Raises:
        Invalid: the rule is none that we take.
    """
    if not draft.recurrence:
        return [draft]
    rule = recurrence.check(draft.recurrence)
    starts = recurrence.starts(
        rule,
        draft.starts_at,
        draft.timezone,
        left_out(draft),
        since=since,
        until=max(since, draft.starts_at) + recurrence.HORIZON,
        limit=limit,
    )
    return [on(draft, start) for start in starts]


def lasts_until(draft: EventDraft) -> datetime:
    """When an event of this draft is over; with an open end after two hours."""
    return draft.ends_at or draft.starts_at + USUAL_LENGTH


def spans(drafts: Iterable[EventDraft]) -> list[tuple[datetime, datetime]]:
    """From when until when each of them takes its place."""
    return [(draft.starts_at, lasts_until(draft)) for draft in drafts]
