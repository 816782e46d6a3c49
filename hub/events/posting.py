"""Events for people: the forms to post, change, call off and delete them.

What repeats is shown date by date before it is published, and what would stand in somebody's way
is said: once each, then the writer decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.clock import now
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.directory import queries as directory
from hub.entries import forms as common
from hub.entries import spots, writing
from hub.entries.access import LABELS
from hub.entries.models import Picture
from hub.entries.spots import Spots
from hub.entries.visibility import Viewer
from hub.events import agenda, forms, planning, queries, service, wording
from hub.events.models import Event
from hub.events.schemas import EventDraft, members_of
from hub.people import permissions, sendings, submissions
from hub.web.doors import OPEN, Asking, Caller, Hub, services_of
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import language_of, render

router = APIRouter(include_in_schema=False)

NEW: Final = "/post/event"


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown before it is published: the next dates of a series, and what is in the way.

    `marks` name what was shown, so that it is shown once.
    """

    repeats: str = ""
    dates: tuple[EventDraft, ...] = ()
    clashes: tuple[Event, ...] = ()
    marks: frozenset[str] = frozenset()
    left_out: frozenset[str] = field(default_factory=frozenset)


@router.get(NEW, dependencies=[OPEN])
async def new(request: Request, hub: Hub, draft: str = "") -> Response:
    """An empty form, or what was written before; everybody may write one."""
    before = await submissions.before(hub, draft)
    today = now().astimezone(hub.settings.zone).date()
    values = before.values or forms.blank(hub.settings.timezone, today)
    return await _form(request, None, values, picture=before.picture)


@router.post(NEW, dependencies=[OPEN])
async def publish(request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: publish, or show what is wrong or should be seen first.

    Of a guest it becomes a draft.
    """
    submissions.admit(request, hub, caller)
    form = await parse_form(request)
    if (sent := await sendings.answered(hub, form, caller.person_id)) is not None:
        return sent
    before = await submissions.before(hub, form.text("draft"))
    if (asked := await _asked_first(request, hub, form)) is not None:
        return asked
    try:
        draft = forms.draft(form, hub.settings.timezone, before.picture)
        draft = await _pointing(hub, draft, None)
        if submissions.needs_review(caller):
            draft = planning.on(draft, draft.starts_at)  # guests post no series
        look = await _first_look(request, hub, caller, form, draft, None)
        if look is not None:
            return await _show_first(request, form, look, None)
        draft = await writing.with_picture(hub, draft)
        if submissions.needs_review(caller):
            return await submissions.keep(hub, caller, "event", form, draft)
        async with sendings.once(hub, form, caller.person_id) as sending:
            if sending.new:
                event = await service.publish(sending.session, hub, draft, owner=caller.person_id)
                event.for_other = permissions.posts_for_other(caller, form)
                sending.path = f"{event.path}?said=published"
    except Invalid as error:
        return await _form_again(request, form, error, None)
    return sending.answer


@router.get("/events/{event_id:uuid}/edit", dependencies=[permissions.OWNERS])
async def edit(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form, filled with what is there."""
    event, series = await _own(request, hub, event_id, caller)
    return await _form(request, event, forms.of_event(event), series=series)


@router.post("/events/{event_id:uuid}/edit", dependencies=[permissions.OWNERS])
async def revise(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: change the event, or show what is wrong."""
    event, series = await _own(request, hub, event_id, caller)
    form = await parse_form(request)
    if form.checked(spots.FIND):
        return await _find(request, hub, form, event, series=series)
    try:
        draft = forms.draft(form, event.timezone, event.picture, members_of(event))
        draft = await _pointing(hub, draft, event)
        look = await _first_look(request, hub, caller, form, draft, event)
        if look is not None:
            return await _show_first(request, form, look, event, series=series)
        draft = await writing.with_picture(hub, draft)
        async with hub.db.write() as session:
            event = await queries.by_id(session, event_id, Viewer.of(caller))
            permissions.changeable(caller, event)
            draft = submissions.bounded(caller, draft, event)
            await service.revise(session, hub, event, draft)
            await submissions.note_change(session, caller, event)
    except Invalid as error:
        return await _form_again(request, form, error, event, series=series)
    return see_other(f"{event.path}?said=saved")


@router.get("/events/{event_id:uuid}/cancel", dependencies=[permissions.OWNERS])
@router.get("/events/{event_id:uuid}/delete", dependencies=[permissions.OWNERS])
async def confirm(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked before an event is called off or deleted."""
    event, series = await _own(request, hub, event_id, caller)
    deed = request.url.path.rpartition("/")[2]
    return render(request, "events/confirm.html", event=event, deed=deed, series=series)


@router.post("/events/{event_id:uuid}/cancel", dependencies=[permissions.OWNERS])
async def cancel(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Call an event off; of a series this date alone, or the later ones too."""
    permissions.require(caller, "change")
    form = await parse_form(request)
    async with hub.db.write() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
        permissions.changeable(caller, event)
        if form.text("choice") == "later":
            await service.stop(session, hub, event)
        await service.cancel(session, hub, event)
    return see_other(f"{event.path}?said=cancelled")


@router.post("/events/{event_id:uuid}/delete", dependencies=[permissions.OWNERS])
async def delete(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Delete an event, here and wherever it was sent; of a series perhaps the later ones too."""
    permissions.require(caller, "change")
    form = await parse_form(request)
    async with hub.db.write() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
        permissions.changeable(caller, event)
        if form.text("choice") == "later":
            await service.stop(session, hub, event)
        await service.withdraw(session, hub, event)
    return see_other("/events?said=deleted")


async def _own(
    request: Request, hub: Services, event_id: UUID, caller: Caller
) -> tuple[Event, str]:
    """An event that the caller may change, and how its series repeats.

    Raises:
        NotSignedIn, Forbidden: they may not.
        NotFound, Gone: there is none.
    """
    permissions.require(caller, "change")
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
        permissions.changeable(caller, event)
        rules = await queries.rules(session, [event])
    rule = rules.get(event.series_id) if event.series_id is not None else None
    return event, wording.words(rule, language_of(request)) if rule else ""


async def _pointing(hub: Services, draft: EventDraft, event: Event | None) -> EventDraft:
    """The draft, pointing to what the directory knows by the names that were entered."""
    changes: dict[str, UUID | None] = {}
    async with hub.db.read() as session:
        if event is None or draft.location != event.place:
            place = await directory.named(session, "place", draft.location)
            changes["place_id"] = None if place is None else place.id
        if event is None or draft.organiser != event.organiser:
            organiser = await directory.named(session, "organisation", draft.organiser)
            changes["organiser_id"] = None if organiser is None else organiser.id
    return draft.model_copy(update=changes)


async def _first_look(
    request: Request,
    hub: Services,
    caller: Caller,
    form: Form,
    draft: EventDraft,
    event: Event | None,
) -> Look | None:
    """What the writer should see before this is published; None if they have seen it all."""
    rule = draft.recurrence
    since = now() - timedelta(days=1)
    dates = planning.ahead(draft.model_copy(update={"left_out": ()}), since)
    without = frozenset(f"{day}" for day in draft.left_out)
    clashes: list[Event] = []
    if event is None or rule or _stands_elsewhere(event, draft):
        kept = planning.spans(planning.ahead(draft, since))
        async with hub.db.read() as session:
            clashes = await queries.clashes(
                session, Viewer.of(caller), draft.location, kept, besides=event
            )
    marks = {f"{clash.id}" for clash in clashes}
    if rule:
        marks.add(f"{rule} {draft.starts_at.isoformat()}")
    if not form.text("look") and marks <= set(form.all("seen")):
        return None
    words = wording.words(rule, language_of(request)) if rule else ""
    return Look(words, tuple(dates) if rule else (), tuple(clashes), frozenset(marks), without)


def _stands_elsewhere(event: Event, draft: EventDraft) -> bool:
    """Whether the draft takes another place or time than the event did."""
    before = (event.starts_at, event.ends_at, event.place)
    return before != (draft.starts_at, draft.ends_at, draft.location)


async def _show_first(
    request: Request, form: Form, look: Look, event: Event | None, *, series: str = ""
) -> Response:
    """The form again, with what should be seen before it is sent once more."""
    told = {"picture": common.CHOOSE_AGAIN} if form.file("picture") is not None else {}
    return await _form(
        request, event, forms.filled(form), told, series=series, status=422, look=look
    )


async def _asked_first(request: Request, hub: Services, form: Form) -> Response | None:
    """The form again, where its writer wants to find a spot or has to say who may see it."""
    if form.checked(spots.FIND):
        return await _find(request, hub, form, None)
    if common.wants_second_look(form):
        return await _ask_who_may_see(request, form, None)
    return None


async def _find(
    request: Request, hub: Services, form: Form, event: Event | None, *, series: str = ""
) -> Response:
    """The form again, with the spots that its words may mean."""
    told = {"picture": common.CHOOSE_AGAIN} if form.file("picture") is not None else {}
    offered = await spots.found(hub, form)
    return await _form(request, event, forms.filled(form), told, series=series, offered=offered)


async def _ask_who_may_see(request: Request, form: Form, event: Event | None) -> Response:
    """The form again, with "neighbours only" chosen, because of its theme (SETTLED 2)."""
    values = {**forms.filled(form), "visibility": "hub", "chosen": "yes"}
    return await _form(request, event, values, status=422, ask=True)


async def _form_again(
    request: Request, form: Form, error: Invalid, event: Event | None, *, series: str = ""
) -> Response:
    told = forms.errors(error, form)
    return await _form(
        request, event, forms.filled(form), told, str(error), series=series, status=error.status
    )


async def _form(
    request: Request,
    event: Event | None,
    values: Mapping[str, Any],
    told: dict[str, str] | None = None,
    detail: str = "",
    *,
    series: str = "",
    status: int = 200,
    ask: bool = False,
    look: Look | None = None,
    picture: Picture | None = None,
    offered: Spots | None = None,
) -> Response:
    async with services_of(request).db.read() as session:
        known = {
            "places": await directory.names(session, "place"),
            "organisations": await directory.names(session, "organisation"),
        }
    return render(
        request,
        "events/form.html",
        status,
        known=known,
        spots=offered or spots.none(request),
        event=event,
        values=values,
        errors=told or {},
        detail=detail,
        ask=ask,
        look=look,
        facts=LABELS,
        months=agenda.month_names(language_of(request)),
        series=series,
        repeats=() if event is not None and event.series_id is not None else forms.REPEATS,
        picture=event.picture if event is not None else picture,
        action=NEW if event is None else f"{event.path}/edit",
        back="/post" if event is None else event.path,
        keeps_visibility=event is not None and event.published_at is not None,
    )
