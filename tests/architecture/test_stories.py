"""docs/stories.md says of each story what the tests do, and no more."""

from __future__ import annotations

import re

from tests import named, stories

ROW = re.compile(r"^\| T(\d\d) \| .+ \| (told|partly|not) \| (.*) \|$", re.MULTILINE)


def test_each_story_has_a_line_and_no_other_has() -> None:
    rows = [int(row[1]) for row in ROW.finditer(stories.PAGE.read_text(encoding="utf-8"))]
    assert rows == list(stories.stories())
    assert len(rows) == len(set(rows))


def test_no_test_is_named_after_a_story_that_there_is_not() -> None:
    assert set(stories.tests()) - set(stories.stories()) == set()
    assert {*stories.PARTLY, *stories.NOT_BUILT} <= set(stories.stories())


def test_what_has_no_test_says_why_and_what_has_some_does_not() -> None:
    found = set(stories.tests())
    assert set(stories.stories()) - found <= set(stories.NOT_BUILT)
    assert found & set(stories.NOT_BUILT) == set()


def test_names_have_two_digits_and_can_be_found() -> None:
    for path in (named.ROOT / "tests").rglob("*.py"):
        for name in re.findall(r"def (test_t\w*)\(", path.read_text(encoding="utf-8")):
            bad = re.match(r"test_t_?\d", name) and not re.match(r"test_t\d\d_\w", name)
            assert not bad, f"{path}: {name}"


def test_the_page_is_up_to_date() -> None:
    written = stories.PAGE.read_text(encoding="utf-8")
    assert written == stories.page(), "run: python -m tests.stories"
