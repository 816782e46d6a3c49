"""What the servers run that this hub follows, as they say themselves (NodeInfo).

It is shown beside their names; and where one of them runs a later version of the program that this
hub is, stewards hear of it on Today. So nobody counts hubs, and no server of the makers is asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.discovery import nodeinfo
from federation.errors import FederationError
from hub.core.clock import now
from hub.core.services import Services
from hub.core.text import tidy
from hub.fediverse import follows
from hub.fediverse.models import Peer
from hub.jobs.registry import Run, job

OURS: Final = "hub"  # what NodeInfo calls this program
MOST: Final = 20  # servers asked in a day; of more, each has its turn
AT_ONCE: Final = 4
TAKES_S: Final = 10.0
LONGEST: Final = 60  # characters
FAR: Final = 100  # who says to be so many versions ahead is not believed
VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


@job("fediverse.ask_software", every=timedelta(days=1))
async def ask(run: Run) -> None:
    """Ask servers that we follow what they run; who does not say it keeps what was known."""
    async with run.services.db.read() as session:
        hosts = _whose_turn(sorted(set(await follows.followed_servers(session))))
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(host: str) -> str | None:
        async with slots:
            return await _said(run.services, host)

    found = await asyncio.gather(*map(one, hosts))
    async with run.finish() as session:
        for host, text in zip(hosts, found, strict=True):
            if text:
                await session.execute(update(Peer).where(Peer.host == host).values(software=text))


def _whose_turn(hosts: Sequence[str]) -> Sequence[str]:
    if len(hosts) <= MOST:
        return hosts
    first = now().toordinal() * MOST % len(hosts)
    return [*hosts[first:], *hosts[:first]][:MOST]


async def _said(services: Services, host: str) -> str | None:
    try:
        async with asyncio.timeout(TAKES_S):
            about = await nodeinfo.read(services.fetcher, host)
    except (FederationError, TimeoutError):
        return None
    return tidy(f"{about.software or ''} {about.version or ''}")[:LONGEST]


async def later_than(session: AsyncSession, version: str) -> tuple[str, str] | None:
    """A server that we follow which says that it runs a later version of this, and which.

    Any of them may say what it likes: what is absurdly far ahead counts for nothing.
    """
    hosts = await follows.followed_servers(session)
    rows = await session.execute(
        select(Peer.host, Peer.software)
        .where(Peer.host.in_(hosts), Peer.software.startswith(f"{OURS} ", autoescape=True))
        .order_by(Peer.host)
    )
    own = parts(version)
    there = [(host, text.removeprefix(f"{OURS} ")) for host, text in rows if text is not None]
    later = [one for one in there if own < parts(one[1]) and not _is_far(parts(one[1]), own)]
    return max(later, key=lambda one: parts(one[1]), default=None)


def _is_far(theirs: tuple[int, ...], own: tuple[int, ...]) -> bool:
    return any(there - here > FAR for there, here in zip(theirs, own, strict=False))


def parts(version: str) -> tuple[int, ...]:
    """The numbers of a released version, to be compared; of any other text nothing."""
    found = VERSION.fullmatch(version)
    return tuple(int(number or 0) for number in found.groups()) if found else ()
