"""Rules of repetition in words: "the second Tuesday of every month, not in August"."""

from __future__ import annotations

from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.lists import format_list

from hub.events.phrases import PHRASES, Phrases
from hub.events.recurrence import FREQUENCIES, Rule, parse

EVERY_OTHER: Final = 2
MONTHS: Final = range(1, 13)
FEW_MONTHS: Final = 5  # left out, rather than the others named


def words(rule: str, language: str) -> str:
    """The rule in words: "every second Tuesday"; English where we do not speak the language.

    Raises:
        Invalid: the rule is not one that we take.
    """
    parsed = parse(rule)
    try:
        locale = Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    phrases = PHRASES.get(locale.language)
    if phrases is None:
        phrases, locale = PHRASES["en"], Locale("en")
    text = _pattern_words(parsed, phrases, locale)
    text += _months_words(parsed, phrases, locale)
    if parsed.count:
        text += phrases.times.format(n=parsed.count)
    if parsed.until:
        text += phrases.until.format(day=format_date(parsed.until, "long", locale=locale))
    return text


def _months_words(rule: Rule, phrases: Phrases, locale: Locale) -> str:
    """Which months count, or which few of them do not."""
    if not rule.months:
        return ""
    name = locale.months["format"]["wide"]
    if rule.frequency == "YEARLY":
        return f" ({', '.join(name[month] for month in rule.months)})"
    without = [month for month in MONTHS if month not in rule.months]
    chosen, said = (without, phrases.not_in) if len(without) <= FEW_MONTHS else (rule.months, "")
    months = format_list([name[month] for month in chosen], locale=locale)
    return (said or phrases.only_in).format(months=months) if chosen else ""


def _pattern_words(rule: Rule, phrases: Phrases, locale: Locale) -> str:
    """The rule in words, without months and end."""
    name = locale.days["format"]["wide"]
    days = [name[weekday] for _, weekday in sorted(rule.weekdays, key=lambda one: one[1])]
    every = _every(rule, phrases)
    if rule.frequency == "DAILY":
        return phrases.second_day if rule.interval == EVERY_OTHER else every
    if rule.frequency == "WEEKLY" and days:
        if rule.interval == 1:
            said = format_list([phrases.plural.format(day=day) for day in days], locale=locale)
            return phrases.weekday.format(days=said)
        if rule.interval == EVERY_OTHER and len(days) == 1:
            return phrases.second_weekday.format(days=days[0], day=days[0])
        return f"{every} ({', '.join(days)})"
    if rule.frequency == "MONTHLY" and not rule.positions:
        return _monthly_words(rule, phrases, locale, days)
    return _in_detail(rule, phrases, days, every)


def _every(rule: Rule, phrases: Phrases) -> str:
    at = FREQUENCIES.index(rule.frequency)
    return phrases.every[at] if rule.interval == 1 else phrases.every_n[at].format(n=rule.interval)


def _monthly_words(rule: Rule, phrases: Phrases, locale: Locale, days: list[str]) -> str:
    """What day of the month, in words."""
    every = _every(rule, phrases)
    ordinals = [ordinal for ordinal, _ in rule.weekdays]
    if len(set(days)) == 1 and not rule.month_days and set(ordinals) <= phrases.ordinals.keys():
        which = format_list([phrases.ordinals[n] for n in ordinals], locale=locale)
        if rule.interval == 1:
            return phrases.ordinal_weekday.format(which=which, day=days[0])
        return f"{every} ({which} {days[0]})"
    if len(rule.month_days) == 1 and not days and rule.interval == 1:
        day = rule.month_days[0]
        if day == -1:
            return phrases.last_day
        if day > 0:
            return phrases.month_day.format(n=day)
    return _in_detail(rule, phrases, days, every)


def _in_detail(rule: Rule, phrases: Phrases, days: list[str], every: str) -> str:
    """What has no sentence of its own: "every year (second Sunday)"."""
    ordinals = [ordinal for ordinal, _ in sorted(rule.weekdays, key=lambda one: one[1])]
    named = [
        f"{phrases.ordinals.get(ordinal, f'{ordinal}.')} {day}" if ordinal else day
        for ordinal, day in zip(ordinals, days, strict=True)
    ]
    parts = named + [f"{day}." for day in rule.month_days]
    picked = [phrases.ordinals.get(n, f"{n}.") for n in rule.positions]
    details = "; ".join(filter(None, (", ".join(picked), ", ".join(parts))))
    return f"{every} ({details})" if details else every
