"""What an import finds in a source, and what it says of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import orjson

from hub.core.words import Filled, filled, made, marked, packed, spoken, unpacked
from hub.events import wording

Outcome = Literal["new", "changed", "same", "over", "refused"]
ONLY_ONCE: Final = "FREQ=DAILY;COUNT=1"  # the rule of a series that has listed dates only
Members = dict[str, Any]  # the members of a draft, as JSON has them
WORLDWIDE: Final = "osm "  # how a key begins by which every source means the same


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row of a source, or would become of it.

    `row` says where it stands: a UID, or the number that a spreadsheet shows. `over` ones ended
    before today and are left out.
    """

    row: str
    title: str
    when: str
    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One date of a series; `occurs_at` is the start that the rule gives, in RFC 3339."""

    occurs_at: str
    members: Members


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How an event repeats, as `events.models.Series` has it, and what comes from today on.

    `coming` are the starts that the rule gives within the hub's horizon, `dates` those of them
    that differ from the others.
    """

    rule: str
    starts_at: str
    timezone: str
    exceptions: list[str]
    extra: list[str]
    coming: list[str]
    dates: list[Occurrence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing of a source.

    `key` finds it again at the next import, `fingerprint` tells whether it changed meanwhile.
    `refusal` is why we do not take it, in words; empty if we do. `over`: it ended before today.
    """

    key: str
    place: str
    kind: str
    title: str = ""
    when: str = ""
    members: Members = field(default_factory=dict)
    fingerprint: str = ""
    refusal: str = ""
    over: bool = False
    repeat: Repeat | None = None

    def verdict(self, outcome: Outcome, words: str) -> Verdict:
        """What is said of this row."""
        return Verdict(self.place, self.title, self._when_and_how_often(), outcome, words)

    def _when_and_how_often(self) -> str:
        """When it is, and of a series how it repeats; said in the language of whoever reads it."""
        if self.repeat is None or self.repeat.rule == ONLY_ONCE:
            return self.when
        when, rule = self.when, self.repeat.rule
        return made(lambda: f"{when}, {wording.words(rule, spoken())}")


def times(timezone: str, start: datetime, end: datetime | None) -> Members:
    """Start and end as members, on the clock of the place."""
    zone = ZoneInfo(timezone)
    return {
        "starts_at": start.astimezone(zone).isoformat(),
        "ends_at": end.astimezone(zone).isoformat() if end else None,
    }


def moved(members: Members, start: datetime) -> Members:
    """The members of the same event on another date, as long on the clock of the place."""
    zone = ZoneInfo(members["timezone"])
    end = None
    if members["ends_at"]:
        first, last = (
            datetime.fromisoformat(members[name]).astimezone(zone).replace(tzinfo=None)
            for name in ("starts_at", "ends_at")
        )
        local = start.astimezone(zone).replace(tzinfo=None)
        # Never backwards, where the clock is changed meanwhile.
        end = max((local + (last - first)).replace(tzinfo=zone), start + timedelta(minutes=1))
    return members | times(members["timezone"], start, end)


def digest(*parts: object) -> str:
    """The fingerprint of JSON values."""
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()


def dumps(rows: list[Row]) -> bytes:
    """The rows as JSON, for `loads`."""
    return orjson.dumps({"rows": [replace(row, refusal=packed(row.refusal)) for row in rows]})


def loads(document: Members) -> list[Row]:
    """The rows that `dumps` wrote, already parsed."""
    return [_row(one) for one in document["rows"]]


def _row(one: Members) -> Row:
    repeat = one.pop("repeat")
    if repeat is not None:
        dates = [Occurrence(**date) for date in repeat.pop("dates")]
        repeat = Repeat(**repeat, dates=dates)
    return Row(**one | {"refusal": unpacked(one["refusal"])}, repeat=repeat)


def short(moment: datetime, *, all_day: bool = False) -> str:
    """`2026-09-12 15:00`, as lists of an import show it."""
    return f"{moment:%Y-%m-%d}" if all_day else f"{moment:%Y-%m-%d %H:%M}"


def sentence(what: Filled, words: str) -> Filled:
    """What is wrong with something, in a whole sentence: `words` are one, or its predicate."""
    reason = marked(words)
    if words[:1].isupper():
        return filled("{what}: {reason}", what=what, reason=reason)
    if words.endswith("."):
        return filled("{what} {reason}", what=what, reason=reason)
    return filled("{what} {reason}.", what=what, reason=reason)
