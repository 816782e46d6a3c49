"""News for people: the list, one article, and the form to write and change it."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ConfigDict, Field

from hub.core.errors import Invalid
from hub.core.services import Services
from hub.entries import asking, threads, writing
from hub.entries import forms as common
from hub.entries import queries as entries
from hub.entries.visibility import Viewer
from hub.fediverse import follows
from hub.news import activitypub, forms, linked_data, queries, service
from hub.news.models import Article
from hub.news.schemas import members_of
from hub.people import permissions, sendings
from hub.web.doors import OPEN, Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.negotiation import wants_activity
from hub.web.pages import render, respond

router = APIRouter(include_in_schema=False)

NEWS: Final = "/news"


class Wanted(asking.Asked):
    """The filters of the page; what it does not know it ignores."""

    model_config = ConfigDict(extra="ignore")

    place: Annotated[str, Field(max_length=200)] = ""

    def narrowing(self) -> dict[str, object]:
        """The filters by their names in addresses."""
        named = {"q": self.q, "place": self.place, "tag": self.tag}
        named |= {"origin": self.origin, "language": self.language}
        return {**named, "near": self.near, "within": self.within}


@router.get(NEWS, dependencies=[OPEN])
async def listed(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """News, the newest first."""
    wanted = common.asked(request, Wanted)
    async with hub.db.read() as session:
        filters = asking.filters(wanted, hub.settings, place=wanted.place)
        found = await queries.listed(session, Viewer.of(caller), **filters)
        known = await follows.followed_servers(session)
    narrow = wanted.narrowing()
    more = common.address(NEWS, {**narrow, "cursor": found.next}) if found.next else ""
    return render(
        request,
        "news/list.html",
        articles=found.items,
        more=more,
        wanted={**narrow, "narrowed": len(common.narrowed(narrow)), "cursor": wanted.cursor},
        origins=common.origins(wanted.origin, known, hub.settings),
        kept=common.address(NEWS, narrow) if common.narrowed(narrow) else "",
        feed=common.address(f"{NEWS}.rss", narrow),
        may_post=permissions.may(caller, "post"),
        said=said,
    )


@router.get("/news/{article_id:uuid}", dependencies=[OPEN])
async def shown(
    article_id: UUID, request: Request, hub: Hub, caller: Asking, said: str = ""
) -> Response:
    """One article: its page, or the object that its id names."""
    viewer = Viewer.of(caller)
    async with hub.db.read() as session:
        article = await queries.by_id(session, article_id, viewer)
        thread = await threads.thread(session, article.id, viewer)
        counts = (await entries.counts(session, [article]))[article.id]
        consents = await queries.consents(session, article.id) if caller.steward else ()
    if not article.local and wants_activity(request):
        return RedirectResponse(article.uri, 302)  # its own server speaks for it
    return respond(
        request,
        activitypub.document(article, hub.settings.url) if article.local else None,
        "news/show.html",
        article=article,
        thread=thread,
        counts=counts,
        consents=consents,
        json_ld=linked_data.of_article(article, hub.settings),
        may_edit=article.local and permissions.may_change(caller, article.owner_id),
        mine=caller.known and article.owner_id == caller.person_id,
        said=said,
    )


@router.get("/post/news", dependencies=[permissions.LED_IN, permissions.MEMBERS])
async def new(request: Request, caller: Asking) -> Response:
    """An empty form."""
    return _form(request, None, forms.blank())


@router.post("/post/news", dependencies=[permissions.MEMBERS])
async def publish(request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: publish, or show what is wrong."""
    permissions.require(caller, "post")
    form = await parse_form(request)
    if (sent := await sendings.answered(hub, form, caller.person_id)) is not None:
        return sent
    if common.wants_second_look(form):
        values = {**common.filled(form), "visibility": "hub", "chosen": "yes"}
        return _form(request, None, values, status=422, ask=True)
    try:
        draft = await writing.with_picture(hub, forms.draft(form, hub.settings.timezone))
        async with sendings.once(hub, form, caller.person_id) as sending:
            if sending.new:
                article = await service.publish(sending.session, hub, draft, caller)
                sending.path = f"{article.path}?said=published"
    except Invalid as error:
        return _form_again(request, form, error, None)
    return sending.answer


@router.get("/news/{article_id:uuid}/edit", dependencies=[permissions.OWNING_MEMBERS])
async def edit(article_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form, filled with what is there."""
    article = await _own(hub, article_id, caller)
    return _form(request, article, forms.of_article(article))


@router.post("/news/{article_id:uuid}/edit", dependencies=[permissions.OWNING_MEMBERS])
async def revise(article_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """The form was sent: change it, or show what is wrong."""
    article = await _own(hub, article_id, caller)
    form, before, viewer = await parse_form(request), members_of(article), Viewer.of(caller)
    try:
        draft = forms.draft(form, hub.settings.timezone, article.picture, before)
        draft = await writing.with_picture(hub, draft)
        async with hub.db.write() as session:
            article = await queries.by_id(session, article_id, viewer)
            permissions.changeable(caller, article)
            await service.revise(session, hub, article, draft, caller)
    except Invalid as error:
        return _form_again(request, form, error, article)
    return see_other(f"{article.path}?said=saved")


@router.get("/news/{article_id:uuid}/delete", dependencies=[permissions.OWNING_MEMBERS])
async def confirm(article_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Asked before it is deleted."""
    article = await _own(hub, article_id, caller)
    return render(request, "news/confirm.html", article=article)


@router.post("/news/{article_id:uuid}/delete", dependencies=[permissions.OWNING_MEMBERS])
async def delete(article_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """Delete it, here and wherever it was sent."""
    permissions.require(caller, "post")
    await parse_form(request)
    async with hub.db.write() as session:
        article = await queries.by_id(session, article_id, Viewer.of(caller))
        permissions.changeable(caller, article)
        await service.withdraw(session, hub, article)
    return see_other(f"{NEWS}?said=deleted")


async def _own(hub: Services, article_id: UUID, caller: Caller) -> Article:
    """What the caller may change.

    Raises:
        NotSignedIn, Forbidden: they may not.
        NotFound, Gone: there is none.
    """
    permissions.require(caller, "post")
    async with hub.db.read() as session:
        found = await queries.by_id(session, article_id, Viewer.of(caller))
    return permissions.changeable(caller, found)


def _form_again(request: Request, form: Form, error: Invalid, article: Article | None) -> Response:
    told = common.errors(error, form, {})
    return _form(request, article, common.filled(form), told, str(error), status=error.status)


def _form(
    request: Request,
    article: Article | None,
    values: dict[str, Any],
    told: dict[str, str] | None = None,
    detail: str = "",
    *,
    status: int = 200,
    ask: bool = False,
) -> Response:
    return render(
        request,
        "news/form.html",
        status,
        article=article,
        values=values,
        errors=told or {},
        detail=detail,
        ask=ask,
        picture=article.picture if article is not None else None,
        action="/post/news" if article is None else f"{article.path}/edit",
        back="/post" if article is None else article.path,
        keeps_visibility=article is not None and article.published_at is not None,
    )
