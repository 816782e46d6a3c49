"""The calendars that icalendar tests itself with: each is imported, or refused in a sentence."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from sqlalchemy import func, select

from hub.core.errors import Invalid
from hub.events.models import Event
from hub.feeds import importing, reading
from hub.feeds.repeating import Window
from hub.feeds.rows import Row, Verdict
from tests.conftest import Running

FOLDER = Path(icalendar.__file__).parent / "tests"
CORPUS = sorted(FOLDER.rglob("*.ics"))
# The corpus is of the past; read from then, most of it is still to come.
LONG_AGO = datetime(1995, 1, 1, tzinfo=UTC)
TIMEZONE = "Europe/Berlin"


TODAY = reading.window_of(datetime.now(UTC), TIMEZONE, timedelta(days=365))
THEN = Window(LONG_AGO, LONG_AGO, TODAY.until)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("window", [TODAY, THEN], ids=["today", "as if it were 1995"])
async def test_f5_every_calendar_is_imported_or_refused_in_a_sentence(
    hub: Running, window: Window
) -> None:
    """Dry, and then real; read in this process, where a fault is not taken for damage."""
    counts: Counter[str] = Counter()
    for path in CORPUS:
        try:
            rows = reading.READERS["ics"](
                await asyncio.to_thread(path.read_bytes), TIMEZONE, window, None
            )
        except Invalid as refusal:
            counts[f"file refused: {str(refusal)[:22]}"] += 1
            continue
        counts["file read"] += 1
        planned = await _verdicts(hub, path, rows, dry_run=True)
        done = await _verdicts(hub, path, rows, dry_run=False)
        assert planned == done
        refusals = [verdict.words for verdict in done if verdict.outcome == "refused"]
        assert all(re.fullmatch(r"\S.+\.", words, re.DOTALL) for words in refusals)
        counts.update(verdict.outcome for verdict in done)
    async with hub.services.db.read() as session:
        events = await session.scalar(select(func.count()).select_from(Event))
    print(f"\n{len(CORPUS)} calendars: {dict(counts)}; events and dates made: {events}")
    assert counts["file read"] > len(CORPUS) * 0.8
    assert window is TODAY or counts["new"] > 50


async def _verdicts(hub: Running, path: Path, rows: list[Row], *, dry_run: bool) -> list[Verdict]:
    source = path.relative_to(FOLDER).as_posix()
    run = importing.taken(hub.services, "ics", rows, source, dry_run=dry_run)
    return [verdict async for verdict in run]
