"""Answering what stands here for everybody, whichever hub it is of, and taking that back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core import words
from hub.core.db import AsyncSession
from hub.core.errors import Forbidden, Invalid, NotFound
from hub.core.services import Services
from hub.entries import answers, queries, replies, tending
from hub.entries.models import SHOWN, Entry, Reply
from hub.entries.visibility import PUBLIC, Viewer
from hub.people import permissions, sendings, submissions
from hub.people.arriving import myself
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import parse_form, see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False)

OPEN_TO_ANSWERS: Final = frozenset({"event", "article"})  # whose pages invite people to answer


@router.get("/answer/{entry_id}", dependencies=[permissions.LED_IN, permissions.MEMBERS])
async def form(
    entry_id: UUID, request: Request, hub: Hub, caller: Asking, to: UUID | None = None
) -> Response:
    """What shall be answered, and room for the answer."""
    return await _form(entry_id, request, hub, caller, to)


@router.post("/answer/{entry_id}", dependencies=[permissions.MEMBERS])
async def say(
    entry_id: UUID, request: Request, hub: Hub, caller: Asking, to: UUID | None = None
) -> Response:
    """It was written: publish it, or show what is wrong."""
    person_id, sent = await myself(hub, caller), await parse_form(request)
    if (before := await sendings.answered(hub, sent, person_id)) is not None:
        return before
    submissions.admit(request, hub, caller)
    try:
        async with sendings.once(hub, sent, person_id) as sending:
            if sending.new:
                entry, above = await _answered(sending.session, entry_id, caller, to)
                by = answers.By(person_id, caller.name or _nameless(hub))
                said = await answers.say(sending.session, hub, entry, above, sent.text("text"), by)
                sending.path = f"{entry.path}#reply-{said.id}"
    except Invalid as error:
        return await _form(entry_id, request, hub, caller, to, error, sent.values())
    return sending.answer


@router.post("/replies/{reply_id}/delete", dependencies=[permissions.OWNING_MEMBERS])
async def take_back(reply_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Delete one's own answer, here and wherever it went."""
    person_id = await myself(hub, caller)
    await parse_form(request)
    async with hub.db.write() as session:
        said = await replies.by_id(session, reply_id)
        if said.writer_id != person_id:
            raise Forbidden("This is somebody else's answer.")
        path = said.entry.path if said.entry is not None else "/"
        await tending.take_away(session, hub, said)
    return see_other(f"{path}#replies")


async def _answered(
    session: AsyncSession, entry_id: UUID, caller: Caller, to: UUID | None
) -> tuple[Entry, Reply | None]:
    """The entry, and the answer under it that is answered, if it is not the entry itself.

    Raises:
        NotFound: there is none that the caller sees, or that takes answers.
    """
    entry = await queries.by_id(session, Entry, entry_id, Viewer.of(caller))
    above = None if to is None else await replies.by_id(session, to)
    if entry.kind not in OPEN_TO_ANSWERS or entry.visibility != PUBLIC:
        raise NotFound("This cannot be answered here.")
    if above is not None and not _stands(above, entry):
        raise NotFound("This message is no longer here.")
    return entry, above


def _stands(above: Reply, entry: Entry) -> bool:
    """Whether everybody sees this answer under the entry."""
    shown = above.public and above.state == SHOWN and above.author.suspended_at is None
    return shown and above.entry_id == entry.id


def _nameless(hub: Services) -> str:
    """What a member without a name is called, as the hub speaks; else itself would seem to."""
    with words.speaking(words.base_of(hub.settings.language)):
        return words.say("a neighbour")


async def _form(
    entry_id: UUID,
    request: Request,
    hub: Services,
    caller: Caller,
    to: UUID | None,
    error: Invalid | None = None,
    values: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    await myself(hub, caller)
    async with hub.db.read() as session:
        entry, above = await _answered(session, entry_id, caller, to)
    return render(
        request,
        "posting/answer.html",
        200 if error is None else error.status,
        entry=entry,
        above=above,
        values=values,
        errors={} if error is None else error.fields,
    )
