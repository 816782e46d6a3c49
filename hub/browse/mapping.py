"""The map: what is where, as a list, as a picture, and for programs.

The page is complete without a script: the list is all that the map shows, and the picture beside it
is drawn here. A script makes a map of it that can be moved.
"""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hub.browse import on_map
from hub.browse.on_map import Spot
from hub.core import words
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.licences import CREDIT_OF_OSM
from hub.core.look import look_of
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import later
from hub.entries import asking, forms, layers
from hub.entries.access import ASKED_MOST, LABELS, asked_for
from hub.entries.layers import Layer
from hub.entries.models import Entry
from hub.entries.paging import MAX_CURSOR
from hub.entries.visibility import Viewer
from hub.maps import drawing, gazetteer, shelf
from hub.maps.colours import palette
from hub.maps.drawing import Mark, View
from hub.maps.earth import Box
from hub.web.doors import OPEN, Asking, Caller, Hub
from hub.web.pages import language_of, render

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

MAP: Final = "/map"
AT_A_GLANCE: Final = 8  # of each layer where all are shown
PAGE: Final = 30
SPANS: Final = {"": None, "today": 1, "week": 7, "month": 31}
GEOJSON: Final = "application/geo+json"
FRESH_S: Final = 300
DRAWER: Final = ThreadPoolExecutor(1)  # one picture at a time: pages come first
WORLD: Final = Box(-180.0, -60.0, 180.0, 70.0)
LONGEST_LABEL: Final = 200
AROUND_M: Final = 800  # ten minutes on foot: what is shown around an address


def _box(value: str) -> str:
    try:
        Box.read(value)
    except ValueError:
        raise ValueError(later("Must be west,south,east,north in degrees")) from None
    return value


class MapAsked(BaseModel):
    """What the map can be narrowed to; what it does not know it ignores.

    `q` is a street or an address, `near` the spot that was meant by it.
    """

    model_config = ConfigDict(extra="ignore")

    q: Annotated[str, Field(max_length=200)] = ""
    near: Annotated[str | None, AfterValidator(asking.point)] = None
    layer: Annotated[str, Field(max_length=40)] = ""
    tag: Annotated[str, Field(max_length=60)] = ""
    access: Annotated[str, AfterValidator(asked_for)] = ""
    when: Literal["", "today", "week", "month"] = ""
    bbox: Annotated[str, AfterValidator(_box)] | None = None
    cursor: Annotated[str | None, Field(max_length=MAX_CURSOR)] = None

    def narrowing(self) -> dict[str, object]:
        """The filters by their names in addresses."""
        named = {"layer": self.layer, "tag": self.tag, "access": self.access}
        return {**named, "when": self.when, "q": self.q, "near": self.near}

    @property
    def spot(self) -> tuple[float, float] | None:
        """Latitude and longitude around which somebody asks."""
        if self.near is None:
            return None
        latitude, longitude = self.near.split(",")
        return float(latitude), float(longitude)

    def wanted(self, settings: Settings) -> on_map.Wanted:
        """The filters as queries take them."""
        moment, days = now(), SPANS[self.when]
        until = None if days is None else _days_on(moment, days, settings)
        box = None if self.bbox is None else Box.read(self.bbox)
        if box is None and self.spot is not None:
            box = Box.around(*self.spot, AROUND_M)
        return on_map.Wanted(moment, self.layer, self.tag, until, box, self.access)


@dataclass(frozen=True, slots=True)
class Section:
    """One layer of the list; `more` is where the rest of it is, empty at the end."""

    layer: Layer
    items: tuple[Entry, ...]
    more: str


@router.get(MAP)
async def shown(request: Request, hub: Hub, caller: Asking) -> Response:
    """The list of what is on the map, and the map."""
    asked = forms.asked(request, MapAsked)
    narrow = asked.narrowing()
    wanted = asked.wanted(hub.settings)
    chosen = [layer for layer in layers.listed() if asked.layer in {"", layer.kind}]
    sections = [await _section(hub, caller, asked, wanted, layer) for layer in chosen]
    here = shelf.current(hub.settings)
    sought = [] if asked.near or not asked.q else await gazetteer.search(hub.settings, asked.q)
    return render(
        request,
        "browse/map.html",
        sections=[section for section in sections if section.items],
        layers=[
            (one.kind, one.words, one.sign, forms.address(MAP, {**narrow, "layer": one.kind}))
            for one in layers.listed()
        ],
        everything=forms.address(MAP, {**narrow, "layer": ""}),
        wanted={**narrow, "narrowed": len(forms.narrowed(narrow)), "cursor": asked.cursor},
        picture=forms.address(f"{MAP}.svg", {**narrow, "v": _version(hub.settings)}),
        geojson=forms.address(f"{MAP}.geojson", {**narrow, "q": "", "near": ""}),
        here=here,
        sought=[
            (one.words, forms.address(MAP, {**narrow, "q": one.words, "near": one.spot}))
            for one in sought
        ],
        anywhere=forms.address(MAP, {**narrow, "q": "", "near": ""}),
        spot=asked.spot,
        box=wanted.box or _start(hub.settings),
        colours=palette(look_of(hub.settings).hue),
        facts={name: LABELS[name] for name in ASKED_MOST},
        signs={one.kind: one.sign for one in layers.listed()},
        names={one.kind: one.words for one in layers.listed()},
    )


async def _section(
    hub: Services, caller: Caller, asked: MapAsked, wanted: on_map.Wanted, layer: Layer
) -> Section:
    alone = bool(asked.layer)
    async with hub.db.read() as session:
        found = await on_map.listed(
            session,
            Viewer.of(caller),
            wanted,
            layer,
            limit=PAGE if alone else AT_A_GLANCE,
            cursor=asked.cursor if alone else None,
        )
    cursor = found.next if alone else None
    more = {**asked.narrowing(), "layer": layer.kind, "cursor": cursor}
    return Section(layer, found.items, forms.address(MAP, more) if found.next else "")


@router.get(f"{MAP}.geojson")
async def collection(request: Request, hub: Hub, caller: Asking) -> Response:
    """What is on the map, as GeoJSON (RFC 7946); `more`: there is more than fits into one answer.

    What is only roughly known is an area: the cell in which it lies. `attribution` names whoever
    made the map on which it is shown, and part of what is on it.
    """
    asked = forms.asked(request, MapAsked)
    found = await on_map.spots(hub.db, Viewer.of(caller), asked.wanted(hub.settings))
    document = {
        "type": "FeatureCollection",
        "features": [_feature(spot, hub.settings) for spot in found],
        "more": len(found) == on_map.MOST,
    }
    if shelf.current(hub.settings) is not None:
        document["attribution"] = CREDIT_OF_OSM
    headers = {"cache-control": _kept(caller)}
    return Response(orjson.dumps(document), headers=headers, media_type=GEOJSON)


@router.get(f"{MAP}.svg")
async def picture(request: Request, hub: Hub, caller: Asking) -> Response:
    """The map as a picture, with all that the list holds."""
    asked = forms.asked(request, MapAsked)
    wanted = asked.wanted(hub.settings)
    found = await on_map.spots(hub.db, Viewer.of(caller), wanted, drawing.MOST_MARKS)
    marks = tuple(_mark(spot) for spot in found)
    if marks and wanted.box is None:
        view = View.of(marks)
    else:
        view = View.showing(wanted.box or _start(hub.settings))
    with words.speaking(language_of(request)):
        label = words.say_many(
            "A map with %(num)s thing on it", "A map with %(num)s things on it", len(marks)
        ) % {"num": len(marks)}
    if asked.spot is not None:
        marks = (*marks, Mark(*asked.spot, sought=True))
    return await _drawn(request, hub.settings, view, marks, label, _kept(caller))


@router.get("/map/of/{entry_id:uuid}.svg")
async def around(entry_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Where something is: the streets around it.

    Raises:
        NotFound: there is no such thing for this reader, or nobody knows where it is.
    """
    async with hub.db.read() as session:
        spot = await on_map.one(session, Viewer.of(caller), entry_id)
    if spot is None:
        raise NotFound("There is no map of this.")
    mark = _mark(spot)
    label = f"{spot.title}: {spot.place}" if spot.place else spot.title
    view, kept = View.of([mark], drawing.SMALL), _kept(caller)
    return await _drawn(request, hub.settings, view, (mark,), label[:LONGEST_LABEL], kept)


async def _drawn(
    request: Request,
    settings: Settings,
    view: View,
    marks: tuple[Mark, ...],
    label: str,
    kept: str,
) -> Response:
    """The picture, drawn once for everybody who asks for the same."""
    here, hue = shelf.current(settings), look_of(settings).hue
    file = None if here is None else here.folder / here.tiles
    loop = asyncio.get_running_loop()
    svg = await loop.run_in_executor(DRAWER, _draw, file, view, marks, hue, label)
    tag = f'"{hashlib.sha256(svg).hexdigest()[:16]}"'
    headers = {
        "cache-control": kept,
        "etag": tag,
        "vary": "Cookie, Accept-Language",
        "content-security-policy": drawing.policy(hue),
    }
    if tag in request.headers.get("if-none-match", "").split(", "):
        return Response(status_code=304, headers=headers)
    return Response(svg, headers=headers, media_type="image/svg+xml")


@lru_cache(maxsize=64)
def _draw(file: Path | None, view: View, marks: tuple[Mark, ...], hue: int, label: str) -> bytes:
    return drawing.draw(file, view, marks, hue, label)


def _kept(caller: Caller) -> str:
    """How long an answer may be kept: what the signed-in see is theirs alone."""
    return "private, no-cache" if caller.known else f"public, max-age={FRESH_S}"


def _version(settings: Settings) -> str:
    """Another one for every other map and look, so that a new one is seen at once."""
    here = shelf.current(settings)
    return f"{here.version[:6] if here else '0'}{look_of(settings).version[:4]}"


def _start(settings: Settings) -> Box:
    """What is shown while nothing is on the map: the hub's area, or what there is a map of."""
    here = shelf.current(settings)
    if settings.latitude is not None and settings.longitude is not None:
        return Box.around(settings.latitude, settings.longitude, settings.radius_m)
    return here.box if here is not None else WORLD


def _mark(spot: Spot) -> Mark:
    return Mark(spot.latitude, spot.longitude, spot.layer.cell)


def _days_on(moment: datetime, days: int, settings: Settings) -> datetime:
    """The midnight after so many days, today among them, on the hub's clock."""
    day = moment.astimezone(settings.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=days)


def _feature(spot: Spot, settings: Settings) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": spot.id,
        "geometry": _geometry(spot),
        "properties": {
            "type": spot.kind,
            "title": spot.title,
            "url": settings.url + spot.path,
            "place": spot.place,
            "starts_at": spot.starts_at,
            "all_day": bool(spot.all_day),
            "origin": spot.origin or settings.authority,
            "status": spot.status,
        },
    }


def _geometry(spot: Spot) -> dict[str, Any]:
    """A point, or the ring around a cell, counterclockwise (RFC 7946 §3.1.6)."""
    if not spot.layer.cell:
        return {"type": "Point", "coordinates": [spot.longitude, spot.latitude]}
    half = spot.layer.cell / 2
    west, east = round(spot.longitude - half, 6), round(spot.longitude + half, 6)
    south, north = round(spot.latitude - half, 6), round(spot.latitude + half, 6)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
