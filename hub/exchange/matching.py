"""How well an offer fits a want, and why. Pure: no database, no network, no model.

A score is a product: what both speak of, times how kind, manner, days and distance agree, times how
fresh it is. Each factor lies between 0 and 1, so none can hide that two things have no word in
common. An `Embedder`, where one is installed, finds likeness that no list of words knows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from hub.core.words import later, say
from hub.exchange.vocabulary import Words

GOOD_ENOUGH: Final = 0.12  # a fit below this is not shown
MOST_SHARED: Final = 3  # words named as a reason
UNKNOWN_PLACE: Final = 0.8
HALF_AS_FRESH: Final = timedelta(days=60)
NEW: Final = timedelta(days=7)
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
METRES_PER_DEGREE: Final = 111_195.0

# Places are known to a kilometre, so distances are told in bands. (Up to so many km, what it
# counts, what is said.)
BANDS: Final = (
    (1.5, 1.0, later("close by")),
    (3.5, 0.95, later("about 2 km")),
    (7.5, 0.85, later("about 5 km")),
    (15.0, 0.7, later("about 10 km")),
    (35.0, 0.5, later("about 25 km")),
    (math.inf, 0.3, later("far away")),
)
# How well another kind of thing does instead: who wants a skill may be helped by time.
KINDS: Final = {
    frozenset(("skill", "time")): 0.8,
    frozenset(("item", "food")): 0.4,
    frozenset(("item", "space")): 0.35,
    frozenset(("item", "skill")): 0.35,
    frozenset(("space", "time")): 0.3,
    frozenset(("item", "time")): 0.3,
    frozenset(("space", "skill")): 0.3,
}
OTHER_KIND: Final = 0.2
# How the want would have it → how the offer gives it. People choose loosely, so few are low.
MODES: Final = {
    ("give", "lend"): 0.75,
    ("give", "swap"): 0.7,
    ("give", "share"): 0.85,
    ("give", "sell"): 0.5,
    ("lend", "give"): 0.95,
    ("lend", "swap"): 0.6,
    ("lend", "share"): 0.95,
    ("lend", "sell"): 0.5,
    ("swap", "give"): 0.95,
    ("swap", "lend"): 0.7,
    ("swap", "share"): 0.8,
    ("swap", "sell"): 0.6,
    ("share", "give"): 0.95,
    ("share", "lend"): 0.95,
    ("share", "swap"): 0.7,
    ("share", "sell"): 0.5,
    ("sell", "give"): 0.95,
    ("sell", "lend"): 0.7,
    ("sell", "swap"): 0.7,
    ("sell", "share"): 0.75,
}
NEVER_TOGETHER: Final = 0.2  # one is over before the other begins
OTHER_DAYS: Final = 0.7
OTHER_LANGUAGE: Final = 0.7  # they will manage, but not as easily

BOTH: Final = "both: "

Cause = Literal["words", "meaning", "near", "days", "new"]


class Embedder(Protocol):
    """What knows how alike texts are beyond their words; optional."""

    def likeness(self, text: str, others: Sequence[str]) -> list[float]:
        """How alike each of `others` is to `text`, from 0 to 1."""
        ...


@dataclass(frozen=True, kw_only=True)
class Thing:
    """An offer or a want as it is compared; the place is the centre of its cell.

    `company`: a want of somebody to go with.
    """

    want: bool
    company: bool = False
    kind: str
    mode: str
    words: Words
    text: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    place: tuple[float, float] | None = None
    posted: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for a fit; `value` in words."""

    cause: Cause
    value: str

    def __str__(self) -> str:
        return f"{BOTH}{self.value}" if self.cause == "words" else self.value


@dataclass(frozen=True, slots=True)
class Fit:
    """How well something fits, from 0 to 1, and why; `index` is its place among the others."""

    index: int
    score: float
    reasons: tuple[Reason, ...]

    def in_words(self) -> str:
        """The reasons as one line: “both: ladder · close by · weekends”."""
        return " · ".join(map(str, self.reasons))


def in_words(reason: str) -> str:
    """A reason as it was kept, in the language that is spoken now; shared words stay."""
    if reason.startswith(BOTH):
        return say("both: {words}").format(words=reason.removeprefix(BOTH))
    return ", ".join(say(part) for part in reason.split(", "))


def rank(
    asked: Thing, others: Sequence[Thing], moment: datetime, embedder: Embedder | None = None
) -> list[Fit]:
    """Those of `others` that fit at all, the best first."""
    rare = _rarity(asked, others)
    meant = [0.0] * len(others)
    if embedder is not None and others:
        meant = embedder.likeness(asked.text, [other.text for other in others])
    fits = [
        _fit(index, asked, other, rare, meant[index], moment) for index, other in enumerate(others)
    ]
    found = [fit for fit in fits if fit.score > 0]
    return sorted(found, key=lambda fit: (-fit.score, fit.index))


def _fit(
    index: int,
    asked: Thing,
    other: Thing,
    rare: dict[str, float],
    meant: float,
    moment: datetime,
) -> Fit:
    alike = _alike(asked.words, other.words, rare)
    likeness = alike + (1 - alike) * meant
    want, offer = (asked, other) if asked.want else (other, asked)
    near, band = _nearness(asked.place, other.place)
    together, days = _together(asked, other)
    age = max(moment - other.posted, timedelta(0))
    score = (
        likeness
        * (1.0 if want.kind == offer.kind else KINDS.get(_both(want, offer), OTHER_KIND))
        * (1.0 if asked.company and other.company else MODES.get((want.mode, offer.mode), 1.0))
        * near
        * together
        * (OTHER_LANGUAGE if asked.words.language != other.words.language else 1.0)
        * (0.8 + 0.2 * 0.5 ** (age / HALF_AS_FRESH))
    )
    reasons = [
        Reason("words", ", ".join(_shared(asked.words, other.words, rare))) if alike else None,
        Reason("meaning", later("similar in meaning")) if meant and not alike else None,
        Reason("near", band) if band else None,
        Reason("days", days) if days else None,
        Reason("new", later("new")) if age <= NEW else None,
    ]
    return Fit(index, score, tuple(reason for reason in reasons if reason is not None))


def _both(want: Thing, offer: Thing) -> frozenset[str]:
    return frozenset((want.kind, offer.kind))


def _rarity(asked: Thing, others: Sequence[Thing]) -> dict[str, float]:
    """What each word weighs: the fewer say it, the more."""
    seen = Counter(term for thing in (asked, *others) for term in thing.words.weights)
    return {term: 1 + math.log((len(others) + 1) / times) for term, times in seen.items()}


def _alike(one: Words, other: Words, rare: dict[str, float]) -> float:
    """The cosine of both texts' weighted words."""
    shared = sum(
        weight * other.weights[term] * rare[term] ** 2
        for term, weight in one.weights.items()
        if term in other.weights
    )
    return shared / (_length(one, rare) * _length(other, rare)) if shared else 0.0


def _length(words: Words, rare: dict[str, float]) -> float:
    return math.sqrt(sum((weight * rare[term]) ** 2 for term, weight in words.weights.items()))


def _shared(one: Words, other: Words, rare: dict[str, float]) -> list[str]:
    """The words of `one` that `other` shares, as `one` says them, the weightiest first."""
    terms = [term for term in one.weights if term in other.weights]
    terms.sort(key=lambda term: -one.weights[term] * other.weights[term] * rare[term])
    said = dict.fromkeys(one.said[term] for term in terms)
    return list(said)[:MOST_SHARED]


def _nearness(
    one: tuple[float, float] | None, other: tuple[float, float] | None
) -> tuple[float, str]:
    """What the distance counts, and its band in words; none where a place is not known."""
    if one is None or other is None:
        return UNKNOWN_PLACE, ""
    apart = abs(one[1] - other[1])
    east = min(apart, 360 - apart) * math.cos(math.radians((one[0] + other[0]) / 2))
    kilometres = math.hypot(one[0] - other[0], east) * METRES_PER_DEGREE / 1000
    return next((counts, words) for most, counts, words in BANDS if kilometres <= most)


def _together(one: Thing, other: Thing) -> tuple[float, str]:
    """What their times count, and the days that both name."""
    over = (
        (one.ends is not None and other.begins is not None and one.ends <= other.begins)
        or (other.ends is not None and one.begins is not None and other.ends <= one.begins)
    )  # fmt: skip
    if over:
        return NEVER_TOGETHER, ""
    days = {*DAYS}
    mine, theirs = one.words.times & days, other.words.times & days
    if mine and theirs and not mine & theirs:
        return OTHER_DAYS, ""
    return 1.0, _days_in_words(one.words.times & other.words.times)


def _days_in_words(times: frozenset[str]) -> str:
    if {"sat", "sun"} <= times and not times & {"mon", "tue", "wed", "thu", "fri"}:
        times = (times - {"sat", "sun"}) | {"weekend"}
    order = (*DAYS, "weekend", "morning", "afternoon", "evening")
    return ", ".join(NAMES[time] for time in order if time in times)


NAMES: Final = {
    "mon": later("Mondays"),
    "tue": later("Tuesdays"),
    "wed": later("Wednesdays"),
    "thu": later("Thursdays"),
    "fri": later("Fridays"),
    "sat": later("Saturdays"),
    "sun": later("Sundays"),
    "weekend": later("weekends"),
    "morning": later("mornings"),
    "afternoon": later("afternoons"),
    "evening": later("evenings"),
}
