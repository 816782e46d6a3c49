"""On one's own page: how one is told what concerns one, what is new, and on which phones."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.clock import now
from hub.core.errors import HubError, Invalid
from hub.core.text import tidy
from hub.entries.places import LONGEST as LONGEST_PLACE
from hub.people import phones, searches, secrets, stopping
from hub.people import queries as people
from hub.people.arriving import myself
from hub.people.notices import SORTS
from hub.people.permissions import LED_IN
from hub.posting import letter
from hub.posting.me import ME, SAVED, again
from hub.web.doors import Asking, Hub
from hub.web.forms import parse_form, see_other

router = APIRouter(prefix="/me", include_in_schema=False, dependencies=[LED_IN])

PHONES: Final = f"{ME}?said=told#phones"
SEARCHES: Final = f"{ME}?said=saved#searches"


@router.post("/notices")
async def choose_notices(request: Request, hub: Hub, caller: Asking) -> Response:
    """Be told by letter now, once a week, or not at all; and by phone or not."""
    person_id = await myself(hub, caller)
    form = await parse_form(request)
    async with hub.db.write() as session:
        person = await people.by_id(session, person_id)
        channels = {sort: form.text(f"letters-{sort}") for sort in SORTS}
        await stopping.choose(session, person, form.text("notices"), channels)
        if form.checked("sorted"):
            person.hushed = [sort for sort in SORTS if not form.checked(f"phone-{sort}")]
    return see_other(SAVED)


@router.post("/quiet")
async def choose_quiet(request: Request, hub: Hub, caller: Asking) -> Response:
    """When phones are quiet."""
    person_id = await myself(hub, caller)
    form = await parse_form(request)
    try:
        start, end = (phones.minutes(form.text(name)) for name in ("quiet_from", "quiet_until"))
    except Invalid as error:
        return await again(request, hub, caller, error.status, errors=error.fields)
    async with hub.db.write() as session:
        person = await people.by_id(session, person_id)
        person.quiet_from, person.quiet_until = start, end
    return see_other(SAVED)


@router.post("/phone")
async def add_phone(request: Request, hub: Hub, caller: Asking) -> Response:
    """Be told on this phone, or whatever the browser runs on."""
    await myself(hub, caller)
    form = await parse_form(request)
    here = secrets.digest(caller.secret)
    given = (form.text(name) for name in ("endpoint", "key", "secret"))
    try:
        async with hub.db.write() as session:
            await phones.add(session, here, *given)
    except Invalid as error:
        return await again(request, hub, caller, error.status, detail=str(error))
    return see_other(PHONES)


@router.post("/phone/stop")
async def remove_phone(request: Request, hub: Hub, caller: Asking) -> Response:
    """Be told there no more."""
    person_id = await myself(hub, caller)
    digest = (await parse_form(request)).text("device")
    async with hub.db.write() as session:
        await phones.remove(session, person_id, digest)
    return see_other(f"{ME}?said=saved#phones")


@router.post("/letter")
async def choose_letter(request: Request, hub: Hub, caller: Asking) -> Response:
    """Get the weekly letter about the neighbourhood, or get it no more."""
    person_id = await myself(hub, caller)
    form = await parse_form(request)
    place = tidy(form.text("near") or form.text("place"))[:LONGEST_PLACE]
    try:
        async with hub.db.write() as session:
            person = await people.by_id(session, person_id)
            due = letter.next_time(hub.settings, now())
            person.letter_at = due if form.checked("letter") else None
            person.interests = letter.interests_of(form.text("interests"))
            person.letter_near = await letter.centre_of(session, hub.settings, place)
            person.letter_place = place
            person.letter_within_m = letter.within_of(form.text("within"))
    except Invalid as error:
        return await again(request, hub, caller, error.status, errors=error.fields, place=place)
    return see_other(SAVED)


@router.post("/searches/{search_id:uuid}")
async def change_search(search_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Call a kept search otherwise, or be told otherwise of it."""
    person_id = await myself(hub, caller)
    form = await parse_form(request)
    try:
        async with hub.db.write() as session:
            await searches.change(
                session, person_id, search_id, form.text("name"), form.text("told")
            )
    except HubError as error:
        return await again(request, hub, caller, error.status, detail=str(error))
    return see_other(SEARCHES)


@router.post("/searches/{search_id:uuid}/remove")
async def remove_search(search_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Keep a search no more."""
    person_id = await myself(hub, caller)
    await parse_form(request)
    try:
        async with hub.db.write() as session:
            await searches.remove(session, person_id, search_id)
    except HubError as error:
        return await again(request, hub, caller, error.status, detail=str(error))
    return see_other(SEARCHES)
