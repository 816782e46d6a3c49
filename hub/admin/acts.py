"""What was done to the hub, by whom and when: a page for stewards."""

from __future__ import annotations

from typing import Final, get_args

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.admin import queries
from hub.audit import log
from hub.people.permissions import STEWARDS, require
from hub.web.doors import Asking, Hub
from hub.web.pages import render

router = APIRouter(prefix="/admin/acts", include_in_schema=False, dependencies=[STEWARDS])

DEEDS: Final[tuple[str, ...]] = get_args(log.Deed)
LARGEST: Final = 2**31


@router.get("")
async def shown(
    request: Request, hub: Hub, caller: Asking, deed: str = "", by: str = "", before: int = 0
) -> Response:
    """What was done, the last first; of one sort, or by one person."""
    require(caller, "administer")
    wanted, person = deed if deed in DEEDS else "", queries.id_in(by)
    async with hub.db.read() as session:
        rows = await log.listed(
            session,
            deed=wanted,
            by=person,
            before=before if 0 < before < LARGEST else None,
            limit=log.PER_PAGE + 1,
        )
        whole = await log.broken_at(session) is None
        names = await queries.names(session, rows)
        doers = await queries.doers(session)
    return render(
        request,
        "admin/acts.html",
        rows=rows[: log.PER_PAGE],
        older=rows[log.PER_PAGE - 1].id if len(rows) > log.PER_PAGE else None,
        whole=whole,
        names=names,
        doers=doers,
        deeds=DEEDS,
        deed=wanted,
        by=by if person else "",
    )
