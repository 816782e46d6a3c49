"""docs/conformance.md says of each of the 88 statements what the tests do, and no more."""

from __future__ import annotations

import re

from tests import conformance, named

ROW = re.compile(r"^\| AP-(\d+) \| .+ \| (kept|partly|not) \| (.*) \|$", re.MULTILINE)
LINK = re.compile(r"\]\(\.\./([\w/]+\.py)\)")


def _rows() -> dict[int, tuple[str, list[str]]]:
    text = conformance.PAGE.read_text(encoding="utf-8")
    found = [(int(row[1]), (row[2], LINK.findall(row[3]))) for row in ROW.finditer(text)]
    assert len(found) == len(dict(found)), "a number has two lines"
    return dict(found)


def test_each_statement_has_a_line_and_no_other_has() -> None:
    assert list(conformance.statements()) == list(range(1, 89))
    assert list(_rows()) == list(range(1, 89))


def test_no_test_is_named_after_a_statement_that_there_is_not() -> None:
    strange = set(conformance.tests()) - set(conformance.statements())
    assert strange == set()
    assert {*conformance.PARTLY, *conformance.REMARKS} <= set(conformance.statements())


def test_names_have_two_digits_and_can_be_found() -> None:
    for path in (named.ROOT / "tests").rglob("*.py"):
        for name in re.findall(r"def (test_ap\w*)\(", path.read_text(encoding="utf-8")):
            bad = re.match(r"test_ap_?\d", name) and not re.match(r"test_ap_\d\d_\w", name)
            assert not bad, f"{path}: {name}"


def test_what_is_called_kept_has_tests_and_what_has_none_is_not() -> None:
    found = conformance.tests()
    for number, (status, files) in _rows().items():
        assert files == list(found.get(number, {})), number
        assert (status == "not") == (not files), number
        assert (status == "partly") == (bool(files) and number in conformance.PARTLY), number


def test_the_page_is_up_to_date() -> None:
    written = conformance.PAGE.read_text(encoding="utf-8")
    assert written == conformance.page(), "run: python -m tests.conformance"
