"""Matching: how often the offer that fits stands first, or among the first three, of 200.

The yardstick is ranking by words alone: no lists of synonyms, nothing but what both texts spell
alike. 200 wants and offers in five languages were written as neighbours write, each want with the
one offer that fits (`tests/fixtures/matching.txt`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hub.core.text import fold
from hub.exchange import matching, vocabulary
from hub.exchange.matching import Embedder, Thing
from hub.exchange.vocabulary import Words
from tests.benchmarks.rig import Ratio

PAIRS = Path(__file__).parent.parent / "fixtures" / "matching.txt"
MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
Reader = Callable[[str, str, str], Words]


def pairs(reader: Reader) -> tuple[list[Thing], list[Thing]]:
    """The wants, and at the same places the offers that fit them."""
    lines = [line for line in PAIRS.read_text().splitlines() if line and line[0] != "#"]
    sides = [line.split(" => ") for line in lines]
    return (
        [_thing(want, reader, want_=True) for want, _ in sides],
        [_thing(offer, reader, want_=False) for _, offer in sides],
    )


def _thing(text: str, reader: Reader, *, want_: bool) -> Thing:
    head, title, body = (part.strip() for part in text.split(" | "))
    language, kind, mode = head.split()
    return Thing(
        want=want_,
        kind=kind,
        mode=mode,
        words=reader(title, body, language),
        text=f"{title}. {body}",
        posted=MOMENT,
    )


def synonyms(title: str, body: str, language: str) -> Words:
    """Words as the hub reads them."""
    return vocabulary.read(title, body, language=language)


def spelling(title: str, body: str, _language: str) -> Words:
    """Words as they are spelled, all alike."""
    words = re.findall(r"\w{3,}", fold(f"{title} {body}"))
    return Words(dict.fromkeys(words, 1.0), {word: word for word in words})


def places(reader: Reader, embedder: Embedder | None = None) -> list[int | None]:
    """For each want, the place (from 0) at which its offer stands; None: nowhere."""
    wants, offers = pairs(reader)
    found = []
    for number, want in enumerate(wants):
        order = [fit.index for fit in matching.rank(want, offers, MOMENT, embedder)]
        found.append(order.index(number) if number in order else None)
    return found


def share(found: list[int | None], first: int) -> float:
    """How many of the offers stand among the `first`."""
    return sum(place is not None and place < first for place in found) / len(found)


def measure() -> list[Ratio]:
    """Top-1 and top-3, as shares of 200; the ratio is to ranking by spelling alone."""
    plain, hub = places(spelling), places(synonyms)
    return [
        Ratio(
            "M1" if first == 1 else "M3",
            f"the fitting offer among the first {first} of 200 ÷ by spelling alone",
            share(plain, first),
            share(hub, first),
            share(hub, first) / share(plain, first),
            "≥",
            1.5,
            "share of 200 wants",
        )
        for first in (1, 3)
    ]
