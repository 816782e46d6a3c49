"""One's own page: what one posted, who one is, and the devices."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import Invalid, NotSignedIn
from hub.core.services import Services
from hub.mail.addresses import address
from hub.people import letters, mastodon, passkeys, phones, searches, secrets
from hub.people import queries as people
from hub.people import service as accounts
from hub.people.arriving import myself
from hub.people.devices import device
from hub.people.knocking import LETTERS_FROM, LETTERS_TO, knock, where_from
from hub.people.permissions import LED_IN
from hub.posting import letter, queries
from hub.push import vapid
from hub.web.doors import Asking, Caller, Hub, session_cookie
from hub.web.forms import drop_cookie, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/me", include_in_schema=False, dependencies=[LED_IN])

ME: Final = "/me"
SAVED: Final = f"{ME}?said=saved"
SIGN_IN: Final = "/sign-in"


@router.get("")
async def me(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """My page."""
    if caller.person_id is None:
        return see_other(SIGN_IN)
    return await _me(request, hub, caller.person_id, caller, said=said)


@router.post("/name")
async def rename(request: Request, hub: Hub, caller: Asking) -> Response:
    """Be called otherwise."""
    person_id = await myself(hub, caller)
    name = (await parse_form(request)).text("name")
    try:
        async with hub.db.write() as session:
            await accounts.rename(session, person_id, name)
    except Invalid as error:
        return await _wrong(request, hub, caller, "name", error)
    return see_other(SAVED)


@router.post("/email")
async def change_email(request: Request, hub: Hub, caller: Asking) -> Response:
    """Be reached at another address; it counts once the link in the letter was used."""
    person_id = await myself(hub, caller)
    entered = (await parse_form(request)).text("email")
    try:
        email = address(entered)
    except Invalid as error:
        return await _wrong(request, hub, caller, "email", error)
    knock(hub, LETTERS_FROM, where_from(request))
    knock(hub, LETTERS_TO, email)
    async with hub.db.write() as session:
        await letters.send_proof(session, hub, await people.by_id(session, person_id), email)
    return see_other(f"{ME}?said=written")


@router.post("/devices/sign-out")
async def sign_out_device(request: Request, hub: Hub, caller: Asking) -> Response:
    """Sign one device out; it may be this one."""
    person_id = await myself(hub, caller)
    digest = (await parse_form(request)).text("device")
    async with hub.db.write() as session:
        await accounts.sign_out_device(session, person_id, digest)
    return see_other(f"{ME}?said=out")


@router.post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request, hub: Hub, caller: Asking) -> Response:
    """Sign every device out, this one too."""
    person_id = await myself(hub, caller)
    await parse_form(request)
    async with hub.db.write() as session:
        await accounts.sign_out_everywhere(session, person_id)
    return _farewell(hub)


async def _wrong(
    request: Request, hub: Services, caller: Caller, name: str, error: Invalid
) -> Response:
    return await again(request, hub, caller, error.status, errors={name: str(error)})


async def again(
    request: Request, hub: Services, caller: Caller, status: int, **context: Any
) -> Response:
    """My page once more, with what went wrong: `errors` by field, or a `detail`.

    Raises:
        NotSignedIn: nobody that we know.
    """
    if caller.person_id is None:
        raise NotSignedIn("Please sign in.")
    return await _me(request, hub, caller.person_id, caller, status, **context)


async def _me(
    request: Request,
    hub: Services,
    person_id: UUID,
    caller: Caller,
    status: int = 200,
    **context: Any,
) -> Response:
    here = secrets.digest(caller.secret) if caller.secret else ""
    push_key = vapid.public(await vapid.key(hub))
    async with hub.db.read() as session:
        person = await people.by_id(session, person_id)
        posts = await queries.own(session, person_id)
        devices = await people.devices(session, person_id)
        keys = await passkeys.of_person(session, person_id)
        account = await mastodon.of_person(session, person_id)
        told = await phones.of(session, person_id)
        kept = await searches.of(session, person_id)
        asked_again = await phones.must_be_asked_again(session, here)
    bound = any(device.role is not None for device in devices if device.digest == here)
    usual = {"said": "", "errors": {}, "detail": "", "place": person.letter_place}
    return render(
        request,
        "posting/me.html",
        status,
        person=person,
        posts=posts,
        devices=[] if bound else devices,
        told={one.session_digest for one in told},
        push_key="" if bound else push_key,
        asked_again=asked_again,
        searches=kept,
        quiet=[phones.clock(minute) for minute in (person.quiet_from, person.quiet_until)],
        here=here,
        bound=bound,
        passkeys=keys,
        passkeys_work=bool(passkeys.name_for(hub.settings)),
        this_device=device(request.headers.get("user-agent", "")),
        mastodon=account,
        distances=letter.DISTANCES_KM,
        **{**usual, **context},
    )


def _farewell(hub: Services) -> Response:
    response = see_other("/")
    drop_cookie(response, hub, session_cookie(hub))
    return response
