"""Sign in with Mastodon, and linking one's account there: to one's own server, and back.

A page leads there, since browsers keep forms from leading to another site (`form-action`).
"""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import Elsewhere, Forbidden, HubError, TooMany
from hub.core.services import Services
from hub.core.words import later
from hub.people import mastodon
from hub.people.arriving import ME, myself, signed_in
from hub.people.devices import device
from hub.people.knocking import SIGN_INS_FROM, knock, where_from
from hub.people.permissions import LED_IN
from hub.web.doors import OPEN, Asking, Hub
from hub.web.forms import bound_to, parse_form, see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False)

LINKING = f"{ME}/mastodon"
DENIED = "access_denied"  # RFC 6749 §4.1.2.1
SAID_NO = later(
    "You did not let your server tell who you are, so nothing happened here. Please try again, or "
    "sign in by e-mail."
)
NOT_YOU = later("Meanwhile somebody else signed in here in this browser. Please try once more.")


@router.post(mastodon.BACK, dependencies=[OPEN])
async def begin(request: Request, hub: Hub) -> Response:
    """On to one's own server, to sign in with it."""
    return await _begin(request, hub, None)


@router.post(LINKING, dependencies=[LED_IN])
async def begin_linking(request: Request, hub: Hub, caller: Asking) -> Response:
    """On to one's own server, to link the account there."""
    return await _begin(request, hub, await myself(hub, caller))


@router.post(f"{LINKING}/unlink", dependencies=[LED_IN])
async def unlink(request: Request, hub: Hub, caller: Asking) -> Response:
    """The account there signs nobody in here any more."""
    person_id = await myself(hub, caller)
    await parse_form(request)
    await mastodon.unlink(hub, person_id)
    return see_other(f"{ME}?said=unlinked")


@router.get(mastodon.BACK + "/{server}", dependencies=[OPEN])
async def come_back(
    server: str,
    request: Request,
    hub: Hub,
    caller: Asking,
    state: str = "",
    code: str = "",
    error: str = "",
) -> Response:
    """Back from one's own server: signed in, or the account there is linked."""
    try:
        if error == DENIED:
            raise Forbidden(SAID_NO)
        if error or not code:
            raise Elsewhere(mastodon.REFUSED)
        came = await mastodon.came_back(hub, server, state, code, await bound_to(request))
        if came.person_id is None:
            agent = device(request.headers.get("user-agent", ""))
            who = await mastodon.sign_in(hub, came, caller.secret, device=agent)
            return await signed_in(request, hub, who)
        if came.person_id != await myself(hub, caller):
            raise Forbidden(NOT_YOU)
        await mastodon.link(hub, came.person_id, came)
    except HubError as trouble:
        return _trouble(request, trouble, linking=caller.known)
    return see_other(f"{ME}?said=linked")


async def _begin(request: Request, hub: Services, person_id: UUID | None) -> Response:
    entered = (await parse_form(request)).text("account")
    knock(hub, SIGN_INS_FROM, where_from(request))
    try:
        way = await mastodon.begin(hub, entered, await bound_to(request), person_id)
    except TooMany:
        raise
    except HubError as trouble:
        return _trouble(request, trouble, linking=person_id is not None, entered=entered)
    return render(request, "people/mastodon.html", way=way, error="")


def _trouble(request: Request, trouble: HubError, *, linking: bool, entered: str = "") -> Response:
    return render(
        request,
        "people/mastodon.html",
        trouble.status,
        way="",
        error=str(trouble),
        entered=entered,
        linking=linking,
        action=LINKING if linking else mastodon.BACK,
    )
