"""The page of who works with whom, and its files; open to everybody, and of public things alone."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from hub.core.clock import now
from hub.core.services import Services
from hub.entries import forms
from hub.feeds.pages import as_file
from hub.feeds.tables import CSV
from hub.netmap import drawing, files, kept
from hub.netmap.graph import Graph
from hub.web.doors import OPEN, Asking, Hub
from hub.web.pages import render

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

HOME: Final = "/network"
MONTH: Final = timedelta(days=30.5)
AHEAD: Final = timedelta(days=366)  # what is planned counts as well
BEGINNING: Final = timedelta(days=366 * 50)
MOST_ROWS: Final = 80  # of each table of the page; the files have the rest
MONTHS: Final = ("3", "6", "12", "24", "ever")


class Wanted(BaseModel):
    """What of the graph is wanted: how far back it goes, and a word; the rest is passed over."""

    model_config = ConfigDict(extra="ignore")

    months: Literal["3", "6", "12", "24", "ever"] = "12"
    q: Annotated[str, Field(max_length=200)] = ""

    def since(self, moment: datetime) -> datetime:
        """When the time begins that is looked at."""
        back = BEGINNING if self.months == "ever" else int(self.months) * MONTH
        return moment - back


@router.get(HOME)
async def network(request: Request, hub: Hub, caller: Asking) -> Response:
    """Organisations and what links them: the picture, and the same as tables."""
    del caller  # looked up for the page
    wanted = forms.asked(request, Wanted)
    graph = await _graph(hub, wanted)
    picture = await asyncio.to_thread(drawing.draw, graph)
    narrow = {"months": "" if wanted.months == "12" else wanted.months, "q": wanted.q}
    return render(
        request,
        "netmap/network.html",
        graph=graph,
        known={point.key: point for point in graph.points},
        picture=picture,
        most_rows=MOST_ROWS,
        wanted=wanted.model_dump(),
        narrowed=bool(wanted.q),
        months=MONTHS,
        files=[
            (name, forms.address(f"{HOME}.{ending}", forms.narrowed(narrow)))
            for name, ending in (("CSV", "csv"), ("GraphML", "graphml"), ("JSON", "json"))
        ],
    )


@router.api_route("/network.json", methods=["GET", "HEAD"])
async def as_json(request: Request, hub: Hub, asked: Annotated[Wanted, Query()]) -> Response:
    """The graph for programs."""
    said: dict[str, Any] = files.members(await _graph(hub, asked), hub.settings.authority)
    return as_file(request, orjson.dumps(said), "application/json")


@router.api_route("/network.graphml", methods=["GET", "HEAD"])
async def as_graphml(request: Request, hub: Hub, asked: Annotated[Wanted, Query()]) -> Response:
    """The graph for programs that draw and reckon with networks."""
    body = files.graphml(await _graph(hub, asked), hub.settings.authority)
    return as_file(request, body, "application/graphml+xml; charset=utf-8")


@router.api_route("/network.csv", methods=["GET", "HEAD"])
async def as_table(request: Request, hub: Hub, asked: Annotated[Wanted, Query()]) -> Response:
    """The links for a spreadsheet."""
    return as_file(request, files.table(await _graph(hub, asked)), CSV)


async def _graph(hub: Services, wanted: Wanted) -> Graph:
    moment = now()
    return await kept.of(hub.db).graph(wanted.since(moment), moment + AHEAD, wanted.q.strip())
