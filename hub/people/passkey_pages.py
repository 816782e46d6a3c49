"""Passkeys at the door: a page's script asks for a challenge, then sends its form as answered."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from hub.people import passkeys
from hub.people.arriving import ME, myself, signed_in
from hub.people.devices import device
from hub.people.knocking import CHALLENGES_FROM, SIGN_INS_FROM, knock, where_from
from hub.people.permissions import LED_IN, SIGNED_IN
from hub.web.doors import OPEN, Asking, Hub
from hub.web.forms import bound_to, parse_form, see_other

router = APIRouter(include_in_schema=False)

PRIVATE = {"cache-control": "private, no-store"}


@router.post("/sign-in/passkey/challenge", dependencies=[OPEN])
async def challenge(request: Request, hub: Hub) -> Response:
    """What a browser needs to sign in with a passkey."""
    await parse_form(request)
    knock(hub, CHALLENGES_FROM, where_from(request))
    asked = await passkeys.ask_to_sign_in(hub, await bound_to(request))
    return JSONResponse(asked, headers=PRIVATE)


@router.post("/sign-in/passkey", dependencies=[OPEN])
async def sign_in(request: Request, hub: Hub, caller: Asking) -> Response:
    """The device has signed: the browser is signed in."""
    credential = (await parse_form(request)).text("credential")
    knock(hub, SIGN_INS_FROM, where_from(request))
    agent = request.headers.get("user-agent", "")
    browser = await bound_to(request)
    who = await passkeys.sign_in(hub, browser, credential, caller.secret, device=device(agent))
    return await signed_in(request, hub, who)


@router.post("/me/passkeys/challenge", dependencies=[SIGNED_IN])
async def new_challenge(request: Request, hub: Hub, caller: Asking) -> Response:
    """What a browser needs to make a passkey."""
    person_id = await myself(hub, caller)
    await parse_form(request)
    asked = await passkeys.ask_to_add(hub, person_id, await bound_to(request))
    return JSONResponse(asked, headers=PRIVATE)


@router.post("/me/passkeys", dependencies=[SIGNED_IN])
async def add(request: Request, hub: Hub, caller: Asking) -> Response:
    """The device has made a passkey: it is kept."""
    person_id = await myself(hub, caller)
    form = await parse_form(request)
    browser = await bound_to(request)
    await passkeys.add(hub, person_id, browser, form.text("passkey-name"), form.text("credential"))
    return see_other(f"{ME}?said=passkey")


@router.post("/me/passkeys/remove", dependencies=[LED_IN])
async def remove(request: Request, hub: Hub, caller: Asking) -> Response:
    """A passkey signs nobody in any more."""
    person_id = await myself(hub, caller)
    await passkeys.remove(hub, person_id, (await parse_form(request)).text("passkey"))
    return see_other(f"{ME}?said=no-passkey")
