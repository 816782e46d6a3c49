"""Which kinds of entries the map shows, and how: each room adds its own (`hub/events/queries.py`).

The map reads `entry` alone; what has coordinates is on it as soon as its kind has a layer here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement


def _all(_moment: datetime) -> Sequence[ColumnElement[bool]]:
    return ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of entry on the map.

    `words` name it in the plural (`later("Events")`), `sign` is its icon. Those that `happen` come
    soonest first, and can be asked for by time. What is only known to a `cell`, in degrees, is
    shown as an area. `current` narrows what is there at a moment further than `relevant_until`.
    """

    kind: str
    words: str
    sign: str
    happens: bool = False
    cell: float = 0.0
    current: Callable[[datetime], Sequence[ColumnElement[bool]]] = _all


LAYERS: Final[dict[str, Layer]] = {}


def add(layer: Layer) -> None:
    """Put a kind on the map."""
    LAYERS[layer.kind] = layer
