"""Housekeeping: letters that waited for a mail server go once there is one."""

from __future__ import annotations

from datetime import timedelta

from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.mail import outbox
from hub.mail.sending import send


@job("mail.upkeep", every=timedelta(minutes=10))
async def upkeep(run: Run) -> None:
    """Ask for what waits."""
    async with run.finish() as session:
        if not run.services.settings.smtp_url:
            return
        for mail in await outbox.waiting(session):
            # Nothing happens where it is asked for already: the key is taken.
            await enqueue(session, send, key=f"mail:{mail.id}", mail_id=str(mail.id))
