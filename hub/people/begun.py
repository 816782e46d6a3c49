"""Ways in that lead over somebody else: begun here, gone on with once, in the same browser.

What comes back bears a secret that only we can have made, and the browser bears the cookie that it
had before; so nobody signs in by what another began (SECURITY E8, RFC 9700 §4.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Busy, Gone
from hub.core.services import Services
from hub.core.words import later
from hub.jobs.retention import clock, let_go
from hub.people import secrets
from hub.people.models import Begun

LASTS: Final = timedelta(minutes=30)
MOST_BEGUN: Final = 20_000  # of all people together, so that no flood fills the disk

TOO_LATE: Final = later(
    "That took too long, was sent twice, or was begun in another browser. Please try once more."
)
FULL: Final = later(
    "Too many people are signing in at the moment. Please try again in half an hour."
)


@dataclass(frozen=True, slots=True)
class Before:
    """What was known when it was begun; `person_id` None: they were not signed in."""

    person_id: UUID | None
    details: Mapping[str, Any]


async def begin(
    session: AsyncSession,
    kind: str,
    browser: str,
    *,
    person_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> str:
    """The secret to come back with; `browser` is the value of its cookie.

    Raises:
        Gone: the browser keeps no cookie.
        Busy: too much was begun already.
    """
    if not browser:
        raise Gone(TOO_LATE)
    if (await session.scalar(select(func.count(Begun.digest))) or 0) >= MOST_BEGUN:
        raise Busy(FULL)
    secret = secrets.new_session()
    session.add(
        Begun(
            digest=secrets.digest(secret),
            kind=kind,
            browser=secrets.digest(browser),
            person_id=person_id,
            details=dict(details or {}),
            expires_at=now() + LASTS,
        )
    )
    await session.flush()
    return secret


async def go_on(session: AsyncSession, kind: str, browser: str, secret: str) -> Before:
    """What was begun in this browser; from now on it is not there any more.

    Keep the transaction before anything is checked that may fail: it counts as used all the same.

    Raises:
        Gone: it was used, ran out, never was, or was begun in another browser.
    """
    if not browser or not secrets.is_plausible(secret):
        raise Gone(TOO_LATE)
    claimed = await session.execute(
        delete(Begun)
        .where(
            Begun.digest == secrets.digest(secret),
            Begun.kind == kind,
            Begun.browser == secrets.digest(browser),
            Begun.expires_at > now(),
        )
        .returning(Begun.person_id, Begun.details)
        .execution_options(synchronize_session=False)
    )
    row = claimed.one_or_none()
    if row is None:
        raise Gone(TOO_LATE)
    return Before(row.person_id, row.details)


@clock(
    "people.begun", "a way in that was begun, and not gone on with", kept=LASTS, since="it began"
)
async def forget_begun(services: Services) -> int:
    """What nobody went on with."""
    return await let_go(services, Begun, Begun.expires_at <= now())
