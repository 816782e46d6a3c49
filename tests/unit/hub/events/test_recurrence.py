"""Rules and the dates they give; dateutil is the second opinion."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.errors import Invalid
from hub.events import recurrence, wording

BERLIN = "Europe/Berlin"


def local(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def clock(text: str) -> datetime:
    return datetime.fromisoformat(text)


def days(rule: str, first: str, until: str, **more: Any) -> list[str]:
    found = recurrence.starts(
        recurrence.check(rule), local(first), BERLIN, until=local(until), **more
    )
    return [moment.astimezone(ZoneInfo(BERLIN)).isoformat()[:16] for moment in found]


def test_second_tuesday_of_the_month_gives_its_dates() -> None:
    assert days("FREQ=MONTHLY;BYDAY=2TU", "2026-01-13T19:00", "2026-04-30T00:00") == [
        "2026-01-13T19:00",
        "2026-02-10T19:00",
        "2026-03-10T19:00",
        "2026-04-14T19:00",
    ]


def test_evening_stays_the_evening_when_the_clocks_change() -> None:
    found = recurrence.starts(
        "FREQ=WEEKLY;COUNT=3", local("2026-03-22T19:00"), BERLIN, until=local("2027-01-01T00:00")
    )
    assert [m.hour for m in found] == [18, 17, 17]  # UTC
    assert {m.astimezone(ZoneInfo(BERLIN)).hour for m in found} == {19}


def test_hour_that_the_clock_skips_moves_on_and_a_doubled_one_is_the_first() -> None:
    daily = recurrence.starts(
        "FREQ=DAILY;COUNT=3", local("2026-03-28T02:30"), BERLIN, until=local("2026-05-01T00:00")
    )
    assert daily[1] == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 there
    doubled = recurrence.starts(
        "FREQ=DAILY;COUNT=2", local("2026-10-24T02:30"), BERLIN, until=local("2026-12-01T00:00")
    )
    assert doubled[1] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_exceptions_are_left_out_and_extra_dates_join() -> None:
    found = days(
        "FREQ=WEEKLY;COUNT=4",
        "2026-06-01T10:00",
        "2026-12-01T00:00",
        exceptions=["2026-06-08T10:00:00+02:00"],
        extra=[local("2026-06-10T11:00")],
    )
    assert found == ["2026-06-01T10:00", "2026-06-10T11:00", "2026-06-15T10:00", "2026-06-22T10:00"]


def test_first_start_is_a_date_even_where_the_rule_misses_it() -> None:
    found = days("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "2026-06-01T10:00", "2026-12-01T00:00")
    assert found == ["2026-06-01T10:00", "2026-06-02T10:00", "2026-06-09T10:00"]


def test_window_far_from_the_start_is_found_without_walking_there() -> None:
    begun = time.thread_time()
    found = recurrence.starts(
        "FREQ=WEEKLY;INTERVAL=2",
        local("1950-01-02T09:00"),
        BERLIN,
        since=local("2026-01-01T00:00"),
        until=local("2026-01-31T00:00"),
    )
    assert [m.date().isoformat() for m in found] == ["2026-01-05", "2026-01-19"]
    assert time.thread_time() - begun < 0.1


def test_limit_keeps_the_earliest() -> None:
    found = days(
        "FREQ=DAILY", "2026-06-01T10:00", "2026-12-01T00:00", limit=2, extra=["2026-06-20T10:00Z"]
    )
    assert found == ["2026-06-01T10:00", "2026-06-02T10:00"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=DAILY;INTERVAL=7;BYDAY=WE;COUNT=500",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300",
        "FREQ=YEARLY;BYDAY=53MO,53TU,53WE;BYMONTH=2",
        "FREQ=DAILY;COUNT=500;BYMONTH=2;BYMONTHDAY=29",
    ],
)
def test_f4_rule_that_gives_nothing_costs_next_to_nothing(rule: str) -> None:
    begun = time.thread_time()
    found = recurrence.starts(
        recurrence.check(rule), local("2026-01-01T10:00"), BERLIN, until=local("2028-01-01T00:00")
    )
    assert len(found) == 1
    assert time.thread_time() - begun < 0.1


def test_f4_walk_of_many_centuries_is_refused_at_its_budget() -> None:
    with pytest.raises(Invalid, match="too long"):
        recurrence.starts(
            "FREQ=DAILY;COUNT=500;BYMONTH=2;BYMONTHDAY=30",
            local("1900-01-01T10:00"),
            BERLIN,
            until=local("2190-01-01T00:00"),
        )


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "every tuesday",
        "FREQ=SECONDLY",
        "FREQ=HOURLY;COUNT=2",
        "FREQ=DAILY;COUNT=501",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=9999999999",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=99MO",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=DAILY;BYHOUR=9,10",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ=DAILY;UNTIL=20261332",
        "FREQ=DAILY;X-THING=1;" + "BYDAY=MO;" * 100,
    ],
)
def test_rule_that_makes_no_sense_is_refused_in_words(rule: str) -> None:
    with pytest.raises(Invalid) as refusal:
        recurrence.check(rule)
    assert refusal.value.fields.keys() == {"recurrence"}
    assert str(refusal.value).startswith("The repetition ")


def test_rule_is_kept_without_its_name_and_spaces() -> None:
    assert recurrence.check("RRULE:freq=weekly; byday=TU;BYHOUR=19;") == "FREQ=WEEKLY;BYDAY=TU"


@pytest.mark.parametrize(
    ("end", "number"),
    [("20260608", 8), ("20260608T080000Z", 8), ("20260608T075959Z", 7), ("20260608T100000", 8)],
)
def test_until_is_inclusive_as_day_and_as_moment(end: str, number: int) -> None:
    assert len(days(f"FREQ=DAILY;UNTIL={end}", "2026-06-01T10:00", "2026-12-01T00:00")) == number


RULES = st.builds(
    lambda parts: ";".join(part for part in parts if part),
    st.one_of(
        st.tuples(
            st.just("FREQ=DAILY"),
            st.sampled_from(["", "INTERVAL=2", "INTERVAL=10"]),
            st.sampled_from(["", "BYDAY=MO,FR", "BYMONTH=1,7", "BYMONTHDAY=1,-1"]),
        ),
        st.tuples(
            st.just("FREQ=WEEKLY"),
            st.sampled_from(["", "INTERVAL=2", "INTERVAL=5"]),
            st.sampled_from(["", "BYDAY=TU", "BYDAY=MO,WE,SU", "BYMONTH=3"]),
            st.sampled_from(["", "WKST=SU", "WKST=WE"]),
        ),
        st.tuples(
            st.just("FREQ=MONTHLY"),
            st.sampled_from(["", "INTERVAL=2", "INTERVAL=7"]),
            st.sampled_from(
                [
                    "",
                    "BYDAY=2TU",
                    "BYDAY=-1FR,1MO",
                    "BYMONTHDAY=31",
                    "BYMONTHDAY=-1",
                    "BYMONTHDAY=13;BYDAY=FR",
                    "BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                    "BYDAY=TU;BYSETPOS=3",
                ]
            ),
        ),
        st.tuples(
            st.just("FREQ=YEARLY"),
            st.sampled_from(["", "INTERVAL=2", "INTERVAL=4"]),
            st.sampled_from(
                [
                    "",
                    "BYMONTH=5",
                    "BYDAY=20MO",
                    "BYMONTH=11;BYDAY=4TH",
                    "BYMONTHDAY=1",
                    "BYMONTH=2;BYMONTHDAY=29",
                    "BYDAY=-1SU",
                ]
            ),
        ),
    ),
)


@settings(max_examples=300)
@given(
    rule=RULES,
    first=st.datetimes(clock("2019-01-01"), clock("2026-12-31")),
    end=st.sampled_from(["", "COUNT=7", "UNTIL=20270301"]),
    ahead=st.integers(0, 2000),
)
def test_dates_are_those_of_another_implementation(
    rule: str, first: datetime, end: str, ahead: int
) -> None:
    first = first.replace(microsecond=0)
    since, until = first + timedelta(days=ahead), first + timedelta(days=ahead + 1500)
    last = min(until, clock("2027-03-01T23:59:59")) if "UNTIL" in end else until
    theirs = sorted({first, *rrulestr(f"{rule};UNTIL={last:%Y%m%dT%H%M%S}", dtstart=first)})
    theirs = theirs[:7] if "COUNT" in end else theirs
    ours = recurrence.starts(
        recurrence.check(";".join(filter(None, [rule, end]))),
        first.replace(tzinfo=UTC),
        "UTC",
        since=since.replace(tzinfo=UTC),
        until=until.replace(tzinfo=UTC),
    )
    expected = [moment.replace(tzinfo=UTC) for moment in theirs if since <= moment <= until]
    assert ours == expected[:500]


@settings(max_examples=300)
@given(st.text("FREQ=DAILYWKMONTHBYSETPU;,0123456789-+", max_size=60))
def test_f4_any_text_is_a_rule_or_is_refused(text: str) -> None:
    try:
        rule = recurrence.check(f"FREQ=YEARLY;{text}")
    except Invalid:
        return
    recurrence.starts(rule, local("2026-01-01T10:00"), BERLIN)
    assert wording.words(rule, "en")


@pytest.mark.parametrize(
    ("rule", "language", "text"),
    [
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "en", "every second Tuesday"),
        ("FREQ=WEEKLY;BYDAY=MO,TH", "en", "every Monday and Thursday"),
        ("FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,TH", "en", "every 3 weeks (Monday, Thursday)"),
        ("FREQ=DAILY;INTERVAL=2", "en", "every second day"),
        ("FREQ=DAILY;COUNT=5", "en", "every day, 5 times"),
        ("FREQ=MONTHLY;BYDAY=2TU", "en", "the second Tuesday of every month"),
        ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=-1", "en", "the last Tuesday of every month"),
        ("FREQ=MONTHLY;BYDAY=1FR,3FR", "en", "the first and third Friday of every month"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "en", "day 15 of every month"),
        ("FREQ=MONTHLY;INTERVAL=2;BYDAY=1SA", "en", "every 2 months (first Saturday)"),
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=20260912", "en", "every Sunday, until September 12, 2026"),
        ("FREQ=YEARLY;BYMONTH=5", "en", "every year (May)"),
        ("FREQ=YEARLY;BYMONTH=5;BYDAY=2SU", "en", "every year (second Sunday) (May)"),
        (
            "FREQ=MONTHLY;BYDAY=2TU;BYMONTH=1,2,3,4,5,6,7,9,10,11,12",
            "en",
            "the second Tuesday of every month, not in August",
        ),
        (
            "FREQ=WEEKLY;BYDAY=FR;BYMONTH=1,2,3,4,5,6,9,10,11,12;COUNT=9",
            "en",
            "every Friday, not in July and August, 9 times",
        ),
        ("FREQ=WEEKLY;BYDAY=FR;BYMONTH=5,6", "en", "every Friday, only in May and June"),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1", "en", "every month (first; Monday, Tuesday)"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15", "en", "every month (1., 15.)"),
        (
            "FREQ=MONTHLY;BYDAY=2TU;BYMONTH=1,2,3,4,5,6,7,9,10,11,12",
            "de",
            "jeden zweiten Dienstag im Monat, nicht im August",
        ),
        (
            "FREQ=MONTHLY;BYDAY=2TU;BYMONTH=1,2,3,4,5,6,7,9,10,11,12",
            "fr",
            "le deuxième mardi du mois, sauf en août",
        ),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "de", "jeden zweiten Dienstag"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "de-AT", "jeden letzten Freitag im Monat"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "de", "am letzten Tag jedes Monats"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "fr", "un mardi sur deux"),
        ("FREQ=WEEKLY;BYDAY=TU,TH", "fr", "tous les mardis et jeudis"),
        ("FREQ=WEEKLY;BYDAY=TU", "cy", "every Tuesday"),
        ("FREQ=WEEKLY;BYDAY=TU", "no such language", "every Tuesday"),
    ],
)
def test_rule_is_said_in_words(rule: str, language: str, text: str) -> None:
    assert wording.words(rule, language) == text
