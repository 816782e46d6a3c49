"""Cursors and pages."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Invalid
from hub.entries.paging import MAX_CURSOR, Cursor, page


@dataclass
class Row:
    happens_at: datetime
    id: UUID


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_comes_back_as_it_was(at: datetime, row_id: UUID) -> None:
    cursor = Cursor(at, row_id)
    assert Cursor.decode(cursor.encode()) == cursor
    assert len(cursor.encode()) <= MAX_CURSOR


@given(st.text(max_size=80))
def test_any_other_text_is_refused_and_never_an_error_of_ours(text: str) -> None:
    with suppress(Invalid):
        assert isinstance(Cursor.decode(text), Cursor | None)


@pytest.mark.parametrize("text", ["x", "!" * 32, "é", "A" * 31])
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Cursor.decode(text)


def test_a_page_names_its_follower_only_if_there_is_one() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [Row(start + timedelta(days=i), uuid4()) for i in range(4)]
    assert page(rows, 4).next is None
    first = page(rows, 3)
    assert first.items == tuple(rows[:3])
    assert first.next is not None
    assert Cursor.decode(first.next) == Cursor(rows[2].happens_at, rows[2].id)
