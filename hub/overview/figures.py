"""What a region's overview holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["well", "quiet", "unreachable", "lost", "silenced", "asked"]


@dataclass(frozen=True, slots=True)
class HubFigures:
    """A hub: this one (`host` is ours) or one that we follow; `url` is its front page.

    `state` is well, quiet (nothing was heard of it for days), unreachable (mail to it fails, or
    what it lists cannot be read), lost (nothing was heard of it for so long that its things are
    hidden), silenced, or asked (it has not answered our follow). `events`, `listings` (offers and
    wants), `news` and `records` (places and organisations) are what stands here of it and is
    current; `listings` is None where it would give away a small number. `fresh` are how many of
    these, offers and wants left out, are not older than 90 days. `waiting` and `failures` are of
    the mail that we have for it, `last_error` of that or of reading what it lists.
    """

    host: str
    url: str
    ours: bool
    state: State
    last_seen_at: datetime | None
    newest_at: datetime | None
    events: int
    listings: int | None
    news: int
    records: int
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
    """All of it; `weeks` are when those of the flows begin, on our clock, the oldest first.

    `open_flows` are for everybody: without offers and wants, of which small numbers are not told.
    """

    hubs: tuple[HubFigures, ...]
    weeks: tuple[datetime, ...]
    flows: tuple[Flow, ...]
    open_flows: tuple[Flow, ...]
    gaps: tuple[Gap, ...]
    themes: tuple[Gap, ...]
