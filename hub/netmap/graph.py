"""Points and links: who is there, and what two of them do together. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from hub.core.text import fold

Tie = Literal["together", "place"]
Names = dict[str, list[tuple[str, str]]]

MOST_WHY: Final = 5  # titles that say why two are linked
SHORTEST_NAME: Final = 4  # letters; what is shorter stands in too many words by chance
MOST_LINKS: Final = 1000  # of one graph, those held together first, and then by how much
MOST_AT_ONE_PLACE: Final = 50  # who are linked by a place: those who met there last


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An organisation; `key` is one for all that several hubs tell of it.

    `events` is how many it held in the time that was asked for, `words` what it can be found by.
    """

    key: str
    title: str
    path: str
    url: str
    origin: str
    words: str = ""
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event: who holds it by their keys, where (empty if unknown), and its folded words."""

    key: str
    title: str
    starts_at: datetime
    hosts: frozenset[str]
    place: str = ""
    place_title: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two that have to do with each other, by their keys, the lesser first.

    `tie` is together (they held events together) or place (they hold theirs at the same place).
    `count` is of how many events or places, `why` are the titles of some, the newest first, `last`
    when the last one is or was.
    """

    one: str
    other: str
    tie: Tie
    count: int
    why: tuple[str, ...]
    last: datetime


@dataclass(frozen=True, slots=True)
class Graph:
    """Who is linked, those with the most links first; how; and who is there without a link."""

    points: tuple[Point, ...]
    links: tuple[Link, ...]
    alone: tuple[Point, ...]


def names_of(points: Iterable[Point]) -> Names:
    """By which `named` finds who is meant: bare names and keys, by the first word of each."""
    found: Names = {}
    for point in points:
        name = _bare(point.title)
        if len(name) >= SHORTEST_NAME:
            found.setdefault(name.partition(" ")[0], []).append((name, point.key))
    return found


def named(words: str, names: Names) -> frozenset[str]:
    """The keys of all whose whole name stands in the words, such as “Choir and Mill Library”.

    The longest is looked for first, and what it takes is no other's.
    """
    bare = _bare(words)
    near = {name for word in set(bare.split()) for name in names.get(word, ())}
    rest, found = f" {bare} ", set()
    for name, key in sorted(near, key=_longest):
        wanted = f" {name} "
        if wanted in rest:
            found.add(key)
            rest = rest.replace(wanted, " | ")
    return frozenset(found)


def _longest(name: tuple[str, str]) -> tuple[int, str, str]:
    return -len(name[0]), *name


def _bare(words: str) -> str:
    """Folded words without the signs between them."""
    return " ".join("".join(c if c.isalnum() else " " for c in fold(words)).split())


def linked(points: Sequence[Point], happenings: Iterable[Happening], word: str = "") -> Graph:
    """The graph of these, narrowed to what has a folded `word` in it or in one of its hosts.

    It keeps no words: they are as long as everything that was read.
    """
    known = {point.key: point for point in points}
    wanted = [one for one in happenings if one.hosts & known.keys() and _fits(one, known, word)]
    every = sorted((*_together(wanted, known), *_at_one_place(wanted, known)), key=_order)
    links = every[:MOST_LINKS]
    held = _counted(wanted, known)
    degree = Counter(key for link in links for key in (link.one, link.other))
    counted = [replace(point, events=held.get(point.key, 0), words="") for point in points]
    inside = [point for point in counted if point.key in degree]
    outside = [
        point
        for point in counted
        if point.key not in degree and (word in known[point.key].words or point.key in held)
    ]
    return Graph(
        tuple(sorted(inside, key=lambda one: (-degree[one.key], fold(one.title), one.key))),
        tuple(links),
        tuple(sorted(outside, key=lambda one: (fold(one.title), one.key))),
    )


def _fits(one: Happening, known: Mapping[str, Point], word: str) -> bool:
    return word in one.words or any(word in known[key].words for key in one.hosts if key in known)


def _together(wanted: Sequence[Happening], known: Mapping[str, Point]) -> list[Link]:
    """Who held events together: each date counts, each title is said once."""
    pairs: dict[tuple[str, str], list[Happening]] = {}
    for one in wanted:
        for pair in itertools.combinations(sorted(one.hosts & known.keys()), 2):
            pairs.setdefault(pair, []).append(one)
    return [
        _link(pair, "together", [(one.title, one.starts_at) for one in found], len(found))
        for pair, found in pairs.items()
    ]


def _at_one_place(wanted: Sequence[Happening], known: Mapping[str, Point]) -> list[Link]:
    """Who hold their events at the same place, each place counted once."""
    places: dict[str, dict[str, datetime]] = {}
    titles: dict[str, str] = {}
    for one in wanted:
        if one.place:
            titles[one.place] = one.place_title
            for key in one.hosts & known.keys():
                met = places.setdefault(one.place, {})
                met[key] = max(met.get(key, one.starts_at), one.starts_at)
    pairs: dict[tuple[str, str], list[tuple[str, datetime]]] = {}
    for place, met in places.items():
        last_ones = heapq.nlargest(MOST_AT_ONE_PLACE, met, key=lambda key: (met[key], key))
        for one_key, other in itertools.combinations(sorted(last_ones), 2):
            last = min(met[one_key], met[other])
            pairs.setdefault((one_key, other), []).append((titles[place], last))
    return [_link(pair, "place", found, len(found)) for pair, found in pairs.items()]


def _link(pair: tuple[str, str], tie: Tie, why: list[tuple[str, datetime]], count: int) -> Link:
    newest = sorted(why, key=lambda one: one[1], reverse=True)
    titles = tuple(dict.fromkeys(title for title, _ in newest))[:MOST_WHY]
    return Link(one=pair[0], other=pair[1], tie=tie, count=count, why=titles, last=newest[0][1])


def _order(link: Link) -> tuple[bool, int, str, str]:
    return link.tie != "together", -link.count, link.one, link.other


def _counted(wanted: Iterable[Happening], known: Mapping[str, Point]) -> dict[str, int]:
    held: dict[str, int] = {}
    for one in wanted:
        for key in one.hosts & known.keys():
            held[key] = held.get(key, 0) + 1
    return held
