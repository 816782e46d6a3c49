"""Opening hours as OpenStreetMap writes them, told in the reader's language. Pure.

Read is what people use: days, times, `off` and `24/7`, rules parted by semicolons. What says more
(weeks, months, "by appointment") is shown as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import get_day_names

DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
HOLIDAYS: Final = "PH"
_DAY: Final = rf"(?:{'|'.join(DAYS)})"
_TIME: Final = r"(?:[01]?\d|2[0-4]):[0-5]\d"
_RULE: Final = re.compile(
    rf"(?:(?P<days>(?:{_DAY}(?:\s*-\s*{_DAY})?|{HOLIDAYS})"
    rf"(?:\s*,\s*(?:{_DAY}(?:\s*-\s*{_DAY})?|{HOLIDAYS}))*)\s*:?\s+)?"
    rf"(?P<times>{_TIME}\s*-\s*{_TIME}\+?(?:\s*,\s*{_TIME}\s*-\s*{_TIME}\+?)*|off|closed|24/7)"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """When it is open: `days` in words, empty for every day; `times` empty while it is closed.

    `holidays`: on public holidays too, or on them alone where there are no days. `always`: around
    the clock.
    """

    days: str
    holidays: bool
    times: str
    always: bool = False


def told(stated: str, language: str) -> tuple[Rule, ...]:
    """The rules of opening hours; empty where they are not written as we can read them."""
    found = [_RULE.fullmatch(part.strip()) for part in stated.split(";") if part.strip()]
    if not all(found):
        return ()
    return tuple(_rule(match, language) for match in found if match is not None)


def _rule(match: re.Match[str], language: str) -> Rule:
    days = [part.strip() for part in (match["days"] or "").split(",") if part.strip()]
    times = match["times"]
    return Rule(
        days=", ".join(_span(part, language) for part in days if part != HOLIDAYS),
        holidays=HOLIDAYS in days,
        times="" if times in {"off", "closed", "24/7"} else _tidy(times),
        always=times == "24/7",
    )


def _tidy(times: str) -> str:
    spans = (re.sub(r"\s*-\s*", "–", part.strip()) for part in times.split(","))
    return ", ".join(spans)


def _span(part: str, language: str) -> str:
    names = _names(language)
    ends = [names[DAYS.index(day.strip())] for day in part.split("-")]
    return "–".join(ends)


def _names(language: str) -> dict[int, str]:
    try:
        locale = Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    return dict(get_day_names("abbreviated", locale=locale))
