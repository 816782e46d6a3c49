"""Reading a region's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.settings import Settings
from hub.entries import finding
from hub.entries.models import Entry
from hub.entries.visibility import ANYBODY, visible_to
from hub.exchange.models import Listing
from hub.fediverse import peers, rulings
from hub.fediverse.follows import ACCEPTED
from hub.fediverse.models import Follow
from hub.fediverse.peers import PeerView
from hub.overview import gaps
from hub.overview.figures import Flow, HubFigures, Overview, State
from hub.overview.gaps import Thing

WEEKS: Final = 8
QUIET: Final = timedelta(days=7)
FRESH: Final = timedelta(days=90)
UNREACHABLE: Final = 5  # failures in a row, after which a server is left alone
MOST_LISTINGS: Final = 10_000  # the newest; of more than that nobody has to see the gaps
MOST_FLOWS: Final = 200

# Of a hub: kind of entry → how many, how many of them are fresh, when the newest came.
Counts = dict[str, dict[str, tuple[int, int, datetime]]]


async def overview(session: AsyncSession, settings: Settings) -> Overview:
    """The region as this hub sees it: what everybody may see, and is current."""
    moment = now()
    things = await _listings(session, moment, settings)
    by_kind, listings = gaps.by_kind(things)
    weeks = _weeks(moment, settings.zone)
    return Overview(
        hubs=tuple(await _hubs(session, moment, settings, listings)),
        weeks=weeks,
        flows=tuple(await _flows(session, weeks, settings)),
        gaps=tuple(by_kind),
        themes=tuple(gaps.by_tag(things)),
    )


# ------------------------------------------------------------------------------------- hubs


async def _hubs(
    session: AsyncSession, moment: datetime, settings: Settings, listings: dict[str, int | None]
) -> list[HubFigures]:
    states = await _followed(session)
    views = {view.host: view for view in await peers.listed(session)}
    counts = await _counts(session, moment)
    ours = _figures(settings.authority, counts.get("", {}), listings, "well", ours=True)
    found = [ours]
    for host in sorted(states):
        view = views.get(host)
        state = _state(states[host], view, moment)
        found.append(_figures(host, counts.get(host, {}), listings, state, view=view))
    return found


async def _followed(session: AsyncSession) -> dict[str, str]:
    """The servers that this hub follows, relays left out, and whether one there accepted."""
    rows = await session.execute(
        select(Actor.authority, Follow.state)
        .join(Follow, Follow.followee_id == Actor.id)
        .where(Follow.follower_id.in_(select(Actor.id).where(Actor.local)), Follow.relay.is_(None))
    )
    found: dict[str, str] = {}
    for host, state in rows:
        if found.get(host) != ACCEPTED:
            found[host] = state
    return found


def _state(follow: str, view: PeerView | None, moment: datetime) -> State:
    if view is not None and view.standing == rulings.SILENCED:
        return "silenced"
    if view is not None and view.failures >= UNREACHABLE:
        return "unreachable"
    if follow != ACCEPTED:
        return "asked"
    seen = None if view is None else view.last_seen_at
    return "quiet" if seen is None or seen < moment - QUIET else "well"


def _figures(
    host: str,
    counts: dict[str, tuple[int, int, datetime]],
    listings: dict[str, int | None],
    state: State,
    *,
    ours: bool = False,
    view: PeerView | None = None,
) -> HubFigures:
    def count(kind: str) -> int:
        return counts[kind][0] if kind in counts else 0

    return HubFigures(
        host=host,
        ours=ours,
        state=state,
        last_seen_at=None if view is None else view.last_seen_at,
        newest_at=max((newest for _, _, newest in counts.values()), default=None),
        events=count("event"),
        listings=listings.get(host, 0),
        news=count("article"),
        fresh=sum(fresh for _, fresh, _ in counts.values()),
        waiting=0 if view is None else view.waiting,
        failures=0 if view is None else view.failures,
        last_error=None if view is None else view.last_error,
    )


async def _counts(session: AsyncSession, moment: datetime) -> Counts:
    fresh = func.sum(case((Entry.updated_at >= moment - FRESH, 1), else_=0))
    rows = await session.execute(
        select(Entry.origin, Entry.kind, func.count(), fresh, func.max(Entry.updated_at))
        .where(visible_to(ANYBODY), finding.not_over(moment))
        .group_by(Entry.origin, Entry.kind)
    )
    found: Counts = {}
    for origin, kind, count, of_late, newest in rows:
        found.setdefault(origin, {})[kind] = (count, int(of_late), newest)
    return found


# ------------------------------------------------------------------------------------- flows


def _weeks(moment: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """When this week and those before it began, by the clock of the hub."""
    today = moment.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    days = (monday - timedelta(weeks=back) for back in reversed(range(WEEKS)))
    return tuple(datetime.combine(day, time(), zone) for day in days)


async def _flows(
    session: AsyncSession, weeks: tuple[datetime, ...], settings: Settings
) -> Iterable[Flow]:
    """What came in each week, the strongest flows first."""
    counts: dict[tuple[str, str], Counter[int]] = {}
    for at, begins in enumerate(weeks):
        rows = await session.execute(
            select(Entry.origin, Entry.via, func.count())
            .where(
                visible_to(ANYBODY),
                Entry.created_at >= begins,
                Entry.created_at < begins + timedelta(weeks=1),
            )
            .group_by(Entry.origin, Entry.via)
        )
        for origin, via, count in rows:
            counts.setdefault((origin, via), Counter())[at] = count
    found = [
        Flow(origin or settings.authority, via, tuple(by_week[at] for at in range(len(weeks))))
        for (origin, via), by_week in counts.items()
    ]
    return sorted(found, key=lambda flow: (-flow.total, flow.origin, flow.via))[:MOST_FLOWS]


# ------------------------------------------------------------------------------------- gaps


async def _listings(session: AsyncSession, moment: datetime, settings: Settings) -> list[Thing]:
    query = (
        select(Listing.kind, Listing.origin, Listing.item_kind, Listing.tags)
        .where(visible_to(ANYBODY), finding.not_over(moment), Listing.status == "open")
        .order_by(Listing.number.desc())
        .limit(MOST_LISTINGS)
    )
    rows = await session.execute(query)
    return [
        Thing(side, origin or settings.authority, kind, tags) for side, origin, kind, tags in rows
    ]
