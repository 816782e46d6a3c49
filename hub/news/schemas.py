"""What goes in and comes out of news."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.entries.schemas import NO_LICENCE, EntryDraft, EntryView, checked
from hub.news.models import Article


class ArticleDraft(EntryDraft):
    """News as somebody writes it.

    `consent`: everybody who can be recognised in the picture has agreed, for children their
    parents.
    """

    consent: bool = False


def article_draft(data: Mapping[str, Any], *, timezone: str) -> ArticleDraft:
    """The draft that a form or a program describes.

    Raises:
        Invalid: something in it does not make sense; `fields` says what.
    """
    return checked(ArticleDraft, data, timezone=timezone)


def members_of(article: Article) -> dict[str, Any]:
    """The article as the members of a draft, for a form or to merge changes into."""
    return {
        "title": article.title,
        "description": article.source or "",
        "location": article.place,
        "latitude": article.latitude,
        "longitude": article.longitude,
        "tags": article.tags,
        "image": article.picture_id,
        "visibility": article.visibility,
        "language": article.language,
        "license": article.licence or NO_LICENCE,
    }


class ArticleView(EntryView):
    """News as the API shows it; `summary` is its beginning, as plain text."""

    summary: str
