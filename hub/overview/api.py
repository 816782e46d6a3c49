"""The region for programs: `/api/v1/region`."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from hub.overview.looking import seen
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Hub

router = api_router("/region", "region", OPEN)


class View(BaseModel):
    """What is read from figures."""

    model_config = ConfigDict(from_attributes=True)


class HubView(View):
    """A hub of the region; `state` is well, quiet, unreachable, lost, silenced or asked.

    `events`, `listings` (offers and wants), `news` and `records` (places and organisations) are
    current; `fresh` of these, listings left out, are not older than 90 days. `listings` is null
    where it would give away a small number.
    """

    host: str
    url: str
    ours: bool
    state: str
    last_seen_at: datetime | None
    newest_at: datetime | None
    events: int
    listings: int | None
    news: int
    records: int
    fresh: int


class FlowView(View):
    """How many entries of `origin` came in each of the weeks; `via` is empty if by itself.

    Offers and wants are left out: small numbers of them are not told.
    """

    origin: str
    via: str
    weeks: list[int]
    total: int


class GapView(View):
    """Wants and offers of a category at one hub, or of a tag in the whole region.

    `unanswered` wants have no offer of the same category and with a tag in common. Numbers from one
    to four are null, and so are others by which these could be found.
    """

    kind: str
    tag: str
    host: str
    wants: int | None
    offers: int | None
    unanswered: int | None


class RegionView(View):
    """The region as this hub sees it; `weeks` are when those of the flows begin."""

    hubs: list[HubView]
    weeks: list[datetime]
    flows: list[FlowView] = Field(validation_alias="open_flows")
    gaps: list[GapView]
    themes: list[GapView]


@router.get("")
async def region(request: Request, hub: Hub) -> RegionView:
    """Its hubs and how they are, what flows between them, and wants without offers."""
    return RegionView.model_validate(await seen(request, hub))
