"""The house rules: what every refusal names one of. Stewards write them, one on each line."""

from __future__ import annotations

from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log as audit
from hub.core.errors import Invalid
from hub.core.text import tidy
from hub.core.words import later
from hub.fediverse import facts

RULES: Final = "rules"
MOST_RULES: Final = 9  # each has a key on the keyboard
LONGEST_RULE: Final = 200

# Good for most neighbourhoods; said in the reader's language until stewards write their own.
USUAL: Final = (
    later("Be as you would be at the garden fence: kind, and to the point."),
    later("Post what is near, real, and yours to post."),
    later("No selling as a business, no hate, nobody’s private matters."),
    later("No advertising, and nothing that is sent to everybody everywhere."),
)


async def listed(session: AsyncSession) -> tuple[str, ...]:
    """The rules of this hub, in their order."""
    kept = await facts.get(session, RULES)
    return USUAL if kept is None else tuple(orjson.loads(kept))


async def change(session: AsyncSession, entered: str) -> None:
    """From now on these are the rules; empty, the usual ones hold again.

    Raises:
        Invalid: there are too many, or one is too long.
    """
    rules = tuple(rule for line in entered.splitlines() if (rule := tidy(line)))
    if len(rules) > MOST_RULES:
        raise Invalid(f"At most {MOST_RULES} rules, please: nobody reads more.")
    if any(len(rule) > LONGEST_RULE for rule in rules):
        raise Invalid(f"A rule has at most {LONGEST_RULE} characters.")
    await facts.note(session, RULES, orjson.dumps(rules or USUAL).decode())
    await audit.note(session, "rules", rules=len(rules))
