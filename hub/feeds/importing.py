"""An import: what a file holds becomes events, offers, wants, places or organisations here.

A second import of the same source changes what changed and doubles nothing. What is gone from the
source stays. Followers hear only of what is to come (SETTLED 20, 30). Rows are written in short
transactions, so that the hub stays awake meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.services import Services
from hub.core.settings import Settings
from hub.entries.models import Entry
from hub.events.service import HORIZON
from hub.feeds import extracts, reading, sources, taking
from hub.feeds.models import Import, ImportedItem
from hub.feeds.rows import Outcome, Row, Verdict
from hub.feeds.taking import Doubles
from hub.maps import making

MOST_RECENT: Final = 20
BATCH: Final = 50  # entries in one transaction
WORDS: Final[dict[Outcome, str]] = {
    "new": "new",
    "changed": "changed",
    "same": "unchanged",
    "over": "over already",
    "refused": "refused",
}


@dataclass(frozen=True, slots=True)
class Table:
    """How a table of places or organisations is read.

    `columns` are by member, None: as they are guessed; of an extract they are `kinds` and `box`
    (`extract`). `doubles` is what is done with those that are here already.
    """

    columns: Mapping[str, Any] | None = None
    doubles: Doubles = "skip"


PLAIN: Final = Table()


def extract(settings: Settings, kinds: str, doubles: Doubles, *, whole: bool = False) -> Table:
    """How an extract of OpenStreetMap is read: these kinds, with commas, of the hub's own area.

    `whole`: all of the extract, as where the hub does not know where it is.

    Raises:
        Invalid: there is no such kind.
    """
    box = None if whole else making.area(settings)
    sides = "" if box is None else f"{box.west},{box.south},{box.east},{box.north}"
    return Table({"kinds": extracts.kinds_of(kinds), "box": sides}, doubles)


@dataclass(slots=True)
class Report:
    """What an import comes to; `import_id` None for a dry run.

    `gone` is how many things came from this source earlier, are still to come, and are no longer
    in it, `missing` their keys.
    """

    import_id: UUID | None = None
    counts: Counter[Outcome] = field(default_factory=Counter)
    gone: int = 0
    missing: set[str] = field(default_factory=set)


async def run(
    services: Services,
    kind: str,
    data: bytes,
    source: str,
    *,
    dry_run: bool = False,
    quiet: bool = False,
    person: UUID | None = None,
    report: Report | None = None,
    table: Table = PLAIN,
) -> AsyncIterator[Verdict]:
    """Take a file in, and say of each row what became of it; `dry_run` writes nothing.

    `source` is the file's name or its address, by which a later import knows it again; `quiet`
    tells no other server; `person` becomes the owner. `report` is filled on the way.

    Raises:
        Invalid: the file cannot be read, or is not what it should be.
        TooBig: it has more than 10 MB, an extract more than 20.
    """
    window = reading.window_of(now(), services.settings.timezone, HORIZON)
    rows = await reading.read(kind, data, services.settings.timezone, window, table.columns)
    verdicts = taken(
        services,
        kind,
        rows,
        source,
        dry_run=dry_run,
        quiet=quiet,
        person=person,
        report=report,
        doubles=table.doubles,
    )
    async for verdict in verdicts:
        yield verdict


async def taken(
    services: Services,
    kind: str,
    rows: list[Row],
    source: str,
    *,
    dry_run: bool = False,
    quiet: bool = False,
    person: UUID | None = None,
    report: Report | None = None,
    doubles: Doubles = "skip",
) -> AsyncIterator[Verdict]:
    """The same for rows that were read already."""
    report = report if report is not None else Report()
    if not dry_run:
        report.import_id = await begin(services, kind, source, person)
    taker = taking.Taker(services, source, report.import_id, person, not quiet, doubles)
    for batch in _batches(rows):
        async with _unit(services, dry_run=dry_run) as session:
            verdicts = [await taker.take(session, row) for row in batch]
            report.counts.update(verdict.outcome for verdict in verdicts)
            if report.import_id is not None:
                await _count(session, report)
        services.wake.ring()
        for verdict in verdicts:
            yield verdict
    report.missing = await _missing(services, source, {row.key for row in rows})
    report.gone = len(report.missing)
    if report.import_id is not None:
        async with services.db.write() as session:
            (await session.get_one(Import, report.import_id)).finished_at = now()


async def lines(
    services: Services,
    kind: str,
    source: str,
    content: bytes | None = None,
    *,
    dry_run: bool = False,
    quiet: bool = False,
    person: UUID | None = None,
    table: Table = PLAIN,
) -> AsyncIterator[dict[str, Any]]:
    """The same as lines of a command; without `content`, `source` is an address to fetch.

    Raises:
        HubError: there is nothing to import, in words.
    """
    if content is None:
        source = sources.address(source, allow_http=services.settings.allow_http)
        content = await sources.fetched(services, kind, source)
    report = Report()
    async for verdict in run(
        services,
        kind,
        content,
        source,
        dry_run=dry_run,
        quiet=quiet,
        person=person,
        report=report,
        table=table,
    ):
        yield {"row": asdict(verdict), "text": _line(verdict)}
    yield {"row": _summary(report), "text": _told(report)}


def _batches(rows: list[Row]) -> Iterator[Sequence[Row]]:
    """The rows in groups of about as many entries as one transaction should hold."""
    batch: list[Row] = []
    weight = 0
    for row in rows:
        batch.append(row)
        weight += max(1, len(row.repeat.coming)) if row.repeat else 1
        if weight >= BATCH:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


@asynccontextmanager
async def _unit(services: Services, *, dry_run: bool) -> AsyncIterator[AsyncSession]:
    """A session that keeps what is done in it, or one that can only look."""
    async with services.db.read() if dry_run else services.db.write() as session:
        yield session


async def begin(services: Services, kind: str, source: str, person: UUID | None) -> UUID:
    """Note that an import begins; its id is what undoing asks for."""
    async with services.db.write() as session:
        row = Import(kind=kind, source=source, person_id=person)
        session.add(row)
        await session.flush()
        await audit.note(session, "imported", row.id, kind=kind)
        return row.id


async def recent(session: AsyncSession, kinds: Sequence[str]) -> Sequence[Import]:
    """The last imports of these kinds, the newest first."""
    query = select(Import).where(Import.kind.in_(kinds)).order_by(Import.started_at.desc())
    return (await session.scalars(query.limit(MOST_RECENT))).all()


async def _count(session: AsyncSession, report: Report) -> None:
    row = await session.get_one(Import, report.import_id)
    row.added, row.changed = report.counts["new"], report.counts["changed"]
    row.unchanged, row.refused = report.counts["same"], report.counts["refused"]


async def _missing(services: Services, source: str, keys: set[str]) -> set[str]:
    """The keys of what came from this source, is still to come, and is no longer in it."""
    query = select(ImportedItem.key).join(Entry, Entry.id == ImportedItem.entry_id)
    coming = func.coalesce(Entry.relevant_until, Entry.happens_at) >= now()
    query = query.where(ImportedItem.source == source, Entry.deleted_at.is_(None), coming)
    async with services.db.read() as session:
        return set(await session.scalars(query)) - keys


def _line(verdict: Verdict) -> str:
    name = verdict.title or verdict.row
    parts = (f"{WORDS[verdict.outcome]:<12}", verdict.when, name, verdict.words)
    return "  ".join(part for part in parts if part)


def _summary(report: Report) -> dict[str, Any]:
    number = None if report.import_id is None else str(report.import_id)
    counts = {str(outcome): report.counts[outcome] for outcome in WORDS}
    return {"import": number, "gone": report.gone} | counts


def _told(report: Report) -> str:
    """The last line: what it all came to, and how to take it back."""
    total = ", ".join(f"{report.counts[outcome]} {word}" for outcome, word in WORDS.items())
    told = [f"{total}."]
    if report.gone:
        told.append(f"{report.gone} from earlier imports are no longer in this source; they stay.")
    if report.import_id is None:
        told.append("This was a dry run: nothing was written.")
    elif report.counts["new"] or report.counts["changed"]:
        told.append(f"To take it back: hub import undo {report.import_id}")
    return " ".join(told)
