"""What the ways in share: the answer that signs a browser in, and who may change them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Forbidden, NotSignedIn
from hub.core.services import Services
from hub.core.words import filled, later, on_day
from hub.people import queries, secrets
from hub.people.devices import device
from hub.people.models import Person
from hub.people.notices import Notice, tell
from hub.people.service import SESSION_LASTS, SignedIn, begin
from hub.web.doors import Caller, form_cookie, session_cookie
from hub.web.forms import drop_cookie, see_other, set_cookie
from hub.web.pages import language_of

ME: Final = "/me"
LET_IN_FOR: Final = timedelta(days=1)  # a browser that came by the link of one post
BOUND: Final = "This browser came by the link of one post. Please sign in by e-mail for this."


async def signed_in(request: Request, hub: Services, who: SignedIn) -> Response:
    """The answer that gives the browser its session; who is new is asked for a name.

    What the browser speaks is from now on what letters speak, unless they chose before.
    """
    async with hub.db.write() as session:
        person = await queries.by_id(session, who.person_id)
        person.language = person.language or language_of(request)
    response = see_other("/welcome" if who.is_new else "/")
    lasts_s = int(SESSION_LASTS.total_seconds())
    set_cookie(response, hub, session_cookie(hub), who.secret, lasts_s)
    drop_cookie(response, hub, form_cookie(hub))
    return response


async def let_in(
    session: AsyncSession,
    request: Request,
    hub: Services,
    caller: Caller,
    person: Person,
    path: str,
) -> Response:
    """The answer that leads to a path, for whoever came by the link of one post.

    The browser is let in as a guest for a day, whoever its author is, unless they are here already.

    Raises:
        Gone: they are shut out.
    """
    response = see_other(path)
    if caller.person_id != person.id:
        words = device(request.headers.get("user-agent", ""))
        cookie = await begin(session, person, role="guest", device=words, lasts=LET_IN_FOR)
        lasts_s = int(LET_IN_FOR.total_seconds())
        set_cookie(response, hub, session_cookie(hub), cookie, lasts_s)
    return response


async def myself(hub: Services, caller: Caller) -> UUID:
    """Who is asking, if this browser may act for all of them.

    Raises:
        NotSignedIn: nobody that we know.
        Forbidden: the browser was let in for one post only.
    """
    if caller.person_id is None or caller.by != "session":
        raise NotSignedIn("Please sign in.")
    async with hub.db.read() as session:
        devices = await queries.devices(session, caller.person_id)
    here = secrets.digest(caller.secret)
    if any(device.role is not None for device in devices if device.digest == here):
        raise Forbidden(BOUND)
    return caller.person_id


async def tell_of_way(
    session: AsyncSession, services: Services, person_id: UUID, subject: str, what: str
) -> None:
    """A letter that a way into somebody's account changed, whatever letters they chose.

    The time is in it, since the same words about the same thing are said once.
    """
    settings = services.settings
    moment = now().astimezone(settings.zone)
    notice = Notice(
        kind="way in",
        subject=subject,
        lines=(
            filled(
                "{what} ({day}, {time}.)",
                what=what,
                day=on_day(moment),
                time=f"{moment:%H:%M:%S}",
            ),
            later(
                "That was you? Then there is nothing to do. If not: sign out everywhere on your "
                "page, take away what you do not know, and tell a steward."
            ),
        ),
        path=ME,
        unsubscribe=False,
    )
    await tell(session, services, person_id, notice)
