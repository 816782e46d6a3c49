"""Reading news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.words import later
from hub.entries import layers
from hub.entries import queries as entries
from hub.entries.layers import Layer
from hub.entries.paging import Listed
from hub.entries.queries import Filter, Filters
from hub.entries.visibility import Viewer
from hub.news.models import Article, Consent

layers.add(Layer("article", later("News"), "newspaper"))


async def by_id(session: AsyncSession, article_id: UUID, viewer: Viewer) -> Article:
    """One article, with its author and picture.

    Raises:
        NotFound: there is none that `viewer` may see.
        Gone: it was deleted.
    """
    return await entries.by_id(session, Article, article_id, viewer)


async def listed(
    session: AsyncSession, viewer: Viewer, **filters: Unpack[Filters]
) -> Listed[Article]:
    """News, the newest first.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = select(Article)
    return await entries.page(session, Article, query, Filter(**filters), viewer, newest_first=True)


async def consents(session: AsyncSession, article_id: UUID) -> Sequence[Consent]:
    """Who ticked that those in its pictures agree, the latest first."""
    query = select(Consent).where(Consent.entry_id == article_id)
    return (await session.scalars(query.order_by(Consent.ticked_at.desc()))).all()


async def is_agreed(session: AsyncSession, article_id: UUID, picture: str) -> bool:
    """Whether somebody ticked it for this picture of an article."""
    query = select(Consent.id).where(Consent.entry_id == article_id, Consent.picture == picture)
    return await session.scalar(query.limit(1)) is not None
