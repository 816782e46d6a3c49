"""Small numbers are not told, nor can they be found by subtraction (SECURITY D6). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FEWEST: Final = 5  # a count below it may be about somebody whom a neighbour recognises


def told(count: int) -> int | None:
    """The count, None if it is too small to be told; that there is nothing at all may be told."""
    return None if 0 < count < FEWEST else count


def line(counts: Sequence[int]) -> tuple[list[int | None], bool]:
    """The cells of a line whose sum is known, and whether that sum may be told.

    What is hidden is at least two cells that add up to FEWEST, or nothing: from the sum and the
    others nobody learns a small number. Where small cells alone are not enough, the smallest of the
    others are hidden with them; where there are none, the sum is not told.
    """
    shown: list[int | None] = [told(count) for count in counts]
    while not _is_safe(counts, shown):
        others = [(count, at) for at, count in enumerate(counts) if count and shown[at] is not None]
        if not others:
            return shown, False
        shown[min(others)[1]] = None
    return shown, True


def _is_safe(counts: Sequence[int], shown: Sequence[int | None]) -> bool:
    hidden = [count for count, cell in zip(counts, shown, strict=True) if cell is None]
    return not hidden or (len(hidden) > 1 and sum(hidden) >= FEWEST)
