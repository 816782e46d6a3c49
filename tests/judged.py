"""What `tests/world.py` knows of moderation: reports, decisions, appeals, and who reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.entries.models import (
    Report,
)
from hub.moderation import log
from hub.moderation.models import Appeal, Decided, Question
from hub.people import secrets
from hub.people.models import (
    Person,
)
from tests.onlookers import EVERYBODY, LOOKING_AFTER

if TYPE_CHECKING:
    from tests.world import World


async def decisions(made: World, session: AsyncSession) -> None:
    """Something was taken down and its author asks for another look; two things are reported."""
    # Who can take another look: all others here have tokens, and count as programs.
    session.add(Person(name=made.sing("who looks once more", "steward"), role="steward"))
    decision = await log.append(
        session,
        by=made.people["moderator"].id,
        deed="refused",
        kind="offer",
        rule=made.sing("a house rule", *EVERYBODY),
        note=made.sing("what a moderator says of it", "bearer", *LOOKING_AFTER),
    )
    session.add(
        Decided(
            decision_id=decision.id,
            about="entry",
            thing_id=made.ids["hidden offers"],
            before="shown",
            person_id=made.people["owner"].id,
        )
    )
    secret = made.secrets["appeal"] = secrets.new_link()
    appeal = made.ids["appeal"] = uuid4()
    session.add(
        Appeal(
            id=appeal,
            digest=secrets.digest(secret),
            decision_id=decision.id,
            title=made.sing("what was taken down", "bearer", "steward"),
            person_id=made.people["owner"].id,
            words=made.sing("why that was wrong", "steward"),  # not for whoever decided it
            asked_at=now(),
        )
    )
    secret = made.secrets["question"] = secrets.new_link()
    session.add(
        Question(
            digest=secrets.digest(secret),
            thing_id=made.ids["what two say, reported"],
            title=made.sing("of what somebody is asked", "bearer"),
            by_id=made.people["moderator"].id,
            person_id=made.people["neighbour"].id,
            words=made.sing("what a moderator asks", "bearer", *LOOKING_AFTER),
            answer=made.sing("what its author answers", "bearer", *LOOKING_AFTER),
            answered_at=now(),
        )
    )
    title = made.sing("of what a message is", *LOOKING_AFTER)
    evidence = made.sing("a message that was reported", *LOOKING_AFTER)
    for about, number in (
        ("message", made.ids["what two say, reported"]),
        ("entry", made.ids["public events"]),
    ):
        session.add(
            Report(
                about=about,
                about_id=number,
                title=title if about == "message" else "",
                evidence=evidence if about == "message" else "",
                path="/",
                against_id=made.people["neighbour"].id,
                rule=made.sing(f"the rule in a report of a {about}", *LOOKING_AFTER),
                words=made.sing(f"the words in a report of a {about}", *LOOKING_AFTER),
                person_id=made.people["reader"].id if about == "message" else None,
                email=f"{made.sing(f'who reported a {about}')}@mail.example",
            )
        )
    waiting = {
        "report": ("what two say, reported", "public events"),
        "appeal": ("appeal",),
        "post": ("submission",),
        "entry": ("an event of a silenced server",),
        "reply": ("a reply that waits",),
    }
    made.cards += [f"{kind}:{made.ids[what]}" for kind, whats in waiting.items() for what in whats]
