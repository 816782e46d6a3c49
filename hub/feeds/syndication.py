"""Lists for feed readers: RSS 2.0 and JSON Feed 1.1. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from html import escape
from typing import Any, Final
from uuid import UUID

import orjson

from hub.core.settings import Settings
from hub.core.text import shown
from hub.directory.models import Record
from hub.entries import rendering
from hub.entries.models import Entry
from hub.entries.schemas import absolute
from hub.events.activitypub import facts_of as event_facts
from hub.events.models import Event
from hub.events.schemas import Seats
from hub.exchange.activitypub import facts_of as listing_facts
from hub.exchange.models import Listing
from hub.news.models import Article

RSS: Final = "application/rss+xml; charset=utf-8"
JSON: Final = "application/feed+json; charset=utf-8"
MINUTES: Final = 60  # after which a reader may look again
# What XML 1.0 cannot hold, however it is escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Feed:
    """A list as a feed: `home` is the page that shows the same, `url` the feed itself.

    `places` are how many come to the events among the items.
    """

    title: str
    home: str
    url: str
    next_url: str | None
    items: Sequence[Entry]
    settings: Settings
    places: Mapping[UUID, Seats] = field(default_factory=dict)


def rss(feed: Feed) -> bytes:
    """The feed as RSS 2.0."""
    newest = max((entry.updated_at for entry in feed.items), default=None)
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>',
        _tag("title", feed.title),
        _tag("link", feed.home),
        _tag("description", feed.settings.strapline),
        _tag("language", feed.settings.language),
        _tag("ttl", str(MINUTES)),
        f'<atom:link rel="self" type="application/rss+xml" href="{_xml(feed.url)}"/>',
        _tag("lastBuildDate", format_datetime(newest)) if newest else "",
        *(_rss_item(entry, feed.settings) for entry in feed.items),
        "</channel></rss>",
    ]
    return "\n".join(filter(None, parts)).encode()


def _rss_item(entry: Entry, settings: Settings) -> str:
    tags = (_tag("category", tag) for tag in entry.tags)
    fields = (
        _tag("title", _title(entry)),
        _tag("link", settings.url + entry.path),
        f'<guid isPermaLink="false">{_xml(entry.uri)}</guid>',
        _tag("pubDate", format_datetime(_published(entry))),
        *tags,
        _tag("description", _html(entry, settings)),
    )
    return f"<item>{''.join(fields)}</item>"


def json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "next_url": feed.next_url,
        "description": feed.settings.strapline,
        "language": feed.settings.language,
        "items": [_json_item(entry, feed) for entry in feed.items],
    }
    return orjson.dumps({name: value for name, value in document.items() if value is not None})


def _json_item(entry: Entry, feed: Feed) -> dict[str, Any]:
    settings = feed.settings
    item: dict[str, Any] = {
        "id": entry.uri,
        "url": settings.url + entry.path,
        "title": _title(entry),
        "content_html": _html(entry, settings),
        "date_published": _published(entry).isoformat(),
        "date_modified": entry.updated_at.isoformat(),
        "language": entry.language,
        "tags": entry.tags,
    }
    if entry.picture is not None:
        item["image"] = absolute(entry.picture.url, settings.url)
    if isinstance(entry, Event):
        places = feed.places.get(entry.id, Seats())
        item["_event"] = {
            "starts_at": entry.starts_at.isoformat(),
            "ends_at": entry.ends_at.isoformat() if entry.ends_at else None,
            "timezone": entry.timezone,
            "all_day": entry.all_day,
            "location": entry.place,
            "status": entry.status,
            "coming": places.coming,
            "places_left": places.left,
        }
    return item


def _title(entry: Entry) -> str:
    """The title, with a changed status in front of it."""
    if isinstance(entry, Event):
        return rendering.prefixed_title(event_facts(entry))
    return entry.title


def _html(entry: Entry, settings: Settings) -> str:
    """Title, date, place, text: what other servers get too."""
    body = shown(entry.content, entry.cleaned_by)
    if isinstance(entry, Event):
        return rendering.event_content(event_facts(entry), body)
    if isinstance(entry, Listing):
        return rendering.listing_content(listing_facts(entry, settings.timezone), body)
    if isinstance(entry, Article | Record):
        return rendering.article_content(entry.title, body, entry.url, tuple(entry.tags))
    return body


def _published(entry: Entry) -> datetime:
    return entry.published_at or entry.created_at


def _tag(name: str, text: str) -> str:
    return f"<{name}>{_xml(text)}</{name}>"


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("", text))


FORMATS: Final[dict[str, tuple[str, Callable[[Feed], bytes]]]] = {
    "rss": (RSS, rss),
    "json": (JSON, json_feed),
}
