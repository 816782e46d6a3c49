"""What can be asked of a hub from the command line; each command yields lines.

A line is `{"text": …}` for people, `{"row": …, "text": …}` for one of a list. What saves a hub or
looks at it is given the settings alone, so that it works however the hub itself is.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from hub import demo
from hub.admin import service as admin
from hub.core.db import Database
from hub.core.errors import CommandFailed
from hub.core.services import Services
from hub.core.settings import Settings
from hub.entries import finding, search, writing
from hub.fediverse import backfill, follows, offered, peers, waiting
from hub.fediverse.models import Delivery
from hub.feeds import importing, undoing
from hub.keeping import phrase, restoring, saving
from hub.network import lists
from hub.network import service as network
from hub.people import service as people
from hub.today import service as today

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
async def setup(services: Services, link: bool = False, words: bool = False) -> AsyncIterator[Line]:
    """A link that makes one steward, once; and the recovery phrase, while there is none."""
    folder = services.settings.data_dir
    row, text = {}, ""
    if words or (not link and phrase.sealed(folder) is None):
        row["phrase"] = phrase.make(folder)
        text = (
            "The recovery phrase opens a backup on another machine. Write it down; it is shown "
            f"only now:\n  {row['phrase']}\n"
        )
    if link or not words:
        async with services.db.write() as session:
            row["link"] = await people.make_link(session, services.settings.url, "steward")
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
    services: Services, names: str, listed: bool = False, only: str = ""
) -> AsyncIterator[Line]:
    """Follow an actor of another server, or what whole hubs publish; a list comes as base64."""
    if not listed and not offered.is_server(names.strip()):
        row = await follows.follow(services, names)
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
            told = f"{await peers.unblock(session, host)} is heard again."
        else:
            told = str(await admin.block(session, services, host, silence=silence))
    yield {"text": told}


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
        views = await peers.listed(session)
        readings = await backfill.by_server(session)
    for view in views:
        reading = readings.get(view.host)
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


def _reading(reading: backfill.Reading) -> str:
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
) -> AsyncIterator[Line]:
    """Import events (ics) or offers and wants (csv); `data` is the file, base64."""
    content = base64.b64decode(data) if data is not None else None
    async for line in importing.lines(
        services, kind, source, content, dry_run=dry_run, quiet=quiet
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
    path = await saving.save(settings, saving.CARRIED if carried else saving.OURS)
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


@command("doctor", bare=True)
async def doctor(settings: Settings) -> AsyncIterator[Line]:
    """Every check in plain words."""
    failed = 0
    database = Database(settings.database)
    try:
        async for check in today.look(settings, database, outside=True):
            told = check.told(lambda when: when.isoformat(timespec="minutes"))
            row = {"check": check.name, "state": check.state, "message": told}
            yield {"row": row, "text": f"{SIGNS[check.state]}  {check.title}: {told}"}
            failed += check.state == "wrong"
    finally:
        await database.close()
    if failed:
        raise CommandFailed(f"Not as it should be: {failed}.")
