"""News as other servers see them, and back (FEP-b2b8, PROTOCOL §3.3 (c), §3.5). Pure."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final

import orjson

from federation.errors import MalformedDocument
from federation.vocab.objects import Article as ArticleDocument
from hub.core.errors import Invalid
from hub.core.text import SafeHtml, plain, teaser
from hub.entries import activitypub as common
from hub.entries import rendering
from hub.news.models import Article
from hub.news.schemas import ArticleDraft, article_draft

TYPE: Final = "Article"

_HEAD: Final = re.compile(r"<p><strong>([^<]*)</strong></p>")


def to_object(article: Article, hub: str) -> ArticleDocument:
    """The article as peers see it; `hub` is our origin. Author and picture must be loaded."""
    to, cc = common.audience(article)
    pictures = common.picture(article.picture, hub)

    def with_text(body: SafeHtml) -> ArticleDocument:
        return ArticleDocument(
            id=article.uri,
            url=article.url,
            attributed_to=article.author.uri,
            name=article.title,
            summary=rendering.article_summary(article.summary),
            content=rendering.article_content(
                article.title, body, article.url, tuple(article.tags)
            ),
            language=article.language,
            license=article.licence or None,
            published=article.created_at,
            updated=article.updated_at,
            location=common.place(article),
            to=to,
            cc=cc,
            **common.collections(article.uri),
            attachments=pictures,
            image=pictures[0] if pictures else None,
            tags=common.hashtags(article),
            quotable=True,
        )

    return common.fitting(with_text, SafeHtml(article.content))


def document(article: Article, hub: str) -> bytes | None:
    """The article's ActivityPub document to serve; None if it is not for everybody."""
    if article.visibility != "public":
        return None
    return article.document or orjson.dumps(to_object(article, hub).document(context=True))


def from_object(thing: ArticleDocument, timezone: str) -> ArticleDraft:
    """What a peer writes, under the rules of our own form; the text is in `body_of`.

    Raises:
        MalformedDocument: it says nothing at all.
    """
    words = thing.name or next(iter(plain(thing.content or "").splitlines()), "")
    if not words:
        raise MalformedDocument("an article without title and text")
    place = common.coordinates(thing.location)
    data: dict[str, Any] = {
        "title": common.title(words, TYPE),
        "location": common.place_text(thing.location),
        "latitude": place and place[0],
        "longitude": place and place[1],
        "tags": common.tags_of(thing),
    }
    try:
        return article_draft(data, timezone=timezone)
    except Invalid as error:
        raise MalformedDocument(str(error)) from error


def body_of(thing: ArticleDocument) -> str:
    """The text of a peer's article, without the title that a hub puts before it."""
    content = common.without_hashtags(thing.content or thing.summary or "")
    head = _HEAD.match(content)
    if head is not None and unescape(head[1]) == thing.name:
        return content[head.end() :]
    return content


def summary_of(thing: ArticleDocument, body: str) -> str:
    """The beginning of a peer's article in plain words: as it says itself, or of its text."""
    return teaser(plain(thing.summary or "") or plain(body), rendering.TEASER)
