"""How entries look on other servers, from facts that the features hand over. Pure.

Of an Event Mastodon shows name, summary and link; GoToSocial and Takahe lose the name when there
is a summary (PROTOCOL 3.5, M3). So the summary begins with date and place, and the content with
title, date and place: each alone is enough to come along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final
from urllib.parse import quote, urlsplit

from hub.core import dates
from hub.core.text import SafeHtml, fold, teaser
from hub.entries.words import Words, words

TEASER: Final = 300
NOTE: Final = 480  # a note fits where 500 characters are the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What a reader must know of an event.

    `status` is scheduled, cancelled, postponed or moved_online. `online`: there is nowhere to go.
    For `all_day`, `ends_at` is the midnight after the last day. `teaser` is plain text.
    """

    title: str
    starts_at: datetime
    ends_at: datetime | None
    timezone: str
    all_day: bool
    place: str
    teaser: str
    status: str
    online: bool
    language: str
    url: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingFacts:
    """What a reader must know of an offer (`kind` offer) or want.

    `status` is open, promised, done, withdrawn or expired. `expires_at` is shown on the clock that
    it carries. `body` is plain text, used where there is no HTML.
    """

    kind: str
    title: str
    body: str
    item_kind: str
    mode: str
    price: str
    place: str
    expires_at: datetime | None
    status: str
    language: str
    url: str
    tags: tuple[str, ...]


def event_summary(facts: EventFacts) -> SafeHtml:
    """`<p>when · where</p><p>teaser</p>`, with the word of a changed status first."""
    html = f"<p>{_text(_when_and_where(facts))}</p>"
    begins = teaser(facts.teaser, TEASER)
    return SafeHtml(html + (f"<p>{_text(begins)}</p>" if begins else ""))


def event_content(facts: EventFacts, body_html: str) -> SafeHtml:
    """Title, date and place, the description, and the tags as links."""
    head = f"<p><strong>{_text(facts.title)}</strong><br>{_text(_when_and_where(facts))}</p>"
    return SafeHtml(head + body_html + _tags(facts.url, facts.tags))


def listing_content(facts: ListingFacts, body_html: str) -> SafeHtml:
    """An offer or want as a post: title in bold, text, terms, the way to the page, tags."""
    said = words(facts.language)
    kind = said.offer if facts.kind == "offer" else said.want
    over = _listing_over(facts, said)
    title = f"{over}{kind}: {facts.title}"
    modes = said.modes if facts.kind == "offer" else said.wanted
    terms = [modes.get(facts.mode, ""), facts.price, facts.place]
    line = " · ".join(_text(term) for term in terms if term)
    link = f'<a href="{escape(facts.url)}">{_text(said.details)}</a>'
    if facts.expires_at is not None and not over:
        link = f"{_text(said.until)} {_text(_day_without_year(facts))} · {link}"
    body = body_html or (f"<p>{_text(facts.body)}</p>" if facts.body else "")
    return SafeHtml(
        f"<p><strong>{_text(title)}</strong></p>{body}"
        + (f"<p>{line}</p>" if line else "")
        + f"<p>{link}</p>{_tags(facts.url, facts.tags)}"
    )


def article_summary(begins: str) -> SafeHtml:
    """The beginning of an article, given as plain text."""
    return SafeHtml(f"<p>{_text(teaser(begins, TEASER))}</p>" if begins else "")


def article_content(title: str, body_html: str, url: str, tags: tuple[str, ...]) -> SafeHtml:
    """An article that stands by itself: title, text, and the tags as links."""
    return SafeHtml(f"<p><strong>{_text(title)}</strong></p>{body_html}{_tags(url, tags)}")


def cancellation_note(facts: EventFacts) -> str:
    """What followers are told when an event is called off: plain text."""
    said = words(facts.language)
    word = said.postponed if facts.status == "postponed" else said.cancelled
    return teaser(f"{word}: {facts.title}. {_when(facts)}.", NOTE)


def moved_note(facts: EventFacts) -> str:
    """What followers are told when an event has a new time or place: plain text."""
    said, online = words(facts.language), facts.status == "moved_online"
    where = f" · {facts.place}" if facts.place and not online else ""
    word = said.online if online else said.new_time
    return teaser(f"{word}: {facts.title}. {_when(facts)}{where}.", NOTE)


def prefixed_title(facts: EventFacts) -> str:
    """The name that other servers get: `Cancelled: …` where it is (PROTOCOL 3.3 (a) 5)."""
    said = words(facts.language)
    prefix = {"cancelled": said.cancelled, "postponed": said.postponed}.get(facts.status)
    return f"{prefix}: {facts.title}" if prefix else facts.title


def tag_url(url: str, tag: str) -> str:
    """The page of a tag on the hub whose entry has this address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/tags/{quote(tag_name(tag))}"


def tag_name(tag: str) -> str:
    """A tag as it is compared: folded, without sign and spaces (FEP-eb48)."""
    return fold(tag.lstrip("#")).replace(" ", "")


def _when(facts: EventFacts) -> str:
    return dates.span(
        facts.starts_at, facts.ends_at, facts.timezone, facts.language, all_day=facts.all_day
    )


def _when_and_where(facts: EventFacts) -> str:
    said = words(facts.language)
    word = {
        "cancelled": said.cancelled,
        "postponed": said.postponed,
        "moved_online": said.online,
    }.get(facts.status, said.online if facts.online else "")
    where = "" if facts.status == "moved_online" else facts.place
    return " · ".join(part for part in (word.upper(), _when(facts), where) if part)


def _listing_over(facts: ListingFacts, said: Words) -> str:
    """`Taken: ` when it is no longer to be had."""
    if facts.status not in {"done", "expired", "withdrawn"}:
        return ""
    return f"{said.taken if facts.kind == 'offer' else said.found}: "


def _day_without_year(facts: ListingFacts) -> str:
    moment = facts.expires_at
    return "" if moment is None else dates.day(moment, facts.language, year=False)


def _tags(url: str, tags: tuple[str, ...]) -> str:
    """Hashtag links in the shape that Mastodon recognises."""
    links = (
        f'<a href="{escape(tag_url(url, tag))}" class="mention hashtag" rel="tag">'
        f"#<span>{_text(tag.lstrip('#'))}</span></a>"
        for tag in tags
    )
    joined = " ".join(links)
    return f"<p>{joined}</p>" if joined else ""


def _text(value: str) -> str:
    return escape(value, quote=False)
