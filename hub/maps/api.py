"""Streets, addresses and places by their names, for forms and programs: `/api/v1/addresses`."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from hub.maps import gazetteer
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Hub

router = api_router("/addresses", "addresses", OPEN)


class AddressView(BaseModel):
    """Somewhere with a name; `words` is how it is offered to people, `inside` where it lies."""

    type: Literal["settlement", "street", "place", "address"]
    name: str
    inside: str
    words: str
    latitude: float
    longitude: float


class AddressPage(BaseModel):
    """What was found, the best first; empty also while the hub has no map."""

    items: list[AddressView]
    next: None = None


@router.get("", name="addresses found")
async def found(
    hub: Hub,
    q: Annotated[str, Query(max_length=200, description="street, number, name")],
    limit: Annotated[int, Query(ge=1, le=20)] = 8,
) -> AddressPage:
    """Streets, addresses and places of the hub's own map; no other service is asked.

    Each word is found by its beginning, but numbers are whole. Accents do not matter.
    """
    spots = await gazetteer.search(hub.settings, q, limit)
    return AddressPage(
        items=[
            AddressView.model_validate(
                {
                    "type": one.sort,
                    "name": one.name,
                    "inside": one.inside,
                    "words": one.words,
                    "latitude": one.latitude,
                    "longitude": one.longitude,
                }
            )
            for one in spots
        ]
    )
