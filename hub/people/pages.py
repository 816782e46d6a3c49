"""Signing in by a one-time link (and where the other ways begin), saying one's name, signing out.

Opening a link changes nothing, because mail programs open links too; a button does (SECURITY E7).
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.db import AsyncSession
from hub.core.errors import Gone, Invalid, NotFound, NotSignedIn
from hub.core.services import Services
from hub.fediverse import facts
from hub.mail.addresses import address
from hub.people import letters, passkeys, queries, service, stopping
from hub.people.arriving import signed_in
from hub.people.devices import device
from hub.people.knocking import LETTERS_FROM, LETTERS_TO, knock, where_from
from hub.people.models import Person
from hub.people.permissions import SIGNED_IN
from hub.web.doors import BEARERS, OPEN, Asking, Caller, Hub, services_of, session_cookie
from hub.web.forms import drop_cookie, parse_form, see_other
from hub.web.pages import language_of, render

router = APIRouter(include_in_schema=False)

GONE: Final = 410
UNKNOWN_STOP: Final = "This address ends no letters. Please use the one in your newest letter."


@router.get("/sign-in", dependencies=[OPEN])
async def sign_in_page(request: Request, caller: Asking) -> Response:
    """How to get in."""
    if caller.known:
        return see_other("/")
    return await _page(request, "ask")


@router.post("/sign-in", dependencies=[OPEN])
async def ask_for_link(request: Request, hub: Hub, caller: Asking) -> Response:
    """A link comes by mail. The answer is the same whether we know the address or not."""
    del caller  # looked up so that the form is bound to their session, if they have one
    entered = (await parse_form(request)).text("email")
    try:
        email = address(entered)
    except Invalid as error:
        return await _page(request, "ask", error.status, email=entered, error=str(error))
    knock(hub, LETTERS_FROM, where_from(request))
    knock(hub, LETTERS_TO, email)
    async with hub.db.write() as session:
        await letters.send_link(session, hub, email, language_of(request))
    return await _page(request, "sent", email=email, by_mail=bool(hub.settings.smtp_url))


@router.get("/sign-in/{secret}", dependencies=[BEARERS])
async def open_link(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """A button, if the link is good; nothing is used up."""
    del caller  # looked up so that the form is bound to their session, if they have one
    async with hub.db.read() as session:
        link = await queries.open_link(session, secret)
    if link is None:
        return await _page(request, "spent", GONE)
    new = link.person_id is None
    return await _page(request, "open", action=f"/sign-in/{secret}", new=new)


@router.post("/sign-in/{secret}", dependencies=[BEARERS])
async def use_link(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """The button was pressed: the link is used up, and the browser signed in."""
    await parse_form(request)
    try:
        async with hub.db.write() as session:
            agent = request.headers.get("user-agent", "")
            who = await service.sign_in(session, secret, before=caller.secret, device=device(agent))
    except Gone:
        return await _page(request, "spent", GONE)
    return await signed_in(request, hub, who)


@router.get("/welcome", dependencies=[SIGNED_IN])
async def welcome_page(request: Request, caller: Asking) -> Response:
    """The one question to somebody new: their name."""
    return render(request, "people/welcome.html", name=caller.name, error="")


@router.post("/welcome", dependencies=[SIGNED_IN])
async def welcome(request: Request, hub: Hub, caller: Asking) -> Response:
    """Their name."""
    if caller.person_id is None:
        raise NotSignedIn("Please open the link that you were given.")
    form = await parse_form(request)
    name = form.text("name")
    try:
        async with hub.db.write() as session:
            await service.rename(session, caller.person_id, name)
    except Invalid as error:
        return render(request, "people/welcome.html", error.status, name=name, error=str(error))
    return see_other("/admin/setup" if await _is_bare(hub, caller) else "/")


async def _is_bare(hub: Services, caller: Caller) -> bool:
    """Whether this is a steward of a hub that nobody set up yet."""
    if not caller.steward:
        return False
    async with hub.db.read() as session:
        return await facts.get(session, facts.SETUP) is None


@router.post("/sign-out", dependencies=[OPEN])
async def sign_out(request: Request, hub: Hub, caller: Asking) -> Response:
    """The session ends here and in the database."""
    await parse_form(request)
    if caller.secret:
        async with hub.db.write() as session:
            await service.sign_out(session, caller.secret)
    response = see_other("/")
    drop_cookie(response, hub, session_cookie(hub))
    return response


@router.get("/unsubscribe/{secret}", dependencies=[BEARERS])
@router.get("/unsubscribe/{secret}/{what}", dependencies=[BEARERS])
async def stop_page(secret: str, request: Request, hub: Hub, what: str = stopping.ALL) -> Response:
    """A button that ends letters; opening the page ends none, since mail programs do that too."""
    async with hub.db.read() as session:
        person = await _stopper(session, secret, what)
        stopped = await stopping.is_stopped(session, person, what)
    return _stop(request, what, done=stopped)


@router.post("/unsubscribe/{secret}", dependencies=[BEARERS])
@router.post("/unsubscribe/{secret}/{what}", dependencies=[BEARERS])
async def stop_letters(
    secret: str, request: Request, hub: Hub, what: str = stopping.ALL
) -> Response:
    """No more letters. Mail programs press this too (RFC 8058), so it needs no cookie."""
    async with hub.db.write() as session:
        await stopping.stop(session, await _stopper(session, secret, what), what)
    return _stop(request, what, done=True)


async def _stopper(session: AsyncSession, secret: str, what: str) -> Person:
    """Whose letters this address ends.

    Raises:
        NotFound: nobody's, or there are no such letters.
    """
    person = await stopping.by_stop_secret(session, secret)
    if person is None or what not in stopping.ENDS:
        raise NotFound(UNKNOWN_STOP)
    return person


def _stop(request: Request, what: str, *, done: bool) -> Response:
    every = request.url.path.removesuffix(f"/{what}") + f"/{stopping.ALL}"
    return render(request, "people/unsubscribe.html", what=what, done=done, every=every)


async def _page(request: Request, state: str, status: int = 200, **context: Any) -> Response:
    given = {"action": "", "new": False, "email": "", "error": "", "by_mail": True, **context}
    hub = services_of(request)
    given["passkeys"] = bool(passkeys.name_for(hub.settings))
    async with hub.db.read() as session:
        given["unled"] = not await service.has_steward(session)
    return render(request, "people/sign_in.html", status, state=state, **given)
