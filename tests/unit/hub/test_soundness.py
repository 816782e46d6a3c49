"""R32: what of SQLite's words about its file is damage."""

from __future__ import annotations

import pytest

from hub.keeping import soundness

PAGE = "Tree 12 page 30: btreeInitPage() returns error code 11"
INDEX = [  # as SQLite 3.44 and 3.54 say it
    "malformed inverted index for FTS5 table main.entry_words",
    'fts5: corruption on page 1, segment 12, table "entry_words"',
]


@pytest.mark.parametrize("line", INDEX)
def test_an_index_that_can_be_made_anew_is_no_damage(
    line: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert soundness.worst([line]) is None
    assert "hub index" in caplog.text
    assert soundness.worst([line, PAGE]) == PAGE


def test_what_sqlite_finds_is_said_in_one_line() -> None:
    assert soundness.worst(["ok"]) is None
    assert (
        soundness.worst([f"*** in database main ***\n{PAGE}"]) == f"*** in database main *** {PAGE}"
    )
