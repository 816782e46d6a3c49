"""What was asked of a hub and what it answered, written down outside of it.

Jepsen's habit: an operation was `acked` (the hub said yes), `refused` (it said no), or is `unknown`
(it was sent and no answer came). Afterwards acked ⊆ present ⊆ sent must hold (SETTLED 12).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

ORDER = {"Create": 0, "Update": 1, "Delete": 2}


@dataclass
class History:
    """Operations by the name of what they were to bring about."""

    sent: set[str] = field(default_factory=set)
    acked: set[str] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)

    def answered(self, name: str, status: int) -> None:
        """The hub answered; 2xx is a promise."""
        if status in range(200, 300):
            self.acked.add(name)
        else:
            self.refused[name] = status

    def faults(self, present: Collection[str]) -> list[str]:
        """What contradicts the promise: lost, doubled or invented."""
        counted = Counter(present)
        lost = sorted(self.acked - counted.keys())
        doubled = sorted(name for name, count in counted.items() if count > 1)
        invented = sorted(counted.keys() - self.sent)
        named = {"lost": lost, "doubled": doubled, "never sent": invented}
        return [
            f"{len(names)} {what}, such as {names[:3]}" for what, names in named.items() if names
        ]


def faults_of_order(received: Iterable[dict[str, Any]]) -> list[str]:
    """Where a peer heard of one object's states in another order than they were said (AP-74).

    Each activity counts when it comes for the first time. A name ends with the number of its
    state, so that a later Update can be told from an earlier one.
    """
    faults: list[str] = []
    seen: set[str] = set()
    states: dict[str, tuple[int, int]] = {}
    for activity in received:
        if activity["type"] not in ORDER or activity["id"] in seen:
            continue
        seen.add(activity["id"])
        thing = activity["object"]
        state = (ORDER[activity["type"]], _number(thing))
        before = states.get(thing["id"])
        if before is not None and state <= before:
            faults.append(f"{thing['id']}: {state} after {before}")
        states[thing["id"]] = state
    return faults


def _number(thing: dict[str, Any]) -> int:
    digits = str(thing.get("name") or "").rpartition(" ")[2]
    return int(digits) if digits.isdecimal() else 0
