"""The stewards' first page: what waits for somebody, and how the hub is."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core import dates
from hub.core.clock import now
from hub.core.words import spoken
from hub.entries import threads
from hub.moderation import cards
from hub.people.permissions import MODERATORS, may, require
from hub.today import service
from hub.web.doors import Asking, Hub
from hub.web.pages import render

router = APIRouter(prefix="/admin", include_in_schema=False, dependencies=[MODERATORS])


@router.get("")
async def today(request: Request, hub: Hub, caller: Asking) -> Response:
    """What waits; for stewards also every check, what is wrong first."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        messages = await threads.waiting(session)
        decisions = await cards.count(session, caller)
    checks = []
    if may(caller, "administer"):
        checks = [check async for check in service.look(hub.settings, hub.db)]
    moment = now()
    worst_first = {"wrong": 0, "warning": 1, "ok": 2}
    return render(
        request,
        "today/today.html",
        messages=messages,
        decisions=decisions,
        checks=sorted(checks, key=lambda check: worst_first[check.state]),
        # The page calls it, since only then it is known in which language.
        moment=lambda when: dates.since(when, moment, spoken()),
    )
