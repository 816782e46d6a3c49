"""Buttons of one listing besides editing: lend it, it is back, another month, me too."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.db import AsyncSession
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.entries.schemas import checked
from hub.entries.visibility import Viewer
from hub.exchange import lending, queries, service
from hub.exchange.models import Listing
from hub.exchange.schemas import LendingForm, Side
from hub.people import permissions
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False)

# Those of both sides are named one by one: `/{folder}/…` would catch other rooms' forms.
OFFER, WANT = "/offers/{listing_id:uuid}", "/wants/{listing_id:uuid}"
OWN: Final = (permissions.LED_IN, permissions.OWNERS)


def _side(request: Request) -> Side:
    """Offer or want, as the address says."""
    return "want" if request.url.path.startswith("/wants/") else "offer"


@router.get(f"{OFFER}/renew", dependencies=OWN)
@router.get(f"{WANT}/renew", dependencies=OWN)
async def ask_again(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked whether it is still true."""
    async with hub.db.read() as session:
        listing = await queries.by_id(session, listing_id, Viewer.of(caller), _side(request))
    permissions.changeable(caller, listing)
    return render(request, "exchange/confirm.html", listing=listing, deed="renew")


@router.get(f"{OFFER}/lend", dependencies=OWN)
async def ask_to_whom(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked to whom it is lent, until when."""
    return await _lend_form(listing_id, request, hub, caller)


async def _lend_form(
    listing_id: UUID,
    request: Request,
    hub: Services,
    caller: Caller,
    form: Form | None = None,
    error: Invalid | None = None,
) -> Response:
    async with hub.db.read() as session:
        listing = await queries.by_id(session, listing_id, Viewer.of(caller), "offer")
        permissions.changeable(caller, listing)
        agreed = await lending.borrowers(session, listing)
    return render(
        request,
        "exchange/lend.html",
        200 if error is None else error.status,
        listing=listing,
        agreed=agreed,
        values=form.values() if form is not None else {},
        errors=error.fields if error is not None else {},
        detail=str(error) if error is not None else "",
    )


@router.post(f"{OFFER}/me-too", dependencies=[permissions.SIGNED_IN])
@router.post(f"{WANT}/me-too", dependencies=[permissions.SIGNED_IN])
async def me_too(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Say so, or say so no more, of what somebody else needs."""
    await parse_form(request)
    async with hub.db.write() as session:
        listing = await queries.by_id(session, listing_id, Viewer.of(caller), _side(request))
        if caller.person_id is not None:
            await service.back(session, listing, caller.person_id)
    return see_other(listing.path)


@router.post(f"{OFFER}/{{deed}}", dependencies=[permissions.OWNERS])
@router.post(f"{WANT}/{{deed}}", dependencies=[permissions.OWNERS])
async def do(
    listing_id: UUID,
    deed: Literal["lend", "returned", "renew"],
    request: Request,
    hub: Hub,
    caller: Asking,
) -> Response:
    """Do it, and show the listing again."""
    form = await parse_form(request)
    try:
        async with hub.db.write() as session:
            listing = await queries.by_id(session, listing_id, Viewer.of(caller), _side(request))
            permissions.changeable(caller, listing)
            if deed == "renew":
                await service.renew(session, hub, listing)
            elif deed == "returned":
                await lending.give_back(session, hub, listing)
            else:
                await _lend(session, hub, listing, form)
    except Invalid as error:
        return await _lend_form(listing_id, request, hub, caller, form, error)
    return see_other(f"{listing.path}?said=saved")


async def _lend(session: AsyncSession, hub: Services, listing: Listing, form: Form) -> None:
    """Lend it as the form says; a day is over when it is.

    Raises:
        Invalid: the form does not make sense.
    """
    asked = checked(LendingForm, form.values(), timezone=hub.settings.timezone)
    due: datetime | None = asked.due_on
    await lending.lend(session, hub, listing, asked.borrower, due, asked.match_id)
