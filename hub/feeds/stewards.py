"""Calendars that this hub keeps up with, for stewards: how they fare, and what needs somebody."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import HubError
from hub.core.services import Services
from hub.core.text import tidy
from hub.feeds import importing, refreshing, sources
from hub.feeds.importing import Report
from hub.feeds.refreshing import PAGE
from hub.feeds.rows import Verdict
from hub.people.permissions import STEWARDS, require
from hub.web.doors import Asking, Hub
from hub.web.forms import parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix=PAGE, include_in_schema=False, dependencies=[STEWARDS])

MOST_SHOWN: Final = 200  # rows of a calendar before it is taken
LONGEST_TITLE: Final = 100


@router.get("")
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """All of them: last and next run, counts, trouble, and what needs a steward."""
    require(caller, "administer")
    return await _page(request, hub, said=said)


@router.post("")
async def added(request: Request, hub: Hub, caller: Asking) -> Response:
    """Show what a calendar holds, and when that was seen, keep up with it."""
    require(caller, "administer")
    form = await parse_form(request)
    entered = {"url": form.text("url"), "title": form.text("title")}
    try:
        url = sources.address(entered["url"], allow_http=hub.settings.allow_http)
        title = tidy(entered["title"])[:LONGEST_TITLE] or sources.host(url)
        if form.text("deed") == "take":
            async with hub.db.write() as session:
                await refreshing.add(session, hub, url, title, caller.person_id)
            hub.wake.ring()
            return see_other(f"{PAGE}?said=added")
        report = Report()
        data = await sources.fetched(hub, "ics", url)
        rows = [
            verdict
            async for verdict in importing.run(hub, "ics", data, url, dry_run=True, report=report)
        ]
    except HubError as error:
        return await _page(request, hub, entered=entered, error=str(error), status=error.status)
    return render(
        request,
        "feeds/preview.html",
        url=url,
        title=title,
        rows=_worth_seeing(rows)[:MOST_SHOWN],
        counts=report.counts,
        words=importing.WORDS,
    )


@router.post("/{calendar_id:uuid}/{deed}")
async def pressed(
    calendar_id: UUID, deed: str, request: Request, hub: Hub, caller: Asking
) -> Response:
    """One of the buttons beside a calendar."""
    require(caller, "administer")
    form = await parse_form(request)
    async with hub.db.write() as session:
        calendar = await refreshing.by_id(session, calendar_id)
        match deed:
            case "look":
                await refreshing.look_now(session, calendar)
            case "stop":
                await refreshing.stop(session, calendar)
            case _:
                await refreshing.keep(session, calendar, form.text("key"))
    hub.wake.ring()
    said = deed if deed in {"look", "stop"} else "kept"
    return see_other(f"{PAGE}?said={said}#c-{calendar_id}")


def _worth_seeing(rows: list[Verdict]) -> list[Verdict]:
    """What is refused first; what is over is only counted."""
    return sorted(
        (row for row in rows if row.outcome != "over"), key=lambda row: row.outcome != "refused"
    )


async def _page(
    request: Request,
    hub: Services,
    *,
    said: str = "",
    entered: dict[str, str] | None = None,
    error: str = "",
    status: int = 200,
) -> Response:
    async with hub.db.read() as session:
        calendars = await refreshing.all_of_them(session)
    return render(
        request,
        "feeds/calendars.html",
        status,
        calendars=calendars,
        said=said,
        entered=entered or {},
        error=error,
    )
