"""Places and organisations for programs: `/api/v1/places` and `/api/v1/organisations`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from hub.core.db import AsyncSession
from hub.core.services import Services
from hub.core.settings import Settings
from hub.directory import queries, service
from hub.directory.hours import When
from hub.directory.models import Record
from hub.directory.schemas import (
    FOLDERS,
    RecordDraft,
    RecordView,
    Sort,
    members_of,
    record_draft,
)
from hub.entries import asking, writing
from hub.entries import queries as entries
from hub.entries.access import asked_for
from hub.entries.visibility import Viewer
from hub.people import permissions
from hub.people.idempotency import once
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Caller, Hub

Members = Annotated[
    dict[str, Any], Body(), WithJsonSchema(RecordDraft.model_json_schema(mode="validation"))
]
Changes = Annotated[
    dict[str, Any],
    Body(description="Members to change; null empties one."),
    WithJsonSchema({**RecordDraft.model_json_schema(mode="validation"), "required": []}),
]


class RecordsAsked(asking.Asked):
    """The filters of the lists of places and organisations."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(max_length=200, description="part of the address")] = ""
    access: Annotated[
        str,
        AfterValidator(asked_for),
        Field(description="facts about getting in that must be yes, with commas"),
    ] = ""
    open: Annotated[
        When, Field(description="it is open now, or on the next such day by the hub's clock")
    ] = ""

    def needs(self, settings: Settings) -> queries.Needs:
        """What is needed of them."""
        return queries.Needs(self.access, self.open, settings.zone)


class RecordPage(BaseModel):
    """A page of records; `next` is the cursor of the following one."""

    items: list[RecordView]
    next: str | None


def _doors(folder: str, sort: Sort) -> APIRouter:
    """The doors of one sort."""
    router = api_router(f"/{folder}", folder)

    @router.get("", name=f"{folder} listed", dependencies=[OPEN])
    async def listed(
        request: Request,
        response: Response,
        hub: Hub,
        caller: Asking,
        asked: Annotated[RecordsAsked, Query()],
    ) -> RecordPage:
        """Those that were checked last first."""
        async with hub.db.read() as session:
            filters = asking.filters(asked, hub.settings, place=asked.place)
            found = await queries.listed(
                session, sort, Viewer.of(caller), needs=asked.needs(hub.settings), **filters
            )
            items = await views(session, hub, found.items)
        asking.link_next(request, response, found)
        return RecordPage(items=items, next=found.next)

    @router.post(
        "",
        status_code=201,
        response_model=RecordView,
        name=f"{folder} published",
        dependencies=[permissions.MEMBERS],
    )
    async def published(hub: Hub, caller: Asking, request: Request, members: Members) -> Response:
        """List one."""
        permissions.require(caller, "post")
        draft = record_draft(members, timezone=hub.settings.timezone)
        draft = await writing.with_picture(hub, draft)
        async with once(hub, request, caller) as unit:
            if unit.new:
                owner = caller.person_id
                record = await service.publish(unit.session, hub, sort, draft, owner=owner)
                (view,) = await views(unit.session, hub, [record])
                unit.answer(view, location=f"{hub.settings.url}/api/v1/{folder}/{record.id}")
        return unit.response

    _doors_to_one(router, sort)
    return router


def _doors_to_one(router: APIRouter, sort: Sort) -> None:
    """The doors that lead to one place or organisation."""

    @router.get("/{record_id}", name=f"{sort} shown", dependencies=[OPEN])
    async def shown(record_id: UUID, hub: Hub, caller: Asking) -> RecordView:
        """One of them."""
        async with hub.db.read() as session:
            record = await queries.by_id(session, sort, record_id, Viewer.of(caller))
            (view,) = await views(session, hub, [record])
        return view

    @router.patch("/{record_id}", name=f"{sort} revised", dependencies=[permissions.OWNING_MEMBERS])
    async def revised(record_id: UUID, hub: Hub, caller: Asking, changes: Changes) -> RecordView:
        """Change it: what is not named stays. It is thereby checked."""
        permissions.require(caller, "post")
        async with hub.db.read() as session:
            draft = _merged(await _own(session, sort, record_id, caller), changes, hub)
        changes = await writing.with_its_picture(hub, changes, draft)
        async with hub.db.write() as session:
            record = await _own(session, sort, record_id, caller)
            draft = _merged(record, changes, hub)
            if draft != _merged(record, {}, hub):  # what is sent again is told once
                await service.revise(session, hub, record, draft)
            (view,) = await views(session, hub, [record])
        return view

    @router.delete(
        "/{record_id}",
        status_code=204,
        name=f"{sort} deleted",
        dependencies=[permissions.OWNING_MEMBERS],
    )
    async def withdrawn(record_id: UUID, hub: Hub, caller: Asking) -> None:
        """Delete it, here and wherever it was sent."""
        permissions.require(caller, "post")
        async with hub.db.write() as session:
            await service.withdraw(session, hub, await _own(session, sort, record_id, caller))


async def views(
    session: AsyncSession, hub: Services, records: Sequence[Record]
) -> list[RecordView]:
    """Records as the API shows them."""
    counts = await entries.counts(session, records)
    return [
        RecordView(
            **asking.shared_members(record, counts[record.id], hub.settings),
            summary=record.summary,
            email=record.email,
            phone=record.phone,
            website=record.website,
            links=record.links,
            opening_hours=record.opening_hours,
            access_facts=record.access_facts,
            has=record.has,
            lacks=record.lacks,
            checked_at=record.happens_at,
        )
        for record in records
    ]


async def _own(session: AsyncSession, sort: Sort, record_id: UUID, caller: Caller) -> Record:
    record = await queries.by_id(session, sort, record_id, Viewer.of(caller))
    return permissions.changeable(caller, record)


def _merged(record: Record, changes: dict[str, Any], hub: Services) -> RecordDraft:
    return record_draft({**members_of(record), **changes}, timezone=hub.settings.timezone)


places, organisations = (_doors(folder, sort) for folder, sort in FOLDERS.items())
