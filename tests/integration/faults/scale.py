"""How long a rig runs, and where its figures go.

In `make test` each rig runs its short version; `make soak` sets HUB_SOAK (a share of the full
length: 1 is all of it) and HUB_SOAK_FIGURES, the file that gathers what was counted.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARE = float(os.environ.get("HUB_SOAK", "0"))
SOAK = SHARE > 0
ENGINE = os.environ.get("HUB_TEST_DATABASE", "sqlite")


def scaled(short: int, full: int) -> int:
    """How many: `short` in `make test`, the share of `full` that was asked for in `make soak`."""
    return max(short, round(full * SHARE)) if SOAK else short


def patience(short_s: float, full_s: float) -> float:
    """A guard against hanging, in seconds."""
    return full_s if SOAK else short_s


def note(rig: str, what: str, **figures: float) -> None:
    """Keep the figures of a rig that passed, for docs/reliability.md."""
    if (name := os.environ.get("HUB_SOAK_FIGURES")) is None:
        return
    line = {"rig": rig, "what": what, "database": ENGINE, "figures": figures}
    with Path(name).open("a") as file:
        file.write(json.dumps(line) + "\n")


@contextmanager
def noted(rig: str, what: str) -> Iterator[dict[str, float]]:
    """Figures to fill in; kept, with the seconds it took, when the block ends well."""
    figures: dict[str, float] = {}
    begun = time.monotonic()
    yield figures
    note(rig, what, **figures, seconds=round(time.monotonic() - begun))
