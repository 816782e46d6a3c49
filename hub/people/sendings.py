"""A form that publishes has its effect once, however often a browser sends it.

Each bears a random word (`once`). A telephone that had no network sends later what it kept, and
again where the answer was lost; a second tap sends twice. The word and all that was entered
together are the mark of one sending, so whoever goes back and writes something else is believed.
The mark is kept in the transaction of the effect.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi.responses import Response
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.services import Services
from hub.jobs.retention import clock, let_go
from hub.people import secrets
from hub.people.models import SentForm
from hub.web.forms import Form, see_other

FIELD: Final = "once"
SHORTEST: Final = 16  # characters of a word that nobody else has
REMEMBERED: Final = timedelta(days=30)  # how long a telephone may be without a network


class Sending:
    """One sending: `new` if its effect is still to come; else `path` is where it led.

    `secret` is the same each time and is not kept; `{secret}` in `path` stands for it.
    """

    def __init__(self, session: AsyncSession, secret: str, path: str = "") -> None:
        self.session = session
        self.secret = secret
        self.path = path
        self.new = not path

    @property
    def answer(self) -> Response:
        """The page to look at now, the same each time."""
        return _answer(self.path, self.secret)


async def answered(services: Services, form: Form, person_id: UUID | None) -> Response | None:
    """Where this very form led before; None if it is new."""
    found, secret = mark(form, person_id)
    if not found:
        return None
    async with services.db.read() as session:
        path = await session.scalar(select(SentForm.path).where(SentForm.mark == found))
    return None if path is None else _answer(path, secret)


@asynccontextmanager
async def once(services: Services, form: Form, person_id: UUID | None) -> AsyncIterator[Sending]:
    """The transaction in which a form has its effect.

    async with once(services, form, caller.person_id) as sending:
        if sending.new:
            event = await service.publish(sending.session, …)
            sending.path = f"{event.path}?said=published"
    return sending.answer
    """
    found, secret = mark(form, person_id)
    async with services.db.write() as session:
        sending = Sending(session, secret, await _claim(session, found) if found else "")
        yield sending
        if found and sending.new:
            row = update(SentForm).where(SentForm.mark == found)
            await session.execute(row.values(path=sending.path))


def mark(form: Form, person_id: UUID | None) -> tuple[str, str]:
    """What tells this sending from all others, and a secret that goes with it.

    The mark is empty, and the secret new, where the form bears no word of its own.
    """
    word = form.text(FIELD)
    if len(word) < SHORTEST:
        return "", secrets.new_link()
    said = sorted((name, tuple(values)) for name, values in form.fields.items())
    files = sorted((name, hashlib.sha256(file.data).digest()) for name, file in form.files.items())
    whole = hashlib.sha512(repr((word, str(person_id), said, files)).encode()).digest()
    kept, told = (
        whole[:32],
        whole[32 : 32 + secrets.LINK_BYTES],
    )  # neither says anything of the other
    return kept.hex(), base64.urlsafe_b64encode(told).decode().rstrip("=")


@clock("people.sent_forms", "that a form was sent", kept=REMEMBERED, since="it was sent")
async def forget_sent(services: Services) -> int:
    """Marks of forms that no telephone still keeps."""
    return await let_go(services, SentForm, SentForm.created_at <= now() - REMEMBERED)


async def _claim(session: AsyncSession, found: str) -> str:
    """Empty if this sending is the first; who comes second waits here, and gets its path."""
    row = {"mark": found, "path": "", "created_at": now()}
    kept = insert_for(session, SentForm).values(row).on_conflict_do_nothing()
    if await session.scalar(kept.returning(SentForm.mark)) is not None:
        return ""
    return await session.scalar(select(SentForm.path).where(SentForm.mark == found)) or "/"


def _answer(path: str, secret: str) -> Response:
    return see_other(path.replace("{secret}", secret))
