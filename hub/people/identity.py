"""Who is asking: by a token where a program sends one, else by the cookie of a session."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import Request
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log
from hub.core.clock import now
from hub.core.errors import NotSignedIn
from hub.core.services import Services
from hub.people import queries, secrets
from hub.people.models import Person, Session
from hub.web.doors import ANYBODY, Caller, session_cookie

SEEN_EVERY: Final = timedelta(hours=1)  # how exactly it is known when somebody was here
BEARER: Final = "bearer "


async def identify(services: Services, request: Request) -> Caller:
    """Who is asking: by token where one is sent, else by cookie.

    A cookie that ran out makes anybody of its bearer; a token that is not good is an error, since
    a program should hear of it.

    Raises:
        NotSignedIn: the token is not good.
    """
    caller = await _identified(services, request)
    log.doing(caller.person_id, "api" if caller.by == "token" else "page")
    return caller


async def _identified(services: Services, request: Request) -> Caller:
    authorization = request.headers.get("authorization", "")
    if authorization.lower().startswith(BEARER):
        async with services.db.read() as session:
            caller = await queries.by_token(session, authorization[len(BEARER) :].strip())
        if not caller.known:
            raise NotSignedIn("This token is not known, or was revoked. Please use another one.")
        return caller
    secret = request.cookies.get(session_cookie(services), "")
    if not secret:
        return ANYBODY
    async with services.db.read() as session:
        caller, last = await queries.by_session(session, secret)
    if caller.known and last < now() - SEEN_EVERY:
        async with services.db.write() as session:
            await _seen(session, caller)
    return caller


async def _seen(session: AsyncSession, caller: Caller) -> None:
    mine = Session.digest == secrets.digest(caller.secret)
    await session.execute(update(Session).where(mine).values(last_used_at=now()))
    here = update(Person).where(Person.id == caller.person_id)
    await session.execute(here.values(last_seen_at=now()))
