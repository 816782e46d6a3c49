"""What calendars say, and what we understand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
import pytest

from hub.core import words
from hub.core.errors import Invalid
from hub.feeds import rows
from hub.feeds.calendars import cut, rows_of
from hub.feeds.repeating import Window
from hub.feeds.rows import Repeat, Row, dumps, loads

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 9, 1, 10, tzinfo=UTC)
WINDOW = Window(NOW, datetime(2026, 8, 31, 22, tzinfo=UTC), NOW + timedelta(days=365))


def calendar(*events: str, head: str = "") -> bytes:
    blocks = (f"BEGIN:VEVENT\nUID:u{at}@x.example\n{e}\nEND:VEVENT" for at, e in enumerate(events))
    text = "\n".join(("BEGIN:VCALENDAR", *filter(None, [head]), *blocks, "END:VCALENDAR", ""))
    return text.replace("\n", "\r\n").encode()


def read(*events: str, head: str = "") -> list[Row]:
    return rows_of(calendar(*events, head=head), BERLIN, WINDOW)


def one(event: str, head: str = "") -> Row:
    (row,) = read(event, head=head)
    return row


def members(event: str, head: str = "") -> dict[str, object]:
    row = one(f"SUMMARY:Repair café\n{event}", head)
    assert not row.refusal, row.refusal
    return row.members


def repeat(event: str, head: str = "") -> Repeat:
    row = one(f"SUMMARY:Choir\n{event}", head)
    assert not row.refusal, row.refusal
    assert row.repeat is not None
    return row.repeat


def local(texts: list[str]) -> list[str]:
    found = (datetime.fromisoformat(text).astimezone(ZoneInfo(BERLIN)) for text in texts)
    return [f"{moment:%m-%d %H:%M}" for moment in found]


def test_event_with_everything_is_understood() -> None:
    found = members(
        "DTSTART;TZID=Europe/Berlin:20260912T150000\nDTEND;TZID=Europe/Berlin:20260912T180000\n"
        "DESCRIPTION:We mend.\\nYou watch.\nLOCATION:Library\\, room 2\nGEO:52.5;13.4\n"
        "URL:https://club.example/repair\nCATEGORIES:Repair,Music\n"
        "ORGANIZER;CN=Repair Club:mailto:club@x.example\nATTENDEE:mailto:guest@x.example"
    )
    assert found == {
        "title": "Repair café",
        "description": "We mend.\nYou watch.\n\nhttps://club.example/repair",
        "location": "Library, room 2",
        "latitude": 52.5,
        "longitude": 13.4,
        "online_url": None,
        "organiser": "Repair Club",
        "tags": ["Repair", "Music"],
        "category": "MUSIC",
        "status": "scheduled",
        "timezone": BERLIN,
        "all_day": False,
        "starts_at": "2026-09-12T15:00:00+02:00",
        "ends_at": "2026-09-12T18:00:00+02:00",
    }


@pytest.mark.parametrize(
    ("start", "head", "starts_at", "zone"),
    [
        (";TZID=W. Europe Standard Time:20260912T150000", "", "2026-09-12T15:00:00+02:00", BERLIN),
        (
            ";TZID=GMT Standard Time:20260912T150000",
            "",
            "2026-09-12T15:00:00+01:00",
            "Europe/London",
        ),
        (
            ";TZID=/freeassociation.sourceforge.net/Europe/Vienna:20260912T150000",
            "",
            "2026-09-12T15:00:00+02:00",
            "Europe/Vienna",
        ),
        (
            ":20260912T150000",
            "X-WR-TIMEZONE:America/New_York",
            "2026-09-12T15:00:00-04:00",
            "America/New_York",
        ),
        (
            ":20260912T150000Z",
            "X-WR-TIMEZONE:Europe/London",
            "2026-09-12T16:00:00+01:00",
            "Europe/London",
        ),
        (":20260912T150000", "", "2026-09-12T15:00:00+02:00", BERLIN),
        (":20260912T150000Z", "", "2026-09-12T17:00:00+02:00", BERLIN),
        (":20260912T150000Z", "X-WR-TIMEZONE:UTC", "2026-09-12T17:00:00+02:00", BERLIN),
        (";TZID=Nowhere:20260912T150000", "", "2026-09-12T15:00:00+02:00", BERLIN),
    ],
)
def test_clock_is_found_however_it_is_named(
    start: str, head: str, starts_at: str, zone: str
) -> None:
    found = members(f"DTSTART{start}", head)
    assert (found["starts_at"], found["timezone"]) == (starts_at, zone)


def test_windows_zone_with_a_definition_of_its_own_is_the_real_one() -> None:
    definition = (
        "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\n"
        "BEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n"
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\n"
        "BEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n"
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE"
    )
    found = members("DTSTART;TZID=Customized Time Zone:20260912T150000", definition)
    assert (found["starts_at"], found["timezone"]) == ("2026-09-12T15:00:00+02:00", BERLIN)


@pytest.mark.parametrize(
    ("times", "ends_at"),
    [
        ("DTSTART:20260912T150000", None),
        ("DTSTART:20260912T150000\nDTEND:20260912T150000", None),
        ("DTSTART:20260912T150000\nDURATION:PT90M", "2026-09-12T16:30:00+02:00"),
        ("DTSTART:20260912T150000\nDURATION:-PT90M", None),
        ("DTSTART:20260912T150000\nDURATION:P99999999D", None),
        ("DTSTART;VALUE=DATE:20260912", "2026-09-13T00:00:00+02:00"),
        ("DTSTART;VALUE=DATE:20260912\nDTEND;VALUE=DATE:20260914", "2026-09-14T00:00:00+02:00"),
        ("DTSTART;VALUE=DATE:20260912\nDTEND;VALUE=DATE:20260912", "2026-09-13T00:00:00+02:00"),
        ("DTSTART;VALUE=DATE:20260912\nDURATION:P2D", "2026-09-14T00:00:00+02:00"),
    ],
)
def test_end_is_what_was_said_and_never_invented(times: str, ends_at: str | None) -> None:
    assert members(times)["ends_at"] == ends_at


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("DTSTART:20260912T150000", "An event has no title."),
        ("SUMMARY:Busy\nDTSTART:20260912T150000", "“Busy” only says that somebody is busy."),
        ("SUMMARY:Beschäftigt\nDTSTART:20260912T150000", "“Beschäftigt” only says"),
        ("SUMMARY:empty slot\nDTSTART:20260912T150000", "“empty slot” only says"),
        ("SUMMARY:Dentist\nCLASS:PRIVATE\nDTSTART:20260912T150000", "“Dentist” is marked as priv"),
        ("SUMMARY:Fair", "“Fair” has no start that can be read."),
        ("SUMMARY:Fair\nDTSTART:tomorrow", "“Fair” has no start that can be read."),
        ("SUMMARY:Fair\nDTSTART:16010101T000000", "“Fair” is dated in the year 1601."),
        (
            "SUMMARY:Fair\nDTSTART:20260912T150000\nDTEND:20260912T140000",
            "“Fair” ends before it starts.",
        ),
        (
            "SUMMARY:Fair\nDTSTART:20260912T150000\nRRULE:FREQ=SECONDLY",
            "“Fair” repeats in a way we do not take: The repetition must be daily",
        ),
        (
            "SUMMARY:Fair\nDTSTART:20260912T150000\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY",
            "“Fair” has several rules",
        ),
    ],
)
def test_event_that_we_do_not_take_is_refused_in_a_sentence(event: str, words: str) -> None:
    assert one(event).refusal.startswith(words)


def test_damaged_event_costs_only_itself() -> None:
    data = calendar(
        "SUMMARY:Good\nDTSTART:20260912T150000", "SUMMARY:Also good\nDTSTART:20260913T1"
    )
    data = data.replace(b"END:VEVENT", b"RRULE\r\n;;;:\r\nEND:VEVENT", 1)
    rows = rows_of(data, BERLIN, WINDOW)
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Café".encode("latin-1"), "Café"),
        ("Café".encode().decode("cp1252").encode(), "Café"),
        ("Müllers’ Fest".encode().decode("cp1252").encode(), "Müllers’ Fest"),
        ("São João".encode(), "São João"),
        (b"Fish &amp; chips", "Fish & chips"),
        (b"Two\\, three\\; four\\nfive", "Two, three; four five"),
    ],
)
def test_title_is_mended(written: bytes, title: str) -> None:
    data = calendar("SUMMARY:TITLE\nDTSTART:20260912T150000").replace(b"TITLE", written)
    assert rows_of(data, BERLIN, WINDOW)[0].title == title


def test_html_in_a_description_becomes_text_with_links() -> None:
    found = members(
        "DTSTART:20260912T150000\nDESCRIPTION:<p>Come <b>along</b>!<br>Bring "
        '<a href="https://x.example/list">what is on the list</a>.</p><script>alert(1)</script>'
    )
    assert found["description"] == (
        "Come along!\nBring [what is on the list](https://x.example/list)."
    )


def test_address_as_location_is_the_place_online() -> None:
    found = members("DTSTART:20260912T150000\nLOCATION:https://meet.example/room")
    assert (found["online_url"], found["location"]) == ("https://meet.example/room", "")


def test_event_of_yesterday_is_over_and_one_of_this_morning_is_not() -> None:
    over = [
        row.over
        for row in read(
            "SUMMARY:Old\nDTSTART:20260831T150000\nDTEND:20260831T160000",
            "SUMMARY:This morning\nDTSTART:20260901T070000",
            "SUMMARY:Days\nDTSTART;VALUE=DATE:20260831\nDTEND;VALUE=DATE:20260901",
            "SUMMARY:More days\nDTSTART;VALUE=DATE:20260831\nDTEND;VALUE=DATE:20260902",
            "SUMMARY:Long ago\nDTSTART:20200106T190000\nRRULE:FREQ=WEEKLY;UNTIL=20210101",
        )
    ]
    assert over == [True, False, True, False, True]


def test_series_knows_its_coming_dates_without_its_exceptions() -> None:
    found = repeat(
        "DTSTART;TZID=Europe/Berlin:20200106T190000\nRRULE:FREQ=WEEKLY;UNTIL=20261001\n"
        "EXDATE;TZID=Europe/Berlin:20260914T190000\nEXDATE;VALUE=DATE:20260921\n"
        "RDATE;TZID=Europe/Berlin:20260910T200000"
    )
    assert local(found.coming) == ["09-07 19:00", "09-10 20:00", "09-28 19:00"]
    assert found.rule == "FREQ=WEEKLY;UNTIL=20261001"
    assert local(found.exceptions) == ["09-14 19:00", "09-21 19:00"]


def series(*changes: str) -> Row:
    master = (
        "SUMMARY:Choir\nUID:choir\nDTSTART;TZID=Europe/Berlin:20260907T190000\n"
        "DTEND;TZID=Europe/Berlin:20260907T210000\nRRULE:FREQ=WEEKLY;COUNT=4"
    )
    blocks = "".join(f"BEGIN:VEVENT\n{e}\nEND:VEVENT\n" for e in (master, *changes))
    text = f"BEGIN:VCALENDAR\n{blocks}END:VCALENDAR\n"
    (row,) = rows_of(text.encode(), BERLIN, WINDOW)
    assert row.repeat is not None
    return row


def dates(row: Row) -> list[tuple[str, str, str]]:
    assert row.repeat is not None
    found = []
    for date in row.repeat.dates:
        meant, real = local([date.occurs_at, date.members["starts_at"]])
        found.append((meant, real, f"{date.members['status']} {date.members['title']}"))
    return found


def test_moved_changed_and_cancelled_dates_are_special() -> None:
    row = series(
        "UID:choir\nSUMMARY:Choir\nRECURRENCE-ID;TZID=Europe/Berlin:20260914T190000\n"
        "DTSTART;TZID=Europe/Berlin:20260916T200000",
        "UID:choir\nSUMMARY:Choir\nSTATUS:CANCELLED\nRECURRENCE-ID:20260921T170000Z\n"
        "DTSTART;TZID=Europe/Berlin:20260921T190000",
        "UID:choir\nSUMMARY:Choir with cake\nRECURRENCE-ID;VALUE=DATE:20260928\n"
        "DTSTART;TZID=Europe/Berlin:20260928T190000",
    )
    assert dates(row) == [
        ("09-14 19:00", "09-16 20:00", "scheduled Choir"),
        ("09-21 19:00", "09-21 19:00", "cancelled Choir"),
        ("09-28 19:00", "09-28 19:00", "scheduled Choir with cake"),
    ]


def test_newer_change_of_a_date_wins() -> None:
    row = series(
        "UID:choir\nSUMMARY:Newer\nSEQUENCE:2\nRECURRENCE-ID;TZID=Europe/Berlin:20260914T190000\n"
        "DTSTART;TZID=Europe/Berlin:20260916T200000",
        "UID:choir\nSUMMARY:Older\nSEQUENCE:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260914T190000\n"
        "DTSTART;TZID=Europe/Berlin:20260915T200000",
    )
    assert dates(row) == [("09-14 19:00", "09-16 20:00", "scheduled Newer")]


def test_change_of_this_and_following_dates_moves_them_all() -> None:
    row = series(
        "UID:choir\nSUMMARY:Later choir\n"
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260921T190000\n"
        "DTSTART;TZID=Europe/Berlin:20260922T200000\nDTEND;TZID=Europe/Berlin:20260922T210000"
    )
    assert dates(row) == [
        ("09-21 19:00", "09-22 20:00", "scheduled Later choir"),
        ("09-28 19:00", "09-29 20:00", "scheduled Later choir"),
    ]


def test_date_moved_from_far_ahead_stands_beside_the_rule() -> None:
    row = series(
        "UID:choir\nSUMMARY:Anniversary\nRECURRENCE-ID;TZID=Europe/Berlin:20280907T190000\n"
        "DTSTART;TZID=Europe/Berlin:20261003T150000"
    )
    assert row.repeat is not None
    assert local(row.repeat.extra) == ["10-03 15:00"]
    assert dates(row) == [("10-03 15:00", "10-03 15:00", "scheduled Anniversary")]


def test_time_passing_does_not_change_the_fingerprint() -> None:
    change = (
        "UID:choir\nSUMMARY:Choir\nRECURRENCE-ID;TZID=Europe/Berlin:20260914T190000\n"
        "DTSTART;TZID=Europe/Berlin:20260916T200000"
    )
    before = series(change).fingerprint
    later = Window(*(moment + timedelta(days=20) for moment in (NOW, WINDOW.today, WINDOW.until)))
    block = "".join(
        f"BEGIN:VEVENT\n{e}\nEND:VEVENT\n"
        for e in (
            "SUMMARY:Choir\nUID:choir\nDTSTART;TZID=Europe/Berlin:20260907T190000\n"
            "DTEND;TZID=Europe/Berlin:20260907T210000\nRRULE:FREQ=WEEKLY;COUNT=4",
            change,
        )
    )
    (row,) = rows_of(f"BEGIN:VCALENDAR\n{block}END:VCALENDAR".encode(), BERLIN, later)
    assert row.fingerprint == before
    assert row.repeat is not None
    assert local(row.repeat.coming) == ["09-21 19:00", "09-28 19:00"]
    assert series().fingerprint != before


def test_rule_in_utc_is_counted_in_utc_unless_the_calendar_names_a_clock() -> None:
    event = "DTSTART:20261020T170000Z\nRRULE:FREQ=WEEKLY;COUNT=2"
    assert local(repeat(event).coming) == ["10-20 19:00", "10-27 18:00"]
    named = repeat(event, "X-WR-TIMEZONE:Europe/Berlin")
    assert local(named.coming) == ["10-20 19:00", "10-27 19:00"]


def test_listed_dates_without_a_rule_are_a_series_too() -> None:
    found = repeat(
        "DTSTART:20260907T190000\nRDATE;VALUE=PERIOD:20260910T170000Z/PT1H,20260912T170000Z/PT1H"
    )
    assert local(found.coming) == ["09-07 19:00", "09-10 19:00", "09-12 19:00"]


def test_one_uid_for_several_events_keeps_them_apart() -> None:
    text = "".join(
        f"BEGIN:VEVENT\nUID:same\nSUMMARY:Fair {day}\nDTSTART:202609{day}T150000\nEND:VEVENT\n"
        for day in (14, 12, 13)
    )
    rows = rows_of(f"BEGIN:VCALENDAR\n{text}END:VCALENDAR".encode(), BERLIN, WINDOW)
    assert [row.title for row in rows] == ["Fair 12", "Fair 13", "Fair 14"]
    assert rows[0].key == "same"
    assert len({row.key for row in rows}) == 3


def test_event_without_uid_has_a_key_of_its_own() -> None:
    text = "BEGIN:VEVENT\nSUMMARY:Fair\nDTSTART:20260912T150000\nEND:VEVENT\n"
    (first,) = rows_of(f"BEGIN:VCALENDAR\n{text}END:VCALENDAR".encode(), BERLIN, WINDOW)
    other = "BEGIN:VEVENT\nSUMMARY:Feast\nDTSTART:20260912T150000\nEND:VEVENT\n"
    rows = rows_of(f"BEGIN:VCALENDAR\n{other}{text}END:VCALENDAR".encode(), BERLIN, WINDOW)
    assert rows[1].key == first.key != rows[0].key


def test_changed_date_without_its_series_is_an_event() -> None:
    (row,) = read("SUMMARY:Choir\nDTSTART:20260912T150000\nRECURRENCE-ID:20260911T150000")
    assert row.repeat is None
    assert row.key.startswith("u0@x.example date 2026-09-11")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "This is not a calendar"),
        (b"\x00\xff\xfe", "This is not a calendar"),
        (b"<!DOCTYPE html><title>Sign in</title>", "This is a web page"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nBEGIN:A\nBEGIN:B\n", "This calendar is nested"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 5001, "This calendar has more"),
    ],
)
def test_file_that_is_no_calendar_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        rows_of(data, BERLIN, WINDOW)


def test_calendar_that_breaks_off_gives_what_there_is() -> None:
    blocks = cut("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:A\nBEGIN:VEVENT\nSUMMARY:B\nEND:VALARM")
    assert [block.split("\r\n")[1] for block in blocks.events] == ["SUMMARY:A", "SUMMARY:B"]


def test_empty_calendar_has_no_rows() -> None:
    assert read() == []


def test_rows_survive_the_way_between_processes() -> None:
    rows = [series(), *read("SUMMARY:Busy\nDTSTART:20260912T150000")]
    assert loads(orjson.loads(dumps(rows))) == rows


def test_why_an_event_is_refused_is_said_in_the_readers_language_from_another_process() -> None:
    row = one("SUMMARY:Fair\nDTSTART:20260912T150000\nDTEND:20260911T150000")
    [came] = rows.loads(orjson.loads(rows.dumps([row])))
    assert came.refusal == row.refusal == "“Fair” ends before it starts."
    with words.speaking("de"):
        assert words.say(came.refusal).startswith("„Fair“ ")
        assert words.say(came.refusal) == words.say(row.refusal) != row.refusal
