"""When a request was signed: dates as HTTP writes them, and the time in which that counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

from federation.errors import SignatureInvalid

PAST = timedelta(hours=1)
"""How old a signature may be: queues hold requests, and few of them longer."""
FUTURE = timedelta(hours=1)
"""How far ahead a peer's clock may be."""

_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|[+-]0000)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which a signature counts."""

    now: datetime
    past: timedelta
    future: timedelta

    def check(self, made: datetime) -> None:
        """Nothing, if it was made in this time.

        Raises:
            SignatureInvalid: it is older, or of the future.
        """
        if not self.now - self.past <= made <= self.now + self.future:
            raise SignatureInvalid("the signature is too old, or of the future")

    def check_end(self, expires: float) -> None:
        """Nothing, if it has not ended yet; `expires` in seconds since 1970.

        Raises:
            SignatureInvalid: it has.
        """
        if expires < self.now.timestamp():
            raise SignatureInvalid("the signature has expired")


def http_date(moment: datetime) -> str:
    """A moment as `Date` has it, to the second."""
    return _date_of_second(int(moment.timestamp()))


@lru_cache(maxsize=8)
def _date_of_second(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)


def from_http_date(text: str) -> datetime:
    """The moment in a `Date` header, in the form that all peers send (RFC 9110 §5.6.7).

    Raises:
        SignatureInvalid: it is none.
    """
    found = _DATE.fullmatch(text)
    if found is None or found.group(2) not in _MONTHS:
        raise SignatureInvalid("the date cannot be read")
    day, month, year, hour, minute, second = found.groups()
    numbers = (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
    try:
        return datetime(*numbers, tzinfo=UTC)
    except ValueError as error:
        raise SignatureInvalid("the date cannot be read") from error


def from_seconds(seconds: float) -> datetime:
    """The moment so many seconds after 1970.

    Raises:
        SignatureInvalid: no calendar reaches so far.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SignatureInvalid("a time of the signature is no time") from error
