"""What other servers publish: kept if it is theirs, newer, public and asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import MalformedDocument, Unauthorised
from federation.vocab.activities import Create, Update
from federation.vocab.base import Attachment
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Event as EventDocument
from hub.actors import service as actors
from hub.actors.models import Actor
from hub.entries import publishing
from hub.events import service
from hub.events.models import Event
from hub.fediverse.models import Follow
from hub.fediverse.received import Received
from tests.conftest import Running

PEER = "https://peer.example"
THEN = datetime(2026, 9, 1, tzinfo=UTC)
THING = EventDocument(
    id=f"{PEER}/e/1",
    url=f"{PEER}/fest",
    attributed_to=f"{PEER}/u/anna",
    name="Street party",
    content='<p onclick="x()">Bring cake<script>alert(1)</script></p>',
    language="de",
    published=THEN,
    updated=THEN,
    start_time=datetime.now(UTC) + timedelta(days=9),
    timezone="Europe/Berlin",
    to=(PUBLIC,),
    attachments=(Attachment.picture(f"{PEER}/cake.jpg", "image/jpeg", "A cake"),),
)


async def anna(session: AsyncSession, hub: Running, *, followed: bool = True) -> Actor:
    uri = f"{PEER}/u/anna"
    author = await actors.by_uri(session, uri)
    if author is not None:
        return author
    author = Actor(
        uri=uri, kind="Person", name="anna", authority="peer.example", inbox=f"{uri}/inbox"
    )
    session.add(author)
    await session.flush()
    if followed:
        relay = await actors.local(session, "relay")
        session.add(
            Follow(
                uri=f"{hub.url}/f/1",
                follower_id=relay.id,
                followee_id=author.id,
                state="accepted",
            )
        )
        await session.flush()
    return author


async def receive(
    hub: Running, thing: EventDocument = THING, *, followed: bool = True, **members: Any
) -> Event | None:
    """What became of a Create or Update of `thing`, by anna unless `author` says otherwise."""
    async with hub.services.db.write() as session:
        author = await anna(session, hub, followed=followed)
        author = members.pop("author", author)
        kind = members.pop("kind", Create)
        received = Received(
            session=session,
            services=hub.services,
            author=author,
            activity=kind(actor=author.uri, object=thing),
            document={},
            host="peer.example",
            now=datetime.now(UTC),
        )
        return await service.receive(received, thing)


async def listed(hub: Running) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await hub.web.get("/api/v1/events")).json()["items"]
    return items


async def test_event_of_another_server_is_shown_with_its_origin(hub: Running) -> None:
    await receive(hub)
    (shown,) = await listed(hub)
    assert (shown["origin"], shown["uri"], shown["url"]) == ("peer.example", THING.id, THING.url)
    assert shown["content"] == "<p>Bring cake</p>"
    assert (shown["language"], shown["author"]) == ("de", "anna@peer.example")
    assert (shown["image"]["url"], shown["image"]["alt"]) == (f"{PEER}/cake.jpg", "A cake")
    path = f"/api/v1/events/{shown['id']}"
    answer = await hub.web.patch(path, json={"title": "Ours"}, headers=hub.steward)
    assert answer.status_code == 403


async def test_newer_state_replaces_all_and_older_ones_are_passed_over(hub: Running) -> None:
    await receive(hub)
    later = replace(THING, name="Bigger party", updated=THEN + timedelta(hours=1), attachments=())
    assert await receive(hub, later, kind=Update) is not None
    assert await receive(hub, THING, kind=Update) is None
    assert await receive(hub, later, kind=Update) is None
    (shown,) = await listed(hub)
    assert (shown["title"], shown["image"]) == ("Bigger party", None)


async def test_nobody_else_changes_it(hub: Running) -> None:
    await receive(hub)
    stranger = Actor(uri=f"{PEER}/u/bert", authority="peer.example", name="bert")
    stolen = replace(THING, attributed_to=stranger.uri, updated=THEN + timedelta(days=1))
    with pytest.raises(Unauthorised):
        await receive(hub, stolen, author=stranger, kind=Update)
    with pytest.raises(MalformedDocument):
        await receive(hub, replace(THING, attributed_to=stranger.uri))


@pytest.mark.parametrize("thing", [replace(THING, to=()), replace(THING, to=(f"{PEER}/u/x",))])
async def test_what_is_not_public_is_not_kept(hub: Running, thing: EventDocument) -> None:
    with pytest.raises(Unauthorised):
        await receive(hub, thing)


async def test_what_nobody_asked_for_is_not_kept_unless_we_are_meant(hub: Running) -> None:
    with pytest.raises(Unauthorised):
        await receive(hub, followed=False)
    meant = replace(THING, cc=(f"{hub.url}/actors/events",))
    assert await receive(hub, meant, followed=False) is not None


async def test_deleted_event_does_not_come_back(hub: Running) -> None:
    await receive(hub)
    async with hub.services.db.write() as session:
        await publishing.remember_gone(session, THING.id or "", "Event")
    with pytest.raises(Unauthorised):
        await receive(hub, replace(THING, updated=THEN + timedelta(days=1)))


async def test_event_that_becomes_private_is_shown_no_more(hub: Running) -> None:
    await receive(hub)
    narrow = replace(THING, to=(f"{PEER}/u/anna/followers",), updated=THEN + timedelta(days=1))
    await receive(hub, narrow, kind=Update)
    assert await listed(hub) == []


async def test_stamp_from_the_future_does_not_block_later_ones(hub: Running) -> None:
    await receive(hub, replace(THING, updated=datetime.now(UTC) + timedelta(days=900)))
    (shown,) = await listed(hub)
    assert datetime.fromisoformat(shown["updated_at"]) < datetime.now(UTC) + timedelta(hours=2)
