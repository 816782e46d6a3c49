"""One row of an import: what is to be done with it, and doing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast
from uuid import UUID

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.text import fold
from hub.core.words import filled, later, made, marked, say, say_many
from hub.directory import queries as directory
from hub.directory.models import Record
from hub.directory.schemas import RecordDraft, Sort
from hub.entries.schemas import NO_LICENCE
from hub.events.models import Event, Series
from hub.events.schemas import EventDraft
from hub.feeds import series, things
from hub.feeds.models import ImportChange, ImportedItem
from hub.feeds.rows import WORLDWIDE, Members, Outcome, Row, Verdict
from hub.feeds.things import Draft, Thing

Doubles = Literal["skip", "merge", "add"]
SAME_M: Final = 150  # between two spots of one name on a map where each thing stands once
UNDONE: Final = ""  # the fingerprint of an item whose import was taken back: it may come again


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a row; `item` and `thing` are what it became before."""

    outcome: Outcome
    words: str = ""
    draft: Draft | None = None
    item: ImportedItem | None = None
    thing: Thing | None = None


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes the rows of one import; without `import_id` it only says what it would do.

    `tell`: other servers hear of what is to come. `doubles` is what is done with a place that is
    here already: skip it, merge what is said into it, or add it all the same.
    """

    services: Services
    source: str
    import_id: UUID | None
    owner: UUID | None
    tell: bool
    doubles: Doubles = "skip"

    async def take(self, session: AsyncSession, row: Row) -> Verdict:
        """What became of a row."""
        decision = await self.decide(session, row)
        if self.import_id is not None and decision.draft is not None:
            try:
                async with session.begin_nested():
                    await self._do(session, row, decision, decision.draft)
            except Invalid as refusal:
                return row.verdict("refused", _refused(row, refusal))
        return row.verdict(decision.outcome, decision.words)

    async def decide(self, session: AsyncSession, row: Row) -> Decision:
        """What is to be done with a row; only looks."""
        if row.refusal:
            return Decision("refused", row.refusal)
        if row.over:
            return Decision("over")
        try:
            # Others wrote it, or may have: it is not ours to say under which terms.
            members = {"license": NO_LICENCE, **row.members}
            draft = things.draft_of(row.kind, members, self.services.settings.timezone)
        except Invalid as refusal:
            return Decision("refused", _refused(row, refusal))
        return await self._compared(session, row, draft)

    async def _compared(self, session: AsyncSession, row: Row, draft: Draft) -> Decision:
        """What is to be done with a good row, considering what it became before."""
        item = await self._item(session, row)
        if item is None and await _is_of_a_hub(session, row.key):
            return Decision("same", later("is on this hub already"))
        if item is None or item.fingerprint == UNDONE:
            double = await self._double(session, draft, row)
            return double or Decision("new", _dates(row), draft, item)
        thing = await _standing(session, item)
        if thing is None:
            return Decision("same", later("was taken down here, and is left so"))
        if item.fingerprint == row.fingerprint:
            return Decision("same")
        return Decision("changed", _dates(row), draft, item, thing)

    async def _double(self, session: AsyncSession, draft: Draft, row: Row) -> Decision | None:
        """What is done with a place or an organisation that is here already; None if it is not."""
        if not isinstance(draft, RecordDraft) or self.doubles == "add":
            return None
        point = None
        if draft.latitude is not None and draft.longitude is not None:
            point = (draft.latitude, draft.longitude)
        sort = cast(Sort, row.kind)
        if row.key.startswith(WORLDWIDE):
            there = await directory.alike(session, sort, draft.title, "", point, SAME_M)
        else:
            there = await directory.alike(session, sort, draft.title, draft.location, point)
        if there is None:
            return None
        if self.doubles == "skip":
            return Decision(
                "same", filled("looks like “{title}”, which is here; left out", title=there.title)
            )
        return Decision(
            "changed", filled("put together with “{title}”", title=there.title), draft, None, there
        )

    async def _item(self, session: AsyncSession, row: Row) -> ImportedItem | None:
        """What the row became at an earlier import, of this source or of another."""
        query = select(ImportedItem).where(ImportedItem.key == row.key)
        query = query.order_by(case((ImportedItem.source == self.source, 0), else_=1))
        for item in await session.scalars(query.limit(10)):
            if item.source == self.source:
                return item
            if row.key.startswith(WORLDWIDE):
                return item
            # A UID is one for the whole world (RFC 5545 §3.8.4.7), if its maker kept to that.
            thing = await things.by_id(session, item.entry_id)
            if isinstance(thing, Event) and row.kind == "event" and _alike(thing, row):
                return item
        return None

    async def _do(self, session: AsyncSession, row: Row, decision: Decision, draft: Draft) -> None:
        """Carry a decision out, and note it for the undoing.

        Raises:
            Invalid: it cannot be done.
        """
        before: Members | None = None
        thing, item = decision.thing, decision.item
        mark = item.fingerprint if item is not None else None
        if thing is not None and not _same_shape(thing, row):
            # A single event became a series, or the reverse: the one goes, the other comes.
            await _withdraw(session, self.services, thing)
            thing = None
        if thing is None:
            thing = await self._publish(session, row, draft)
        else:
            before = await self._revise(session, row, thing, draft)
        series_id = thing.series_id if isinstance(thing, Event) else None
        if item is None:
            item = ImportedItem(source=self.source, key=row.key)
            session.add(item)
        item.entry_id, item.series_id, item.fingerprint = thing.id, series_id, row.fingerprint
        await session.flush()
        session.add(
            ImportChange(
                import_id=self.import_id,
                item_id=item.id,
                entry_id=thing.id,
                before=before,
                fingerprint_before=None if before is None else mark,
            )
        )

    async def _publish(self, session: AsyncSession, row: Row, draft: Draft) -> Thing:
        tell = self.tell
        if isinstance(draft, EventDraft):
            if row.repeat is not None:
                return await series.publish(
                    session, self.services, row, draft, owner=self.owner, tell=tell
                )
            tell = tell and _is_to_come(draft.starts_at)
        return await things.publish(
            session, self.services, row.kind, draft, owner=self.owner, tell=tell
        )

    async def _revise(self, session: AsyncSession, row: Row, thing: Thing, draft: Draft) -> Members:
        """Bring the thing up to date; the answer is what it was."""
        if isinstance(thing, Event) and isinstance(draft, EventDraft) and row.repeat is not None:
            whole = await session.get_one(Series, thing.series_id)
            before = (await series.plan_now(session, whole)).document()
            plan = series.plan_of(row, draft)
            await series.revise(session, self.services, whole, plan, tell=self.tell)
            return before
        members, given = things.members_of(thing), row.members
        if isinstance(thing, Record):
            given = {name: value for name, value in given.items() if value is not None}
        wanted = things.changed(thing, given, self.services.settings.timezone)
        if wanted is not None:
            # What was over when it came was never told; a new time may make it news.
            ahead = not isinstance(wanted, EventDraft) or _is_to_come(wanted.starts_at)
            tell = self.tell and (ahead or thing.published_at is not None)
            await things.revise(session, self.services, thing, wanted, tell=tell)
        return members


async def _is_of_a_hub(session: AsyncSession, key: str) -> bool:
    """Whether a calendar's event is one that this hub shows: its own, or one of another hub.

    `events.ical.uid` made its UID of the address that it has there.
    """
    number, _, host = key.partition("@")
    try:
        uris = [f"{scheme}://{host}/events/{UUID(number)}" for scheme in ("https", "http")]
    except ValueError:
        return False
    query = select(Event.id).where(Event.uri.in_(uris), Event.deleted_at.is_(None))
    return await session.scalar(query) is not None


async def _standing(session: AsyncSession, item: ImportedItem) -> Thing | None:
    """What an item became, if that still stands; of a series any date."""
    thing = await things.by_id(session, item.entry_id)
    if item.series_id is None:
        return thing
    whole = await session.get(Series, item.series_id)
    if whole is None or whole.ended_at is not None:
        return None
    if thing is None:
        query = select(Event.id).where(Event.series_id == whole.id, Event.deleted_at.is_(None))
        other = await session.scalar(query.order_by(Event.starts_at.desc()).limit(1))
        thing = await things.by_id(session, other) if other is not None else None
    return thing


async def _withdraw(session: AsyncSession, services: Services, thing: Thing) -> None:
    if isinstance(thing, Event) and thing.series_id is not None:
        await series.withdraw(session, services, await session.get_one(Series, thing.series_id))
    else:
        await things.withdraw(session, services, thing)


def _same_shape(thing: Thing, row: Row) -> bool:
    repeating = isinstance(thing, Event) and thing.series_id is not None
    return repeating == (row.repeat is not None)


def _alike(event: Event, row: Row) -> bool:
    """Whether a row with the same UID in another source can mean this event."""
    starts_at = datetime.fromisoformat(row.members["starts_at"])
    return fold(event.title) == fold(row.title) or event.starts_at == starts_at


def _is_to_come(moment: datetime) -> bool:
    return moment >= now()


def _refused(row: Row, refusal: Invalid) -> str:
    """Why a row that could be read cannot be taken."""
    name = (
        filled("“{title}”", title=row.title)
        if row.kind == "event" or not row.place.startswith("row ")
        else filled("Row {number}", number=row.place.removeprefix("row "))
    )
    return filled("{what}: {reason}", what=name, reason=marked(str(refusal)))


def _dates(row: Row) -> str:
    """How many dates a series has, and what is odd about them."""
    if row.repeat is None:
        return later("called off") if row.members.get("status") == "cancelled" else ""
    number = len(row.repeat.coming)
    off = sum(date.members["status"] == "cancelled" for date in row.repeat.dates)
    changed = len(row.repeat.dates) - off

    def said() -> str:
        dates = say_many("{num} date in the coming year", "{num} dates in the coming year", number)
        parts = [dates.format(num=number)]
        if off:
            parts.append(say("{num} called off").format(num=off))
        if changed:
            parts.append(say("{num} changed").format(num=changed))
        return ", ".join(parts)

    return made(said)
