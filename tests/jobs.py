"""Asking for a job by its name, as its timer would."""

from __future__ import annotations

from typing import Any

from hub.core.services import Services
from hub.jobs.queue import enqueue
from hub.jobs.registry import KINDS


async def ask(services: Services, name: str, **arguments: Any) -> None:
    """Let a worker do the job of this name next."""
    async with services.db.write() as session:
        await enqueue(session, KINDS[name], **arguments)
