"""Small numbers stay untold, also to whoever subtracts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.overview.gaps import Thing, by_kind, by_tag
from hub.overview.suppression import FEWEST, line

COUNTS = st.lists(st.integers(0, 12), min_size=1, max_size=10)


@given(COUNTS)
def test_no_small_number_is_told_or_found_by_subtraction(counts: list[int]) -> None:
    shown, may_be_summed = line(counts)
    assert all(cell is None or cell == count for cell, count in zip(shown, counts, strict=True))
    assert all(cell is None or cell == 0 or cell >= FEWEST for cell in shown)
    hidden = [count for cell, count in zip(shown, counts, strict=True) if cell is None]
    if may_be_summed and hidden:
        assert len(hidden) > 1
        assert sum(counts) - sum(cell or 0 for cell in shown) >= FEWEST


@given(COUNTS)
def test_numbers_that_are_large_enough_are_all_told(counts: list[int]) -> None:
    large = [count + FEWEST for count in counts]
    assert line(large) == (large, True)


def test_one_small_cell_takes_the_smallest_other_with_it() -> None:
    assert line([20, 3, 9]) == ([20, None, None], True)
    assert line([3, 0, 0]) == ([None, 0, 0], False)
    assert line([2, 3, 0]) == ([None, None, 0], True)


def _things(side: str, number: int, *tags: str, host: str = "a.example") -> list[Thing]:
    return [Thing(side, host, "item", tags)] * number


def test_wants_without_an_offer_of_their_kind_and_tag_are_counted() -> None:
    things = (
        _things("want", 12, "ladder") + _things("want", 6, "tent") + _things("offer", 7, "Tent")
    )
    (gap,), totals = by_kind(things)
    assert (gap.wants, gap.offers, gap.unanswered) == (18, 7, 12)
    assert totals == {"a.example": 25}
    ladder, tent = by_tag(things)
    assert (ladder.tag, ladder.wants, ladder.offers, ladder.unanswered) == ("ladder", 12, 0, 12)
    assert (tent.tag, tent.wants, tent.offers, tent.unanswered) == ("tent", 6, 7, 0)


def test_a_difference_that_is_small_hides_what_it_is_made_of() -> None:
    """Eleven wants of which three have an offer: eight would tell the three."""
    things = _things("want", 8, "ladder") + _things("want", 3, "tent") + _things("offer", 9, "tent")
    (gap,), _ = by_kind(things)
    assert (gap.wants, gap.offers, gap.unanswered) == (11, 9, None)


def test_a_hub_with_few_wants_tells_neither_them_nor_its_sum() -> None:
    (gap,), totals = by_kind(_things("want", 3, "ladder"))
    assert (gap.wants, gap.offers, gap.unanswered) == (None, 0, None)
    assert totals == {"a.example": None}
    assert by_tag(_things("want", 3, "ladder")) == []
