"""Reading a region's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from urllib.parse import urlsplit
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
from hub.fediverse import peer_views, peers, readings, rulings
from hub.fediverse.follows import ACCEPTED
from hub.fediverse.models import Follow
from hub.fediverse.peer_views import PeerView
from hub.fediverse.readings import Reading
from hub.overview import gaps
from hub.overview.figures import Flow, HubFigures, Overview, State
from hub.overview.gaps import Thing

WEEKS: Final = 8
SILENT: Final = timedelta(hours=1)  # and what it lists cannot be read: it cannot be reached
FRESH: Final = timedelta(days=90)
UNREACHABLE: Final = 5  # failures in a row, after which a server is left alone
MOST_LISTINGS: Final = 10_000  # the newest; of more than that nobody has to see the gaps
MOST_FLOWS: Final = 200
LISTINGS: Final = frozenset({"offer", "want"})

# Of a hub: kind of entry → how many, how many of them are fresh, when the newest came.
Counts = dict[str, dict[str, tuple[int, int, datetime]]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a hub besides its things."""

    host: str
    url: str
    state: State
    ours: bool = False
    view: PeerView | None = None
    reading: Reading | None = None


async def overview(session: AsyncSession, settings: Settings) -> Overview:
    """The region as this hub sees it: what everybody may see, and is current."""
    moment = now()
    things = await _listings(session, moment, settings)
    by_kind, listings = gaps.by_kind(things)
    weeks = _weeks(moment, settings.zone)
    came = await _came(session, weeks, settings)
    return Overview(
        hubs=tuple(await _hubs(session, moment, settings, listings)),
        weeks=weeks,
        flows=tuple(_flows(came, LISTINGS | {""})),
        open_flows=tuple(_flows(came, {""})),
        gaps=tuple(by_kind),
        themes=tuple(gaps.by_tag(things)),
    )


# ------------------------------------------------------------------------------------- hubs


async def _hubs(
    session: AsyncSession, moment: datetime, settings: Settings, listings: dict[str, int | None]
) -> list[HubFigures]:
    followed = await _followed(session)
    views = {view.host: view for view in await peer_views.listed(session)}
    how_far = await readings.by_server(session)
    quiet = await peers.quiet(session, followed)
    counts = await _counts(session, moment)
    ours = Known(settings.authority, f"{settings.url}/", "well", ours=True)
    found = [_figures(ours, counts.get("", {}), listings)]
    for host, (accepted, url) in sorted(followed.items()):
        view, reading = views.get(host), how_far.get(host)
        state = _state(accepted, view, reading, moment, quiet=host in quiet)
        known = Known(host, url, state, view=view, reading=reading)
        found.append(_figures(known, counts.get(host, {}), listings))
    return found


async def _followed(session: AsyncSession) -> dict[str, tuple[bool, str]]:
    """The servers that this hub follows, relays left out: whether one there accepted, and where."""
    rows = await session.execute(
        select(Actor.authority, Follow.state, Actor.uri)
        .join(Follow, Follow.followee_id == Actor.id)
        .where(Follow.follower_id.in_(select(Actor.id).where(Actor.local)), Follow.relay.is_(None))
    )
    found: dict[str, tuple[bool, str]] = {}
    for host, state, uri in rows:
        accepted, _ = found.get(host, (False, ""))
        found[host] = accepted or state == ACCEPTED, f"{urlsplit(uri).scheme}://{host}/"
    return found


def _state(
    accepted: bool,
    view: PeerView | None,
    reading: Reading | None,
    moment: datetime,
    *,
    quiet: bool,
) -> State:
    if view is not None and view.standing == rulings.SILENCED:
        return "silenced"
    if view is not None and view.lost:
        return "lost"
    seen = None if view is None else view.last_seen_at
    unread = reading is not None and reading.error is not None
    if unread and (seen is None or seen < moment - SILENT):
        return "unreachable"
    if view is not None and view.failures >= UNREACHABLE:
        return "unreachable"
    if not accepted:
        return "asked"
    return "quiet" if quiet or seen is None else "well"


def _figures(
    known: Known,
    counts: dict[str, tuple[int, int, datetime]],
    listings: dict[str, int | None],
) -> HubFigures:
    def count(*kinds: str) -> int:
        return sum(counts[kind][0] for kind in kinds if kind in counts)

    view, unread = known.view, None if known.reading is None else known.reading.error
    return HubFigures(
        host=known.host,
        url=known.url,
        ours=known.ours,
        state=known.state,
        last_seen_at=None if view is None else view.last_seen_at,
        newest_at=max((newest for _, _, newest in counts.values()), default=None),
        events=count("event"),
        listings=listings.get(known.host, 0),
        news=count("article"),
        records=count("place", "organisation"),
        fresh=sum(fresh for kind, (_, fresh, _) in counts.items() if kind not in LISTINGS),
        waiting=0 if view is None else view.waiting,
        failures=0 if view is None else view.failures,
        last_error=(None if view is None else view.last_error) or unread,
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


async def _came(
    session: AsyncSession, weeks: tuple[datetime, ...], settings: Settings
) -> dict[tuple[str, str], list[Counter[str]]]:
    """What came of whom by which way: for each week how much of a kind of `LISTINGS`, or `""`."""
    listing = case((Entry.kind.in_(LISTINGS), Entry.kind), else_="").label("listing")
    came: dict[tuple[str, str], list[Counter[str]]] = {}
    for at, begins in enumerate(weeks):
        rows = await session.execute(
            select(Entry.origin, Entry.via, listing, func.count())
            .where(
                visible_to(ANYBODY),
                Entry.created_at >= begins,
                Entry.created_at < begins + timedelta(weeks=1),
            )
            .group_by(Entry.origin, Entry.via, listing)
        )
        for origin, via, kind, count in rows:
            way = (origin or settings.authority, via)
            came.setdefault(way, [Counter() for _ in weeks])[at][kind] += count
    return came


def _flows(
    came: Mapping[tuple[str, str], Sequence[Counter[str]]], kinds: Collection[str]
) -> Iterable[Flow]:
    """How much of these kinds came in each week, the strongest flows first."""
    found = [
        Flow(origin, via, tuple(sum(week[kind] for kind in kinds) for week in weeks))
        for (origin, via), weeks in came.items()
    ]
    flowing = [flow for flow in found if flow.total]
    return sorted(flowing, key=lambda flow: (-flow.total, flow.origin, flow.via))[:MOST_FLOWS]


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
