"""Whether the process lives (`/healthz`), and whether it can do its work (`/readyz`)."""

from __future__ import annotations

import shutil

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from hub import schema
from hub.core.clock import now
from hub.core.services import Services
from hub.fediverse.models import InboxActivity
from hub.jobs.models import Job
from hub.jobs.registry import known
from hub.today.machine import ROOM_BYTES
from hub.today.rows import LATE
from hub.web.doors import OPEN

router = APIRouter(include_in_schema=False, dependencies=[OPEN])


@router.get("/healthz")
def healthz(request: Request) -> JSONResponse:
    """The process answers, and says under which address it was asked (`hub doctor`)."""
    asked_at = f"{request.url.scheme}://{request.url.netloc}"
    return JSONResponse(
        {"status": "ok", "asked_at": asked_at}, headers={"Cache-Control": "no-store"}
    )


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Each check in plain words; 503 when one fails."""
    services: Services = request.app.state.services
    checks = {**await _database(services), "disk": _disk(services)}
    well = all(said == "ok" for said in checks.values())
    return JSONResponse(
        {"status": "ok" if well else "failing", "checks": checks},
        status_code=200 if well else 503,
        headers={"Cache-Control": "no-store"},
    )


async def _database(services: Services) -> dict[str, str]:
    try:
        async with services.db.read() as session:
            tables = await schema.found(session)
            oldest = [
                await session.scalar(select(func.min(Job.run_at)).where(known())),
                await session.scalar(select(func.min(InboxActivity.run_at))),
            ]
    except (SQLAlchemyError, OSError):
        return {"database": "the database does not answer"}
    waiting = [moment for moment in oldest if moment is not None and moment < now() - LATE]
    return {
        "database": "ok",
        "migrations": _fit(tables),
        "work": "ok" if not waiting else f"work waits since {min(waiting).isoformat()}",
    }


def _fit(tables: schema.Tables | None) -> str:
    if tables is None or tables.at < schema.newest():
        return "run `hub migrate`"
    return "ok" if tables.fit else "the tables are of a newer version; install that"


def _disk(services: Services) -> str:
    free = shutil.disk_usage(services.settings.data_dir).free
    return "ok" if free > ROOM_BYTES else f"only {free // 1024 // 1024} MB are free"
