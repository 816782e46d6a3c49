"""Lists as feed readers get them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import orjson
from defusedxml import ElementTree

from hub.core.settings import Settings
from hub.core.text import RULES_VERSION
from hub.events.models import Event
from hub.exchange.models import Offer
from hub.feeds.syndication import Feed, json_feed, rss

ID = UUID("0f6f7a3c-5f3e-4f4b-9f0e-0d6a1c9b2e11")
MADE = datetime(2026, 5, 1, 12, tzinfo=UTC)
SETTINGS = Settings(
    url="https://hub.example", data_dir=Path("nowhere"), name="Elm & Oak", timezone="Europe/Berlin"
)


def event(**given: object) -> Event:
    values: dict[str, object] = {
        "id": ID,
        "uri": f"https://hub.example/events/{ID}",
        "url": f"https://hub.example/events/{ID}",
        "origin": "",
        "title": "Repair <café> & more",
        "summary": "",
        "content": "<p>We mend.</p>",
        "cleaned_by": RULES_VERSION,
        "language": "en",
        "status": "scheduled",
        "place": "Library\x0b",
        "tags": ["repair"],
        "online_url": None,
        "timezone": "Europe/Berlin",
        "all_day": False,
        "starts_at": datetime(2026, 9, 12, 13, tzinfo=UTC),
        "ends_at": None,
        "created_at": MADE,
        "updated_at": MADE,
        "published_at": None,
        "picture": None,
    }
    return Event(**(values | given))


def offer() -> Offer:
    return Offer(
        id=ID,
        uri=f"https://hub.example/offers/{ID}",
        url=f"https://hub.example/offers/{ID}",
        origin="",
        title="Ladder",
        content="",
        cleaned_by=RULES_VERSION,
        language="en",
        status="open",
        place="Elm Street",
        tags=[],
        item_kind="item",
        mode="lend",
        price="",
        expires_at=None,
        created_at=MADE,
        updated_at=MADE,
        published_at=MADE,
        picture=None,
    )


def feed(*items: Event | Offer) -> Feed:
    home = "https://hub.example/events?q=a&tag=b"
    return Feed("Elm & Oak", home, f"{home}&x=.rss", f"{home}&cursor=c", items, SETTINGS)


def test_rss_is_well_formed_and_says_what_when_and_where() -> None:
    channel = ElementTree.fromstring(rss(feed(event(), offer())))[0]
    assert channel.findtext("title") == "Elm & Oak"
    assert channel.findtext("link") == "https://hub.example/events?q=a&tag=b"
    first, second = channel.findall("item")
    assert first.findtext("title") == "Repair <café> & more"
    assert first.findtext("link") == f"https://hub.example/events/{ID}"
    assert first.findtext("guid") == f"https://hub.example/events/{ID}"
    assert first.findtext("pubDate") == "Fri, 01 May 2026 12:00:00 +0000"
    assert "Sat 12 Sep 2026, 15:00" in (first.findtext("description") or "")
    assert second.findtext("title") == "Ladder"


def test_json_feed_carries_the_times_of_events() -> None:
    found = orjson.loads(json_feed(feed(event(status="cancelled"))))
    (item,) = found["items"]
    assert item["title"] == "Cancelled: Repair <café> & more"
    assert item["_event"]["starts_at"] == "2026-09-12T13:00:00+00:00"
    assert found["next_url"].endswith("cursor=c")
    assert found["version"] == "https://jsonfeed.org/version/1.1"


def test_empty_list_is_a_feed_too() -> None:
    assert ElementTree.fromstring(rss(feed()))[0].findall("item") == []
