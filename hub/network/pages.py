"""The pages on which stewards choose the hubs that this one follows."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import HubError, Invalid
from hub.entries import categories
from hub.network import lists, queries, service
from hub.people.permissions import MODERATORS, require
from hub.web.doors import Asking, Hub
from hub.web.forms import parse_form, see_other
from hub.web.pages import render

PAGE: Final = "/admin/hubs"
WORD: Final = "word "  # how the names of fields begin that hold our word for one of theirs

router = APIRouter(prefix=PAGE, include_in_schema=False, dependencies=[MODERATORS])


@router.get("")
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """The hubs that we follow, what of each, and how far their earlier posts are read."""
    require(caller, "moderate")
    return await _page(request, hub, said=said)


@router.post("/find")
async def find(request: Request, hub: Hub, caller: Asking) -> Response:
    """What the hubs of a list offer, to choose from."""
    require(caller, "moderate")
    entered = (await parse_form(request)).text("hubs")
    try:
        listed = lists.read(entered)
        if not listed.hubs:
            raise Invalid("There is no address of a hub in this. Such as hub.example.")
    except HubError as error:
        return await _page(request, hub, error.status, error=str(error), entered=entered)
    answers = await service.look_up(hub, listed.hubs)
    async with hub.db.read() as session:
        known = await queries.hubs(session)
    states = {one.uri: one.state for each in known for one in each.followed}
    return render(
        request,
        "network/found.html",
        found=[answer for answer in answers if answer.server is not None],
        failed=[answer for answer in answers if answer.server is None],
        unread=listed.unread,
        states=states,
        entered=entered,
    )


@router.get("/{host}/words")
async def words(host: str, request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """What a hub calls things, and our words for it."""
    require(caller, "moderate")
    return await _words(request, hub, host, said=said)


@router.post("/{host}/words")
async def say_words(host: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Our words for what a hub calls things, for what is here and what comes."""
    require(caller, "moderate")
    form = await parse_form(request)
    said = form.values().items()
    given = {name.removeprefix(WORD): tag for name, tag in said if name.startswith(WORD)}
    try:
        async with hub.db.write() as session:
            await categories.set_all(session, host, given)
    except HubError as error:
        return await _words(request, hub, host, error.status, error=str(error))
    return see_other(f"{PAGE}/{quote(host)}/words?said=saved")


async def _words(
    request: Request, hub: Hub, host: str, status: int = 200, *, said: str = "", error: str = ""
) -> Response:
    async with hub.db.read() as session:
        found = await categories.listed(session, host)
    return render(
        request, "network/words.html", status, host=host, words=found, said=said, error=error
    )


@router.post("")
async def chosen(request: Request, hub: Hub, caller: Asking) -> Response:
    """Follow what is ticked, and no more what is not."""
    require(caller, "moderate")
    form = await parse_form(request)
    wrong = await service.choose(hub, form.all("shown"), form.all("follow"))
    if wrong:
        return await _page(request, hub, 502, wrong=wrong)
    return see_other(f"{PAGE}?said=chosen")


async def _page(request: Request, hub: Hub, status: int = 200, **more: Any) -> Response:
    async with hub.db.read() as session:
        found = await queries.hubs(session)
    context = {"said": "", "error": "", "entered": "", "wrong": (), **more}
    return render(request, "network/hubs.html", status, hubs=found, **context)
