"""Drafts of offers and wants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Invalid
from hub.exchange.schemas import ListingDraft, listing_draft, snapped


def draft(**members: Any) -> ListingDraft:
    return listing_draft({"title": "Kids' bike", **members}, timezone="Europe/Berlin")


def test_d5_home_is_blurred_before_anything_else_sees_it() -> None:
    made = draft(latitude=50.934561, longitude=6.939143)
    assert (made.latitude, made.longitude) == (50.93, 6.94)


@given(st.floats(-180, 180))
def test_d5_snapped_place_is_near_has_two_decimals_and_stays(degrees: float) -> None:
    there = snapped(degrees)
    assert abs(there - degrees) <= 0.0051
    assert snapped(there) == there
    assert len(f"{there}".partition(".")[2]) <= 2


@pytest.mark.parametrize(
    ("given_", "kept"), [(1, "1"), ("2.50", "2.5"), (0.5, "0.5"), ("1e2", "100"), (None, "1")]
)
def test_quantity_is_a_decimal_number_as_text(given_: object, kept: str) -> None:
    assert draft(quantity=given_).quantity == kept


@pytest.mark.parametrize("quantity", [0, -1, "some", "NaN", "inf", 1e9, True, "1e-9", [1]])
def test_quantity_is_positive_and_no_nonsense(quantity: object) -> None:
    with pytest.raises(Invalid) as caught:
        draft(quantity=quantity)
    assert "quantity" in caught.value.fields


def test_a_day_alone_means_until_it_is_over() -> None:
    assert draft(expires_at="2026-09-30").expires_at == datetime(
        2026, 9, 30, 21, 59, 59, tzinfo=UTC
    )


def test_it_ends_after_it_begins() -> None:
    with pytest.raises(Invalid) as caught:
        draft(available_from="2026-09-30", expires_at="2026-09-29")
    assert caught.value.fields == {"expires_at": "must be after available_from"}


@pytest.mark.parametrize(
    ("member", "value"), [("kind", "house"), ("mode", "steal"), ("status", "x")]
)
def test_unknown_words_are_refused(member: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        draft(**{member: value})
    assert member in caught.value.fields


def test_api_default_is_public() -> None:
    assert draft().visibility == "public"
