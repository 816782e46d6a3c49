"""Offers and wants for programs: `/api/v1/offers` and `/api/v1/wants`, alike but for the side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, Field, WithJsonSchema

from hub.core.db import AsyncSession
from hub.core.errors import Forbidden
from hub.core.services import Services
from hub.entries import asking, writing
from hub.entries import queries as entries
from hub.entries.paging import Listed
from hub.entries.visibility import Viewer
from hub.exchange import lending, matches, queries, service
from hub.exchange.models import Listing
from hub.exchange.schemas import (
    Kind,
    Lending,
    ListingDraft,
    ListingView,
    MatchList,
    Mode,
    Side,
    Status,
    listing_draft,
    members_of,
)
from hub.people import permissions
from hub.people.idempotency import once
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Caller, Hub

Members = Annotated[
    dict[str, Any], Body(), WithJsonSchema(ListingDraft.model_json_schema(mode="validation"))
]
Changes = Annotated[
    dict[str, Any],
    Body(description="Members to change; null empties one."),
    WithJsonSchema({**ListingDraft.model_json_schema(mode="validation"), "required": []}),
]


class ListingsAsked(asking.Asked):
    """The filters of both lists."""

    kind: Kind | None = None
    mode: Mode | None = None
    status: Annotated[
        Status | Literal["all"] | None, Field(description="without it: open and promised")
    ] = None


class ListingPage(BaseModel):
    """A page of offers or wants; `next` is the cursor of the following one."""

    items: list[ListingView]
    next: str | None


class Closing(BaseModel):
    """What became of it."""

    status: Literal["promised", "done", "withdrawn"] = "done"


def _doors(side: Side, folder: str) -> APIRouter:
    """The doors of one side."""
    router = api_router(f"/{folder}", folder)

    @router.get("", name=f"{folder} listed", dependencies=[OPEN])
    async def listed(
        request: Request,
        response: Response,
        hub: Hub,
        caller: Asking,
        asked: Annotated[ListingsAsked, Query()],
    ) -> ListingPage:
        """What is to be had, the newest first."""
        async with hub.db.read() as session:
            found = await _found(session, hub, caller, side, asked)
            items = await views(session, hub, found.items)
        asking.link_next(request, response, found)
        return ListingPage(items=items, next=found.next)

    @router.post(
        "",
        status_code=201,
        response_model=ListingView,
        name=f"{folder} published",
        dependencies=[permissions.MEMBERS],
    )
    async def published(hub: Hub, caller: Asking, request: Request, members: Members) -> Response:
        """Publish one."""
        permissions.require(caller, "post")
        draft = listing_draft(members, timezone=hub.settings.timezone)
        draft = await writing.with_picture(hub, draft)
        async with once(hub, request, caller) as unit:
            if unit.new:
                owner = caller.person_id
                listing = await service.publish(unit.session, hub, side, draft, owner=owner)
                (view,) = await views(unit.session, hub, [listing])
                unit.answer(view, location=f"{hub.settings.url}/api/v1/{folder}/{listing.id}")
        return unit.response

    _doors_to_one(router, side)
    return router


def _doors_to_one(router: APIRouter, side: Side) -> None:
    """The doors that lead to one offer or want."""

    @router.get("/{listing_id}", name=f"{side} shown", dependencies=[OPEN])
    async def shown(listing_id: UUID, hub: Hub, caller: Asking) -> ListingView:
        """One of them."""
        async with hub.db.read() as session:
            listing = await queries.by_id(session, listing_id, Viewer.of(caller), side)
            (view,) = await views(session, hub, [listing])
        return view

    @router.get(
        "/{listing_id}/matches", name=f"{side} matched", dependencies=[permissions.SPEAKERS]
    )
    async def matched(listing_id: UUID, hub: Hub, caller: Asking) -> MatchList:
        """What fits it, the best first, with the reasons; for whoever speaks for it."""
        async with hub.db.read() as session:
            listing = await _own(session, listing_id, side, caller)
            if not matches.holds(caller, listing):
                raise Forbidden("What fits it is for whoever posted it.")
            found = await matches.of_listing(session, listing, Viewer.of(caller))
        return MatchList(items=[matches.view(one, hub) for one in found])

    @router.patch(
        "/{listing_id}", name=f"{side} revised", dependencies=[permissions.OWNING_MEMBERS]
    )
    async def revised(listing_id: UUID, hub: Hub, caller: Asking, changes: Changes) -> ListingView:
        """Change it: what is not named stays. `status: open` opens it again."""
        return await _revise(hub, caller, listing_id, side, changes)

    @router.post(
        "/{listing_id}/close", name=f"{side} closed", dependencies=[permissions.OWNING_MEMBERS]
    )
    async def closed(
        listing_id: UUID, hub: Hub, caller: Asking, closing: Closing | None = None
    ) -> ListingView:
        """Say that it is done, promised or withdrawn; others see that it is taken."""
        permissions.require(caller, "post")
        status = closing.status if closing else "done"
        async with hub.db.write() as session:
            listing = await _own(session, listing_id, side, caller)
            await service.close(session, hub, listing, status)
            (view,) = await views(session, hub, [listing])
        return view

    @router.delete(
        "/{listing_id}",
        status_code=204,
        name=f"{side} deleted",
        dependencies=[permissions.OWNING_MEMBERS],
    )
    async def withdrawn(listing_id: UUID, hub: Hub, caller: Asking) -> None:
        """Delete it, here and wherever it was sent."""
        permissions.require(caller, "post")
        async with hub.db.write() as session:
            listing = await _own(session, listing_id, side, caller)
            await service.withdraw(session, hub, listing)


def _doors_of_loans(router: APIRouter) -> None:
    """The doors that lend an offer and take it back."""

    @router.post("/{listing_id}/lend", name="offer lent", dependencies=[permissions.OWNING_MEMBERS])
    async def lent(listing_id: UUID, hub: Hub, caller: Asking, lending_: Lending) -> ListingView:
        """Note who has it until when; its owner is reminded two days before."""
        permissions.require(caller, "post")
        async with hub.db.write() as session:
            listing = await _own(session, listing_id, "offer", caller)
            await lending.lend(
                session, hub, listing, lending_.borrower, lending_.due_at, lending_.match_id
            )
            (view,) = await views(session, hub, [listing])
        return view

    @router.post(
        "/{listing_id}/returned", name="offer returned", dependencies=[permissions.OWNING_MEMBERS]
    )
    async def returned(listing_id: UUID, hub: Hub, caller: Asking) -> ListingView:
        """It is back, and listed again."""
        permissions.require(caller, "post")
        async with hub.db.write() as session:
            listing = await _own(session, listing_id, "offer", caller)
            await lending.give_back(session, hub, listing)
            (view,) = await views(session, hub, [listing])
        return view


offers = _doors("offer", "offers")
_doors_of_loans(offers)
wants = _doors("want", "wants")


async def _found(
    session: AsyncSession, hub: Services, caller: Caller, side: Side, asked: ListingsAsked
) -> Listed[Listing]:
    return await queries.listed(
        session,
        Viewer.of(caller),
        kind=side,
        item_kind=asked.kind,
        mode=asked.mode,
        status=asked.status,
        **asking.filters(asked, hub.settings),
    )


async def views(
    session: AsyncSession, hub: Services, listings: Sequence[Listing]
) -> list[ListingView]:
    """Offers and wants as the API shows them."""
    counts = await entries.counts(session, listings)
    backers = await queries.backers(session, listings)
    return [
        _view(listing, counts[listing.id], backers.get(listing.id, 0), hub) for listing in listings
    ]


def _view(listing: Listing, counts: entries.Counts, backers: int, hub: Services) -> ListingView:
    zone = hub.settings.zone
    begins, ends = listing.available_from, listing.expires_at
    return ListingView(
        **asking.shared_members(listing, counts, hub.settings),
        kind=listing.item_kind,
        mode=listing.mode,
        quantity=listing.quantity,
        price=listing.price,
        available_from=None if begins is None else begins.astimezone(zone),
        expires_at=None if ends is None else ends.astimezone(zone),
        timezone=hub.settings.timezone,
        sort=listing.sort,
        backers=backers,
    )


async def _revise(
    hub: Services, caller: Caller, listing_id: UUID, side: Side, changes: dict[str, Any]
) -> ListingView:
    permissions.require(caller, "post")
    async with hub.db.read() as session:
        draft = _merged(await _own(session, listing_id, side, caller), changes, hub)
    changes = await writing.with_its_picture(hub, changes, draft)
    async with hub.db.write() as session:
        listing = await _own(session, listing_id, side, caller)
        draft = _merged(listing, changes, hub)
        if draft != _merged(listing, {}, hub):  # what is sent again is told once
            await service.revise(session, hub, listing, draft)
        (view,) = await views(session, hub, [listing])
    return view


async def _own(session: AsyncSession, listing_id: UUID, side: Side, caller: Caller) -> Listing:
    listing = await queries.by_id(session, listing_id, Viewer.of(caller), side)
    return permissions.changeable(caller, listing)


def _merged(listing: Listing, changes: dict[str, Any], hub: Services) -> ListingDraft:
    merged = {**members_of(listing), **changes}
    return listing_draft(merged, timezone=hub.settings.timezone)
