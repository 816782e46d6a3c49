"""Places and organisations from spreadsheets: guessed, refused by row, told apart, taken back."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from xml.sax.saxutils import escape

import pytest
from sqlalchemy import func, select

from hub.core.errors import Invalid
from hub.core.words import say, speaking
from hub.entries.models import Entry
from hub.fediverse import follows
from hub.fediverse.models import OutboxActivity
from hub.feeds import importing, undoing
from hub.feeds.importing import Report, Table
from hub.feeds.rows import Verdict
from tests import neighbours
from tests.conftest import Running, settle

HEADINGS = [
    "Venue",
    "Address",
    "Post code",
    "City",
    "Lat",
    "Lng",
    "Wheelchair",
    "Facilities",
    "Tel",
]
HALL = [
    "St Anne Hall",
    "Mill Road 7",
    "NW1",
    "Camden",
    "51.5402",
    "-0.1433",
    "yes",
    "piano; chairs",
    "1",
]


def _csv(*lines: list[str], delimiter: str = ",") -> bytes:
    return "\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines).encode()


def _xlsx(*lines: list[str]) -> bytes:
    """The smallest workbook with these cells."""
    kind = "http://schemas.openxmlformats.org"
    relations = f"{kind}/package/2006/relationships"
    office = f"{kind}/officeDocument/2006/relationships"
    rows = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in line)
        + "</row>"
        for line in lines
    )  # fmt: skip
    main = f"{kind}/spreadsheetml/2006/main"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kind}/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="List" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData>'
        "</worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


async def _take(
    hub: Running, data: bytes, folder: str = "places", **how: Any
) -> tuple[list[Verdict], Report]:
    report = Report()
    run = importing.run(hub.services, folder, data, "list.csv", report=report, **how)
    return [verdict async for verdict in run], report


async def _places(hub: Running, folder: str = "places") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await hub.web.get(f"/api/v1/{folder}?limit=100")).json()["items"]
    return items


async def _count(hub: Running, table: type[Any]) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_t13_columns_are_guessed_in_any_kind_of_table(hub: Running, kind: str) -> None:
    lines = (HEADINGS, HALL)
    verdicts, _ = await _take(hub, _xlsx(*lines) if kind == "xlsx" else _csv(*lines, delimiter=";"))
    assert [(v.row, v.outcome) for v in verdicts] == [("row 2", "new")]
    (hall,) = await _places(hub)
    assert (hall["title"], hall["location"]) == ("St Anne Hall", "Mill Road 7, NW1 Camden")
    assert (hall["latitude"], hall["longitude"]) == (51.5402, -0.1433)
    assert (hall["has"], hall["access_facts"]["entrance"]["state"]) == (["piano", "chairs"], "yes")


async def test_t13_bad_rows_are_refused_by_number_and_nothing_else_is(hub: Running) -> None:
    verdicts, report = await _take(
        hub,
        _csv(
            ["Name", "Address", "E-mail", "Lat", "Lon", "Step free"],
            ["Hall", "Mill Road 7", "", "", "", ""],
            ["", "Mill Road 8", "", "", "", ""],
            ["Shed", "Mill Road 9", "no-address", "", "", ""],
            ["Barn", "Mill Road 10", "", "95", "13", ""],
            ["Yard", "Mill Road 11", "", "", "", "perhaps"],
            ["Hall", "Mill Road 7", "", "", "", ""],
        ),
    )
    assert report.counts == {"new": 1, "refused": 5}
    told = {verdict.row: verdict.words for verdict in verdicts if verdict.outcome == "refused"}
    assert told["row 3"] == "Row 3 has no name."
    assert "must be an e-mail address" in told["row 4"]
    assert "must be at most 90" in told["row 5"]
    assert told["row 6"] == "Row 6 has “perhaps” as entrance; it must be yes, part or no."
    assert told["row 7"] == "Row 7 is the same as row 2."
    with speaking("de"):
        assert say(told["row 3"]) == "Zeile 3 hat keinen Namen."
        assert say(told["row 7"]) == "Zeile 7 ist dasselbe wie Zeile 2."


async def test_t13_what_is_here_already_is_skipped_or_put_together(hub: Running) -> None:
    made = await neighbours.post(
        hub, "places", hub.steward, title="St. Anne Hall", location="Mill Road 7, NW1 Camden",
        latitude=51.5403, longitude=-0.1434, phone="22",
    )  # fmt: skip
    line = ["St. Anne Hall", "Other Road", "", "", "51.541", "-0.143", "part", "", ""]
    verdicts, _ = await _take(hub, _csv(HEADINGS, line), dry_run=True)
    assert [(v.outcome, "is here" in v.words) for v in verdicts] == [("same", True)]
    with speaking("de"):
        assert say(verdicts[0].words).startswith("sieht aus wie „St. Anne Hall“")
    far = ["St. Anne Hall", "Elsewhere", "", "", "52.9", "-0.143", "", "", ""]
    verdicts, _ = await _take(hub, _csv(HEADINGS, far), dry_run=True)
    assert [v.outcome for v in verdicts] == ["new"]
    _, report = await _take(hub, _csv(HEADINGS, line), table=Table(doubles="merge"))
    (hall,) = await _places(hub)
    assert hall["id"] == made["id"]
    assert (hall["access_facts"]["entrance"]["state"], hall["phone"]) == ("part", "22")
    [line async for line in undoing.lines(hub.services, str(report.import_id))]
    (hall,) = await _places(hub)
    assert (hall["access_facts"], hall["location"]) == ({}, "Mill Road 7, NW1 Camden")


def _town(number: int) -> bytes:
    lines = [
        [f"Place {n}", f"Road {n}", "", "", f"{51 + n / 100:.2f}", "0.1", "yes", "chairs", ""]
        for n in range(number)
    ]
    return _xlsx(HEADINGS, *lines)


async def _left(hub: Running) -> int:
    async with hub.services.db.read() as session:
        left = select(func.count(Entry.id)).where(Entry.title != "")
        return await session.scalar(left) or 0


@pytest.mark.timeout(300)  # a busy machine takes its time over 300 signatures
async def test_t13_three_hundred_places_come_in_and_leave_nothing(hub: Running) -> None:
    data = _town(300)
    looked, _ = await _take(hub, data, dry_run=True)
    assert [verdict.outcome for verdict in looked] == ["new"] * 300
    assert await _left(hub) == 0
    _, report = await _take(hub, data)
    assert await _left(hub) == 300
    again, _ = await _take(hub, data)
    assert [verdict.outcome for verdict in again] == ["same"] * 300
    [line async for line in undoing.lines(hub.services, str(report.import_id))]
    assert (await _places(hub), await _left(hub)) == ([], 0)


async def test_other_hubs_hear_of_an_import_and_of_its_undoing(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    await follows.follow(south.services, "@places@north.example")
    await settle(north, south)
    _, report = await _take(north, _town(3))
    await settle(north, south)
    assert {item["title"] for item in await _places(south)} == {"Place 0", "Place 1", "Place 2"}
    [line async for line in undoing.lines(north.services, str(report.import_id))]
    await settle(north, south)
    assert (await _places(south), await _left(south)) == ([], 0)


async def test_what_is_taken_in_quietly_is_told_to_nobody(hub: Running) -> None:
    await _take(hub, _csv(HEADINGS, HALL), quiet=True)
    assert len(await _places(hub)) == 1
    assert await _count(hub, OutboxActivity) == 0


async def test_rows_can_say_what_they_are_and_what_we_export_comes_in_again(hub: Running) -> None:
    table = _csv(["type", "name", "needs"], ["group", "Choir", "a tenor"], ["place", "Hall", ""])
    await _take(hub, table, "csv")
    assert [one["lacks"] for one in await _places(hub, "organisations")] == [["a tenor"]]
    assert [one["title"] for one in await _places(hub)] == ["Hall"]
    exported = (await hub.web.get("/organisations.csv")).content
    verdicts, _ = await _take(hub, exported, "csv", table=Table(doubles="add"), dry_run=True)
    assert [(verdict.title, verdict.outcome) for verdict in verdicts] == [("Choir", "new")]


async def test_f8_an_export_holds_no_formula(hub: Running) -> None:
    await neighbours.post(hub, "places", hub.steward, title="=HYPERLINK(1)", phone="+44 20")
    text = (await hub.web.get("/places.csv")).text
    assert '"\'=HYPERLINK(1)"' in text
    assert '"\'+44 20"' in text


async def test_f7_a_workbook_that_is_none_or_unpacks_to_too_much_is_refused(hub: Running) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 110_000_000)
    for data, words in ((file.getvalue(), "too much"), (b"PK\x03\x04nonsense", "not a workbook")):
        with pytest.raises(Invalid, match=words):
            await _take(hub, data)


async def test_a_steward_looks_first_says_what_is_what_and_takes_it_back(hub: Running) -> None:
    ann = await neighbours.person(hub, "Ann", "steward")
    files = {"table": ("list.csv", _csv(["Where we go", "Town"], ["Hall", "Camden"]), "text/csv")}
    answer = await hub.web.post(
        "/admin/import",
        data={"csrf": ann.csrf, "source": "My list", "folder": "places"},
        files=files,
        headers={**ann.pages, "Accept": "text/html"},
    )
    assert "No column holds the names" in answer.text
    found = re.search(r'name="name" value="([\w-]+)"', answer.text)
    assert found is not None
    given: dict[str, Any] = {"name": found[1], "source": "My list", "column": ["title", "town"]}
    looked = await neighbours.press(hub, "/admin/import", ann, **given, deed="look")
    assert "1 new" in looked.text
    assert await _places(hub) == []
    taken = await neighbours.press(hub, "/admin/import", ann, **given, deed="take")
    assert taken.headers["location"] == "/admin/import?said=taken"
    assert [(one["title"], one["location"]) for one in await _places(hub)] == [("Hall", "Camden")]
    gone = await neighbours.press(hub, "/admin/import", ann, **given, deed="take")
    assert gone.status_code == 410
    page = (await neighbours.page(hub, "/admin/import", ann)).text
    number = re.search(r'name="import" value="([0-9a-f-]{36})"', page)
    assert number is not None
    await neighbours.press(hub, "/admin/import/undo", ann, **{"import": number[1]})
    assert await _places(hub) == []
