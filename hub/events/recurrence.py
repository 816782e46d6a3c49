"""Repeating dates: the rules that we take (RFC 5545 §3.3.10), and the moments they give.

A rule is walked day by day on the clock of the place, with a budget of days, so that one that
gives nothing for ever (`FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30`) costs milliseconds (SECURITY F4).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.core.errors import Invalid
from hub.core.words import filled, later

COUNT_MAX = 500  # dates of one series: ten years of a weekly meeting
INTERVAL_MAX = 1000
WEEK = 7
WEEKS_MAX = 53  # in a year
RULE_CHARS_MAX = 500
DAYS_BUDGET = 60_000  # days looked at in one walk: 160 years, 0.1 s
YEAR_MIN, YEAR_MAX = 1900, 2200  # nothing a neighbourhood plans lies outside
HORIZON = timedelta(days=2 * 366)  # how far from now anything is worked out
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
CLOCK_PARTS = ("BYHOUR", "BYMINUTE", "BYSECOND")
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_MOMENT = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An RRULE, taken apart.

    `weekdays` are (ordinal, weekday) with Monday 0 and ordinal 0 for "every"; `until` is a date,
    a moment on the clock of the place, or an aware one.
    """

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | datetime | None = None
    weekdays: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def check(rule: str) -> str:
    """The rule as we keep it: without `RRULE:`, in capitals.

    Raises:
        Invalid: it is not a rule, or one that we do not take.
    """
    text = re.sub(r"\s+", "", rule).upper().removeprefix("RRULE:").strip(";")
    parse(text)
    parts = (part for part in text.split(";") if part and not part.startswith(CLOCK_PARTS))
    return ";".join(parts)


def parse(rule: str) -> Rule:
    """The rule taken apart.

    Raises:
        Invalid: it is not a rule, or one that we do not take.
    """
    if len(rule) > RULE_CHARS_MAX:
        raise _refused(later("is too long"))
    parts: dict[str, str] = {}
    for part in filter(None, rule.split(";")):
        name, sign, value = part.partition("=")
        if not sign or not value or name in parts:
            raise _refused(filled("“{part}” does not make sense", part=part[:40]))
        parts[name] = value
    return _rule(parts)


def starts(
    rule: str | None,
    starts_at: datetime,
    timezone: str,
    exceptions: Iterable[str | datetime] = (),
    extra: Iterable[str | datetime] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = COUNT_MAX,
) -> list[datetime]:
    """The starts in [since, until], in UTC, earliest first; at most `limit` and 500.

    The first start is a date of the series even where the rule would not give it, unless it is an
    exception. Without `since` they begin with the first; without `until` they end at the horizon.

    Raises:
        Invalid: the rule is not one that we take, or it would take too long to work out.
    """
    if not YEAR_MIN <= starts_at.year <= YEAR_MAX:
        raise _refused(
            filled("must begin between {first} and {last}", first=YEAR_MIN, last=YEAR_MAX)
        )
    first = starts_at.astimezone(UTC)
    since = since or datetime.min.replace(tzinfo=UTC)
    last = datetime.now(UTC) + HORIZON if until is None else until
    limit = min(limit, COUNT_MAX)
    without = {_moment(value) for value in exceptions}
    beside = {first, *map(_moment, extra)}
    found = {moment for moment in beside if since <= moment <= last}
    if rule:
        for moment in _walk(parse(rule), first, ZoneInfo(timezone), since, last):
            if moment < since or moment in without:
                continue
            found.add(moment)
            if len(found) >= limit + len(beside):  # the earliest of the two kinds are wanted
                break
    return sorted(found - without)[:limit]


def _refused(reason: str) -> Invalid:
    """The refusal of a rule, for callers to raise."""
    return Invalid(filled("The repetition {reason}.", reason=reason), {"recurrence": reason})


def _rule(parts: dict[str, str]) -> Rule:
    """The rule of its parts, each within its range."""
    frequency = parts.pop("FREQ", "")
    if frequency not in FREQUENCIES:
        raise _refused("must be daily, weekly, monthly or yearly")
    for name in CLOCK_PARTS:  # one hour is the start's own; several would be several events a day
        if "," in parts.pop(name, ""):
            raise _refused("can only be once a day")
    count = _whole(parts.pop("COUNT", ""), "COUNT", 1, COUNT_MAX)
    weekdays = tuple(map(_weekday, filter(None, parts.pop("BYDAY", "").split(","))))
    positions = _wholes(parts.pop("BYSETPOS", ""), "BYSETPOS", 366)
    if frequency == "MONTHLY" and len(weekdays) == len(positions) == 1 and not weekdays[0][0]:
        # The two ways of saying "the second Tuesday" are one to us.
        weekdays, positions = ((positions[0], weekdays[0][1]),), ()
    rule = Rule(
        frequency=frequency,
        interval=_whole(parts.pop("INTERVAL", ""), "INTERVAL", 1, INTERVAL_MAX) or 1,
        count=count,
        until=_until(parts.pop("UNTIL", "")),
        weekdays=weekdays,
        month_days=_wholes(parts.pop("BYMONTHDAY", ""), "BYMONTHDAY", 31),
        months=tuple(n for n in _wholes(parts.pop("BYMONTH", ""), "BYMONTH", 12) if n > 0),
        positions=positions,
        week_start=_weekday(parts.pop("WKST", "MO"))[1],
    )
    if parts:
        raise _refused(f"uses {', '.join(sorted(parts))[:60]}, which we do not understand")
    return rule


def _whole(text: str, name: str, least: int, most: int) -> int | None:
    """The number, or None where there is none."""
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,6}", text) or not least <= int(text) <= most:
        raise _refused(f"has {name}={text[:20]}; it must be {least} to {most}")
    return int(text)


def _wholes(text: str, name: str, most: int) -> tuple[int, ...]:
    """The numbers, each counted from either end, none of them 0."""
    found = [_whole(part, name, -most, most) for part in filter(None, text.split(","))]
    if 0 in found:
        raise _refused(f"has {name}=0")
    return tuple(sorted({number for number in found if number is not None}))


def _weekday(text: str) -> tuple[int, int]:
    """The ordinal and the weekday."""
    match = _WEEKDAY.fullmatch(text)
    if match is None or abs(int(match[1] or 0)) > WEEKS_MAX:
        raise _refused(f"names a weekday “{text[:20]}” that there is not")
    return int(match[1] or 0), WEEKDAYS.index(match[2])


def _until(text: str) -> date | datetime | None:
    """The last day or moment of a rule."""
    if not text:
        return None
    match = _MOMENT.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        day = datetime.strptime(match[1], "%Y%m%d").date()  # noqa: DTZ007  # a day has no zone
        if match[2] is None:
            return day
        clock = time(int(match[2][:2]), int(match[2][2:4]), min(int(match[2][4:]), 59))
        return datetime.combine(day, clock, UTC if match[3] else None)
    except ValueError as error:
        raise _refused(f"ends on “{text[:20]}”, which is not a date") from error


def _moment(value: str | datetime) -> datetime:
    """The moment in UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)


def _walk(
    rule: Rule, first: datetime, zone: ZoneInfo, since: datetime, last: datetime
) -> Iterator[datetime]:
    """The starts that the rule gives up to `last`, without the first one."""
    local = first.astimezone(zone)
    left = None if rule.count is None else rule.count - 1  # the first counts too
    # Far behind `since` nothing is needed, unless it has to be counted.
    near = local.date() if left is not None else max(local.date(), _day_before(since, zone))
    for day in _days(rule, local.date(), near, _day_after(last, zone)):
        # fold=0: of a doubled hour the first, and a skipped one moves on by an hour (§3.3.5).
        moment = datetime.combine(day, local.time(), zone).astimezone(UTC)
        if moment <= first:
            continue
        if moment > last or left == 0 or _is_past(rule.until, day, moment, zone):
            return
        left = None if left is None else left - 1
        yield moment


def _day_before(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date() if moment.year > MINYEAR else date.min


def _day_after(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date() if moment.year < MAXYEAR else date.max


def _is_past(end: date | datetime | None, day: date, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether a start lies after the rule's end."""
    if end is None:
        return False
    if not isinstance(end, datetime):
        return day > end
    return moment > (end if end.tzinfo else end.replace(tzinfo=zone)).astimezone(UTC)


def _days(rule: Rule, first: date, near: date, last: date) -> Iterator[date]:
    """The days of the rule, in order, from the period of `near` on."""
    looked_at = 0
    for period in _periods(rule, first, near, last):
        looked_at += len(period)
        if looked_at > DAYS_BUDGET:
            raise _refused("would take too long to work out")
        days = [day for day in period if _fits(rule, first, day)]
        if rule.positions:
            picked = {p - 1 if p > 0 else len(days) + p for p in rule.positions}
            days = [day for at, day in enumerate(days) if at in picked]
        yield from days


def _periods(rule: Rule, first: date, near: date, last: date) -> Iterator[list[date]]:
    """The days of each day, week, month or year that the interval meets."""
    step = rule.interval
    if rule.frequency in {"DAILY", "WEEKLY"}:
        length = 1 if rule.frequency == "DAILY" else WEEK
        start = first.toordinal()
        if length == WEEK:
            start -= (first.weekday() - rule.week_start) % WEEK
        start += max(0, (near.toordinal() - start) // (step * length)) * step * length
        for day in range(start, last.toordinal() + 1, step * length):
            yield [date.fromordinal(n) for n in range(max(day, 1), day + length) if n <= _LAST_DAY]
        return
    length = 1 if rule.frequency == "MONTHLY" else 12
    start = first.year * 12 + (first.month - 1 if length == 1 else 0)
    wanted = near.year * 12 + near.month - 1
    start += max(0, (wanted - start) // (step * length)) * step * length
    for month in range(start, last.year * 12 + last.month, step * length):
        yield [day for n in range(month, month + length) for day in _month(n // 12, n % 12 + 1)]


_LAST_DAY = date.max.toordinal()


def _month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]


def _fits(rule: Rule, first: date, day: date) -> bool:
    """Whether the rule means this day of a period that it meets (RFC 5545 §3.3.10, its table)."""
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days:
        from_end = day.day - monthrange(day.year, day.month)[1] - 1
        if day.day not in rule.month_days and from_end not in rule.month_days:
            return False
    if rule.weekdays:
        return any(_is_weekday(rule, wanted, day) for wanted in rule.weekdays)
    if rule.month_days or rule.frequency == "DAILY":
        return True
    if rule.frequency == "WEEKLY":
        return day.weekday() == first.weekday()
    in_month = rule.frequency == "MONTHLY" or rule.months or day.month == first.month
    return bool(in_month) and day.day == first.day


def _is_weekday(rule: Rule, wanted: tuple[int, int], day: date) -> bool:
    """Whether the day is the weekday, and the n-th of its month or year."""
    ordinal, weekday = wanted
    if day.weekday() != weekday:
        return False
    if not ordinal or rule.frequency in {"DAILY", "WEEKLY"}:
        return True
    if rule.frequency == "YEARLY" and not rule.months:
        begin, end = date(day.year, 1, 1), date(day.year, 12, 31)
    else:
        begin, end = day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    if ordinal > 0:
        return (day - begin).days // WEEK + 1 == ordinal
    return (end - day).days // WEEK + 1 == -ordinal
