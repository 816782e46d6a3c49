"""News for programs: `/api/v1/news`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Query, Request, Response
from pydantic import BaseModel, WithJsonSchema

from hub.core.db import AsyncSession
from hub.core.services import Services
from hub.entries import asking, writing
from hub.entries import queries as entries
from hub.entries.asking import Asked
from hub.entries.visibility import Viewer
from hub.news import queries, service
from hub.news.models import Article
from hub.news.schemas import ArticleDraft, ArticleView, article_draft, members_of
from hub.people import permissions
from hub.people.idempotency import once
from hub.web.bodies import api_router
from hub.web.doors import OPEN, Asking, Caller, Hub

router = api_router("/news", "news")

Members = Annotated[
    dict[str, Any], Body(), WithJsonSchema(ArticleDraft.model_json_schema(mode="validation"))
]
Changes = Annotated[
    dict[str, Any],
    Body(description="Members to change; null empties one."),
    WithJsonSchema({**ArticleDraft.model_json_schema(mode="validation"), "required": []}),
]


class NewsPage(BaseModel):
    """A page of news; `next` is the cursor of the following one."""

    items: list[ArticleView]
    next: str | None


@router.get("", name="news listed", dependencies=[OPEN])
async def listed(
    request: Request, response: Response, hub: Hub, caller: Asking, asked: Annotated[Asked, Query()]
) -> NewsPage:
    """News, the newest first."""
    async with hub.db.read() as session:
        filters = asking.filters(asked, hub.settings)
        found = await queries.listed(session, Viewer.of(caller), **filters)
        items = await views(session, hub, found.items)
    asking.link_next(request, response, found)
    return NewsPage(items=items, next=found.next)


@router.post(
    "",
    status_code=201,
    response_model=ArticleView,
    name="news published",
    dependencies=[permissions.MEMBERS],
)
async def published(hub: Hub, caller: Asking, request: Request, members: Members) -> Response:
    """Publish an article. One with a picture needs `consent: true`."""
    permissions.require(caller, "post")
    draft = article_draft(members, timezone=hub.settings.timezone)
    service.check(draft)
    draft = await writing.with_picture(hub, draft)
    async with once(hub, request, caller) as unit:
        if unit.new:
            article = await service.publish(unit.session, hub, draft, caller)
            (view,) = await views(unit.session, hub, [article])
            unit.answer(view, location=f"{hub.settings.url}/api/v1/news/{article.id}")
    return unit.response


@router.get("/{article_id}", name="article shown", dependencies=[OPEN])
async def shown(article_id: UUID, hub: Hub, caller: Asking) -> ArticleView:
    """One article."""
    async with hub.db.read() as session:
        article = await queries.by_id(session, article_id, Viewer.of(caller))
        (view,) = await views(session, hub, [article])
    return view


@router.patch("/{article_id}", name="article revised", dependencies=[permissions.OWNING_MEMBERS])
async def revised(article_id: UUID, hub: Hub, caller: Asking, changes: Changes) -> ArticleView:
    """Change it: what is not named stays. Another picture needs `consent: true` again."""
    permissions.require(caller, "post")
    async with hub.db.read() as session:
        draft = _merged(await _own(session, article_id, caller), changes, hub)
    service.check(draft)
    changes = await writing.with_its_picture(hub, changes, draft)
    async with hub.db.write() as session:
        article = await _own(session, article_id, caller)
        draft = _merged(article, changes, hub)
        if draft != _merged(article, {}, hub):  # what is sent again, its answer lost, is told once
            await service.revise(session, hub, article, draft, caller)
        (view,) = await views(session, hub, [article])
    return view


@router.delete(
    "/{article_id}",
    status_code=204,
    name="article deleted",
    dependencies=[permissions.OWNING_MEMBERS],
)
async def withdrawn(article_id: UUID, hub: Hub, caller: Asking) -> None:
    """Delete it, here and wherever it was sent."""
    permissions.require(caller, "post")
    async with hub.db.write() as session:
        await service.withdraw(session, hub, await _own(session, article_id, caller))


async def views(
    session: AsyncSession, hub: Services, articles: Sequence[Article]
) -> list[ArticleView]:
    """Articles as the API shows them."""
    counts = await entries.counts(session, articles)
    return [
        ArticleView(
            **asking.shared_members(article, counts[article.id], hub.settings),
            summary=article.summary,
        )
        for article in articles
    ]


async def _own(session: AsyncSession, article_id: UUID, caller: Caller) -> Article:
    article = await queries.by_id(session, article_id, Viewer.of(caller))
    return permissions.changeable(caller, article)


def _merged(article: Article, changes: dict[str, Any], hub: Services) -> ArticleDraft:
    merged = {**members_of(article), **changes}
    return article_draft(merged, timezone=hub.settings.timezone)
