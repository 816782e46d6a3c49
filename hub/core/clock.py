"""The one clock."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


@cache
def zones() -> frozenset[str]:
    """Every IANA time zone by its name; Python would walk the disk for them each time."""
    return frozenset(available_timezones())
