"""Editors say what is the same thing, and what is not."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.entries import merging
from hub.people.permissions import EDITORS, require
from hub.web.doors import Asking, Hub
from hub.web.forms import local_path, parse_form, see_other

router = APIRouter(prefix="/same", include_in_schema=False, dependencies=[EDITORS])


@router.post("/{entry_id}/part")
async def part(entry_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """It is something of its own; it is not merged again."""
    require(caller, "post for others")
    form = await parse_form(request)
    async with hub.db.write() as session:
        await merging.part(session, entry_id)
    return see_other(local_path(form.text("back")))


@router.post("/{entry_id}/merge")
async def merge(entry_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """It is the same as something whose address was entered."""
    require(caller, "post for others")
    form = await parse_form(request)
    async with hub.db.write() as session:
        other = await merging.find(session, form.text("other"))
        await merging.merge(session, entry_id, other)
    return see_other(local_path(form.text("back")))
