"""docs/threats.md says of each threat by which tests it is tried, and each has one."""

from __future__ import annotations

from tests import threats


def test_each_threat_has_a_test() -> None:
    found = threats.tests()
    assert [name for name in threats.threats() if name not in found] == []


def test_no_test_is_named_after_a_threat_that_there_is_not() -> None:
    assert set(threats.tests()) - set(threats.threats()) == set()


def test_the_page_is_up_to_date() -> None:
    written = threats.PAGE.read_text(encoding="utf-8")
    assert written == threats.page(), "run: python -m tests.threats"
