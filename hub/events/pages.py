"""Events for people: the calendar as a list, one event, and the forms to post and change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ConfigDict, Field

from hub.core.clock import now
from hub.core.db import AsyncSession
from hub.core.errors import Invalid, NotFound
from hub.core.services import Services
from hub.core.settings import Settings
from hub.entries import asking, threads, writing
from hub.entries import forms as common
from hub.entries import queries as entries
from hub.entries.models import Picture
from hub.entries.paging import Listed
from hub.entries.visibility import Viewer
from hub.events import activitypub, agenda, forms, linked_data, queries, recurrence, service
from hub.events.models import Attendance, Event
from hub.events.schemas import members_of
from hub.fediverse import follows
from hub.people import permissions, submissions
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.negotiation import wants_activity
from hub.web.pages import activity, language_of, render, respond

router = APIRouter(include_in_schema=False)

NEW: Final = "/post/event"
MOST_ON_A_SHEET: Final = 400
MOST_RESPONSES: Final = 200  # of a kind on the page; programs can read them all


class Wanted(asking.Asked):
    """The filters of the page; what it does not know it ignores."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    since: Annotated[asking.Moment | None, Field(alias="from")] = None
    until: Annotated[asking.Moment | None, Field(alias="to")] = None
    place: Annotated[str, Field(max_length=200)] = ""
    view: Literal["list", "month"] = "list"

    def narrowing(self) -> dict[str, object]:
        """The filters by their names in addresses."""
        named = {"q": self.q, "place": self.place, "tag": self.tag, "origin": self.origin}
        where = {"near": self.near, "within": self.within}
        return {**named, "from": self.since, "to": self.until, **where}


# ----------------------------------------------------------------------------------- reading


@router.get("/events")
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """What is on, the next first; or a month as a sheet."""
    wanted = common.asked(request, Wanted)
    zone = hub.settings.zone
    if wanted.view == "month":
        return await _sheet(request, hub, caller, wanted)
    since = asking.moment_of(wanted.since, zone) or now()
    async with hub.db.read() as session:
        found = await queries.listed(
            session,
            Viewer.of(caller),
            since=since,
            until=asking.moment_of(wanted.until, zone, end=True),
            authors=False,
            **asking.filters(wanted, hub.settings, place=wanted.place),
        )
        known = await follows.followed_servers(session)
    months = agenda.by_month(found.items, since, zone, language_of(request))
    return render(
        request,
        "events/list.html",
        months=months,
        said=said,
        may_post=permissions.may(caller, "post"),
        origins=common.origins(wanted.origin, known, hub.settings),
        **_around(wanted, found, hub.settings),
    )


async def _sheet(request: Request, hub: Services, caller: Caller, wanted: Wanted) -> Response:
    """The month that `from` lies in, or this one."""
    zone, language = hub.settings.zone, language_of(request)
    day = (asking.moment_of(wanted.since, zone) or now()).astimezone(zone).date()
    sheet = agenda.grid(day, language)
    filters = asking.filters(wanted, hub.settings, place=wanted.place)
    filters["limit"], filters["cursor"] = MOST_ON_A_SHEET, None
    async with hub.db.read() as session:
        found = await queries.listed(
            session,
            Viewer.of(caller),
            since=asking.moment_of(f"{sheet.start}", zone),
            until=asking.moment_of(f"{sheet.end}", zone, end=True),
            authors=False,
            **filters,
        )
    agenda.hang(sheet, found.items)
    narrow = {**wanted.narrowing(), "from": "", "to": ""}
    return render(
        request,
        "events/month.html",
        sheet=sheet,
        today=now().astimezone(zone).date(),
        may_post=permissions.may(caller, "post"),
        before=common.address("/events", {"view": "month", **narrow, "from": sheet.before}),
        after=common.address("/events", {"view": "month", **narrow, "from": sheet.after}),
        as_list=common.address("/events", narrow),
        more=found.next is not None,
    )


def _around(wanted: Wanted, found: Listed[Event], settings: Settings) -> dict[str, Any]:
    """What stands around the list: filters, spans of time, feeds and the next page."""
    narrow = wanted.narrowing()
    others = {name: value for name, value in narrow.items() if name not in {"from", "to"}}
    today = now().astimezone(settings.zone).date()
    spans = [
        (span.name, common.address("/events", {**others, **_days(span)}), _is_span(wanted, span))
        for span in agenda.spans(today)
    ]
    feeds = {kind: common.address(f"/events.{kind}", narrow) for kind in ("ics", "rss")}
    # A plain host: calendar programs put https (or http) in front themselves.
    feeds["webcal"] = f"webcal://{settings.authority}{feeds['ics']}"
    following = common.address("/events", {**narrow, "cursor": found.next}) if found.next else None
    shown = {**narrow, "narrowed": len(common.narrowed(narrow)), "cursor": wanted.cursor}
    sheet = common.address("/events", {"view": "month", **others, "from": wanted.since})
    return {"wanted": shown, "spans": spans, "feeds": feeds, "next": following, "as_month": sheet}


def _days(span: agenda.Span) -> dict[str, object]:
    return {"from": span.first or "", "to": span.last or ""}


def _is_span(wanted: Wanted, span: agenda.Span) -> bool:
    asked = (wanted.since or "", wanted.until or "")
    return asked == (str(span.first or ""), str(span.last or ""))


@router.get("/events/{event_id:uuid}")
async def shown(
    event_id: UUID, request: Request, hub: Hub, caller: Asking, said: str = ""
) -> Response:
    """One event: its page, or the object that its id names."""
    viewer = Viewer.of(caller)
    if wants_activity(request):
        return await _object(hub, event_id, viewer)
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, viewer)
        thread = await threads.thread(session, event.id, viewer)
        counts = (await entries.counts(session, [event]))[event.id]
        rules = await queries.rules(session, [event])
        places = (await queries.places(session, [event]))[event.id]
        may_edit = event.local and permissions.may_change(caller, event.owner_id)
        responses = await _responses(session, event) if may_edit else {}
    rule = rules.get(event.series_id) if event.series_id is not None else None
    return respond(
        request,
        activitypub.document(event, hub.settings.url, places) if event.local else None,
        "events/show.html",
        event=event,
        thread=thread,
        counts=counts,
        repeats=recurrence.words(rule, language_of(request)) if rule else "",
        json_ld=linked_data.of_event(event, hub.settings, places),
        may_edit=may_edit,
        places=places,
        responses=responses,
        over=event.relevant_until is not None and event.relevant_until < now(),
        mine=caller.known and event.owner_id == caller.person_id,
        said=said,
    )


async def _object(hub: Services, event_id: UUID, viewer: Viewer) -> Response:
    """The object that an event's id names, with the numbers of now.

    Raises:
        NotFound: there is none, or not for everybody.
    """
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, viewer)
        places = (await queries.places(session, [event]))[event.id]
    if not event.local:
        return RedirectResponse(event.uri, 302)  # its own server speaks for it
    document = activitypub.document(event, hub.settings.url, places)
    if document is None:
        raise NotFound("There is nothing here, or it is not public.")
    return activity(document)


async def _responses(session: AsyncSession, event: Event) -> dict[str, Listed[Attendance]]:
    """Who wants to come, by what became of it."""
    return {
        state: await queries.responses(session, event.id, state=state, limit=MOST_RESPONSES)
        for state in (queries.ASKED, queries.ACCEPTED, queries.REJECTED)
    }


# ----------------------------------------------------------------------------------- posting


@router.get(NEW)
async def new(request: Request, hub: Hub, draft: str = "") -> Response:
    """An empty form, or what was written before; everybody may write one."""
    before = await submissions.before(hub, draft)
    today = now().astimezone(hub.settings.zone).date()
    values = before.values or forms.blank(hub.settings.timezone, today)
    return _form(request, None, values, picture=before.picture)


@router.post(NEW)
async def publish(request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: publish, or show what is wrong. Of a guest it becomes a draft."""
    submissions.admit(request, hub, caller)
    form = await parse_form(request)
    before = await submissions.before(hub, form.text("draft"))
    if common.wants_second_look(form):
        return _ask_who_may_see(request, form, None)
    try:
        draft = forms.draft(form, hub.settings.timezone, before.picture)
        draft = await writing.with_picture(hub, draft)
        if submissions.needs_review(caller):
            return await submissions.keep(hub, caller, "event", form, draft)
        async with hub.db.write() as session:
            event = await service.publish(session, hub, draft, owner=caller.person_id)
            event.for_other = permissions.posts_for_other(caller, form)
    except Invalid as error:
        return _form_again(request, form, error, None)
    return see_other(f"{event.path}?said=published")


@router.get("/events/{event_id:uuid}/edit")
async def edit(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form, filled with what is there."""
    event, series = await _own(request, hub, event_id, caller)
    return _form(request, event, forms.of_event(event), series=series)


@router.post("/events/{event_id:uuid}/edit")
async def revise(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: change the event, or show what is wrong."""
    event, series = await _own(request, hub, event_id, caller)
    form = await parse_form(request)
    try:
        draft = forms.draft(form, event.timezone, event.picture, members_of(event))
        draft = await writing.with_picture(hub, draft)
        async with hub.db.write() as session:
            event = await queries.by_id(session, event_id, Viewer.of(caller))
            permissions.changeable(caller, event)
            draft = submissions.bounded(caller, draft, event)
            await service.revise(session, hub, event, draft)
            await submissions.note_change(session, caller, event)
    except Invalid as error:
        return _form_again(request, form, error, event, series=series)
    return see_other(f"{event.path}?said=saved")


@router.get("/events/{event_id:uuid}/cancel")
@router.get("/events/{event_id:uuid}/delete")
async def confirm(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked before an event is called off or deleted."""
    event, series = await _own(request, hub, event_id, caller)
    deed = request.url.path.rpartition("/")[2]
    return render(request, "events/confirm.html", event=event, deed=deed, series=series)


@router.post("/events/{event_id:uuid}/cancel")
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


@router.post("/events/{event_id:uuid}/delete")
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
    return event, recurrence.words(rule, language_of(request)) if rule else ""


def _ask_who_may_see(request: Request, form: Form, event: Event | None) -> Response:
    """The form again, with "neighbours only" chosen, because of its theme (SETTLED 2)."""
    values = {**common.filled(form), "visibility": "hub", "chosen": "yes"}
    return _form(request, event, values, status=422, ask=True)


def _form_again(
    request: Request, form: Form, error: Invalid, event: Event | None, *, series: str = ""
) -> Response:
    told = forms.errors(error, form)
    return _form(
        request, event, common.filled(form), told, str(error), series=series, status=error.status
    )


def _form(
    request: Request,
    event: Event | None,
    values: Mapping[str, Any],
    told: dict[str, str] | None = None,
    detail: str = "",
    *,
    series: str = "",
    status: int = 200,
    ask: bool = False,
    picture: Picture | None = None,
) -> Response:
    return render(
        request,
        "events/form.html",
        status,
        event=event,
        values=values,
        errors=told or {},
        detail=detail,
        ask=ask,
        series=series,
        repeats=() if event is not None and event.series_id is not None else forms.REPEATS,
        picture=event.picture if event is not None else picture,
        action=NEW if event is None else f"{event.path}/edit",
        back="/post" if event is None else event.path,
        keeps_visibility=event is not None and event.published_at is not None,
    )
