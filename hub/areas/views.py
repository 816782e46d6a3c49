"""A channel of an area as programs read it."""

from __future__ import annotations

from typing import Any

from hub.areas.models import Area
from hub.areas.schemas import AreaView
from hub.entries import board


def view_of(area: Area, followers: int, said: int) -> AreaView:
    """The channel, its rules and how it fares."""
    actor = area.actor
    return AreaView(
        name=actor.name,
        handle=actor.handle,
        uri=actor.uri,
        url=actor.url,
        followers=followers,
        said=said,
        created_at=area.created_at,
        **rules_of(area),
    )


def rules_of(area: Area) -> dict[str, Any]:
    """What it is called and passes on, by the names of a draft."""
    return {
        "title": area.actor.display_name,
        "summary": area.actor.summary,
        "kinds": area.kinds,
        "tags": list(area.tags),
        "origins": area.origins,
        "latitude": area.latitude,
        "longitude": area.longitude,
        "within": area.within_m,
        "open_to_posts": area.actor.kind == board.GROUP,
    }
