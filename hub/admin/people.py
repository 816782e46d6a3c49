"""Stewards' pages about people: who is here, invitations, and letters that wait."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import HubError, Invalid
from hub.core.services import Services
from hub.mail import outbox
from hub.people import entrusting, mastodon, queries, service
from hub.people.permissions import ROLES, STEWARDS, require
from hub.web import qr
from hub.web.doors import Asking, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin", include_in_schema=False, dependencies=[STEWARDS])

PEOPLE: Final = "/admin/people"


@router.get("/people")
async def people_page(request: Request, hub: Hub, caller: Asking) -> Response:
    """Everyone with an account, and new links for them."""
    require(caller, "administer")
    return await _people(request, hub)


@router.post("/people/links")
async def make_link(request: Request, hub: Hub, caller: Asking) -> Response:
    """A link, shown once: for a person, for somebody new, or for many to a poster."""
    require(caller, "administer")
    form = await parse_form(request)
    role, wanted = form.text("role", "member"), form.maybe("person")
    try:
        async with hub.db.write() as session:
            person = await queries.by_id(session, _uuid(wanted)) if wanted else None
            link = await service.make_link(
                session,
                hub.settings.url,
                role,
                person_id=person.id if person else None,
                uses=_uses(form),
                made_by=caller.person_id,
            )
    except HubError as error:
        return await _people(request, hub, error.status, error=str(error))
    name = person.name if person is not None else ""
    code = qr.code(link)
    return await _people(
        request, hub, link=link, link_for=name or role, uses=_uses(form), code=code
    )


@router.post("/people/invitations/withdraw")
async def withdraw(request: Request, hub: Hub, caller: Asking) -> Response:
    """Nobody more comes by this invitation."""
    require(caller, "administer")
    form = await parse_form(request)
    async with hub.db.write() as session:
        await service.withdraw_invitation(session, form.text("digest"))
    return see_other(PEOPLE)


@router.post("/people/{person_id}/{deed}")
async def change(
    person_id: UUID, deed: str, request: Request, hub: Hub, caller: Asking
) -> Response:
    """Give another role, shut out at once or let in again, name for private wants or no more."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        async with hub.db.write() as session:
            if deed == "role":
                await service.set_role(session, person_id, form.text("role"))
            elif deed == "disable":
                await service.shut_out(session, person_id)
            elif deed == "enable":
                await service.let_in(session, person_id)
            elif deed in {"entrust", "distrust"}:
                named = deed == "entrust"
                await entrusting.name(session, person_id, named=named, by=caller.person_id)
    except HubError as error:
        return await _people(request, hub, error.status, error=str(error))
    return see_other(PEOPLE)


@router.get("/letters")
async def letters(request: Request, hub: Hub, caller: Asking) -> Response:
    """Letters that wait or were given up; without a mail server with their links, to hand over."""
    require(caller, "administer")
    async with hub.db.read() as session:
        waiting = await outbox.waiting(session)
        failed = await outbox.failed(session)
    # With a mail server they go to whom they are for, and to nobody else.
    by_hand = not hub.settings.smtp_url
    return render(request, "admin/letters.html", waiting=waiting, failed=failed, by_hand=by_hand)


async def _people(request: Request, hub: Services, status: int = 200, **context: Any) -> Response:
    async with hub.db.read() as session:
        everybody = await queries.everybody(session)
        invitations = await queries.invitations(session)
        handles = await mastodon.handles(session)
        changes = await entrusting.changes(session)
    given = {"error": "", "link": "", "link_for": "", "uses": 1, "code": "", **context}
    return render(
        request,
        "admin/people.html",
        status,
        people=everybody,
        named=[one for one in everybody if one.entrusted_at and not one.disabled_at],
        entrustings=changes,
        invitations=invitations,
        handles=handles,
        roles=ROLES,
        many=sorted(service.HANDED_OUT),
        **given,
    )


def _uses(form: Form) -> int:
    """How many people an invitation is for.

    Raises:
        Invalid: it is no number.
    """
    entered = form.text("uses") or "1"
    if not entered.isascii() or not entered.isdigit():
        raise Invalid("Please say as a number for how many people the link is.")
    return int(entered)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
