"""Whether two hubs tell of the same thing: careful, since what is merged wrongly is lost. Pure.

The same page is the same thing. Else it must be the same kind, the same place, a title of the same
words, and for events the same time. Numbers in titles must agree: “Course, part 2” is not part 1.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

from hub.core import text

TIMED: Final = "event"
KINDS: Final = frozenset({TIMED, "place", "organisation"})  # the kinds that several hubs tell of
CLOSE: Final = timedelta(minutes=15)  # between two starts: one of them counts the opening of doors
NEAR_M: Final = 150.0  # between two ways to say where a hall is
ALIKE: Final = 0.6  # of all words of both titles, those that both have
TELLING: Final = 2  # words that a title must have, to be found in a longer one
METRES: Final = 111_195.0  # in a degree of latitude
# Words that tell nothing, in the languages of the hub.
_IDLE: Final = frozenset(
    text.words(
        "a an the of in at on and for to with der die das den im am und mit für zu le la les du de "
        "des et au aux w na i z y yr ac ar"
    )
)


class Told(Protocol):
    """What is compared, as entries and their rows have it; the coordinates may be None."""

    kind: str
    title: str
    url: str
    place: str
    latitude: float | None
    longitude: float | None
    happens_at: datetime


def same(one: Told, other: Told) -> bool:
    """Whether both tell of the same thing; of many that are far apart, the words are not read."""
    if one.kind != other.kind or one.kind not in KINDS:
        return False
    if one.url == other.url:
        return True
    if one.kind == TIMED and abs(one.happens_at - other.happens_at) > CLOSE:
        return False
    if None in (one.latitude, one.longitude, other.latitude, other.longitude):
        return _same_words(one, other)
    return _metres(one, other) <= NEAR_M and _alike(one.title, other.title) >= ALIKE


def _same_words(one: Told, other: Told) -> bool:
    """Where not both say where on the map they are, their words must agree the more."""
    alike = _alike(one.title, other.title)
    places = words(one.place), words(other.place)
    if all(places):
        return alike >= ALIKE and (places[0] <= places[1] or places[1] <= places[0])
    return alike == 1.0 and len(words(one.title)) > TELLING


def _alike(one: str, other: str) -> float:
    """How much two titles agree, 0 to 1; wholly where one is the beginning of what other says."""
    first, second = words(one), words(other)
    if _numbers(first) != _numbers(second) or not first or not second:
        return 0.0
    if min(len(first), len(second)) >= TELLING and (first < second or second < first):
        return ALIKE
    return len(first & second) / len(first | second)


@lru_cache(maxsize=2048)
def words(title: str) -> frozenset[str]:
    """The words of a title that tell something."""
    return frozenset(text.words(title)) - _IDLE


def _numbers(found: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in found if any(sign.isdigit() for sign in word))


def _metres(one: Told, other: Told) -> float:
    """A flat map is right enough for a few hundred metres."""
    north = ((one.latitude or 0) - (other.latitude or 0)) * METRES
    narrow = math.cos(math.radians(one.latitude or 0))
    east = ((one.longitude or 0) - (other.longitude or 0)) * METRES * narrow
    return math.hypot(north, east)
