"""Places and organisations for people: the lists, one of them, and the form to list and change."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator, ConfigDict, Field

from hub.core import clock
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.directory import activitypub, forms, hours, linked_data, queries, service
from hub.directory.hours import When
from hub.directory.models import Record
from hub.directory.queries import Needs
from hub.directory.schemas import FOLDERS, Sort, members_of
from hub.entries import asking, threads, writing
from hub.entries import forms as common
from hub.entries import queries as entries
from hub.entries.access import ASKED_MOST, LABELS, asked_for
from hub.entries.visibility import Viewer
from hub.fediverse import follows
from hub.people import permissions
from hub.web.doors import OPEN, Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.negotiation import wants_activity
from hub.web.pages import language_of, render, respond

router = APIRouter(include_in_schema=False)


class Wanted(asking.Asked):
    """The filters of the page; what it does not know it ignores."""

    model_config = ConfigDict(extra="ignore")

    place: Annotated[str, Field(max_length=200)] = ""
    access: Annotated[str, AfterValidator(asked_for)] = ""
    open: When = ""

    def narrowing(self) -> dict[str, object]:
        """The filters by their names in addresses."""
        named = {"q": self.q, "place": self.place, "tag": self.tag, "access": self.access}
        named |= {"open": self.open}
        named |= {"origin": self.origin, "language": self.language}
        return {**named, "near": self.near, "within": self.within}


@router.get("/places", dependencies=[OPEN])
@router.get("/organisations", dependencies=[OPEN])
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """Places or organisations, those that were checked last first."""
    sort, home = _sort(request), f"/{_folder(request)}"
    wanted, viewer = common.asked(request, Wanted), Viewer.of(caller)
    async with hub.db.read() as session:
        filters = asking.filters(wanted, hub.settings, place=wanted.place)
        needs = Needs(wanted.access, wanted.open, hub.settings.zone)
        found = await queries.listed(session, sort, viewer, needs=needs, **filters)
        known = await follows.followed_servers(session)
        counts = await queries.counts(session, sort, viewer, ASKED_MOST, needs=needs, **filters)
    narrow = common.narrowed(wanted.narrowing())
    return render(
        request,
        "directory/list.html",
        sort=sort,
        home=home,
        records=found.items,
        more=common.address(home, {**narrow, "cursor": found.next}) if found.next else "",
        wanted={**wanted.narrowing(), "narrowed": len(narrow), "cursor": wanted.cursor},
        relaxed=_relaxed(home, narrow),
        facts=LABELS,
        counts=counts,
        weekdays=hours.weekdays(language_of(request)),
        origins=common.origins(wanted.origin, known, hub.settings),
        export=common.address(f"{home}.csv", narrow),
        feed=common.address(f"{home}.rss", narrow),
        may_post=permissions.may(caller, "post"),
        said=said,
    )


@router.get("/places/{record_id:uuid}", dependencies=[OPEN])
@router.get("/organisations/{record_id:uuid}", dependencies=[OPEN])
async def shown(
    record_id: UUID, request: Request, hub: Hub, caller: Asking, said: str = ""
) -> Response:
    """One of them: its page, or the object that its id names."""
    viewer = Viewer.of(caller)
    async with hub.db.read() as session:
        record = await queries.by_id(session, _sort(request), record_id, viewer)
        thread = await threads.thread(session, record.id, viewer)
        counts = (await entries.counts(session, [record]))[record.id]
        near = await queries.nearby(session, record, viewer)
        beside = {name: await found(session, record, viewer) for name, found in _beside()}
    if not record.local and wants_activity(request):
        return RedirectResponse(record.uri, 302)  # its own server speaks for it
    may_edit = record.local and permissions.may_change(caller, record.owner_id)
    return respond(
        request,
        activitypub.document(record, hub.settings.url) if record.local else None,
        "directory/show.html",
        record=record,
        thread=thread,
        counts=counts,
        nearby=near,
        beside=beside,
        facts=LABELS,
        hours=hours.told(
            record.opening_hours, hub.settings.zone, clock.now(), language_of(request)
        ),
        json_ld=linked_data.of_record(record, hub.settings),
        may_edit=may_edit,
        may_claim=record.local and caller.known and not may_edit,
        may_check=record.local and permissions.may(caller, "post for others"),
        mine=caller.known and record.owner_id == caller.person_id,
        said=said,
    )


@router.get("/post/place", dependencies=[permissions.LED_IN, permissions.MEMBERS])
@router.get("/post/organisation", dependencies=[permissions.LED_IN, permissions.MEMBERS])
async def new(request: Request, caller: Asking) -> Response:
    """An empty form."""
    return _form(request, _new_sort(request), None, forms.blank())


@router.post("/post/place", dependencies=[permissions.MEMBERS])
@router.post("/post/organisation", dependencies=[permissions.MEMBERS])
async def publish(request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: list it, or show what is wrong or may be there already."""
    permissions.require(caller, "post")
    sort, form = _new_sort(request), await parse_form(request)
    try:
        draft = forms.draft(form, hub.settings.timezone)
        if not form.checked("another"):
            point = None if draft.latitude is None else (draft.latitude, draft.longitude or 0.0)
            async with hub.db.read() as session:
                double = await queries.alike(session, sort, draft.title, draft.location, point)
            if double is not None:
                values = common.filled(form)
                return _form(request, sort, None, values, status=422, double=double)
        draft = await writing.with_picture(hub, draft)
        async with hub.db.write() as session:
            record = await service.publish(session, hub, sort, draft, owner=caller.person_id)
    except Invalid as error:
        return _form_again(request, sort, form, error, None)
    return see_other(f"{record.path}?said=published")


@router.get("/places/{record_id:uuid}/edit", dependencies=[permissions.OWNERS])
@router.get("/organisations/{record_id:uuid}/edit", dependencies=[permissions.OWNERS])
async def edit(record_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form, filled with what is there."""
    record = await _own(request, hub, record_id, caller)
    return _form(request, _sort(request), record, forms.of_record(record))


@router.post("/places/{record_id:uuid}/edit", dependencies=[permissions.OWNERS])
@router.post("/organisations/{record_id:uuid}/edit", dependencies=[permissions.OWNERS])
async def revise(record_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: change it, or show what is wrong."""
    record, sort = await _own(request, hub, record_id, caller), _sort(request)
    form, before = await parse_form(request), members_of(record)
    try:
        draft = forms.draft(form, hub.settings.timezone, record.picture, before)
        draft = await writing.with_picture(hub, draft)
        async with hub.db.write() as session:
            record = await queries.by_id(session, sort, record_id, Viewer.of(caller))
            permissions.changeable(caller, record)
            await service.revise(session, hub, record, draft)
    except Invalid as error:
        return _form_again(request, sort, form, error, record)
    return see_other(f"{record.path}?said=saved")


@router.get("/places/{record_id:uuid}/delete", dependencies=[permissions.OWNERS])
@router.get("/organisations/{record_id:uuid}/delete", dependencies=[permissions.OWNERS])
async def confirm(record_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked before it is deleted."""
    record = await _own(request, hub, record_id, caller)
    return render(request, "directory/confirm.html", record=record)


@router.post("/places/{record_id:uuid}/delete", dependencies=[permissions.OWNERS])
@router.post("/organisations/{record_id:uuid}/delete", dependencies=[permissions.OWNERS])
async def delete(record_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Delete it, here and wherever it was sent."""
    permissions.require(caller, "change")
    await parse_form(request)
    async with hub.db.write() as session:
        record = await queries.by_id(session, _sort(request), record_id, Viewer.of(caller))
        permissions.changeable(caller, record)
        await service.withdraw(session, hub, record)
    return see_other(f"/{_folder(request)}?said=deleted")


def _folder(request: Request) -> str:
    return request.url.path.split("/")[1]


def _sort(request: Request) -> Sort:
    return FOLDERS[_folder(request)]


def _new_sort(request: Request) -> Sort:
    return "place" if request.url.path.endswith("/place") else "organisation"


def _beside() -> list[tuple[str, queries.Beside]]:
    return sorted(queries.BESIDE.items())


def _relaxed(home: str, narrow: dict[str, object]) -> list[tuple[str, str]]:
    """Each filter by its name, and the address of the list without it; near and within are one."""
    found = []
    for name in narrow:
        if name == "within":
            continue
        away = {name, "within"} if name == "near" else {name}
        rest = {one: value for one, value in narrow.items() if one not in away}
        found.append((name, common.address(home, rest)))
    return found


async def _own(request: Request, hub: Services, record_id: UUID, caller: Caller) -> Record:
    """What the caller may change.

    Raises:
        NotSignedIn, Forbidden: they may not.
        NotFound, Gone: there is none.
    """
    permissions.require(caller, "change")
    async with hub.db.read() as session:
        found = await queries.by_id(session, _sort(request), record_id, Viewer.of(caller))
    return permissions.changeable(caller, found)


def _form_again(
    request: Request, sort: Sort, form: Form, error: Invalid, record: Record | None
) -> Response:
    told = common.errors(error, form, {})
    values = common.filled(form)
    return _form(request, sort, record, values, told, str(error), status=error.status)


def _form(
    request: Request,
    sort: Sort,
    record: Record | None,
    values: dict[str, Any],
    told: dict[str, str] | None = None,
    detail: str = "",
    *,
    status: int = 200,
    double: Record | None = None,
) -> Response:
    return render(
        request,
        "directory/form.html",
        status,
        sort=sort,
        record=record,
        values=values,
        errors=told or {},
        detail=detail,
        double=double,
        facts=LABELS,
        picture=record.picture if record is not None else None,
        action=f"/post/{sort}" if record is None else f"{record.path}/edit",
        back="/post" if record is None else record.path,
        keeps_visibility=record is not None and record.published_at is not None,
    )
