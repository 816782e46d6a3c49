"""Writing letters, and looking at those that wait. A letter is sent if its transaction is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.jobs.queue import enqueue
from hub.jobs.retention import clock, let_go
from hub.mail import composing
from hub.mail.composing import Letter
from hub.mail.models import Mail
from hub.mail.sending import send

LASTS: Final = timedelta(days=4)  # after that a letter is no news
KEPT: Final = timedelta(days=7)  # that it went, and when
MOST_SHOWN: Final = 100


async def put(
    session: AsyncSession, services: Services, letter: Letter, *, lasts: timedelta = LASTS
) -> Mail:
    """Let a letter be sent; without a mail server it waits, and stewards see it.

    `lasts` is how long it is of use, such as the life of its link.
    """
    mail = composing.row(letter, services.settings, now() + lasts)
    session.add(mail)
    await session.flush()
    if services.settings.smtp_url:
        await enqueue(session, send, key=f"mail:{mail.id}", mail_id=str(mail.id))
    return mail


async def waiting(session: AsyncSession) -> Sequence[Mail]:
    """Letters that nobody has got yet, the newest first."""
    query = select(Mail).where(*_waits(now())).order_by(Mail.created_at.desc())
    return (await session.scalars(query.limit(MOST_SHOWN))).all()


async def count_waiting(session: AsyncSession, *, older_than: timedelta = timedelta()) -> int:
    """How many letters have waited for so long."""
    moment = now()
    query = select(func.count(Mail.id)).where(*_waits(moment))
    return await session.scalar(query.where(Mail.created_at <= moment - older_than)) or 0


async def failed(session: AsyncSession) -> Sequence[Mail]:
    """Letters that were given up of late, the newest first."""
    query = select(Mail).where(Mail.given_up_at.is_not(None)).order_by(Mail.given_up_at.desc())
    return (await session.scalars(query.limit(MOST_SHOWN))).all()


async def forget_address(session: AsyncSession, address: str) -> None:
    """Nothing more is sent there, and nothing says that it was to be."""
    await session.execute(delete(Mail).where(Mail.recipient == address))


@clock(
    "mail.letters",
    "that a letter went, its subject and when",
    kept=KEPT,
    since="it went or ran out",
)
async def forget_letters(services: Services) -> int:
    """Letters that ran out, and what is known of those that went long ago."""
    moment = now()
    long_ago = moment - KEPT
    over = or_(
        Mail.sent_at <= long_ago,
        Mail.given_up_at <= long_ago,
        (Mail.expires_at <= moment) & Mail.sent_at.is_(None) & Mail.given_up_at.is_(None),
    )
    return await let_go(services, Mail, over)


def _waits(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Mail.sent_at.is_(None), Mail.given_up_at.is_(None), Mail.expires_at > moment)
