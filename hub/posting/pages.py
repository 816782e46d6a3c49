"""Posting without an account: how it will look, the letter, the button in it, and what comes after.

Three steps: write, look at it and say where the letter goes, press the button in the letter.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.db import AsyncSession
from hub.core.errors import Gone, Invalid, NotFound
from hub.core.services import Services
from hub.entries.models import Entry
from hub.mail.addresses import address
from hub.people import queries as people
from hub.people import submissions
from hub.people.arriving import let_in
from hub.people.knocking import LETTERS_FROM, LETTERS_TO, knock, where_from
from hub.people.models import Submission
from hub.posting import mastodon, service
from hub.posting.kinds import KINDS
from hub.web.doors import BEARERS, Asking, Hub
from hub.web.forms import parse_form, see_other
from hub.web.pages import language_of, render

router = APIRouter(include_in_schema=False)

DEEDS: Final = frozenset({"edit", "close", "cancel", "delete"})


# ------------------------------------------------------------------------------- the draft


@router.get("/post/draft/{secret}", dependencies=[BEARERS])
async def look(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """How it will look to neighbours and on Mastodon, and where the letter shall go."""
    del caller  # looked up for the page
    return await _look(secret, request, hub)


@router.post("/post/draft/{secret}", dependencies=[BEARERS])
async def send_letter(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """The letter with the button is on its way; for whoever is signed in, it is published."""
    entered = (await parse_form(request)).text("email")
    if caller.person_id is not None:
        return await _publish_own(secret, hub, caller.person_id)
    try:
        email = address(entered)
    except Invalid as error:
        return await _look(secret, request, hub, error.status, email=entered, error=str(error))
    knock(hub, LETTERS_FROM, where_from(request))
    knock(hub, LETTERS_TO, email)
    async with hub.db.write() as session:
        row = await _draft(session, secret)
        await service.write_letter(session, hub, row, email, language_of(request))
    return render(
        request,
        "posting/sent.html",
        email=email,
        by_mail=bool(hub.settings.smtp_url),
        again=f"/post/draft/{secret}",
    )


async def _look(
    secret: str, request: Request, hub: Services, status: int = 200, **context: Any
) -> Response:
    async with hub.db.read() as session:
        row = await _draft(session, secret)
        held = await service.is_held(session, hub, None)
    change = f"{KINDS[row.kind].form}?draft={secret}"
    try:
        shown = await service.preview(hub, row)
    except Invalid:
        return see_other(change)  # what was good two days ago may be over by now
    given = {"email": "", "error": "", **context}
    return render(
        request,
        "posting/preview.html",
        status,
        entry=shown.entry,
        elsewhere=mastodon.shown(shown.document) if row.visibility == "public" else None,
        action=f"/post/draft/{secret}",
        change=change,
        held=held,
        **given,
    )


async def _publish_own(secret: str, hub: Services, person_id: UUID) -> Response:
    async with hub.db.write() as session:
        row = await _draft(session, secret)
        person = await people.by_id(session, person_id)
        entry = await service.confirm(session, hub, row, person)
    return see_other(f"{entry.path}?said=published")


async def _draft(session: AsyncSession, secret: str) -> Submission:
    row = await submissions.by_page(session, secret)
    if row is None:
        raise Gone(service.EXPIRED)
    return row


# ------------------------------------------------------------------------------ the letter


@router.get("/mine/{secret}", dependencies=[BEARERS])
async def open_letter(
    secret: str, request: Request, hub: Hub, caller: Asking, said: str = ""
) -> Response:
    """The button that publishes; later, what became of it and what can be done with it."""
    del caller  # looked up so that the form is bound to their session, if they have one
    async with hub.db.read() as session:
        row = await service.by_link(session, secret)
        entry = await session.get(Entry, row.entry_id) if row.entry_id else None
    title = entry.title if entry is not None else (row.fields.get("title") or [""])[-1]
    return render(
        request,
        "posting/mine.html",
        row=row,
        entry=entry,
        title=title,
        action=f"/mine/{secret}",
        said=said,
    )


@router.post("/mine/{secret}", dependencies=[BEARERS])
async def press(secret: str, request: Request, hub: Hub) -> Response:
    """The button was pressed: it is published, once."""
    await parse_form(request)
    async with hub.db.write() as session:
        row = await service.by_link(session, secret, lock=True)
        if row.confirmed_at is None:
            person = await service.reader_of(session, row)
            await service.confirm(session, hub, row, person)
    return see_other(f"/mine/{secret}?said=published")


@router.post("/mine/{secret}/open", dependencies=[BEARERS])
async def open_own(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Go on to change it. The browser is let in as a guest for a day, whoever its author is."""
    deed = (await parse_form(request)).text("to")
    async with hub.db.write() as session:
        row = await service.by_link(session, secret)
        entry = await session.get(Entry, row.entry_id) if row.entry_id else None
        if entry is None or entry.deleted_at is not None:
            raise NotFound("This is no longer on the board.")
        person = await service.reader_of(session, row)
        path = f"{entry.path}/{deed}" if deed in DEEDS else entry.path
        return await let_in(session, request, hub, caller, person, path)
