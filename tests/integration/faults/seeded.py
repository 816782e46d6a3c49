"""`python -m tests.integration.faults.seeded serve`: a hub, hurried, or with a fault sown into it.

What a rig must find is not worth much if it finds nothing in a hub that is known to be broken.
`RIG_FAULT` names one fault; `RIG_HASTE` makes leases or retries short, so that a rig need not wait
for minutes. Neither is known to the hub itself.
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import false

from federation import delivery as schedule
from federation.verification import VerifiedActivity
from hub import cli, schema, serving
from hub.core import db
from hub.core.settings import Settings
from hub.fediverse import delivery, hearing, inbox, lanes, ledger
from hub.jobs import queue

WRITE_BEHIND_S = 0.3
LEASE_S = 3


def swap(place: object, name: str, other: object) -> None:
    """Put something else where the hub will look for it."""
    setattr(place, name, other)


def normal_sync() -> None:
    """SQLite forgets to ask the disk (synchronous=NORMAL)."""
    pragmas = db._pragmas

    def lazy(*, writes: bool) -> tuple[str, ...]:
        return tuple(each.replace("=FULL", "=NORMAL") for each in pragmas(writes=writes))

    swap(db, "_pragmas", lazy)


def ack_before_commit() -> None:
    """The inbox says 202, and writes a moment later."""
    keep = inbox.InboxLog.keep
    tasks: set[asyncio.Task[None]] = set()

    async def later(self: inbox.InboxLog, verified: VerifiedActivity) -> None:
        async def write() -> None:
            await asyncio.sleep(WRITE_BEHIND_S)
            await keep(self, verified)

        task = asyncio.create_task(write())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    swap(inbox.InboxLog, "keep", later)


def no_unique_key() -> None:
    """The tables of mail and of likes lost their unique keys."""
    upgrade = schema.upgrade

    async def weaker(settings: Settings) -> None:
        await upgrade(settings)
        with sqlite3.connect(settings.data_dir / "hub.db") as connection:
            for table in ("reaction", "inbox_activity"):
                _weaken(connection, table)
        connection.close()

    swap(schema, "upgrade", weaker)


def _weaken(connection: sqlite3.Connection, table: str) -> None:
    query = "SELECT sql FROM sqlite_master WHERE name = ?"
    (sql,) = connection.execute(query, (table,)).fetchone()
    if "UNIQUE" in sql:
        made = re.sub(r",\s*CONSTRAINT \w+ UNIQUE \([^)]*\)", "", sql)
        connection.execute(f"ALTER TABLE {table} RENAME TO stricter")
        connection.execute(made)
        connection.execute(f"INSERT INTO {table} SELECT * FROM stricter")  # noqa: S608
        connection.execute("DROP TABLE stricter")


def lost_lease() -> None:
    """A worker whose lease ran out goes on as if it still held it."""

    async def all_ours(*given: Any) -> list[Any]:
        return list(given[-1])

    swap(ledger.Ledger, "_still_ours", all_ours)
    swap(hearing, "_held", all_ours)


def swallowed_order() -> None:
    """What must wait does not keep its successors waiting."""
    chain = delivery.Carrier._chain

    async def loose(self: delivery.Carrier, lane: Any, parcels: list[Any], *more: Any) -> None:
        await asyncio.gather(*(chain(self, lane, [one], *more) for one in reversed(parcels)))

    swap(lanes, "_waits_for_another", lambda _: false())
    swap(delivery.Carrier, "_chain", loose)


def no_grace() -> None:
    """A hub that is told to stop drops what it is doing."""
    swap(serving, "GRACE_S", 0)


FAULTS: dict[str, Callable[[], None]] = {
    "normal sync": normal_sync,
    "ack before commit": ack_before_commit,
    "missing unique key": no_unique_key,
    "lost lease": lost_lease,
    "swallowed reorder": swallowed_order,
    "no grace": no_grace,
}


def retry_soon() -> None:
    """What a peer would not take is tried again in a moment."""
    swap(schedule, "SCHEDULE", (timedelta(seconds=0.3),) * len(schedule.SCHEDULE))


def lease_briefly() -> None:
    """Leases of seconds instead of minutes, and all that must end before them."""
    swap(queue, "LEASE", timedelta(seconds=LEASE_S))
    swap(delivery, "LANE_TIME", timedelta(seconds=LEASE_S / 2))
    swap(inbox, "ASKING_TIME", timedelta(seconds=LEASE_S / 2))


HASTES = {"retries": retry_soon, "leases": lease_briefly}


def main() -> None:
    """The hub's command line, after what was asked for."""
    if haste := os.environ.get("RIG_HASTE"):
        HASTES[haste]()
    if fault := os.environ.get("RIG_FAULT"):
        FAULTS[fault]()
    cli.main()


if __name__ == "__main__":
    main()
