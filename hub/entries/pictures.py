"""Pictures: decoded elsewhere, kept without metadata, served with their hands tied.

What people send is decoded in a process with bounds (`picture_worker`), and only pixels are kept,
under a name that is a digest. Pictures of other servers are fetched when a page first shows them,
go the same way, and are served from here: readers' browsers ask nobody else.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import re
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import FederationError
from federation.origins import authority
from hub.core.clock import now
from hub.core.errors import Busy, Invalid, NotFound
from hub.core.files import write_whole
from hub.core.services import Services
from hub.core.text import tidy
from hub.core.words import later
from hub.entries.models import Entry, Picture
from hub.entries.picture_worker import REFUSED
from hub.entries.visibility import Viewer, visible_to
from hub.jobs.registry import Run, job
from hub.jobs.retention import clock

log = logging.getLogger(__name__)

MAX_BYTES: Final = 10 * 1024 * 1024
LONGEST_SIDE: Final = 1600
REMOTE_SIDE: Final = 1200
LONGEST_ALT: Final = 1500  # Mastodon's limit
WORKER_SECONDS: Final = 20
AT_ONCE: Final = 2  # decoding processes; each may map several hundred megabytes
RETRY_S: Final = 24 * 3600  # a remote picture that could not be had is asked for again after this
FETCH_SECONDS: Final = 10
FETCHES_AT_ONCE: Final = 32  # a page shows up to thirty; each may hold 10 MB for a moment
NAME: Final = re.compile(r"[0-9a-f]{40}\.webp")
ORPHAN_AFTER: Final = timedelta(days=3)  # longer than a draft waits for its letter

_fetching: dict[Path, asyncio.Task[None]] = {}
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def store(services: Services, data: bytes, alt: str) -> Picture:
    """A picture that somebody sent, kept; the row is yet to be added.

    Raises:
        Invalid: it is not a picture that we take, or nobody said what it shows.
        Busy: it took too long to decode.
    """
    alt = tidy(alt)[:LONGEST_ALT].strip()
    if not alt:
        hint = later(
            "Please say in a few words what the picture shows, for those who cannot see it."
        )
        raise Invalid(hint, {"alt": hint})
    if not data or len(data) > MAX_BYTES:
        hint = later("A picture may have up to 10 MB.")
        raise Invalid(hint, {"image": hint})
    told, pixels = await decoded(data, LONGEST_SIDE)
    name = f"{hashlib.sha256(pixels).hexdigest()[:40]}.webp"
    await asyncio.to_thread(_write, services.media / name, pixels)
    return Picture(
        name=name,
        url=f"{services.settings.url}/media/{name}",
        alt=alt,
        media_type=told["media_type"],
        width=told["width"],
        height=told["height"],
    )


def path_of(services: Services, name: str) -> Path:
    """The file of a picture.

    Raises:
        NotFound: there is none of this name.
    """
    path = services.media / name
    if not NAME.fullmatch(name) or not path.is_file():
        raise NotFound("There is no such picture.")
    return path


async def remote(services: Services, picture_id: UUID, viewer: Viewer) -> Path:
    """Our copy of another server's picture, fetched at its first showing.

    Raises:
        NotFound: no entry that `viewer` may see has it, or it could not be had.
    """
    async with services.db.read() as session:
        url = await session.scalar(
            select(Picture.url)
            .join(Entry, Entry.picture_id == Picture.id)
            .where(Picture.id == picture_id, Picture.name.is_(None), visible_to(viewer))
            .limit(1)
        )
    if url is None:
        raise NotFound("There is no such picture.")
    # The address is in the name: a picture that was replaced is fetched anew.
    name = f"{picture_id.hex}-{hashlib.sha256(url.encode()).hexdigest()[:8]}.webp"
    path = services.media / "remote" / name
    found = await asyncio.to_thread(_size_or_none, path)
    if found is None:
        await _fetched_once(services, url, path)
        found = await asyncio.to_thread(_size_or_none, path)
    if not found:
        raise NotFound("The picture could not be had from its server.")
    return path


async def _fetched_once(services: Services, url: str, path: Path) -> None:
    """Fetch a picture; whoever asks for it meanwhile waits for the same.

    Raises:
        Busy: too many others are being fetched.
    """
    task = _fetching.get(path)
    if task is None:
        if len(_fetching) >= FETCHES_AT_ONCE:
            raise Busy("Many pictures are being fetched. Please reload the page in a moment.")
        task = _fetching[path] = asyncio.create_task(_fetch(services, url, path))
        task.add_done_callback(lambda _: _fetching.pop(path, None))
    await asyncio.shield(task)


async def _fetch(services: Services, url: str, path: Path) -> None:
    """Keep a small copy, or an empty file that says that there is none."""
    pixels = b""
    try:
        answer = await services.fetcher.fetch_bytes(
            url, "image/webp,image/*", MAX_BYTES, deadline_s=FETCH_SECONDS
        )
        _, pixels = await decoded(answer.body, REMOTE_SIDE)
    except (FederationError, Invalid, Busy) as error:
        log.info("no copy of a picture of %s: %s", authority(url), type(error).__name__)
    await asyncio.to_thread(_write, path, pixels)


@clock(
    "entries.pictures",
    "a picture that no entry shows, row and file",
    kept=ORPHAN_AFTER,
    since="it came here",
)
async def sweep(services: Services) -> int:
    """Pictures that no entry shows any more (SECURITY D7)."""
    media = services.media
    async with services.db.write() as session:
        names, ids = await _orphans(session)
    for name in names:
        await asyncio.to_thread((media / name).unlink, missing_ok=True)
    for picture_id in ids:
        await asyncio.to_thread(_forget_copies, media / "remote", picture_id)
    return len(ids)


@job("entries.sweep_pictures")
async def sweep_soon(run: Run) -> None:
    """The same at once, where a picture is taken away on purpose."""
    await sweep(run.services)
    async with run.finish():
        pass


async def release(session: AsyncSession, picture_id: UUID) -> None:
    """Whoever took it is gone: it goes with the next sweep, if nothing shows it then."""
    long_ago = now() - ORPHAN_AFTER * 2
    await session.execute(
        update(Picture).where(Picture.id == picture_id).values(created_at=long_ago)
    )


async def _orphans(session: AsyncSession) -> tuple[list[str], list[UUID]]:
    """Names of files and ids of rows that were deleted because nothing shows them."""
    used = exists().where(Entry.picture_id == Picture.id)
    # What is uploaded waits for its entry; a picture of another server came with it.
    over = or_(Picture.name.is_(None), Picture.created_at < now() - ORPHAN_AFTER)
    gone = await session.execute(
        delete(Picture)
        .where(~used, over)
        .returning(Picture.id, Picture.name)
        .execution_options(synchronize_session=False)
    )
    rows = gone.all()
    names = {name for _, name in rows if name is not None}
    kept = await session.scalars(select(Picture.name).where(Picture.name.in_(names)))
    return sorted(names - set(kept)), [picture_id for picture_id, _ in rows]


async def decoded(data: bytes, longest: int, kind: str = "WEBP") -> tuple[dict[str, Any], bytes]:
    """Facts and pixels, as WebP or as `kind` PNG, from a process of its own.

    Raises:
        Invalid: it is not a picture that we take.
        Busy: it took too long.
    """
    async with _turn():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hub.entries.picture_worker",
            str(longest),
            kind,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            async with asyncio.timeout(WORKER_SECONDS):
                out, _ = await process.communicate(data)
        except TimeoutError:
            raise Busy("This picture took too long to read. Please try a smaller one.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode == 0:
        head, _, pixels = out.partition(b"\n")
        return json.loads(head), pixels
    reason = out.decode("utf-8", "replace") if process.returncode == REFUSED else ""
    hint = reason or later("This picture cannot be read. Please send JPEG, PNG or WebP.")
    raise Invalid(hint, {"image": hint})


def _turn() -> asyncio.Semaphore:
    """The queue of this event loop for decoding processes."""
    loop = asyncio.get_running_loop()
    return _turns.setdefault(loop, asyncio.Semaphore(AT_ONCE))


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, and still there after a power cut."""
    if data and path.is_file() and path.stat().st_size == len(data):
        return
    write_whole(path, data)


def _size_or_none(path: Path) -> int | None:
    """The size of a copy; None when it is to be fetched: not there, or failed long ago."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if found.st_size == 0 and time.time() - found.st_mtime > RETRY_S:
        return None
    return found.st_size


def _forget_copies(folder: Path, picture_id: UUID) -> None:
    for path in folder.glob(f"{picture_id.hex}-*.webp"):
        path.unlink(missing_ok=True)
