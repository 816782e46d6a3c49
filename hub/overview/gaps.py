"""Wants without offers, by category and hub and by tag, small numbers left out. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.core.text import fold
from hub.overview.figures import Gap
from hub.overview.suppression import line, told

KINDS: Final = ("item", "skill", "space", "time", "food")
MOST_THEMES: Final = 20  # tags, those that are wanted most


@dataclass(frozen=True, slots=True)
class Thing:
    """An offer or a want, as far as gaps are about it."""

    side: str
    host: str
    kind: str
    tags: Sequence[str]


def unanswered(things: Sequence[Thing]) -> list[Thing]:
    """The wants for which nothing is offered: of the same category, and with a tag in common."""
    offered = {
        (thing.kind, fold(tag)) for thing in things if thing.side == "offer" for tag in thing.tags
    }
    return [
        thing
        for thing in things
        if thing.side == "want"
        and not any((thing.kind, fold(tag)) in offered for tag in thing.tags)
    ]


def by_kind(things: Sequence[Thing]) -> tuple[list[Gap], dict[str, int | None]]:
    """Gaps of each hub by category, and how many offers and wants each hub has in all.

    Hubs publish that sum, so the numbers of one hub are a line of which it is known.
    """
    counts = Counter((thing.host, thing.side, thing.kind) for thing in things)
    open_wants = Counter((thing.host, thing.kind) for thing in unanswered(things))
    gaps: list[Gap] = []
    totals: dict[str, int | None] = {}
    for host in sorted({thing.host for thing in things}):
        cells = [counts[host, side, kind] for side in ("want", "offer") for kind in KINDS]
        shown, may_be_summed = line(cells)
        totals[host] = sum(cells) if may_be_summed else None
        for at, kind in enumerate(KINDS):
            wants, offers = cells[at], cells[at + len(KINDS)]
            if wants or offers:
                still = _open(wants, open_wants[host, kind], shown[at])
                gaps.append(Gap(kind, "", host, shown[at], shown[at + len(KINDS)], still))
    return gaps, totals


def by_tag(things: Sequence[Thing]) -> list[Gap]:
    """Gaps of the whole region by tag, those that are wanted most first."""
    wanted, offered = _by_tag(things, "want"), _by_tag(things, "offer")
    open_wants = _by_tag(unanswered(things), "want")
    found = []
    for tag in sorted(wanted, key=lambda one: (-wanted[one], one)):
        wants = told(wanted[tag])
        if wants is not None:
            still = _open(wanted[tag], open_wants.get(tag, 0), wants)
            found.append(Gap("", tag, "", wants, told(offered.get(tag, 0)), still))
    return found[:MOST_THEMES]


def _open(wants: int, still: int, shown: int | None) -> int | None:
    """How many are unanswered, unless that, or the difference, is too small to be told."""
    if shown is None:
        return None
    cells, _ = line((still, wants - still))
    return cells[0]


def _by_tag(things: Iterable[Thing], side: str) -> Mapping[str, int]:
    found: dict[str, int] = defaultdict(int)
    for thing in things:
        if thing.side == side:
            for tag in {fold(one) for one in thing.tags}:
                found[tag] += 1
    return found
