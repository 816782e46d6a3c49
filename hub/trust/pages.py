"""Moderators' pages: what waits from servers, lists of them, and how open the hub is."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import HubError, NotFound
from hub.core.services import Services
from hub.core.text import tidy
from hub.fediverse import peers, rulings
from hub.fediverse.rulings import ALLOWED, BLOCKED, SILENCED, Standing
from hub.people.permissions import MODERATORS, STEWARDS, require
from hub.trust import lists, quarantine, service, weighing
from hub.trust.api import CSV, exported_text, look_again
from hub.trust.weighing import Weighed
from hub.web.doors import Asking, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin/servers", include_in_schema=False, dependencies=[MODERATORS])

LISTS: Final = "/admin/servers/lists"
MODE: Final = "/admin/servers/mode"
ONE: Final = "/admin/servers/one"
WAITING_PAGE: Final = "/admin/servers/waiting"
WAITING: Final[dict[str, Standing]] = {
    "release": ALLOWED,
    "silence": SILENCED,
    "block": BLOCKED,
}
MOST_CHOICES: Final = 100  # names with a box of their own; a form has at most 200 fields
MOST_SHOWN: Final = 500  # names on a page
STANDINGS: Final[dict[str, Standing]] = {each: each for each in (BLOCKED, SILENCED, ALLOWED)}


@router.get("/lists")
async def shown(request: Request, hub: Hub, caller: Asking) -> Response:
    """Who is blocked, silenced and allowed, and the lists by which they came to be."""
    require(caller, "moderate")
    return await _lists(request, hub)


@router.post("/lists")
async def read(request: Request, hub: Hub, caller: Asking) -> Response:
    """Look at a list that was sent or pasted; nothing changes yet."""
    require(caller, "moderate")
    form = await parse_form(request)
    sent = form.file("file")
    data = sent.data if sent is not None else form.text("text").encode()
    source = sent.filename if sent is not None else ""
    try:
        found = lists.read(data, STANDINGS.get(form.text("standing"), BLOCKED))
        async with hub.db.write() as session:
            row = await service.take_note(session, source, found, caller.person_id)
    except HubError as error:
        return await _lists(request, hub, error.status, error=str(error), values=form.values())
    return see_other(f"{LISTS}/{row.id}")


@router.get("/lists/{list_id}")
async def look(list_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """What a list would change here; of one that holds, what it changed."""
    require(caller, "moderate")
    return await _list(request, hub, list_id)


@router.post("/lists/{list_id}/{deed}")
async def pressed(list_id: UUID, deed: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Take a list, as far as it was chosen, or take it back."""
    require(caller, "moderate")
    form = await parse_form(request)
    try:
        async with hub.db.write() as session:
            row = await service.by_id(session, list_id)
            if deed == "undo":
                await service.undo(session, row)
            else:
                weighed = await weighing.weigh(session, hub, service.words_of(row))
                await service.take(session, hub, row, _chosen(form, weighed))
    except HubError as error:
        return await _list(request, hub, list_id, error.status, error=str(error))
    look_again(request)
    return see_other(f"{LISTS}/{list_id}")


@router.get("/waiting")
async def waiting(request: Request, hub: Hub, caller: Asking) -> Response:
    """Servers of which something waits, with what it is, and a button for each answer."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        held = await quarantine.listed(session)
        now_on = await rulings.mode(session, hub)
    return render(request, "trust/waiting.html", held=held, mode=now_on)


@router.post("/waiting/{deed}")
async def decided(deed: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Let a server in with all that waits from it, silence it, or block it."""
    require(caller, "moderate")
    host = (await parse_form(request)).text("host")
    if deed not in WAITING:
        raise NotFound("There is no such button.")
    async with hub.db.write() as session:
        if deed == "release":
            await quarantine.release(session, hub, peers.host_of(host))
        await service.stand(session, hub, host, WAITING[deed])
    look_again(request)
    return see_other(WAITING_PAGE)


@router.get("/one")
async def one(request: Request, hub: Hub, caller: Asking, host: str = "") -> Response:
    """One server: how it stands and why, what binds us, and all that can be said of it."""
    require(caller, "moderate")
    return await _one(request, hub, host)


@router.post("/one")
async def say(request: Request, hub: Hub, caller: Asking) -> Response:
    """Say how a server stands, and whether its pictures and reports are wanted."""
    require(caller, "moderate")
    form = await parse_form(request)
    host = form.text("host")
    word = rulings.Word(
        host,
        STANDINGS.get(form.text("standing"), rulings.OPEN),
        reject_media=form.checked("reject_media"),
        reject_reports=form.checked("reject_reports"),
        comment=tidy(form.text("comment"))[: lists.LONGEST_COMMENT],
        obfuscate=form.checked("obfuscate"),
    )
    try:
        async with hub.db.write() as session:
            barred = await service.say(session, hub, word)
    except HubError as error:
        return await _one(request, hub, host, error.status, error=str(error))
    look_again(request)
    return see_other(f"{ONE}?host={quote(barred.host)}")


@router.get("/export.csv")
async def exported(hub: Hub, caller: Asking, show: str = "") -> Response:
    """Who is blocked or silenced, as Mastodon reads it; or the names that are allowed."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        words = [rulings.word_of(row) for row in await rulings.listed(session)]
    name = "allowed" if show == ALLOWED else "blocked"
    return Response(
        exported_text(words, allowed=show == ALLOWED),
        media_type=CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}-servers.csv"'},
    )


@router.get("/mode", dependencies=[STEWARDS])
async def mode(request: Request, hub: Hub, caller: Asking) -> Response:
    """How open the hub is, and what another choice would change."""
    require(caller, "administer")
    async with hub.db.read() as session:
        now_on = await rulings.mode(session, hub)
        shifts = [await weighing.shift(session, hub, each) for each in rulings.MODES]
    return render(request, "trust/mode.html", mode=now_on, shifts=shifts, most=MOST_CHOICES)


@router.post("/mode", dependencies=[STEWARDS])
async def change_mode(request: Request, hub: Hub, caller: Asking) -> Response:
    """From now on the hub is so open."""
    require(caller, "administer")
    form = await parse_form(request)
    async with hub.db.write() as session:
        await service.choose_mode(session, form.text("mode"))
    look_again(request)
    return see_other(MODE)


def _chosen(form: Form, weighed: list[Weighed]) -> set[str]:
    """The names whose boxes were ticked, and the rest, without those that were typed."""
    apart = {one.word.host for one in _apart(weighed)}
    rest = {one.word.host for one in weighed if one.taken and one.word.host not in apart}
    wanted = (apart & set(form.all("host"))) | (rest if form.checked("rest") else set())
    return wanted - set(form.text("without").split())


def _apart(weighed: list[Weighed]) -> list[Weighed]:
    """The names that somebody should look at: they sever something, or do not fit."""
    worth = [
        one
        for one in weighed
        if one.verdict not in {"same", "ours"} and not (one.taken and one.weight.nothing)
    ]
    worth.sort(key=lambda one: (one.weight.followed, one.weight.followers, one.weight.entries))
    return worth[::-1][:MOST_CHOICES]


async def _one(
    request: Request, hub: Services, entered: str, status: int = 200, *, error: str = ""
) -> Response:
    known = None
    try:
        host = peers.another(hub, entered)
        async with hub.db.read() as session:
            known = await quarantine.of(session, host)
    except HubError as wrong:
        error, status = error or str(wrong), wrong.status
    return render(request, "trust/one.html", status, known=known, entered=entered, error=error)


async def _lists(
    request: Request,
    hub: Services,
    status: int = 200,
    *,
    error: str = "",
    values: dict[str, str] | None = None,
) -> Response:
    async with hub.db.read() as session:
        words = await rulings.listed(session)
        taken = await service.taken_lists(session)
        now_on = await rulings.mode(session, hub)
    return render(
        request,
        "trust/lists.html",
        status,
        allowed=[word for word in words if word.standing == ALLOWED],
        barred=[word for word in words if word.standing != ALLOWED],
        taken=taken,
        mode=now_on,
        may_undo=service.may_undo,
        most=MOST_SHOWN,
        error=error,
        values=values or {},
    )


async def _list(
    request: Request, hub: Services, list_id: UUID, status: int = 200, *, error: str = ""
) -> Response:
    async with hub.db.read() as session:
        row = await service.by_id(session, list_id)
        context: dict[str, Any] = {}
        if row.taken_at is None:
            context = _weighed(await weighing.weigh(session, hub, service.words_of(row)))
    return render(
        request,
        "trust/list.html",
        status,
        row=row,
        title=row.source,
        may_undo=service.may_undo(row),
        error=error,
        **context,
    )


def _weighed(weighed: list[Weighed]) -> dict[str, Any]:
    apart = _apart(weighed)
    names = {one.word.host for one in apart}
    rest = [one for one in weighed if one.taken and one.word.host not in names]
    return {
        "apart": apart,
        "rest": rest,
        "counts": Counter(one.verdict for one in weighed),
        "most": MOST_SHOWN,
    }
