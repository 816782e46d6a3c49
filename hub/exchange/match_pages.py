"""Matches for people and programs: what waits for a yes, the talk of two, and their buttons."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import Invalid, NotFound
from hub.core.services import Services
from hub.exchange import enquiries, matches
from hub.exchange.schemas import MatchView
from hub.people.permissions import LED_IN, SIDES
from hub.web.bodies import api_router
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False)
api = api_router("/matches", "matches", SIDES)

MATCHES: Final = "/matches"
YES: Final = "Yes, let us talk."


# ------------------------------------------------------------------------------------- pages


@router.get(MATCHES, dependencies=[LED_IN])
async def inbox(request: Request, hub: Hub, caller: Asking) -> Response:
    """Who asked whom, and messages from elsewhere that wait for a yes or a no."""
    async with hub.db.read() as session:
        found = await matches.inbox(session, caller)
        letters = await enquiries.waiting(session, caller)
    return render(request, "exchange/matches.html", matches=found, enquiries=letters)


@router.get("/matches/{match_id:uuid}", dependencies=[SIDES])
async def talk(match_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """One match: its reasons, and what the two wrote."""
    return await _talk(match_id, request, hub, caller)


async def _talk(
    match_id: UUID, request: Request, hub: Services, caller: Caller, error: Invalid | None = None
) -> Response:
    async with hub.db.read() as session:
        match, side = await matches.by_id(session, match_id, caller)
        lines = await matches.lines(session, match, side)
    return render(
        request,
        "exchange/match.html",
        200 if error is None else error.status,
        match=matches.seen(match, side),
        lines=lines,
        errors=error.fields if error is not None else {},
    )


@router.post("/matches/{match_id:uuid}/{deed}", dependencies=[SIDES])
async def act(
    match_id: UUID,
    deed: Literal["ask", "accept", "decline", "say", "report"],
    request: Request,
    hub: Hub,
    caller: Asking,
) -> Response:
    """Ask, say yes or no, write, or report what was written."""
    form = await parse_form(request)
    try:
        listing = await _act(hub, caller, match_id, deed, form)
    except Invalid as error:
        return await _talk(match_id, request, hub, caller, error)
    return see_other(f"{listing}#matches" if deed == "decline" else f"{MATCHES}/{match_id}")


async def _act(
    hub: Services, caller: Caller, match_id: UUID, deed: str, form: Form | None = None
) -> str:
    """Do it, and give the path of the caller's own listing."""
    async with hub.db.write() as session:
        match, side = await matches.by_id(session, match_id, caller)
        if deed == "ask":
            await matches.ask(session, hub, match, side)
        elif deed == "accept":
            await matches.accept(session, hub, match, side)
        elif deed == "decline":
            matches.decline(match, side)
        elif deed == "say" and form is not None:
            await matches.say(session, hub, match, side, form.text("text"))
        elif form is not None:
            await matches.report(session, match, side, _line(form))
        return match.side(side).path


def _line(form: Form) -> UUID:
    """What is reported.

    Raises:
        NotFound: it is the number of nothing.
    """
    try:
        return UUID(form.text("line"))
    except ValueError:
        raise NotFound("There is no such message.") from None


@router.post("/enquiries/{reply_id:uuid}/{deed}", dependencies=[SIDES])
async def answer(
    reply_id: UUID, deed: Literal["accept", "decline"], request: Request, hub: Hub, caller: Asking
) -> Response:
    """Say yes to somebody elsewhere by answering, or no by leaving no trace."""
    form = await parse_form(request)
    async with hub.db.write() as session:
        reply = await enquiries.by_id(session, reply_id, caller)
        if deed == "decline":
            await enquiries.refuse(session, reply)
        else:
            await enquiries.accept(session, hub, reply, form.text("text") or YES)
    return see_other(MATCHES)


# --------------------------------------------------------------------------------------- API


@api.post("/{match_id}/{deed}", name="match answered")
async def acted(
    match_id: UUID, deed: Literal["ask", "accept", "decline"], hub: Hub, caller: Asking
) -> MatchView:
    """Ask the other side, or say yes or no to them."""
    await _act(hub, caller, match_id, deed)
    async with hub.db.read() as session:
        match, side = await matches.by_id(session, match_id, caller)
    return matches.view(matches.seen(match, side), hub)
