"""A hub's calendar and what its page costs, asked in the benchmark's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
from sqlalchemy import insert
from starlette.types import ASGIApp, Message

from hub import memory
from hub.actors import service
from hub.app import create_app
from hub.bootstrap import Hub
from hub.core.clock import now
from hub.entries.models import Entry
from hub.entries.search import search_text
from hub.events.models import Event
from hub.people import service as people
from tests.benchmarks.rig import own_cpu_s

BATCH = 5000


@asynccontextmanager
async def browser(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a hub in this process."""
    transport = httpx2.ASGITransport(app=create_app(hub))
    async with httpx2.AsyncClient(transport=transport, base_url=hub.services.settings.url) as web:
        yield web


async def post_events(hub: Hub, count: int) -> list[str]:
    """Publish events by the API; their paths."""
    async with hub.services.db.write() as session:
        token = await people.token_create(session, f"bench {uuid4()}", "editor")
    made = []
    async with browser(hub) as web:
        for number in range(count):
            answer = await web.post(
                "/api/v1/events", json=event(number), headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 201, answer.text
            made.append(f"/events/{answer.json()['id']}")
    return made


def event(number: int) -> dict[str, Any]:
    """An event as a program posts it."""
    starts = datetime.now(UTC) + timedelta(days=number + 1)
    return {
        "title": f"Event {number}",
        "description": "What is on. " * 50,
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=2)).isoformat(),
        "location": "The hall",
    }


async def fill_calendar(
    hub: Hub, count: int, text_of: Callable[[int], str] = lambda _: "What is on."
) -> None:
    """Coming events, straight into the tables: a hundred thousand would take an hour otherwise.

    `text_of` makes their texts by their numbers.
    """
    async with hub.services.db.write() as session:
        author = await service.local(session, "events")
        for first in range(0, count, BATCH):
            numbers = range(first, min(count, first + BATCH))
            rows = [_row(author.id, number, text_of(number)) for number in numbers]
            await session.execute(
                insert(Entry.__table__),  # type: ignore[arg-type]
                [{name: row[name] for name in row if name in Entry.__table__.c} for row in rows],
            )
            own = {**Event.__table__.c}
            await session.execute(
                insert(Event.__table__),  # type: ignore[arg-type]
                [{name: row[name] for name in row if name in own} for row in rows],
            )


def _row(author_id: object, number: int, text: str) -> dict[str, Any]:
    made, starts = now(), now() + timedelta(hours=number + 1)
    title, uri = f"Event {number}", f"http://localhost:1/events/{uuid4()}"
    return {
        "id": uuid4(),
        "kind": "event",
        "uri": uri,
        "url": uri,
        "author_id": author_id,
        "origin": "",
        "title": title,
        "summary": text[:100],
        "content": f"<p>{text}</p>",
        "cleaned_by": 1,
        "language": "en",
        "happens_at": starts,
        "relevant_until": starts + timedelta(hours=2),
        "place": "The hall",
        "tags": [],
        "search_text": search_text(title, (text,), (), "The hall"),
        "status": "scheduled",
        "visibility": "public",
        "created_at": made,
        "published_at": made,
        "updated_at": made,
        "starts_at": starts,
        "ends_at": starts + timedelta(hours=2),
        "timezone": "Europe/Berlin",
        "all_day": False,
        "organiser": "",
        "price": "",
        "access": "",
        "category": "MEETING",
    }


async def cost_of(hub: Hub, path: str, times: int) -> float:
    """CPU seconds that the hub takes for one request; the client costs nothing."""
    app = create_app(hub)
    memory.settle()  # as a serving hub does
    for _ in range(5):
        await _get(app, path)
    before = own_cpu_s()
    for _ in range(times):
        await _get(app, path)
    return (own_cpu_s() - before) / times


async def _get(app: ASGIApp, path: str) -> None:
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode(),
        "query_string": path.partition("?")[2].encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost:1"), (b"accept", b"text/html")],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 1),
        "state": {},
    }
    await app(scope, receive, send)
    assert said[0]["status"] == 200, said
