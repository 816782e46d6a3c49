"""Stewards' pages: messages and replies, servers."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.admin import queries
from hub.audit import log as audit
from hub.core.errors import HubError, Invalid, NotFound
from hub.entries import answers, replies, tending, threads
from hub.entries.paging import MAX_CURSOR
from hub.fediverse import follows, peer_views, relays, rulings
from hub.moderation import cards
from hub.people.permissions import MODERATORS, require
from hub.trust import service
from hub.trust.api import look_again
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import Form, local_path, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin", include_in_schema=False, dependencies=[MODERATORS])

INBOX: Final = "/admin/inbox"
SERVERS: Final = "/admin/servers"
PER_PAGE: Final = 30
DEEDS: Final[dict[str, rulings.Standing]] = {
    "block": "blocked",
    "silence": "silenced",
    "allow": "allowed",
}


async def _steward_form(request: Request, caller: Caller) -> Form:
    """The form of a steward.

    Raises:
        NotSignedIn, Forbidden: it is nobody who may.
    """
    require(caller, "moderate")
    return await parse_form(request)


# ------------------------------------------------------------------------------ messages


@router.get("/inbox")
async def inbox(
    request: Request, hub: Hub, caller: Asking, show: str = "waiting", cursor: str = ""
) -> Response:
    """Private messages, and replies that wait."""
    require(caller, "moderate")
    return await _inbox(request, hub, caller, show=show, cursor=cursor)


@router.post("/inbox/{reply_id}/answer")
async def answer(reply_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Answer in the name of the channel."""
    form = await _steward_form(request, caller)
    try:
        async with hub.db.write() as session:
            reply = await replies.by_id(session, reply_id)
            answer_id = _uuid(form.text("once")) if form.maybe("once") else None
            await tending.answer(session, hub, reply, form.text("text"), answer_id=answer_id)
            await audit.note(session, "reply answered", reply_id)
    except Invalid as error:
        return await _unsent(request, hub, reply_id, form.text("text"), error)
    return _back(form, INBOX)


@router.post("/inbox/{reply_id}/pass")
async def pass_on(reply_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Show a reply that waited."""
    form = await _steward_form(request, caller)
    async with hub.db.write() as session:
        reply = await replies.by_id(session, reply_id)
        whole = form.checked("server")
        await tending.pass_on(session, hub, reply, whole_server=whole)
        await audit.note(session, "reply shown", reply_id, whole_server=whole)
    return _back(form, INBOX)


@router.post("/inbox/{reply_id}/hide")
async def hide(reply_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Show a reply to nobody."""
    form = await _steward_form(request, caller)
    async with hub.db.write() as session:
        await tending.hide(session, hub, await replies.by_id(session, reply_id))
        await audit.note(session, "reply hidden", reply_id)
    return _back(form, INBOX)


@router.post("/inbox/{reply_id}/show")
async def show_again(reply_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Show a hidden reply again."""
    form = await _steward_form(request, caller)
    async with hub.db.write() as session:
        await tending.show(session, hub, await replies.by_id(session, reply_id))
        await audit.note(session, "reply shown", reply_id)
    return _back(form, INBOX)


@router.post("/inbox/{reply_id}/read")
async def mark_read(reply_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """A message needs no more attention."""
    form = await _steward_form(request, caller)
    async with hub.db.write() as session:
        answers.mark_read(await replies.by_id(session, reply_id))
    return _back(form, INBOX)


@router.post("/entries/{entry_id}/hide")
async def hide_entry(entry_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Take an entry out of this hub's pages."""
    form = await _steward_form(request, caller)
    async with hub.db.write() as session:
        await tending.hide_entry(session, entry_id)
        await audit.note(session, "entry hidden", entry_id)
    # Its own page is no more, so that is not where to go back to.
    back = local_path(form.text("back"))
    return see_other(f"{INBOX}#hidden" if str(entry_id) in back else back)


@router.post("/entries/{entry_id}/show")
async def show_entry(entry_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Show an entry again."""
    form = await _steward_form(request, caller)
    async with hub.db.write() as session:
        entry = await tending.show_entry(session, entry_id)
        await audit.note(session, "entry shown", entry_id)
    return _back(form, entry.path)


# ------------------------------------------------------------------------------ servers


@router.get("/servers")
async def servers(request: Request, hub: Hub, caller: Asking) -> Response:
    """Every server that the hub knows, whom it follows, and who follows it."""
    require(caller, "moderate")
    return await _servers(request, hub)


@router.post("/servers/{deed}")
async def change_server(deed: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Block, silence, allow or unblock a server; follow or unfollow somebody there."""
    form = await _steward_form(request, caller)
    entered = form.text("host") or form.text("handle") or form.text("relay")
    try:
        await _change(hub, deed, entered)
    except HubError as error:
        return await _servers(request, hub, error.status, error=str(error), entered=entered)
    look_again(request)
    return _back(form, SERVERS)


async def _change(hub: Hub, deed: str, entered: str) -> None:
    if deed in {"follow", "relay"}:
        await relays.follow(hub, entered, relay=deed == "relay")
    elif deed == "unfollow":
        await follows.unfollow(hub, entered)
    else:
        async with hub.db.write() as session:
            if deed in DEEDS:
                await service.stand(session, hub, entered, DEEDS[deed])
            elif deed == "unblock":
                await service.unblock(session, entered)


async def _inbox(
    request: Request, hub: Hub, caller: Caller, *, show: str = "waiting", cursor: str = ""
) -> Response:
    shown: threads.Show = "all" if show == "all" else "waiting"
    async with hub.db.read() as session:
        listed = await threads.inbox(
            session, shown, limit=PER_PAGE, cursor=cursor[: MAX_CURSOR + 1] or None
        )
        waiting = await threads.waiting(session)
        hidden = () if cursor else await queries.hidden_entries(session)
        decisions = await cards.count(session, caller)
    return render(
        request,
        "admin/inbox.html",
        show=shown,
        decisions=decisions,
        hidden=hidden,
        waiting=waiting,
        messages=listed.items,
        next=listed.next,
        error_for=None,
        error="",
        entered="",
        once=uuid4,
    )


async def _unsent(
    request: Request, hub: Hub, reply_id: UUID, entered: str, error: Invalid
) -> Response:
    """The message alone, with the answer that could not be sent and why."""
    async with hub.db.read() as session:
        found = await threads.message(session, reply_id)
        waiting = await threads.waiting(session)
    if found is None:
        raise NotFound("This message is no longer here.")
    return render(
        request,
        "admin/inbox.html",
        error.status,
        show="all",
        waiting=waiting,
        messages=(found,),
        hidden=(),
        decisions=0,
        next=None,
        error_for=found.id,
        error=str(error),
        entered=entered,
        once=uuid4,
    )


async def _servers(
    request: Request, hub: Hub, status: int = 200, *, error: str = "", entered: str = ""
) -> Response:
    async with hub.db.read() as session:
        context = {
            "peers": await peer_views.listed(session),
            "following": await queries.following(session),
            "followers": await queries.followers(session),
        }
    return render(request, "admin/servers.html", status, error=error, entered=entered, **context)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _back(form: Form, default: str) -> Response:
    return see_other(local_path(form.text("back"), default))
