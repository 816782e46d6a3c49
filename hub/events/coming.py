"""Coming along, for people in front of this hub's pages: the form, and the page of one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.clock import now
from hub.core.errors import Conflict, Invalid
from hub.entries.visibility import Viewer
from hub.events import guests, queries
from hub.events.guests import Answer
from hub.events.models import Event
from hub.events.waiting import address, is_over
from hub.people import knocking
from hub.web.doors import BEARERS, OPEN, Asking, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import language_of, render

router = APIRouter(include_in_schema=False)

SENT: Final = "?said=look-into-your-mail#come"


@router.get("/events/{event_id:uuid}/coming", dependencies=[OPEN])
async def form(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form on a page of its own."""
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
    return _form(request, event, {"people": "1", "name": caller.name})


@router.post("/events/{event_id:uuid}/coming", dependencies=[OPEN])
async def come(event_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Somebody says that they come; without an account a letter asks whether that is so."""
    entered = await parse_form(request)
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
    try:
        said = _answer(event, entered)
        if caller.person_id is not None:
            async with hub.db.write() as session:
                event, row = await guests.join(session, event_id, said, caller.person_id)
            return see_other(address(event, row))
        email = entered.text("email")
        knocking.knock(hub, knocking.LETTERS_FROM, knocking.where_from(request))
        knocking.knock(hub, knocking.LETTERS_TO, email.lower())
        async with hub.db.write() as session:
            await guests.ask(session, hub, event_id, said, email, language_of(request))
    except (Invalid, Conflict) as error:
        fields = getattr(error, "fields", {})
        values = {**entered.values(), "brings": entered.all("brings")}
        return _form(request, event, values, fields, str(error), status=error.status)
    hub.wake.ring()
    return see_other(f"{event.path}{SENT}")


@router.get("/events/{event_id:uuid}/coming/{secret}", dependencies=[BEARERS])
async def shown(
    event_id: UUID, secret: str, request: Request, hub: Hub, caller: Asking, said: str = ""
) -> Response:
    """One answer: its state, and how to change it. Looking at it changes nothing."""
    async with hub.db.read() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
        row = await guests.by_secret(session, event_id, secret)
        places = (await queries.places(session, [event]))[event.id]
        bringing = await queries.bringing(session, event)
    page = render(
        request,
        "events/answer.html",
        event=event,
        row=row,
        places=places,
        bringing=bringing,
        action=address(event, row),
        over=is_over(event, now()),
        said=said,
    )
    page.headers["referrer-policy"] = "no-referrer"  # the address opens this answer
    return page


@router.post("/events/{event_id:uuid}/coming/{secret}", dependencies=[BEARERS])
async def changed(
    event_id: UUID, secret: str, request: Request, hub: Hub, caller: Asking
) -> Response:
    """A button of that page was pressed: yes, something else, or not after all."""
    entered = await parse_form(request)
    async with hub.db.write() as session:
        event = await queries.by_id(session, event_id, Viewer.of(caller))
        match entered.text("deed"):
            case "confirm":
                await guests.confirm(session, event_id, secret)
            case "leave":
                await guests.leave(session, hub, event_id, secret)
            case _:
                row = await guests.by_secret(session, event_id, secret)
                said = _answer(event, entered, name=row.name)
                await guests.change(session, hub, event_id, secret, said)
    hub.wake.ring()
    return see_other(f"{event.path}/coming/{secret}?said=saved")


@router.get("/events/{event_id:uuid}/quiet/{secret}", dependencies=[BEARERS])
async def quiet_page(event_id: UUID, secret: str, request: Request, hub: Hub) -> Response:
    """A button that ends letters about this event; opening the page ends none."""
    async with hub.db.read() as session:
        row = await guests.by_secret(session, event_id, secret)
    return _quiet(request, done=row.quiet)


@router.post("/events/{event_id:uuid}/quiet/{secret}", dependencies=[BEARERS])
async def quiet(event_id: UUID, secret: str, request: Request, hub: Hub) -> Response:
    """No more letters about it. Mail programs press this too (RFC 8058), so it needs no cookie."""
    async with hub.db.write() as session:
        await guests.hush(session, event_id, secret)
    return _quiet(request, done=True)


def _quiet(request: Request, *, done: bool) -> Response:
    page = render(request, "people/unsubscribe.html", what="event", done=done, every="")
    page.headers["referrer-policy"] = "no-referrer"  # the address opens the answer, too
    return page


def _answer(event: Event, form: Form, *, name: str = "") -> Answer:
    return guests.answer(
        event,
        name=form.text("name") or name,
        people=form.text("people", "1") or "1",
        brings=form.all("brings"),
        message=form.text("message"),
    )


def _form(
    request: Request,
    event: Event,
    values: Mapping[str, object],
    errors: dict[str, str] | None = None,
    detail: str = "",
    *,
    status: int = 200,
) -> Response:
    return render(
        request,
        "events/come.html",
        status,
        event=event,
        values=values,
        errors=errors or {},
        detail=detail,
    )
