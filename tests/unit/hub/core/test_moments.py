"""Moments on their way into the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from hub.core.moments import UTCDateTime

SUMMER = datetime(2027, 7, 1, 20, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def _written(moment: datetime | None) -> object:
    write = UTCDateTime().bind_processor(sqlite.dialect())
    assert write is not None
    return write(moment)


@pytest.mark.parametrize(
    "moment",
    [SUMMER, SUMMER.astimezone(UTC), SUMMER.astimezone(timezone(-timedelta(hours=5)))],
)
def test_sqlite_keeps_text_in_utc_by_which_moments_are_sorted(moment: datetime) -> None:
    assert _written(moment) == "2027-07-01 18:30:00.000000"
    assert _written(moment + timedelta(microseconds=1)) == "2027-07-01 18:30:00.000001"
    read = UTCDateTime().result_processor(sqlite.dialect(), None)
    assert read is not None
    assert read(_written(moment)) == moment


def test_no_moment_is_none() -> None:
    assert _written(None) is None


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime(2027, 7, 1)  # noqa: DTZ001 - that is what is refused
    with pytest.raises(ValueError, match="zone"):
        _written(naive)
    with pytest.raises(ValueError, match="zone"):
        UTCDateTime().process_bind_param(naive, postgresql.dialect())  # type: ignore[no-untyped-call]
