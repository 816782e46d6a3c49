"""Looking after the directory: what is old, what is claimed, and the buttons behind letters."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.clock import now
from hub.core.errors import NotFound, NotSignedIn
from hub.core.text import tidy
from hub.directory import checking, queries, service
from hub.directory.schemas import FOLDERS
from hub.entries.visibility import Viewer
from hub.people import permissions
from hub.web.doors import BEARERS, SIGN_IN, Asking, Hub
from hub.web.forms import local_path, parse_form, see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False)

PAGE: Final = "/admin/directory"
LONGEST: Final = 500  # of what somebody says who claims a record
ALL: Final = "all"


@router.get(PAGE, dependencies=[permissions.EDITORS])
async def old_ones(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """What nobody has looked at for long, and what people say is theirs."""
    permissions.require(caller, "post for others")
    async with hub.db.read() as session:
        records = await checking.stale(session, now())
        claims = await checking.claims(session) if caller.steward else []
    days = checking.STALE.days
    return render(
        request, "directory/tending.html", records=records, claims=claims, days=days, said=said
    )


@router.post(PAGE, dependencies=[permissions.EDITORS])
async def pressed(request: Request, hub: Hub, caller: Asking) -> Response:
    """One of the buttons: it is still true, or ask whoever looks after it, or after all."""
    permissions.require(caller, "post for others")
    form = await parse_form(request)
    which, deed, told = form.text("record"), form.text("deed"), 0
    async with hub.db.write() as session:
        if which == ALL:
            for record in await checking.stale(session, now()):
                told += await checking.ask(session, hub, record)
        else:
            record = await checking.ours(session, _id(which))
            if deed == "ask":
                told += await checking.ask(session, hub, record)
            else:
                await service.confirm(session, hub, record)
    hub.wake.ring()
    said = ("asked" if told else "nobody") if deed == "ask" else "true"
    return see_other(local_path(form.text("back"), f"{PAGE}?said={said}"))


@router.post(f"{PAGE}/claims/{{claim_id:uuid}}", dependencies=[permissions.STEWARDS])
async def decided(claim_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """A steward says whether somebody looks after a record."""
    permissions.require(caller, "administer")
    form = await parse_form(request)
    yes = form.text("deed") == "yes"
    async with hub.db.write() as session:
        await checking.decide(session, hub, claim_id, yes=yes)
    hub.wake.ring()
    return see_other(f"{PAGE}?said={'given' if yes else 'refused'}")


@router.post("/places/{record_id:uuid}/claim", dependencies=[permissions.SIGNED_IN])
@router.post("/organisations/{record_id:uuid}/claim", dependencies=[permissions.SIGNED_IN])
async def claimed(record_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Somebody says that they look after it."""
    form, sort = await parse_form(request), FOLDERS[request.url.path.split("/")[1]]
    if caller.person_id is None:
        raise NotSignedIn(SIGN_IN)
    words = tidy(form.text("words"))[:LONGEST]
    async with hub.db.write() as session:
        await queries.by_id(session, sort, record_id, Viewer.of(caller))
        record = await checking.ours(session, record_id)
        mailed = await checking.claim(session, hub, record, caller.person_id, words)
    hub.wake.ring()
    return see_other(f"{record.path}?said={'mailed' if mailed else 'claimed'}")


@router.get("/still-true/{secret}", dependencies=[BEARERS])
async def asked(secret: str, request: Request, hub: Hub) -> Response:
    """What the letter asks about, and the button."""
    async with hub.db.read() as session:
        record = await checking.asked(session, secret)
    return render(request, "directory/still_true.html", record=record, secret=secret)


@router.post("/still-true/{secret}", dependencies=[BEARERS])
async def answered(secret: str, request: Request, hub: Hub) -> Response:
    """It is still true; the link is used."""
    await parse_form(request)
    async with hub.db.write() as session:
        record = await checking.answered(session, hub, secret)
    hub.wake.ring()
    return see_other(f"{record.path}?said=thanks")


@router.get("/claims/{secret}", dependencies=[BEARERS])
async def whose(secret: str, request: Request, hub: Hub) -> Response:
    """Who says that they look after what, and the button."""
    async with hub.db.read() as session:
        _, record, person = await checking.claim_of(session, secret)
    return render(request, "directory/whose.html", record=record, person=person, secret=secret)


@router.post("/claims/{secret}", dependencies=[BEARERS])
async def theirs(secret: str, request: Request, hub: Hub) -> Response:
    """Whoever reads the mail of a record says that somebody looks after it; the link is used."""
    await parse_form(request)
    async with hub.db.write() as session:
        claim, _, _ = await checking.claim_of(session, secret)
        record = await checking.decide(session, hub, claim.id, yes=True)
    hub.wake.ring()
    return see_other(f"{record.path}?said=thanks")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such place or organisation here.") from None
