"""Which kinds of entries the map shows, and how: each room adds its own (`hub/events/queries.py`).

The map reads `entry` alone; what has coordinates is on it as soon as its kind has a layer here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, select


def _all(_moment: datetime) -> Sequence[ColumnElement[bool]]:
    return ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of entry on the map.

    `words` name it in the plural (`later("Events")`), `sign` is its icon. Those that `happen` come
    soonest first, and can be asked for by time. What is only known to a `cell`, in degrees, is
    shown as an area. `current` narrows what is there at a moment further than `relevant_until`.
    `access` narrows an entry, which may be an alias, to those that say yes to facts about getting
    in, with commas; None where nothing is known of that.
    """

    kind: str
    words: str
    sign: str
    happens: bool = False
    cell: float = 0.0
    current: Callable[[datetime], Sequence[ColumnElement[bool]]] = _all
    access: Callable[[str, Any], ColumnElement[bool]] | None = None


LAYERS: Final[dict[str, Layer]] = {}


def add(layer: Layer) -> None:
    """Put a kind on the map."""
    LAYERS[layer.kind] = layer


def listed() -> list[Layer]:
    """All of them as pages name them: what happens first."""
    return sorted(LAYERS.values(), key=lambda layer: not layer.happens)


def saying_yes(table: FromClause, facts: str, entry: Any) -> ColumnElement[bool]:
    """Said of `entry`, which may be an alias: its row in this table says yes to all these facts."""
    rows = table.alias()
    known = [rows.c.access_facts[name]["state"].as_string() == "yes" for name in facts.split(",")]
    found: ColumnElement[bool] = entry.id.in_(select(rows.c.id).where(*known))
    return found
