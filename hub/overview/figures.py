"""What a region's overview holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["well", "quiet", "unreachable", "silenced", "asked"]


@dataclass(frozen=True, slots=True)
class HubFigures:
    """A hub: this one (`host` is ours) or one that we follow.

    `state` is well, quiet (nothing was heard of it for a week), unreachable (our mail has failed
    for a day), silenced, or asked (it has not answered our follow). `events`, `listings` (offers
    and wants) and `news` are what stands here of it and is current; `listings` is None where it
    would give away a small number. `fresh` are how many of all these are not older than 90 days.
    `waiting`, `failures` and `last_error` are of the mail that we have for it.
    """

    host: str
    ours: bool
    state: State
    last_seen_at: datetime | None
    newest_at: datetime | None
    events: int
    listings: int | None
    news: int
    fresh: int
    waiting: int = 0
    failures: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """How many entries of a hub came here in each week, by one way.

    `via` is the server that passed them on, empty where the hub told us itself. `weeks` go with
    `Overview.weeks`.
    """

    origin: str
    via: str
    weeks: tuple[int, ...]

    @property
    def total(self) -> int:
        """In all of these weeks."""
        return sum(self.weeks)


@dataclass(frozen=True, slots=True)
class Gap:
    """Wants and offers of a theme: a category (`kind`) at one hub, or a tag in the whole region.

    `unanswered` are wants for which there is no offer in the region of the same category and with
    a tag in common. A number is None where it is too small to be told, or would give one away.
    """

    kind: str
    tag: str
    host: str
    wants: int | None
    offers: int | None
    unanswered: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it; `weeks` are when those of the flows begin, on our clock, the oldest first."""

    hubs: tuple[HubFigures, ...]
    weeks: tuple[datetime, ...]
    flows: tuple[Flow, ...]
    gaps: tuple[Gap, ...]
    themes: tuple[Gap, ...]
