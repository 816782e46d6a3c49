"""How far stewards came in setting their hub up: six steps, in any order, each may be left out."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from hub.fediverse import facts

FACT: Final = facts.SETUP
STEPS: Final = ("name", "area", "look", "mail", "begin", "invite")


async def done(session: AsyncSession) -> frozenset[str]:
    """The steps that were made; `done` is among them where there was nothing to set up."""
    kept = await facts.get(session, FACT)
    return frozenset(json.loads(kept)) if kept else frozenset()


async def mark(session: AsyncSession, step: str) -> None:
    """This step was made."""
    steps = await done(session) | {step}
    await facts.note(session, FACT, json.dumps(sorted(steps)))


def after(step: str) -> str:
    """Where one goes on from this step."""
    at = STEPS.index(step) + 1
    return f"/admin/setup/{STEPS[at]}" if at < len(STEPS) else "/admin/setup"
