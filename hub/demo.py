"""A made-up neighbourhood to look at: `hub demo`.

What it holds stands in `demo.toml`. It goes in like everything else, as drafts through the
services, so a hub that is filled shows what a form would have made. The pictures are drawn here;
the map of its streets is kept in `demo_map`, drawn by `tests/demo_town.py`.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.core.settings import Settings
from hub.directory import queries as known
from hub.directory import service as directory
from hub.directory.schemas import FOLDERS, record_draft
from hub.entries import writing
from hub.entries.schemas import Draft
from hub.events import service as events
from hub.events.schemas import EventDraft, event_draft
from hub.exchange import service as exchange
from hub.exchange.schemas import ListingDraft, Side, listing_draft
from hub.fediverse.models import Fact
from hub.maps import shelf
from hub.news import service as news
from hub.news.schemas import ArticleDraft, article_draft
from hub.web.doors import Caller

DATA: Final = Path(__file__).with_suffix(".toml")
MAP: Final = Path(__file__).with_name("demo_map")
MOVED_IN: Final = "demo"  # the fact that says so; its value is how many came
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SIDES: Final[tuple[tuple[str, Side], ...]] = (("offers", "offer"), ("wants", "want"))
Entry = dict[str, Any]


async def fill(services: Services) -> int:
    """How many entries of the made-up neighbourhood are there afterwards.

    They come once: a hub that has them already is left as it is.
    """
    async with services.db.read() as session:
        if (there := await session.get(Fact, MOVED_IN)) is not None:
            return int(there.value)
    data = _read()
    coming = await _events(services, data["events"])
    listings = await _listings(services, data)
    articles = await _articles(services, data["news"])
    records = [
        (sort, record_draft(entry, timezone=services.settings.timezone))
        for folder, sort in FOLDERS.items()
        for entry in data[folder]
    ]
    await asyncio.to_thread(_hang_map, services.settings)
    count = len(coming) + len(listings) + len(articles) + len(records)
    async with services.db.write() as session:
        session.add(Fact(name=MOVED_IN, value=str(count)))
        for sort, record in records:
            await directory.publish(session, services, sort, record)
        for draft in coming:
            await _publish_event(session, services, draft)
        for side, listing in listings:
            await exchange.publish(session, services, side, listing)
        for article in articles:
            await news.publish(session, services, article, Caller(name=services.settings.name))
    return count


def _hang_map(settings: Settings) -> None:
    """Put the map of the made-up streets up, unless the hub has one."""
    target, drawn = shelf.folder_of(settings), shelf.at(MAP)
    if drawn is None or shelf.current(settings) is not None:
        return
    target.mkdir(parents=True, exist_ok=True)
    for name in (drawn.tiles, drawn.addresses):
        shutil.copyfile(MAP / name, target / name)
    shelf.put_up(replace(drawn, folder=target))


def _read() -> dict[str, Any]:
    """What moves in, by kind; whatever has a location that is on the map stands there."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    where = data.pop("where")
    for entry in (one for folder in data.values() for one in folder):
        if entry.get("location") in where:
            entry["latitude"], entry["longitude"] = where[entry["location"]]
    return data


async def _events(services: Services, entries: list[Entry]) -> list[EventDraft]:
    settings = services.settings
    drafts = []
    for entry in entries:
        members = dict(entry)
        day = _day(settings, members.pop("week"), members.pop("weekday"))
        members["starts_at"] = _at(day, members.pop("from"))
        members["ends_at"] = _at(day, members.pop("to"))
        picture = members.pop("picture", None)
        draft = event_draft(members, timezone=settings.timezone)
        drafts.append(await _with_picture(services, draft, picture))
    return drafts


async def _listings(services: Services, data: dict[str, Any]) -> list[tuple[Side, ListingDraft]]:
    """Offers and wants by turns, as they would come in."""
    settings = services.settings
    turns: list[tuple[int, Side, Entry]] = []
    for folder, side in SIDES:
        turns.extend((turn, side, entry) for turn, entry in enumerate(data[folder]))
    drafts = []
    for _, side, entry in sorted(turns, key=lambda one: one[:2]):
        members = dict(entry)
        if (weeks := members.pop("weeks", None)) is not None:
            members["expires_at"] = (_today(settings) + timedelta(weeks=weeks)).isoformat()
        picture = members.pop("picture", None)
        draft = listing_draft(members, timezone=settings.timezone)
        drafts.append((side, await _with_picture(services, draft, picture)))
    return drafts


async def _articles(services: Services, entries: list[Entry]) -> list[ArticleDraft]:
    drafts = []
    for entry in entries:
        members = {**entry, "consent": True}  # the pictures are drawings
        picture = members.pop("picture", None)
        draft = article_draft(members, timezone=services.settings.timezone)
        drafts.append(await _with_picture(services, draft, picture))
    return drafts


async def _publish_event(session: AsyncSession, services: Services, draft: EventDraft) -> None:
    """Publish an event; one that is called off was announced before."""
    place = await known.named(session, "place", draft.location.partition(",")[0])
    organiser = await known.named(session, "organisation", draft.organiser)
    points = {"place_id": place and place.id, "organiser_id": organiser and organiser.id}
    planned = draft.model_copy(update={"status": "scheduled", **points})
    event = await events.publish(session, services, planned)
    if draft.status == "cancelled":
        await events.cancel(session, services, event)


def _today(settings: Settings) -> date:
    return now().astimezone(settings.zone).date()


def _day(settings: Settings, week: int, weekday: str) -> date:
    """The next such weekday from tomorrow on, `week` weeks later."""
    tomorrow = _today(settings) + timedelta(days=1)
    ahead = (WEEKDAYS.index(weekday) - tomorrow.weekday()) % 7
    return tomorrow + timedelta(days=ahead, weeks=week)


def _at(day: date, clock: str) -> str:
    """A moment as a form would send it: without a zone, it is read on the hub's clock."""
    return datetime.combine(day, time.fromisoformat(clock)).isoformat()


async def _with_picture(services: Services, draft: Draft, name: str | None) -> Draft:
    if name is None:
        return draft
    drawn, alt = PICTURES[name]
    image = {"data": _drawn(drawn), "alt": alt}
    whole = type(draft).model_validate({**draft.model_dump(), "image": image})
    return await writing.with_picture(services, whole)


# The pictures: flat shapes on paper, drawn twice as large as they are kept, for smooth edges.

WIDTH: Final = 2400
HEIGHT: Final = 1350
PAPER, INK, RUST, GOLD = "#f6ead9", "#3b2a22", "#b4532a", "#e0a33a"
LEAF, MOSS, SKY, CREAM = "#5f8a4c", "#3f6238", "#cfe0e3", "#fffaf2"
Canvas = ImageDraw.ImageDraw


def _drawn(draw: Callable[[Canvas], None]) -> bytes:
    """A PNG of 1200 by 675 pixels."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw(ImageDraw.Draw(picture))
    out = io.BytesIO()
    picture.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _tools(canvas: Canvas) -> None:
    """A board with tools, and a toaster that waits on the bench below."""
    canvas.rectangle((0, 950, WIDTH, HEIGHT), fill=RUST)
    canvas.rectangle((0, 950, WIDTH, 990), fill=INK)
    for x in (320, 560, 800):  # screwdrivers
        canvas.rounded_rectangle((x, 180, x + 90, 420), 40, fill=GOLD)
        canvas.rectangle((x + 32, 420, x + 58, 700), fill=INK)
    canvas.rectangle((1130, 330, 1190, 780), fill=GOLD)  # a hammer
    canvas.rounded_rectangle((1000, 200, 1320, 340), 30, fill=INK)
    canvas.rounded_rectangle((1520, 560, 2120, 950), 90, fill=SKY, outline=INK, width=18)
    for x in (1640, 1850):  # the toaster's bread
        canvas.rounded_rectangle((x, 430, x + 150, 600), 50, fill=GOLD, outline=INK, width=14)
    canvas.rectangle((1530, 600, 2110, 640), fill=INK)
    canvas.ellipse((1580, 820, 1650, 890), fill=RUST)
    canvas.line((1520, 880, 1400, 880, 1340, 1060, 1180, 1060), fill=INK, width=18, joint="curve")


def _table(canvas: Canvas) -> None:
    """A long table from above, with plates on both sides and two pots."""
    canvas.rounded_rectangle((140, 330, 2260, 1020), 60, fill=RUST)
    canvas.rounded_rectangle((140, 600, 2260, 750), 0, fill=GOLD)
    for x in range(220, 2100, 440):
        for top in (370, 790):
            canvas.ellipse((x, top, x + 200, top + 200), fill=CREAM)
            canvas.ellipse((x + 45, top + 45, x + 155, top + 155), fill=SKY)
        canvas.ellipse((x - 10, 90, x + 210, 310), fill=MOSS)
        canvas.ellipse((x - 10, 1045, x + 210, 1265), fill=LEAF)
    for x in (720, 1480):
        canvas.ellipse((x, 575, x + 200, 775), fill=INK)
        canvas.ellipse((x + 30, 605, x + 170, 745), fill=PAPER)


def _trees(canvas: Canvas) -> None:
    """Young trees in a row before houses."""
    canvas.rectangle((0, 0, WIDTH, 900), fill=SKY)
    for number, x in enumerate(range(60, 2300, 460)):
        top = 330 + 70 * (number % 2)
        canvas.polygon([(x, top), (x + 190, top - 170), (x + 380, top)], fill=INK)
        canvas.rectangle((x, top, x + 380, 900), fill=(RUST, GOLD, CREAM)[number % 3])
        for left in (60, 230):
            canvas.rectangle((x + left, top + 110, x + left + 90, top + 250), fill=PAPER)
    canvas.rectangle((0, 880, WIDTH, HEIGHT), fill=LEAF)
    for x in (260, 820, 1380, 1940):
        canvas.rectangle((x + 110, 760, x + 150, 1130), fill=INK)
        canvas.ellipse((x, 480, x + 260, 840), fill=MOSS)
        canvas.ellipse((x + 30, 1090, x + 230, 1170), fill=INK)


def _apples(canvas: Canvas) -> None:
    """A crate full of apples."""
    for row, y in enumerate((330, 480, 630)):
        for x in range(420 + 90 * (row % 2), 1900, 210):
            canvas.ellipse((x, y, x + 230, y + 220), fill=(RUST, GOLD, LEAF)[(x // 210 + row) % 3])
            canvas.line((x + 115, y + 30, x + 135, y - 30), fill=INK, width=16)
    for y in (800, 950, 1100):
        canvas.rounded_rectangle((300, y, 2100, y + 120), 14, fill="#c89b62", outline=INK, width=10)
    for x in (330, 1980):
        canvas.rectangle((x, 760, x + 90, 1240), fill="#a97d47")


PICTURES: Final[dict[str, tuple[Callable[[Canvas], None], str]]] = {
    "tools": (_tools, "Drawing: tools on a wall, and a toaster on the bench below them"),
    "table": (_table, "Drawing: a long table from above, with plates on both sides and two pots"),
    "trees": (_trees, "Drawing: four young trees in a row before colourful houses"),
    "apples": (_apples, "Drawing: a wooden crate full of red, yellow and green apples"),
}
