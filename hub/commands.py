"""What can be asked of a hub from the command line; each command yields lines.

A line is `{"text": …}` for people, `{"row": …, "text": …}` for one of a list. What saves a hub or
looks at it is given the settings alone, so that it works however the hub itself is.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from hub import demo
from hub.audit import lines as audits
from hub.audit import log as audit
from hub.core.db import Database
from hub.core.errors import CommandFailed
from hub.core.services import Services
from hub.core.settings import Settings
from hub.entries import finding, search, writing
from hub.fediverse import (
    follows,
    offered,
    peer_views,
    peers,
    readings,
    rekeying,
    relays,
    relocating,
    waiting,
)
from hub.fediverse.models import Delivery
from hub.fediverse.rulings import Standing
from hub.feeds import importing, taking, undoing
from hub.keeping import phrase, restoring, saving
from hub.keeping.archive import OURS
from hub.leaving import ending, whole
from hub.network import lists
from hub.network import service as network
from hub.people import service as people
from hub.setup import answers, chosen
from hub.today import moving
from hub.today import service as today
from hub.trust import lines as trust
from hub.trust import service as trusting

Line = dict[str, Any]
Command = Callable[..., AsyncIterator[Line]]
COMMANDS: dict[str, Command] = {}
SIGNS = {"ok": "ok   ", "warning": "look ", "wrong": "WRONG"}
BARE: set[str] = set()  # those that take the settings, and no open hub


def command(name: str, *, bare: bool = False) -> Callable[[Command], Command]:
    """Registers a command under its name."""

    def register(function: Command) -> Command:
        COMMANDS[name] = function
        if bare:
            BARE.add(name)
        return function

    return register


@command("setup")
async def setup(
    services: Services,
    link: bool = False,
    words: bool = False,
    said: dict[str, Any] | None = None,
) -> AsyncIterator[Line]:
    """A link that makes one steward, once; and the recovery phrase, while there is none.

    `said` are settings that were given or answered; they hold first.
    """
    for sentence in await answers.take(services, said) if said else ():
        yield {"text": sentence}
    url = answers.look("url", said["url"]) if said and "url" in said else services.settings.url
    folder = services.settings.data_dir
    row, text = {}, ""
    if words or (not link and phrase.sealed(folder) is None):
        async with services.db.write() as session:
            await audit.note(session, "new phrase")
        row["phrase"] = phrase.make(folder)
        text = (
            "The recovery phrase opens a backup on another machine. Write it down; it is shown "
            f"only now:\n  {row['phrase']}\n"
        )
    if link or not words:
        async with services.db.write() as session:
            row["link"] = await people.make_link(session, url, "steward")
        text += (
            f"This link makes a steward, once:\n{row['link']}" if row.get("phrase") else row["link"]
        )
    yield {"row": row, "text": text.rstrip()}


@command("demo")
async def fill(services: Services) -> AsyncIterator[Line]:
    """A believable neighbourhood to look at."""
    count = await demo.fill(services)
    yield {"text": f"{count} entries of a made-up neighbourhood are there now."}


@command("token create")
async def token(services: Services, name: str, role: str) -> AsyncIterator[Line]:
    """A token for the API, shown once."""
    async with services.db.write() as session:
        secret = await people.token_create(session, name, role)
    yield {"text": f"A token for {name} ({role}). It is shown only now:"}
    yield {"row": {"token": secret}, "text": secret}


@command("follow")
async def follow(
    services: Services, names: str, listed: bool = False, only: str = "", relay: bool = False
) -> AsyncIterator[Line]:
    """Follow an actor, what whole hubs publish, or a relay; a list comes as base64."""
    if relay or not (listed or offered.is_server(names.strip())):
        row = await relays.follow(services, names, relay=relay)
        yield _asked(row.followee.handle)
        return
    text = base64.b64decode(names).decode("utf-8", "replace") if listed else names
    found = lists.read(text) if listed else lists.Listed((text.strip(),))
    channels = {name.strip().lstrip("@") for name in only.split(",") if name.strip()}
    failed = 0
    async for name, error in network.follow_all(services, found.hubs, channels):
        failed += bool(error)
        yield _asked(name) if not error else {"text": f"{name}: {error}"}
    for line in found.unread:
        failed += 1
        yield {"text": f"{line}: there is no address of a hub in this line."}
    if failed:
        raise CommandFailed(f"Not followed: {failed}.")


def _asked(handle: str) -> Line:
    text = f"Asked {handle}; their entries appear once they accept."
    return {"row": {"asked": handle}, "text": text}


@command("unfollow")
async def unfollow(services: Services, handle: str) -> AsyncIterator[Line]:
    """Follow it no more; or, by its address, nobody of a whole hub."""
    for name in await network.followed(services, handle):
        await follows.unfollow(services, name)
        yield {"text": f"{name} is followed no more."}


@command("block")
async def block(
    services: Services, host: str, undo: bool = False, silence: bool = False
) -> AsyncIterator[Line]:
    """Take nothing from a server and send it nothing, or only show nothing; or take that back."""
    async with services.db.write() as session:
        if undo:
            name, done = await trusting.unblock(session, host)
            told = f"{name} is heard again; {done.follows} follows are there again."
        else:
            told = str(await trusting.block(session, services, host, silence=silence))
    yield {"text": told}


@command("allow")
async def allow(services: Services, host: str, undo: bool = False) -> AsyncIterator[Line]:
    """Hear a server at once; or as any other."""
    async with services.db.write() as session:
        if undo:
            name, _ = await trusting.unblock(session, host)
            told = f"{name} is as any other."
        else:
            told = str(await trusting.stand(session, services, host, "allowed"))
    yield {"text": told}


@command("blocks list")
async def blocks(services: Services) -> AsyncIterator[Line]:
    """All that is said of servers."""
    async for line in trust.said(services):
        yield line


@command("blocks export")
async def export_blocks(services: Services, allowed: bool = False) -> AsyncIterator[Line]:
    """The same as a file for Mastodon; or the names that are allowed."""
    async for line in trust.exported(services, allowed=allowed):
        yield line


@command("blocks import")
async def import_blocks(
    services: Services,
    source: str,
    data: str,
    standing: Standing,
    dry_run: bool = False,
    every: bool = False,
) -> AsyncIterator[Line]:
    """Take a list of servers in; `data` is the file, base64."""
    content = base64.b64decode(data)
    async for line in trust.take_in(
        services, source, content, standing, dry_run=dry_run, every=every
    ):
        yield line


@command("blocks undo")
async def undo_blocks(services: Services, number: str) -> AsyncIterator[Line]:
    """Take a whole list of servers back."""
    async for line in trust.undone(services, number):
        yield line


@command("federation")
async def federation(
    services: Services, mode: str | None = None, dry_run: bool = False
) -> AsyncIterator[Line]:
    """How open the hub is, or is to be."""
    async for line in trust.mode(services, mode, dry_run=dry_run):
        yield line


@command("audit")
async def book(
    services: Services, deed: str = "", about: str = "", verify: bool = False, most: int = 100
) -> AsyncIterator[Line]:
    """What was done to the hub, the last first; or whether every line of it is there."""
    lines = audits.verified(services) if verify else audits.listed(services, deed, about, most)
    async for line in lines:
        yield line


@command("index")
async def index(services: Services) -> AsyncIterator[Line]:
    """The index that searches ask, made anew from all entries."""
    count = 0
    async with services.db.write() as session:
        async for entry in finding.everything(session):
            writing.make_findable(entry)
            count += 1
        await session.flush()
        await search.rebuild(session)
    yield {"text": f"{count} entries can be found."}


@command("peers")
async def list_peers(services: Services) -> AsyncIterator[Line]:
    """Every server that the hub knows, and how things stand with it."""
    async with services.db.read() as session:
        views = await peer_views.listed(session)
        how_far = await readings.by_server(session)
    for view in views:
        reading = how_far.get(view.host)
        seen = view.last_seen_at.isoformat(timespec="minutes") if view.last_seen_at else "never"
        until = view.closed_until.isoformat(timespec="minutes") if view.closed_until else ""
        ties = "  ".join(
            part
            for part in (
                "followed" if view.followed else "",
                f"{view.followers} followers" if view.followers else "",
                f"{view.failures} failures ({view.last_error})" if view.failures else "",
                f"left alone until {until}" if view.breaker == "open" else "",
                _reading(reading) if reading is not None else "",
            )
            if part
        )
        yield {
            "row": {
                "host": view.host,
                "standing": view.standing,
                "last_seen_at": view.last_seen_at and view.last_seen_at.isoformat(),
                "waiting": view.waiting,
                "followed": view.followed,
                "followers": view.followers,
                "scheme": view.scheme,
                "breaker": view.breaker,
                "closed_until": until or None,
                "failures": view.failures,
                "last_error": view.last_error,
                "reading": None if reading is None else asdict(reading),
            },
            "text": f"{view.host}  {view.standing}  seen {seen}  {view.waiting} waiting  "
            f"{view.scheme}  {ties}",
        }


def _reading(reading: readings.Reading) -> str:
    if not reading.open:
        return f"{reading.taken} of earlier posts taken"
    why = f" ({reading.error})" if reading.error else ""
    return f"reading earlier posts: {reading.read} of {reading.total}{why}"


@command("deliveries")
async def deliveries(
    services: Services, host: str | None = None, retry: bool = False
) -> AsyncIterator[Line]:
    """What waits to be delivered, oldest first."""
    name = peers.host_of(host) if host else None
    if retry:
        async with services.db.write() as session:
            names = [name] if name else await session.scalars(select(Delivery.host).distinct())
            await peers.try_again(session, list(names))
            await audit.note(session, "mail retried", name or "")
        services.wake.ring()
    async with services.db.read() as session:
        views, total = await waiting.listed(session, name)
    for view in views:
        due = view.due_at.isoformat(timespec="seconds")
        state = f"waits for its {view.behind}" if view.state == "behind" else view.state
        yield {
            "row": {**asdict(view), "due_at": due},
            "text": f"{view.host}  {view.type}  {view.object}  {state}  "
            f"{view.attempts} attempts  next {due}  {view.last_error or ''}",
        }
    if not total:
        yield {"text": "Nothing is waiting."}
    elif total > len(views):
        yield {"text": f"These are the first {len(views)} of {total}."}


@command("import")
async def take_in(
    services: Services,
    kind: str,
    source: str,
    data: str | None = None,
    dry_run: bool = False,
    quiet: bool = False,
    doubles: taking.Doubles = "skip",
) -> AsyncIterator[Line]:
    """Import events (ics) or a table (csv, places, organisations); `data` is the file, base64."""
    content = base64.b64decode(data) if data is not None else None
    table = importing.Table(doubles=doubles)
    async for line in importing.lines(
        services, kind, source, content, dry_run=dry_run, quiet=quiet, table=table
    ):
        yield line


@command("import osm")
async def take_extract(
    services: Services,
    source: str,
    data: str,
    kinds: str = "",
    whole: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    doubles: taking.Doubles = "skip",
) -> AsyncIterator[Line]:
    """Places and organisations of an extract of OpenStreetMap; `data` is the file, base64."""
    table = importing.extract(services.settings, kinds, doubles, whole=whole)
    content = base64.b64decode(data)
    async for line in importing.lines(
        services, "osm", source, content, dry_run=dry_run, quiet=quiet, table=table
    ):
        yield line


@command("import undo")
async def undo(services: Services, number: str) -> AsyncIterator[Line]:
    """Take a whole import back."""
    async for line in undoing.lines(services, number):
        yield line


@command("backup", bare=True)
async def backup(settings: Settings, carried: bool = False) -> AsyncIterator[Line]:
    """The whole hub in one file; `carried`: it will be moved away from where it is made."""
    path = await saving.save(settings, saving.CARRIED if carried else OURS)
    file = str(path.absolute())  # whoever asked may stand elsewhere
    yield {"row": {"file": file}, "text": file}
    if phrase.sealed(settings.data_dir) is None:
        yield {
            "text": "There is no recovery phrase yet: on another machine this opens only with the "
            "file secret.key of this one. `hub setup --phrase` makes one."
        }


@command("copy-db", bare=True)
async def copy_db(settings: Settings, url: str) -> AsyncIterator[Line]:
    """All rows into another, empty database, of either kind."""
    count = await restoring.copy(settings, url)
    yield {
        "row": {"rows": count},
        "text": f"{count} rows are there now, and were compared with those here. What is written "
        "here from now on is not: stop the hub before the last copy, and set HUB_DATABASE_URL.",
    }


@command("export")
async def export(services: Services) -> AsyncIterator[Line]:
    """The whole hub in open formats, in a file that the command line unpacks."""
    path = str(await whole.make(services))
    yield {"row": {"file": path}, "text": path}


@command("move")
async def move(services: Services, url: str, dry_run: bool = False) -> AsyncIterator[Line]:
    """Say that the hub will be at another address, or how far its move is."""
    new = moving.origin(url)
    async with services.db.read() as session:
        done = await relocating.progress(session)
    if done is not None and new == services.settings.url:
        yield {"row": asdict(done), "text": moving.told(done)}
        return
    async for line in moving.prepare(services, new, only_try=dry_run):
        yield {"text": line}


@command("close")
async def close(
    services: Services, day: str = "", deletes: bool = False, undo: bool = False
) -> AsyncIterator[Line]:
    """Announce that the hub closes, or that it does not after all."""
    if undo:
        await ending.unsay(services)
        yield {"text": "The hub stays open."}
        return
    closing = await ending.say(services, day, deletes=deletes)
    row = {"at": closing.at.isoformat(), "deletes": closing.deletes}
    then = "everything is taken back, here and elsewhere" if deletes else "it can still be read"
    text = (
        f"The hub closes at the end of {day}; then {then}. Every page says so. Until then: "
        "hub close --undo. Make a copy of all of it now: hub export DIR"
    )
    yield {"row": row, "text": text}


@command("keys rotate")
async def rotate(services: Services) -> AsyncIterator[Line]:
    """New keys for all actors of this hub; followers are told."""
    count = await rekeying.rotate(services)
    yield {"text": f"{count} actors have new keys, which count from now on."}
    if not services.db.is_sqlite:
        await asyncio.sleep(2 * chosen.LOOKS_EVERY_S)  # until then others may sign as before
    proved = await rekeying.prove_again(services)
    yield {"text": f"What they said before was signed anew: {proved}."}


@command("doctor", bare=True)
async def doctor(settings: Settings) -> AsyncIterator[Line]:
    """Every check in plain words."""
    failed = 0
    database = Database(settings.database)
    try:
        settings = await chosen.in_force(settings, database)
        async for check in today.look(settings, database, outside=True):
            told = check.told(lambda when: when.isoformat(timespec="minutes"))
            row = {"check": check.name, "state": check.state, "message": told}
            yield {"row": row, "text": f"{SIGNS[check.state]}  {check.title}: {told}"}
            failed += check.state == "wrong"
    finally:
        await database.close()
    if failed:
        raise CommandFailed(f"Not as it should be: {failed}.")
