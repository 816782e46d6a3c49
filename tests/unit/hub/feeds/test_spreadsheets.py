"""What spreadsheets say, and what we understand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Invalid
from hub.feeds.repeating import Window
from hub.feeds.rows import Row
from hub.feeds.spreadsheets import rows_of

NOW = datetime(2026, 9, 1, 10, tzinfo=UTC)
WINDOW = Window(NOW, datetime(2026, 8, 31, 22, tzinfo=UTC), NOW + timedelta(days=365))


def read(text: str | bytes) -> list[Row]:
    data = text.encode() if isinstance(text, str) else text
    return rows_of(data, "Europe/Berlin", WINDOW)


def test_row_with_everything_is_understood() -> None:
    (row,) = read(
        "type,id,title,description,kind,mode,quantity,available_from,expires_at,location,"
        "latitude,longitude,tags,price\n"
        'offer,7,Ladder,"Three metres.\n\nHeavy.",item,lend,2,2026-09-02,2026-10-01T18:00,'
        'Elm Street,52.52,13.4,"tools, garden",a cake\n'
    )
    assert (row.kind, row.key, row.title, row.place) == ("offer", "offer id 7", "Ladder", "row 2")
    assert row.members == {
        "title": "Ladder",
        "description": "Three metres.\n\nHeavy.",
        "kind": "item",
        "mode": "lend",
        "quantity": "2",
        "available_from": "2026-09-02T00:00:00+02:00",
        "expires_at": "2026-10-01T18:00:00+02:00",
        "location": "Elm Street",
        "latitude": "52.52",
        "longitude": "13.4",
        "tags": ["tools", "garden"],
        "price": "a cake",
    }


def test_german_spreadsheet_with_semicolons_and_a_bom_is_understood() -> None:
    (row,) = read(
        "Typ;Bezeichnung;Beschreibung;Art;Weise;Menge;Ab;Gültig bis;Ort;Breite;Länge\r\n"
        "Suche;Bohrmaschine;;Gegenstand;leihen;2,5;;12.09.2026;Ahornweg;52,52;13,40\r\n".encode(
            "utf-8-sig"
        )
    )
    assert row.kind == "want"
    found = row.members
    assert (found["kind"], found["mode"], found["quantity"]) == ("item", "lend", "2.5")
    assert (found["latitude"], found["longitude"]) == ("52.52", "13.40")
    assert found["expires_at"] == "2026-09-12T23:59:59+02:00"
    assert found["available_from"] is None


def test_french_spreadsheet_in_latin_letters_is_understood() -> None:
    (row,) = read("Type\tIntitulé\tModalité\nDemande\tÉchelle\tprêter\n".encode("cp1252"))
    assert (row.kind, row.title, row.members["mode"]) == ("want", "Échelle", "lend")


@pytest.mark.parametrize(
    "cell", ["2026-09-12", "12.09.2026", "12/09/2026", "12.9.2026", "2026-9-12"]
)
def test_date_is_read_as_people_write_it(cell: str) -> None:
    (row,) = read(f"type;title;from\noffer;Ladder;{cell}\n")
    assert row.members["available_from"] == "2026-09-12T00:00:00+02:00"


@pytest.mark.parametrize(
    "cell", ["12.09.2026 15:30", "2026-09-12T15:30:00", "2026-09-12 15:30", "12/09/2026, 15h30"]
)
def test_date_with_a_time_is_read_too(cell: str) -> None:
    (row,) = read(f"type;title;from\noffer;Ladder;{cell}\n")
    assert row.members["available_from"] == "2026-09-12T15:30:00+02:00"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (";Ladder;;", "Row 2 does not say whether it is an offer or a want."),
        ("perhaps;Ladder;;", "Row 2 has “perhaps” as type; it must be one of offer, want."),
        ("offer;Ladder;soon;", "Row 2 has “soon” as a date; write it as 2026-09-12 or 12.09.2026."),
        ("offer;Ladder;31.02.2026;", "Row 2 has “31.02.2026” as a date;"),
        ("offer;Ladder;;toy", "Row 2 has “toy” as kind; it must be one of item, skill, space"),
    ],
)
def test_bad_row_is_refused_by_its_number(line: str, words: str) -> None:
    rows = read(f"type;title;until;kind\n{line}\noffer;Drill;;\n")
    assert rows[0].refusal.startswith(words)
    assert not rows[1].refusal


def test_row_numbers_are_those_that_the_spreadsheet_shows() -> None:
    rows = read('type,title\noffer,"two\nlines"\n,\n\noffer,Drill\n')
    assert [row.place for row in rows] == ["row 2", "row 5"]


def test_same_id_twice_is_refused_and_same_title_twice_is_not() -> None:
    rows = read("id,type,title\n1,offer,A ladder\n1,offer,A drill\n,offer,Saw\n,offer,saw \n")
    assert [row.refusal for row in rows[:2]] == ["", "Row 3 has the id 1, which row 2 has too."]
    assert len({row.key for row in rows}) == 4


def test_keys_and_fingerprints_tell_what_changed() -> None:
    before = read("type,title,description\noffer,Ladder,long\nwant,Drill,\n")
    after = read("type,title,description\nwant,drill,\noffer,Ladder,very long\n")
    assert before[0].key == after[1].key
    assert before[0].fingerprint != after[1].fingerprint
    assert before[1].key == after[0].key


def test_listing_that_ran_out_is_over() -> None:
    rows = read("type,title,until\noffer,Ladder,2026-08-31\noffer,Drill,2026-09-01\n")
    assert [row.over for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "names no column title, type"),
        (b"title,kind\nLadder,item\n", "names no column type. It must name"),
        (b"PK\x03\x04\x00\x00", "not a workbook"),
        (b"type,title\n" + b"offer,Ladder\n" * 5001, "more than 5000 rows"),
        (b'type,title\noffer,"' + b"x" * 31_000, "cannot be read"),
    ],
)
def test_file_that_cannot_be_read_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_refusal(data: bytes) -> None:
    try:
        rows = read(b"type,title,until,latitude\noffer," + data)
    except Invalid:
        return
    assert all(row.refusal or row.key for row in rows)
