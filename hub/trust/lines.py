"""What the command line is told of servers and lists of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from hub.core.errors import NotFound
from hub.core.services import Services
from hub.fediverse import rulings
from hub.fediverse.rulings import Standing
from hub.trust import lists, service, weighing
from hub.trust.api import exported_text
from hub.trust.weighing import Weighed

Line = dict[str, Any]
STANDS: Final = {"open": "as any other"}
WHY: Final = {
    "new": "",
    "other": "otherwise than until now",
    "same": "stands so already",
    "weaker": "left out: here it lets in less already",
    "allowed": "left out: it is allowed here",
    "followed": "left out: this hub follows somebody there",
    "ours": "left out: it is this hub itself",
}


async def said(services: Services) -> AsyncIterator[Line]:
    """All that is said of servers."""
    async with services.db.read() as session:
        rows = await rulings.listed(session)
    for row in rows:
        word = rulings.word_of(row)
        yield {"row": {**asdict(word), "at": row.at.isoformat()}, "text": _word(word)}
    if not rows:
        yield {"text": "Nothing is said of any server."}


async def exported(services: Services, *, allowed: bool) -> AsyncIterator[Line]:
    """The same as a file for Mastodon."""
    async with services.db.read() as session:
        words = [rulings.word_of(row) for row in await rulings.listed(session)]
    yield {"text": exported_text(words, allowed=allowed).rstrip("\n")}


async def take_in(
    services: Services,
    source: str,
    data: bytes,
    standing: Standing,
    *,
    dry_run: bool = False,
    every: bool = False,
) -> AsyncIterator[Line]:
    """Take a list in, and say of each name what becomes of it; `every` takes what is left out."""
    read = lists.read(data, standing)
    for line in read.refused:
        yield {"text": f"Line {line.line}: {line.text}: {line.why}."}
    async with services.db.read() as session:
        weighed = await weighing.weigh(session, services, read.words)
    for one in weighed:
        yield {"row": _row(one), "text": _weighed(one)}
    if dry_run:
        count = sum(one.taken for one in weighed)
        yield {"text": f"{count} of {len(weighed)} names would be taken. Nothing was changed."}
        return
    async with services.db.write() as session:
        row = await service.take_note(session, source, read)
        wanted = {one.word.host for one in weighed} if every else None
        count = await service.take(session, services, row, wanted)
    services.wake.ring()
    yield {
        "row": {"id": str(row.id), "taken": count, "follows": len(row.follows), "mail": row.mail},
        "text": f"{count} of {len(weighed)} names are taken. Severed: {len(row.follows)} follows; "
        f"{row.mail} letters that waited were dropped. For 30 days "
        f"`hub blocks undo {row.id}` takes it back.",
    }


async def undone(services: Services, number: str) -> AsyncIterator[Line]:
    """Take a whole list back."""
    try:
        list_id = UUID(number.strip())
    except ValueError:
        raise NotFound("This is no list's id; the import itself says it.") from None
    async with services.db.write() as session:
        done = await service.undo(session, await service.by_id(session, list_id))
    text = f"{done.names} names stand again as before; {done.follows} follows are there again."
    if done.kept:
        text += f" Changed since, and left alone: {', '.join(done.kept)}."
    gone = {
        "follows of those who are gone or blocked": done.lost,
        "letters that were dropped": done.mail,
        "posts that @board had passed on": done.taken_back,
    }
    lost = [f"{count} {what}" for what, count in gone.items() if count]
    if lost:
        text += f" Not to be had again: {', '.join(lost)}."
    yield {"row": asdict(done), "text": text}


async def mode(
    services: Services, wanted: str | None, *, dry_run: bool = False
) -> AsyncIterator[Line]:
    """How open the hub is; or another mode, after what it changes."""
    if wanted is None:
        async with services.db.read() as session:
            now_on = await rulings.mode(session, services)
        yield {"row": {"mode": now_on}, "text": now_on}
        return
    async with services.db.write() as session:
        shift = await weighing.shift(session, services, service.mode_of(wanted))
        if not dry_run:
            await service.choose_mode(session, wanted)
    for host in shift.hosts:
        yield {"row": {"shut_out": host}, "text": f"{host}  is shut out"}
    verb = "would be" if dry_run else "is"
    yield {"text": f"The hub {verb} {wanted}; {shift.weight.followers} followers are shut out."}


def _word(word: rulings.Word) -> str:
    more = [
        text
        for text, wanted in (
            ("no pictures", word.reject_media),
            ("no reports", word.reject_reports),
            (word.comment, bool(word.comment)),
        )
        if wanted
    ]
    return "  ".join((word.host, STANDS.get(word.standing, word.standing), *more))


def _row(one: Weighed) -> Line:
    return {
        **asdict(one.word),
        "verdict": one.verdict,
        "stands": one.stands,
        "taken": one.taken,
        **asdict(one.weight),
    }


def _weighed(one: Weighed) -> str:
    weight = one.weight
    parts = [
        f"{count} {what}"
        for what, count in (
            ("followed", weight.followed),
            ("followers", weight.followers),
            ("entries", weight.entries),
            ("letters wait", weight.waiting),
        )
        if count
    ]
    return "  ".join(part for part in (_word(one.word), ", ".join(parts), WHY[one.verdict]) if part)
