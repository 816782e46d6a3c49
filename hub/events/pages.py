"""Events for people: the calendar as a list and as a sheet, and one event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator, ConfigDict, Field

from hub.core.clock import now
from hub.core.db import AsyncSession
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.core.settings import Settings
from hub.directory import queries as directory
from hub.entries import asking, threads
from hub.entries import forms as common
from hub.entries import queries as entries
from hub.entries.access import LABELS, asked_for
from hub.entries.paging import Listed
from hub.entries.visibility import Viewer
from hub.events import activitypub, agenda, linked_data, queries, wording
from hub.events.models import Attendance, Event
from hub.events.waiting import address
from hub.fediverse import follows
from hub.people import permissions
from hub.web.doors import OPEN, Asking, Caller, Hub
from hub.web.negotiation import wants_activity
from hub.web.pages import activity, language_of, render, respond

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

MOST_ON_A_SHEET: Final = 400
MOST_RESPONSES: Final = 200  # of a kind on the page; programs can read them all


class Wanted(asking.Asked):
    """The filters of the page; what it does not know it ignores."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    since: Annotated[asking.Moment | None, Field(alias="from")] = None
    until: Annotated[asking.Moment | None, Field(alias="to")] = None
    place: Annotated[str, Field(max_length=200)] = ""
    access: Annotated[str, AfterValidator(asked_for)] = ""
    view: Literal["list", "week", "month"] = "list"

    def narrowing(self) -> dict[str, object]:
        """The filters by their names in addresses."""
        named = {"q": self.q, "place": self.place, "tag": self.tag, "origin": self.origin}
        named |= {"access": self.access, "language": self.language}
        where = {"near": self.near, "within": self.within}
        return {**named, "from": self.since, "to": self.until, **where}


# ----------------------------------------------------------------------------------- reading


@router.get("/events")
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """What is on, the next first; or a week or a month as a sheet."""
    wanted = common.asked(request, Wanted)
    if wanted.view != "list":
        return await _sheet(request, hub, caller, wanted)
    zone = hub.settings.zone
    since = asking.moment_of(wanted.since, zone) or now()
    filters = asking.filters(wanted, hub.settings, place=wanted.place)
    until = asking.moment_of(wanted.until, zone, end=True)
    async with hub.db.read() as session:
        found = await queries.listed(
            session,
            Viewer.of(caller),
            since=since,
            until=until,
            access=wanted.access,
            authors=False,
            **filters,
        )
        known = await follows.followed_servers(session)
    following = {**wanted.narrowing(), "cursor": found.next}
    return render(
        request,
        "events/list.html",
        months=agenda.by_month(found.items, since, zone, language_of(request)),
        said=said,
        next=common.address("/events", following) if found.next else None,
        **_around(wanted, caller, known, hub.settings),
    )


async def _sheet(request: Request, hub: Services, caller: Caller, wanted: Wanted) -> Response:
    """The week or month that `from` lies in, or this one."""
    zone, language = hub.settings.zone, language_of(request)
    today = now().astimezone(zone).date()
    day = (asking.moment_of(wanted.since, zone) or now()).astimezone(zone).date()
    sheet = agenda.week(day, language) if wanted.view == "week" else agenda.grid(day, language)
    filters = asking.filters(wanted, hub.settings, place=wanted.place)
    filters["limit"], filters["cursor"] = MOST_ON_A_SHEET, None
    async with hub.db.read() as session:
        found = await queries.listed(
            session,
            Viewer.of(caller),
            since=asking.moment_of(f"{sheet.start}", zone),
            until=asking.moment_of(f"{sheet.end}", zone, end=True),
            access=wanted.access,
            authors=False,
            **filters,
        )
        known = await follows.followed_servers(session)
    agenda.hang(sheet, found.items)
    narrow = {"view": wanted.view, **wanted.narrowing(), "to": ""}
    return render(
        request,
        f"events/{wanted.view}.html",
        sheet=sheet,
        today=today,
        before=common.address("/events", {**narrow, "from": sheet.before}),
        after=common.address("/events", {**narrow, "from": sheet.after}),
        on_paper=common.address("/events/print", {**narrow, "from": "", "view": "", "week": day}),
        more=found.next is not None,
        **_around(wanted, caller, known, hub.settings),
    )


def _around(
    wanted: Wanted, caller: Caller, known: Sequence[str], settings: Settings
) -> dict[str, Any]:
    """What stands around events, however they are laid out: filters, ways to see them, feeds."""
    narrow = wanted.narrowing()
    others = {name: value for name, value in narrow.items() if name not in {"from", "to"}}
    today = now().astimezone(settings.zone).date()
    spans = [
        (span.name, common.address("/events", {**others, **_days(span)}), _is_span(wanted, span))
        for span in agenda.spans(today)
    ]
    day = wanted.since if wanted.view != "list" or wanted.since else None
    views = [
        (name, common.address("/events", {**view, **others, "from": day or ""}))
        for name, view in (("list", {}), ("week", {"view": "week"}), ("month", {"view": "month"}))
    ]
    # On a sheet the day only says which one; what is subscribed to goes on.
    kept = narrow if wanted.view == "list" else others
    feeds = {kind: common.address(f"/events.{kind}", kept) for kind in ("ics", "rss")}
    # A plain host: calendar programs put https (or http) in front themselves.
    feeds["webcal"] = f"webcal://{settings.authority}{feeds['ics']}"
    feeds["embed"] = settings.url + common.address("/events/embed", kept)
    counted = len(common.narrowed(narrow if wanted.view == "list" else others))
    return {
        "wanted": {**narrow, "view": wanted.view, "narrowed": counted, "cursor": wanted.cursor},
        "spans": spans,
        "views": views,
        "feeds": feeds,
        "kept": common.address("/events", kept),
        "facts": LABELS,
        "may_post": permissions.may(caller, "post"),
        "origins": common.origins(wanted.origin, known, settings),
    }


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
        bringing = await queries.bringing(session, event)
        mine = caller.person_id and await queries.answer_of(session, event.id, caller.person_id)
        dates = await queries.dates(session, event.series_id, viewer) if event.series_id else []
        points = (event.place_uri, event.organiser_uri)
        known = await directory.by_uris(session, points, viewer)
    rule = rules.get(event.series_id) if event.series_id is not None else None
    return respond(
        request,
        activitypub.document(event, hub.settings.url, places) if event.local else None,
        "events/show.html",
        event=event,
        thread=thread,
        counts=counts,
        repeats=wording.words(rule, language_of(request)) if rule else "",
        json_ld=linked_data.of_event(event, hub.settings, places),
        may_edit=may_edit,
        places=places,
        place=known.get(event.place_uri or ""),
        organiser=known.get(event.organiser_uri or ""),
        facts=LABELS,
        dates=[date for date in dates if date.id != event.id],
        responses=responses,
        bringing=bringing,
        my_answer=address(event, mine) if mine else "",
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
        for state in (queries.ASKED, queries.WAITING, queries.ACCEPTED, queries.REJECTED)
    }
