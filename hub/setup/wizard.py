"""The first way through a new hub: six steps, each may be left out and come back to.

A steward gets here by the one-time link, never by being the first visitor (SECURITY E13).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.admin import look
from hub.audit import log as audit
from hub.core.errors import HubError, Invalid, NotFound
from hub.core.services import Services
from hub.core.words import later
from hub.keeping import phrase
from hub.people import service as people
from hub.people.permissions import STEWARDS, require
from hub.setup import examples, pages, progress
from hub.setup.progress import STEPS
from hub.setup.sections import SECTIONS
from hub.today import machine, reach
from hub.web import qr
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin/setup", include_in_schema=False, dependencies=[STEWARDS])

PAGE: Final = "/admin/setup"
SEE_OTHER: Final = 303  # anything else shows the step once more
TITLES: Final = {
    "name": later("Name and address"),
    "area": later("The neighbourhood"),
    "look": later("Colour and logo"),
    "mail": later("Letters"),
    "begin": later("Something to begin with"),
    "invite": later("Invite neighbours"),
}
NO_NUMBER: Final = later("Please say as a number for how many people the link is.")


@router.get("")
async def overview(request: Request, hub: Hub, caller: Asking) -> Response:
    """The six steps, which of them were made, and the recovery phrase."""
    require(caller, "administer")
    return await _overview(request, hub)


@router.post("/phrase")
async def make_phrase(request: Request, hub: Hub, caller: Asking) -> Response:
    """A new recovery phrase, shown once (SETTLED 24)."""
    require(caller, "administer")
    await parse_form(request)
    async with hub.db.write() as session:
        await audit.note(session, "new phrase")
    made = await asyncio.to_thread(phrase.make, hub.settings.data_dir)
    return await _overview(request, hub, phrase=made)


@router.get("/{name}")
async def step(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """One step."""
    require(caller, "administer")
    return await _page(request, hub, caller, _step(name))


@router.post("/{name}")
async def made(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """One step was made: on to the next."""
    require(caller, "administer")
    if _step(name) in SECTIONS:
        walk = await _walk(hub, name)
        done = await pages.answer(request, hub, caller, name, progress.after(name), **walk)
    else:
        form = await parse_form(request)
        try:
            done = await _do(request, hub, caller, name, form)
        except HubError as error:
            return await _page(request, hub, caller, name, error.status, error=str(error))
    if done.status_code == SEE_OTHER or name == "invite":
        async with hub.db.write() as session:
            await progress.mark(session, name)
    return done


def _step(name: str) -> str:
    """The step of this name.

    Raises:
        NotFound: there is none.
    """
    if name not in STEPS:
        raise NotFound(later("There is no such step."))
    return name


async def _do(request: Request, hub: Services, caller: Caller, name: str, form: Form) -> Response:
    """What a step of its own asks for."""
    if name == "look":
        await look.change(hub, form)
    elif name == "begin":
        if form.text("deed") == "away":
            await examples.take_back(hub)
        else:
            await examples.put_up(hub, caller.person_id)
        return see_other(f"{PAGE}/begin")
    else:
        async with hub.db.write() as session:
            link = await people.make_link(
                session, hub.settings.url, "member", uses=_uses(form), made_by=caller.person_id
            )
        shown: dict[str, Any] = {"link": link, "code": qr.code(link), "uses": _uses(form)}
        return await _page(request, hub, caller, name, **shown)
    return see_other(progress.after(name))


def _uses(form: Form) -> int:
    """For how many people an invitation is.

    Raises:
        Invalid: it is no number.
    """
    entered = form.text("uses") or "1"
    if not (entered.isascii() and entered.isdigit()):
        raise Invalid(NO_NUMBER)
    return int(entered)


async def _walk(hub: Services, name: str) -> dict[str, Any]:
    """Where in the way this step stands."""
    context: dict[str, Any] = {
        "step": name,
        "number": STEPS.index(name) + 1,
        "steps": STEPS,
        "titles": TITLES,
        "action": f"{PAGE}/{name}",
        "onward": progress.after(name),
    }
    if name == "name":
        checks = [machine.address(hub.settings)]
        if checks[0].state == "ok":
            checks += [check async for check in reach.address(hub.settings)]
        context["checks"] = checks
    return context


async def _page(
    request: Request, hub: Services, caller: Caller, name: str, status: int = 200, **context: Any
) -> Response:
    walk = await _walk(hub, name)
    if name in SECTIONS:
        return await pages.page(request, hub, caller, name, status, **walk, **context)
    async with hub.db.read() as session:
        there = await examples.there(session) if name == "begin" else None
    given = {"error": "", "link": "", "code": "", "uses": 30, "examples": there, **context}
    return render(request, "setup/step.html", status, presets=look.presets(), **walk, **given)


async def _overview(request: Request, hub: Services, **context: Any) -> Response:
    async with hub.db.read() as session:
        done = await progress.done(session)
    given = {"phrase": "", **context}
    sealed = phrase.sealed(hub.settings.data_dir) is not None
    return render(
        request,
        "setup/setup.html",
        steps=STEPS,
        titles=TITLES,
        done=done,
        has_phrase=sealed,
        **given,
    )
