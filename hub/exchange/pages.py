"""Offers and wants for people: the swap page, one of them, and the forms to post and change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ConfigDict, Field

from hub.core.errors import Invalid
from hub.core.services import Services
from hub.entries import asking, spots, threads, writing
from hub.entries import forms as common
from hub.entries import queries as entries
from hub.entries.models import Picture
from hub.entries.spots import Spots
from hub.entries.visibility import Viewer
from hub.exchange import activitypub, forms, lending, matches, queries, service
from hub.exchange.models import Listing
from hub.exchange.schemas import Kind, Side, Status, members_of
from hub.fediverse import follows
from hub.people import permissions, sendings, submissions
from hub.web.doors import OPEN, Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.negotiation import wants_activity
from hub.web.pages import render, respond

router = APIRouter(include_in_schema=False)

SWAP: Final = "/swap"
AT_A_GLANCE: Final = 6  # of each side where both are shown

SIDES: Final[dict[str, Side]] = {"offers": "offer", "wants": "want"}
ENDS: Final[tuple[Status, ...]] = ("done", "promised", "withdrawn", "open")


class Wanted(asking.Asked):
    """The filters of the page; what it does not know it ignores."""

    model_config = ConfigDict(extra="ignore")

    show: Literal["all", "offers", "wants"] = "all"
    kind: Kind | None = None
    place: Annotated[str, Field(max_length=200)] = ""

    def narrowing(self) -> dict[str, object]:
        """The filters by their names in addresses; `show` is not one of them."""
        named = {"q": self.q, "kind": self.kind, "place": self.place, "tag": self.tag}
        named |= {"origin": self.origin, "language": self.language}
        return {**named, "near": self.near, "within": self.within}


@dataclass(frozen=True, slots=True)
class Section:
    """One side of the page; `more` is where the rest of it is, empty at the end."""

    side: str
    listings: tuple[Listing, ...]
    more: str


# ----------------------------------------------------------------------------------- reading


@router.get(SWAP, dependencies=[OPEN])
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """What neighbours offer and need: both at a glance, or one of them page by page."""
    wanted = common.asked(request, Wanted)
    sides = list(SIDES) if wanted.show == "all" else [wanted.show]
    sections = [await _section(hub, caller, wanted, side) for side in sides]
    async with hub.db.read() as session:
        known = await follows.followed_servers(session)
    narrow = wanted.narrowing()
    whole = {"show": wanted.show, **narrow}
    return render(
        request,
        "exchange/list.html",
        show=wanted.show,
        sections=sections,
        sides=[(side, common.address(SWAP, {"show": side, **narrow})) for side in ("all", *SIDES)],
        wanted={**narrow, "narrowed": len(common.narrowed(narrow)), "cursor": wanted.cursor},
        kinds=forms.KINDS,
        origins=common.origins(wanted.origin, known, hub.settings),
        kept=common.address(SWAP, whole) if common.narrowed(narrow) else "",
        feed=common.address(f"{SWAP}.rss", whole),
        may_post=permissions.may(caller, "post"),
        said=said,
    )


async def _section(hub: Services, caller: Caller, wanted: Wanted, side: str) -> Section:
    filters = asking.filters(wanted, hub.settings, place=wanted.place)
    alone = wanted.show != "all"
    if not alone:
        filters |= {"limit": AT_A_GLANCE, "cursor": None}
    async with hub.db.read() as session:
        found = await queries.listed(
            session,
            Viewer.of(caller),
            kind=SIDES[side],
            item_kind=wanted.kind,
            authors=False,
            **filters,
        )
    more = {"show": side, **wanted.narrowing(), "cursor": found.next if alone else None}
    return Section(side, found.items, common.address(SWAP, more) if found.next else "")


@router.get("/offers/{listing_id:uuid}", dependencies=[OPEN])
@router.get("/wants/{listing_id:uuid}", dependencies=[OPEN])
async def shown(
    listing_id: UUID, request: Request, hub: Hub, caller: Asking, said: str = ""
) -> Response:
    """One offer or want: its page, or the object that its id names."""
    viewer = Viewer.of(caller)
    async with hub.db.read() as session:
        listing = await queries.by_id(session, listing_id, viewer, _side(request))
        thread = await threads.thread(session, listing.id, viewer)
        counts = (await entries.counts(session, [listing]))[listing.id]
        holds = matches.holds(caller, listing)
        found = await matches.of_listing(session, listing, viewer) if holds else []
        loan = await lending.of_listing(session, listing.id) if holds else None
        backers = (await queries.backers(session, [listing])).get(listing.id, 0)
        backs = await queries.backs(session, listing.id, caller.person_id)
    if not listing.local and wants_activity(request):
        return RedirectResponse(listing.uri, 302)  # its own server speaks for it
    settings = hub.settings
    document = activitypub.document(listing, settings.url, settings.timezone)
    return respond(
        request,
        document if listing.local else None,
        "exchange/show.html",
        listing=listing,
        thread=thread,
        counts=counts,
        matches=found,
        loan=loan,
        backers=backers,
        backs=backs,
        may_edit=listing.local and permissions.may_change(caller, listing.owner_id),
        mine=caller.known and listing.owner_id == caller.person_id,
        said=said,
    )


# ----------------------------------------------------------------------------------- posting


@router.get("/post/offer", dependencies=[OPEN])
@router.get("/post/want", dependencies=[OPEN])
async def new(
    request: Request, hub: Hub, caller: Asking, draft: str = "", to: UUID | None = None
) -> Response:
    """An empty form, or what was written before; everybody may write one.

    `to` names an offer that somebody would like, or a want that they could meet: the form then
    says the same, so that the two find each other.
    """
    side, before = _side(request), await submissions.before(hub, draft)
    values = before.values or forms.blank()
    if to is not None and not before.values:
        async with hub.db.read() as session:
            other = await queries.by_id(session, to, Viewer.of(caller), matches.OTHER[side])
        values = forms.counterpart(other)
    return _form(request, side, None, values, picture=before.picture)


@router.post("/post/offer", dependencies=[OPEN])
@router.post("/post/want", dependencies=[OPEN])
async def publish(request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: publish, or show what is wrong. Of a guest it becomes a draft."""
    submissions.admit(request, hub, caller)
    side, form = _side(request), await parse_form(request)
    if (sent := await sendings.answered(hub, form, caller.person_id)) is not None:
        return sent
    before = await submissions.before(hub, form.text("draft"))
    if form.checked(spots.FIND):
        return await _find(request, hub, side, form, None)
    if common.wants_second_look(form, delicate=form.text("kind") == forms.DELICATE_KIND):
        values = {**common.filled(form), "visibility": "hub", "chosen": "yes"}
        return _form(request, side, None, values, status=422, ask=True)
    try:
        draft = forms.draft(form, hub.settings.timezone, before.picture)
        draft = await writing.with_picture(hub, draft)
        if submissions.needs_review(caller):
            return await submissions.keep(hub, caller, side, form, draft)
        async with sendings.once(hub, form, caller.person_id) as sending:
            if sending.new:
                listing = await service.publish(
                    sending.session, hub, side, draft, owner=caller.person_id
                )
                listing.for_other = permissions.posts_for_other(caller, form)
                sending.path = f"{listing.path}?said=published"
    except Invalid as error:
        return _form_again(request, side, form, error, None)
    return sending.answer


@router.get("/offers/{listing_id:uuid}/edit", dependencies=[permissions.OWNERS])
@router.get("/wants/{listing_id:uuid}/edit", dependencies=[permissions.OWNERS])
async def edit(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form, filled with what is there."""
    listing = await _own(request, hub, listing_id, caller)
    values = forms.of_listing(listing, hub.settings.timezone)
    return _form(request, _side(request), listing, values)


@router.post("/offers/{listing_id:uuid}/edit", dependencies=[permissions.OWNERS])
@router.post("/wants/{listing_id:uuid}/edit", dependencies=[permissions.OWNERS])
async def revise(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: change it, or show what is wrong."""
    listing, side = await _own(request, hub, listing_id, caller), _side(request)
    form = await parse_form(request)
    before, viewer = members_of(listing), Viewer.of(caller)
    if form.checked(spots.FIND):
        return await _find(request, hub, side, form, listing)
    try:
        draft = forms.draft(form, hub.settings.timezone, listing.picture, before)
        draft = await writing.with_picture(hub, draft)
        async with hub.db.write() as session:
            listing = await queries.by_id(session, listing_id, viewer, side)
            permissions.changeable(caller, listing)
            draft = submissions.bounded(caller, draft, listing)
            await service.revise(session, hub, listing, draft)
            await submissions.note_change(session, caller, listing)
    except Invalid as error:
        return _form_again(request, side, form, error, listing)
    return see_other(f"{listing.path}?said=saved")


@router.get("/offers/{listing_id:uuid}/close", dependencies=[permissions.OWNERS])
@router.get("/wants/{listing_id:uuid}/close", dependencies=[permissions.OWNERS])
@router.get("/offers/{listing_id:uuid}/delete", dependencies=[permissions.OWNERS])
@router.get("/wants/{listing_id:uuid}/delete", dependencies=[permissions.OWNERS])
async def confirm(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked before it is closed or deleted."""
    listing = await _own(request, hub, listing_id, caller)
    deed = request.url.path.rpartition("/")[2]
    return render(request, "exchange/confirm.html", listing=listing, deed=deed)


@router.post("/offers/{listing_id:uuid}/close", dependencies=[permissions.OWNERS])
@router.post("/wants/{listing_id:uuid}/close", dependencies=[permissions.OWNERS])
async def close(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Say what became of it."""
    permissions.require(caller, "change")
    form, side, viewer = await parse_form(request), _side(request), Viewer.of(caller)
    status = next((one for one in ENDS if one == form.text("choice")), ENDS[0])
    async with hub.db.write() as session:
        listing = await queries.by_id(session, listing_id, viewer, side)
        permissions.changeable(caller, listing)
        await service.close(session, hub, listing, status)
    return see_other(f"{listing.path}?said=closed")


@router.post("/offers/{listing_id:uuid}/delete", dependencies=[permissions.OWNERS])
@router.post("/wants/{listing_id:uuid}/delete", dependencies=[permissions.OWNERS])
async def delete(listing_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Delete it, here and wherever it was sent."""
    permissions.require(caller, "change")
    await parse_form(request)
    side, viewer = _side(request), Viewer.of(caller)
    async with hub.db.write() as session:
        listing = await queries.by_id(session, listing_id, viewer, side)
        permissions.changeable(caller, listing)
        await service.withdraw(session, hub, listing)
    return see_other(f"{SWAP}?said=deleted")


def _side(request: Request) -> Side:
    """Offer or want, as the address says."""
    return "want" if request.url.path.startswith(("/wants", "/post/want")) else "offer"


async def _own(request: Request, hub: Services, listing_id: UUID, caller: Caller) -> Listing:
    """What the caller may change.

    Raises:
        NotSignedIn, Forbidden: they may not.
        NotFound, Gone: there is none.
    """
    permissions.require(caller, "change")
    async with hub.db.read() as session:
        found = await queries.by_id(session, listing_id, Viewer.of(caller), _side(request))
    return permissions.changeable(caller, found)


async def _find(
    request: Request, hub: Services, side: Side, form: Form, listing: Listing | None
) -> Response:
    """The form again, with the spots that its words may mean."""
    told = {"picture": common.CHOOSE_AGAIN} if form.file("picture") is not None else {}
    offered = await spots.found(hub, form, forms.DECIMALS)
    return _form(request, side, listing, common.filled(form), told, offered=offered)


def _form_again(
    request: Request, side: Side, form: Form, error: Invalid, listing: Listing | None
) -> Response:
    told = forms.errors(error, form)
    return _form(request, side, listing, common.filled(form), told, str(error), status=error.status)


def _form(
    request: Request,
    side: Side,
    listing: Listing | None,
    values: Mapping[str, Any],
    told: dict[str, str] | None = None,
    detail: str = "",
    *,
    status: int = 200,
    ask: bool = False,
    picture: Picture | None = None,
    offered: Spots | None = None,
) -> Response:
    return render(
        request,
        "exchange/form.html",
        status,
        spots=offered or spots.none(request, forms.DECIMALS),
        listing=listing,
        kind=side,
        values=values,
        errors=told or {},
        detail=detail,
        ask=ask,
        kinds=forms.KINDS,
        modes=forms.MODES,
        sorts=forms.SORTS,
        delicate=forms.DELICATE_KIND,
        picture=listing.picture if listing is not None else picture,
        action=f"/post/{side}" if listing is None else f"{listing.path}/edit",
        back="/post" if listing is None else listing.path,
        keeps_visibility=listing is not None and listing.published_at is not None,
    )
