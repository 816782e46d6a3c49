"""How Mastodon shows an object of ours (PROTOCOL §3.2), for the preview. Pure.

Of a Note it shows the content. Of an Event it shows the name in bold, the summary, and a link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.core.text import SafeHtml, clean


@dataclass(frozen=True, slots=True)
class Post:
    """A post: `name` in bold where there is one, `body`, and `url` where a link is added."""

    name: str
    body: SafeHtml
    url: str


def shown(document: dict[str, Any]) -> Post:
    """The post that Mastodon makes of an ActivityPub object."""
    if document.get("type") == "Event":
        summary, url = str(document.get("summary") or ""), str(document.get("url") or "")
        return Post(str(document.get("name") or ""), clean(summary), url)
    return Post("", clean(str(document.get("content") or "")), "")
