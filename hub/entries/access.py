"""How one gets in and takes part: facts that can be asked for, each yes, part, no or unknown.

What is not said is unknown, and is told as that. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from federation.vocab.details import AccessFact as Said
from hub.core.words import later
from hub.entries.models import Further
from hub.entries.schemas import Line

State = Literal["yes", "part", "no"]
FactName = Literal[
    "entrance",
    "inside",
    "toilet",
    "parking",
    "seating",
    "hearing_loop",
    "captions",
    "sign_language",
    "quiet_room",
    "assistance_dogs",
    "smoke_free",
    "childcare",
    "free",
]

STATES: Final[tuple[State, ...]] = get_args(State)
LABELS: Final[dict[FactName, str]] = {
    "entrance": later("Step-free way in"),
    "inside": later("Step-free inside"),
    "toilet": later("Accessible toilet"),
    "parking": later("Disabled parking"),
    "seating": later("Places to sit"),
    "hearing_loop": later("Hearing loop"),
    "captions": later("Captions"),
    "sign_language": later("Sign language"),
    "quiet_room": later("Quiet room"),
    "assistance_dogs": later("Assistance dogs welcome"),
    "smoke_free": later("Smoke-free"),
    "childcare": later("Childcare"),
    "free": later("Free of charge"),
}
"""The facts in the order in which pages show them; the words pass through gettext there."""
WORDS: Final[dict[State, str]] = {"yes": later("yes"), "part": later("in part"), "no": later("no")}
"""The states as pages say them."""
ASKED_MOST: Final[tuple[FactName, ...]] = ("entrance", "toilet", "hearing_loop", "parking", "free")
"""Those that filters offer."""


class Fact(BaseModel):
    """One fact: whether, and what else one should know of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: State
    note: Annotated[Line, Field(max_length=200)] = ""


def tidied(value: Any) -> Any:
    """What a program may say for short, `{"entrance": "yes"}`, in full; unknown says nothing."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return value
    whole = {name: {"state": one} if isinstance(one, str) else one for name, one in value.items()}
    return {name: one for name, one in whole.items() if one is not None and not _is_unknown(one)}


def _is_unknown(fact: Any) -> bool:
    return isinstance(fact, Mapping) and fact.get("state") == "unknown"


def asked_for(value: str) -> str:
    """The facts that a list is narrowed to, in our order, with commas.

    Raises:
        ValueError: one of them is no fact that we know.
    """
    wanted = {part.strip() for part in value.split(",") if part.strip()}
    if wanted - LABELS.keys():
        raise ValueError(f"Must be some of {', '.join(LABELS)}")
    return ",".join(name for name in LABELS if name in wanted)


def good(facts: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is there for sure, for lists that have little room."""
    return [LABELS[name] for name in LABELS if facts.get(name, {}).get("state") == "yes"]


def lines(facts: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The facts as lines of plain text, for calendars and paper."""
    return [
        f"{LABELS[name]}: {_word(facts[name])}"
        + (f" ({facts[name]['note']})" if facts[name].get("note") else "")
        for name in LABELS
        if name in facts
    ]


def further(facts: Mapping[str, Mapping[str, str]]) -> list[Further]:
    """The facts as what one of several hubs says of a thing."""
    return [
        Further("access_facts", LABELS[name], _word(facts[name]), ours=True)
        for name in LABELS
        if name in facts
    ]


def _word(fact: Mapping[str, str]) -> str:
    return {str(state): word for state, word in WORDS.items()}[fact["state"]]


def said(facts: Mapping[str, Mapping[str, str]]) -> tuple[Said, ...]:
    """The facts as other servers are told of them."""
    return tuple(
        Said(name, facts[name]["state"], facts[name].get("note", ""))
        for name in LABELS
        if name in facts
    )


def heard(told: Iterable[Said]) -> dict[str, dict[str, str]]:
    """What another server says, as far as we know such facts."""
    return {
        one.name: {"state": one.state, "note": one.note[:200]}
        for one in told
        if one.name in LABELS and one.state in STATES
    }
