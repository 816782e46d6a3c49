"""Spreadsheets become offers and wants, are kept up to date, and can be taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from hub.exchange.models import Listing
from hub.fediverse.models import OutboxActivity
from hub.feeds import importing, undoing
from hub.feeds.importing import Report
from hub.feeds.rows import Verdict
from tests.conftest import Running

SOON = f"{datetime.now(UTC) + timedelta(days=30):%d.%m.%Y}"
HEADINGS = "Type;ID;Title;Description;Kind;Mode;Expires at;Latitude;Longitude;Tags\n"
LADDER = f"offer;1;Ladder;Three metres;item;lend;{SOON};52,5163;13,3777;tools,garden\n"
DRILL = "want;2;Drill;;item;borrow;;;;\n"


async def take(hub: Running, text: str, **how: Any) -> tuple[list[Verdict], Report]:
    report = Report()
    run = importing.run(hub.services, "csv", text.encode(), "swap.csv", report=report, **how)
    return [verdict async for verdict in run], report


async def listed(hub: Running, folder: str = "offers") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await hub.web.get(f"/api/v1/{folder}")).json()["items"]
    return items


async def number(hub: Running, table: type[Any]) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_spreadsheet_becomes_offers_and_wants(hub: Running) -> None:
    verdicts, _ = await take(hub, HEADINGS + LADDER + DRILL)
    assert [(v.row, v.title, v.outcome) for v in verdicts] == [
        ("row 2", "Ladder", "new"),
        ("row 3", "Drill", "new"),
    ]
    (ladder,) = await listed(hub)
    assert (ladder["mode"], ladder["kind"], ladder["tags"]) == ("lend", "item", ["tools", "garden"])
    assert (ladder["latitude"], ladder["longitude"]) == (52.52, 13.38)  # snapped
    assert [want["title"] for want in await listed(hub, "wants")] == ["Drill"]
    assert ladder["license"] is None  # others may have written it


async def test_bad_rows_are_refused_by_number_and_good_ones_taken(hub: Running) -> None:
    verdicts, report = await take(
        hub,
        HEADINGS
        + LADDER
        + "maybe;3;Saw;;;;;;;\n"
        + "offer;4;;;;;;;;\n"
        + "offer;5;Saw;;item;lend;;95;13;\n"
        + "offer;6;Saw;;item;lend;;52;;\n"
        + "offer;7;Cake;;food;give;2020-01-01;;;\n",
    )
    assert [v.words for v in verdicts[1:]] == [
        "Row 3 has “maybe” as type; it must be one of offer, want.",
        "Row 4 has no title.",
        "Row 5: Latitude: must be at most 90.0.",
        "Row 6: Latitude: latitude and longitude go together.",
        "",
    ]
    assert report.counts == {"new": 1, "refused": 4, "over": 1}
    assert len(await listed(hub)) == 1


async def test_dry_run_says_the_same_and_writes_nothing(hub: Running) -> None:
    text = HEADINGS + LADDER + DRILL + "maybe;3;Saw;;;;;;;\n"
    before, _ = await take(hub, text, dry_run=True)
    assert await number(hub, Listing) == 0
    after, _ = await take(hub, text)
    assert before == after


async def test_second_import_changes_what_changed_and_doubles_nothing(hub: Running) -> None:
    await take(hub, HEADINGS + LADDER + DRILL)
    (before,) = await listed(hub)
    verdicts, _ = await take(hub, HEADINGS + LADDER.replace("Ladder", "Long ladder") + DRILL)
    assert [v.outcome for v in verdicts] == ["changed", "same"]
    (after,) = await listed(hub)
    assert (after["id"], after["title"]) == (before["id"], "Long ladder")


async def test_rows_without_id_are_known_by_their_title(hub: Running) -> None:
    await take(hub, "type,title,description\noffer,Ladder,short\n")
    verdicts, _ = await take(hub, "title,type,description\nladder,Offer,long\n")
    assert [v.outcome for v in verdicts] == ["changed"]
    assert len(await listed(hub)) == 1


async def test_undo_removes_what_was_added_and_gives_back_what_was_changed(hub: Running) -> None:
    await take(hub, HEADINGS + LADDER)
    _, report = await take(hub, HEADINGS + LADDER.replace("Three", "Nine") + DRILL)
    lines = [line async for line in undoing.lines(hub.services, str(report.import_id))]
    assert lines[-1]["row"] == {"removed": 1, "restored": 1, "kept": 0}
    (ladder,) = await listed(hub)
    assert ladder["description"] == "Three metres"
    assert await listed(hub, "wants") == []


async def test_followers_hear_of_it_unless_it_is_quiet(hub: Running) -> None:
    await take(hub, HEADINGS + LADDER, quiet=True)
    assert await number(hub, OutboxActivity) == 0
    await take(hub, HEADINGS + LADDER + DRILL)
    assert await number(hub, OutboxActivity) == 2  # the want's Create, and the relay's echo


async def test_private_rows_are_not_told(hub: Running) -> None:
    await take(hub, "type,title,visibility\nwant,Food parcel,private\n")
    assert await listed(hub, "wants") == []
    assert await number(hub, OutboxActivity) == 0


async def test_three_hundred_rows_come_in_batches(hub: Running) -> None:
    rows = "".join(f"offer,Thing {at}\n" for at in range(300))
    verdicts, report = await take(hub, f"type,title\n{rows}")
    assert report.counts == {"new": 300}
    assert len(verdicts) == 300
