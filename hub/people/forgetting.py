"""What is let go of with time: sessions, links, and answers kept for programs that ask twice."""

from __future__ import annotations

from sqlalchemy import or_

from hub.core.clock import now
from hub.core.services import Services
from hub.jobs.retention import clock, let_go
from hub.people.models import Idempotency, Session, SignInLink
from hub.people.service import ANSWERS_LAST, LINK_LASTS, SESSION_LASTS


@clock(
    "people.sessions",
    "that a browser is signed in, and what it calls itself",
    kept=SESSION_LASTS,
    since="it signed in",
)
async def forget_sessions(services: Services) -> int:
    """Sessions that ran out."""
    return await let_go(services, Session, Session.expires_at <= now())


@clock(
    "people.links",
    "links that sign in, and the addresses they went to",
    kept=LINK_LASTS,
    since="they were made or used",
)
async def forget_links(services: Services) -> int:
    """Links that ran out, or were used up a week ago."""
    moment = now()
    used = (SignInLink.uses_left <= 0) & (SignInLink.used_at <= moment - LINK_LASTS)
    return await let_go(services, SignInLink, or_(SignInLink.expires_at <= moment, used))


@clock(
    "people.answers",
    "answers to programs that ask twice (`Idempotency-Key`)",
    kept=ANSWERS_LAST,
    since="the first answer",
)
async def forget_answers(services: Services) -> int:
    """Answers that are repeated no more."""
    return await let_go(services, Idempotency, Idempotency.created_at <= now() - ANSWERS_LAST)
