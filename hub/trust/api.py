"""How servers stand, and lists of them, for programs of stewards."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.fediverse import rulings
from hub.fediverse.rulings import Standing, Word
from hub.people.permissions import MODERATORS, require
from hub.trust import lists, service, weighing
from hub.trust.models import ServerList
from hub.web.bodies import api_router
from hub.web.doors import Asking, Hub

blocks = api_router("/blocks", "servers", MODERATORS)

LONGEST = 300
CSV = "text/csv; charset=utf-8"


class View(BaseModel):
    """What is read from rows."""

    model_config = ConfigDict(from_attributes=True)


class WordDraft(BaseModel):
    """A server of which something is said; it holds for the names under it too.

    `allowed`: it is heard at once, also where only listed servers are. `silenced`: what it
    publishes is shown only if a steward lets it through. `reject_media`: its pictures are neither
    fetched nor shown; `reject_reports`: what it reports is dropped.
    """

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(min_length=1, max_length=LONGEST, examples=["spam.example"])]
    standing: Standing = "blocked"
    reject_media: bool = False
    reject_reports: bool = False
    comment: Annotated[str, Field(max_length=lists.LONGEST_COMMENT)] = ""
    obfuscate: bool = False


class WordView(View):
    """What holds for a server's name and those below it."""

    host: str
    standing: str
    reject_media: bool
    reject_reports: bool
    comment: str
    obfuscate: bool
    at: datetime


class BarredView(View):
    """A server of which something was just said.

    `taken_back`: how many of its posts @board had passed on, and takes back.
    """

    host: str
    standing: str
    taken_back: int


class Words(BaseModel):
    """All that is said of servers."""

    items: list[WordView]
    next: str | None = None


class ListDraft(BaseModel):
    """A list of servers: `text` is the file, as Mastodon saves it, as names, or as we answer.

    `standing` is how names stand of which the list says no more.
    """

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=lists.LONGEST_BYTES)]
    source: Annotated[str, Field(max_length=service.LONGEST_SOURCE)] = ""
    standing: Literal["blocked", "silenced", "allowed"] = "blocked"


class WeightView(View):
    """What binds the hub to servers of a name."""

    servers: int
    followers: int
    followed: int
    entries: int
    waiting: int


class NameView(BaseModel):
    """A name on a list against what stands here; `taken` unless somebody says otherwise."""

    host: str
    standing: str
    verdict: str
    taken: bool
    stands: str
    severs: WeightView


class RefusedView(BaseModel):
    """A line that was not understood."""

    line: int
    text: str
    why: str


class ListView(View):
    """A list that was read."""

    id: UUID
    source: str
    read_at: datetime
    taken_at: datetime | None
    undone_at: datetime | None


class LookView(ListView):
    """A list as it would change things here."""

    names: list[NameView]
    counts: dict[str, int]
    refused: list[RefusedView] = []


class Lists(BaseModel):
    """The lists that were taken, the last first."""

    items: list[ListView]
    next: str | None = None


class Choice(BaseModel):
    """Which names of a list to take; `hosts` None: those that are `taken`, without `without`."""

    model_config = ConfigDict(extra="forbid")

    hosts: Annotated[list[str], Field(max_length=lists.MOST)] | None = None
    without: Annotated[list[str], Field(max_length=lists.MOST)] = []


class TakenView(BaseModel):
    """A list that holds now: how many names of it, and what was severed that no undo brings."""

    id: UUID
    names: int
    mail_dropped: int
    posts_taken_back: int


class UndoneView(View):
    """A list that was taken back; see `returning.Undone`."""

    names: int
    kept: list[str]
    follows: int
    lost: int
    replies: int
    mail: int
    taken_back: int


@blocks.get("")
async def said(
    hub: Hub, caller: Asking, standing: Annotated[Standing | None, Query()] = None
) -> Words:
    """All that is said of servers: who is blocked, silenced or allowed, and whose pictures go."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        rows = await rulings.listed(session)
    wanted = [row for row in rows if standing in {None, row.standing}]
    return Words(items=[WordView.model_validate(row) for row in wanted])


@blocks.post("", status_code=201)
async def say(draft: WordDraft, request: Request, hub: Hub, caller: Asking) -> BarredView:
    """Block, silence or allow a server.

    Blocked: nothing is taken from it, nothing is sent to it, its entries vanish, and what the
    noticeboard passed on of it is taken back.
    """
    require(caller, "moderate")
    async with hub.db.write() as session:
        barred = await service.say(session, hub, Word(**draft.model_dump()))
    look_again(request)
    return BarredView.model_validate(barred)


@blocks.get("/export", response_class=Response)
async def exported(
    hub: Hub, caller: Asking, standing: Annotated[Literal["allowed"] | None, Query()] = None
) -> Response:
    """Who is blocked or silenced, as Mastodon saves and reads it; or the names that are allowed."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        words = [rulings.word_of(row) for row in await rulings.listed(session)]
    return Response(exported_text(words, allowed=standing == "allowed"), media_type=CSV)


def exported_text(words: list[Word], *, allowed: bool) -> str:
    """The list of those who are allowed, or that of all others."""
    chosen = [word for word in words if (word.standing == rulings.ALLOWED) == allowed]
    return lists.names(chosen) if allowed else lists.table(chosen)


@blocks.get("/lists")
async def taken(hub: Hub, caller: Asking) -> Lists:
    """The lists that were taken, the last first."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        rows = await service.taken_lists(session)
    return Lists(items=[ListView.model_validate(row) for row in rows])


@blocks.post("/lists", status_code=201)
async def note(draft: ListDraft, hub: Hub, caller: Asking) -> LookView:
    """Look at a list: nothing changes until it is taken, for which there is a day."""
    require(caller, "moderate")
    read = lists.read(draft.text.encode(), draft.standing)
    async with hub.db.write() as session:
        row = await service.take_note(session, draft.source, read, caller.person_id)
        weighed = await weighing.weigh(session, hub, read.words)
    return _look(row, weighed)


@blocks.get("/lists/{list_id}")
async def look(list_id: UUID, hub: Hub, caller: Asking) -> LookView:
    """A list, and what it would change here."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        row = await service.by_id(session, list_id)
        weighed = await weighing.weigh(session, hub, service.words_of(row))
    return _look(row, weighed)


@blocks.post("/lists/{list_id}/take")
async def take(
    list_id: UUID, choice: Choice, request: Request, hub: Hub, caller: Asking
) -> TakenView:
    """From now on a list holds here, or what was chosen of it."""
    require(caller, "moderate")
    async with hub.db.write() as session:
        row = await service.by_id(session, list_id)
        count = await service.take(session, hub, row, choice.hosts, without=choice.without)
    look_again(request)
    return TakenView(id=row.id, names=count, mail_dropped=row.mail, posts_taken_back=row.taken_back)


@blocks.delete("/lists/{list_id}")
async def undo(list_id: UUID, request: Request, hub: Hub, caller: Asking) -> UndoneView:
    """Take a whole list back; what went with it returns as far as it can."""
    require(caller, "moderate")
    async with hub.db.write() as session:
        done = await service.undo(session, await service.by_id(session, list_id))
    look_again(request)
    return UndoneView.model_validate(done)


@blocks.delete("/{host}", status_code=204)
async def unblock(host: str, request: Request, hub: Hub, caller: Asking) -> None:
    """Hear a server as any other; whatever was said of it holds no more."""
    require(caller, "moderate")
    async with hub.db.write() as session:
        await service.unblock(session, host)
    look_again(request)


@blocks.delete("", status_code=204)
async def unblock_named(
    host: Annotated[str, Query(max_length=LONGEST)], request: Request, hub: Hub, caller: Asking
) -> None:
    """Hear a server as any other; its name in the query."""
    await unblock(host, request, hub, caller)


def _look(row: ServerList, weighed: list[weighing.Weighed]) -> LookView:
    names = [
        NameView(
            host=one.word.host,
            standing=one.word.standing,
            verdict=one.verdict,
            taken=one.taken,
            stands=one.stands,
            severs=WeightView.model_validate(one.weight),
        )
        for one in weighed
    ]
    return LookView(
        **ListView.model_validate(row).model_dump(),
        names=names,
        counts=dict(Counter(one.verdict for one in weighed)),
        refused=[RefusedView(**each) for each in row.refused],
    )


def look_again(request: Request) -> None:
    """The inbox keeps what was said of servers for some seconds; a change counts from now on."""
    site: Any = getattr(request.app.state, "site", None)
    if site is not None:
        site.forget()
