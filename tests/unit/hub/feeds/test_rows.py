"""What is said of the rows of an import."""

from __future__ import annotations

import orjson

from hub.core.words import say, speaking
from hub.feeds.rows import ONLY_ONCE, Repeat, Row, dumps, loads


def _row(rule: str) -> Row:
    repeat = Repeat(
        rule=rule,
        starts_at="2026-09-01T18:00:00+02:00",
        timezone="Europe/Berlin",
        exceptions=[],
        extra=[],
        coming=["2026-09-01T18:00:00+02:00"],
        dates=[],
    )
    return Row(
        key="a", place="a", kind="event", title="Choir", when="2026-09-01 18:00", repeat=repeat
    )


def test_how_an_event_repeats_is_said_in_the_language_of_its_reader() -> None:
    row = _row("FREQ=WEEKLY;BYDAY=TU;UNTIL=20261215T170000Z")
    (kept,) = loads({"rows": _parsed([row])})  # it comes from another process
    when = kept.verdict("new", "").when
    assert when.startswith("2026-09-01 18:00, ")
    assert "Tuesday" in when
    with speaking("de"):
        assert "Dienstag" in say(when)
        assert "Dezember" in say(when)
        assert "until" not in say(when)


def test_what_happens_once_says_when_alone() -> None:
    assert _row(ONLY_ONCE).verdict("new", "").when == "2026-09-01 18:00"
    assert Row(key="", place="1", kind="event").verdict("refused", "").when == ""


def _parsed(rows: list[Row]) -> list[dict[str, object]]:
    return list(orjson.loads(dumps(rows))["rows"])
