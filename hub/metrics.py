"""How the hub fares, in numbers, for Prometheus (`/metrics`): no names, no addresses, no hosts.

The machine itself reads it, where no proxy stands between; from elsewhere a steward's token does.
The format is a dozen lines of text, so no library writes it (decision 0051).
"""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub import __version__
from hub.core.clock import now
from hub.core.errors import Forbidden, NotSignedIn
from hub.core.services import Services
from hub.entries.models import Entry, Reply
from hub.fediverse import follows
from hub.fediverse.models import Delivery, InboxActivity, Peer
from hub.jobs.models import Job
from hub.keeping import saving
from hub.mail import outbox
from hub.moderation import cards
from hub.people.models import Person
from hub.web.doors import Asking, Audience, Hub

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-real-ip")


async def _may_read(request: Request, caller: Asking) -> None:
    """The machine itself, or a program with a steward's token.

    Raises:
        NotSignedIn, Forbidden: it is neither.
    """
    if _is_here(request):
        return
    if not caller.known:
        raise NotSignedIn("Send a steward's token: `hub token create metrics --role steward`.")
    if not (caller.by == "token" and caller.steward):
        raise Forbidden("Only a steward's token reads the hub's numbers.")


def _is_here(request: Request) -> bool:
    """Whether a program on this machine asks, and no proxy for somebody else."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


READERS: Final = Audience(
    _may_read, words="this machine itself, and programs of stewards", roles=frozenset()
)  # no browser: whoever is signed in has no token
router = APIRouter(include_in_schema=False, dependencies=[READERS])


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, or one for each value of a label."""

    name: str
    help: str
    label: str = ""
    values: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """It as Prometheus reads it."""
        lines = [f"# HELP {self.name} {self.help}", f"# TYPE {self.name} gauge"]
        for value, number in sorted(self.values.items()):
            labels = f'{{{self.label}="{value}"}}' if self.label else ""
            lines.append(f"{self.name}{labels} {number:g}")
        return "\n".join(lines)


def _one(name: str, told: str, number: float) -> Metric:
    return Metric(name, told, values={"": number})


@router.get("/metrics")
async def metrics(hub: Hub) -> Response:
    """Every number, as it is now."""
    found = [*_machine(hub)]
    async with hub.db.read() as session:
        found += [each async for each in _rows(session)]
    text = "\n".join([*map(str, found), ""])
    return Response(text, media_type=TEXT, headers={"Cache-Control": "no-store"})


def _machine(services: Services) -> Iterator[Metric]:
    folder = services.settings.data_dir
    yield Metric("hub_info", "The version that runs.", "version", {__version__: 1})
    yield _one(
        "hub_disk_free_bytes",
        "Free room where the hub keeps its data.",
        shutil.disk_usage(folder).free,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    yield _one("hub_memory_most_bytes", "The most memory that this process had.", used)
    saved = saving.last_at(folder)
    if saved is not None:
        yield _one("hub_backup_age_seconds", "How old the last backup is.", _age(saved))


async def _rows(session: AsyncSession) -> AsyncIterator[Metric]:
    where = case((Entry.origin == "", "here"), else_="elsewhere")
    entries = select(where, func.count(Entry.id)).where(Entry.deleted_at.is_(None)).group_by(where)
    yield await _by(session, "hub_entries", "Entries that are kept.", "origin", entries)
    people = select(Person.role, func.count(Person.id)).where(Person.disabled_at.is_(None))
    yield await _by(session, "hub_people", "Accounts.", "role", people.group_by(Person.role))
    peers = select(Peer.standing, func.count(Peer.host)).group_by(Peer.standing)
    yield await _by(session, "hub_servers", "Servers that are known.", "standing", peers)
    failing = select(func.count(Peer.host)).where(Peer.failures > 0)
    yield _one(
        "hub_servers_failing",
        "Servers that failed when last asked.",
        await _number(session, failing),
    )
    yield _one("hub_following", "Whom this hub follows.", await follows.count(session))
    inbox = select(InboxActivity.state, func.count(InboxActivity.id))
    yield await _by(
        session, "hub_inbox_activities", "What others sent, of late.", "state",
        inbox.group_by(InboxActivity.state),
    )  # fmt: skip
    waits = {
        "delivery": select(func.count(Delivery.id), func.min(Delivery.created_at)),
        "job": select(func.count(Job.id), func.min(Job.run_at)).where(Job.run_at <= now()),
        "inbox": select(func.count(InboxActivity.id), func.min(InboxActivity.received_at)).where(
            InboxActivity.state == "waiting"
        ),
    }
    counts, ages = dict[str, float](), dict[str, float]()
    for name, query in waits.items():
        count, oldest = (await session.execute(query)).one()
        counts[name], ages[name] = count, 0 if oldest is None else max(0, _age(oldest))
    counts["letter"] = await outbox.count_waiting(session)
    yield Metric("hub_waiting", "Work that waits.", "what", counts)
    yield Metric("hub_waiting_oldest_seconds", "How long the oldest of it has.", "what", ages)
    held = select(func.count(Reply.id)).where(Reply.state == "held")
    decisions = {
        "answers": await _number(session, held),
        "entries": await _number(session, select(func.count(Entry.id)).where(*cards.held())),
    }
    yield Metric("hub_held", "What waits for a moderator.", "what", decisions)


async def _by(
    session: AsyncSession, name: str, told: str, label: str, query: Select[str, int]
) -> Metric:
    return Metric(name, told, label, dict((await session.execute(query)).all()))


async def _number(session: AsyncSession, query: Select[int]) -> int:
    return await session.scalar(query) or 0


def _age(moment: datetime) -> float:
    return round((now() - moment).total_seconds())
