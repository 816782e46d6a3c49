"""An article as search engines read it: schema.org/NewsArticle, as JSON-LD. Pure."""

from __future__ import annotations

from typing import Any, Final

from hub.core.settings import Settings
from hub.core.text import teaser
from hub.news.models import Article

SCHEMA: Final = "https://schema.org"
LONGEST_HEADLINE: Final = 110  # search engines cut or refuse longer ones


def of_article(article: Article, settings: Settings) -> dict[str, Any]:
    """The article's data block; author and picture are loaded."""
    picture = article.picture
    channel = article.author
    found: dict[str, Any] = {
        "@context": SCHEMA,
        "@type": "NewsArticle",
        "@id": article.uri,
        "url": article.url,
        "mainEntityOfPage": article.url,
        "headline": teaser(article.title, LONGEST_HEADLINE),
        "description": article.summary,
        "inLanguage": article.language,
        "datePublished": (article.published_at or article.created_at).isoformat(),
        "dateModified": article.updated_at.isoformat(),
        "author": {
            "@type": "Organization",
            "name": settings.name if article.local else channel.display_name or channel.handle,
            "url": channel.url or channel.uri,
        },
        "contentLocation": {"@type": "Place", "name": article.place} if article.place else None,
        "keywords": list(article.tags),
        "license": article.licence,
        "image": f"{settings.url}/media/{picture.name}" if picture and picture.name else None,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}
