"""What strangers make us read stays bounded; what is broken in the tables hides nothing else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from federation.collections import PAGE_LIMIT, walk
from federation.errors import FederationError
from federation.vocab.names import AS2
from hub.actors.models import Actor
from hub.entries.models import Entry, Reply
from hub.fediverse.inbox import FETCHES
from tests.integration import test_threats
from tests.integration.test_threats import Scene, activity, follow_actor

scene = test_threats.scene


@pytest.mark.parametrize("shape", ["circle", "itself", "without end"])
async def test_b7_threads_that_never_end_cost_few_requests(scene: Scene, shape: str) -> None:
    await follow_actor(scene, scene.north, "mallory")
    for number in range(60):
        above = {"circle": (number + 1) % 3, "itself": number, "without end": number + 1}[shape]
        note = scene.note(scene.north, "mallory", number)
        note["inReplyTo"] = f"{scene.north.origin}/notes/{above}"
        scene.north.serves({"@context": AS2, **note})
    scene.hub.wire.dials.clear()
    note = scene.note(scene.north, "mallory", "first", inReplyTo=f"{scene.north.origin}/notes/0")
    assert (
        await scene.north.post("mallory", activity(scene.north, "mallory", "Create", note)) == 202
    )
    await scene.hub.work()
    asked = [dial for dial in scene.hub.wire.dials if "/notes/" in dial]
    assert 0 < len(asked) <= FETCHES
    assert note["id"] not in await scene.replies()


@pytest.mark.parametrize("shape", ["itself", "circle", "without end", "a million items"])
async def test_b7_collections_that_never_end_are_left(scene: Scene, shape: str) -> None:
    home = f"{scene.north.origin}/c"
    items = [f"{home}/i/{n}" for n in range(20_000)] if shape == "a million items" else [home]
    for number in range(50):
        following = {"itself": number, "circle": (number + 1) % 3}.get(shape, number + 1)
        page: dict[str, Any] = {
            "@context": AS2,
            "id": f"{home}/{number}",
            "type": "OrderedCollectionPage",
            "partOf": home,
            "orderedItems": items,
            "next": f"{home}/{following}",
        }
        scene.north.serves(page)
    start = {"@context": AS2, "id": home, "type": "OrderedCollection", "first": f"{home}/0"}
    scene.north.serves(start)
    scene.hub.wire.dials.clear()
    taken = 0
    try:
        async for _ in walk(scene.hub.services.fetcher, home):
            taken += 1
    except FederationError:
        assert shape == "a million items"
    assert taken <= 500
    assert len(scene.hub.wire.dials) <= PAGE_LIMIT + 1


async def test_b12_nobody_makes_us_fetch_a_picture_of_their_choice(scene: Scene) -> None:
    scene.hub.wire.dials.clear()
    target = "https://south.example/secret.png"
    for path in (
        f"/media/remote/{uuid4()}",
        f"/media/remote/{uuid4()}?url={target}",
        f"/media/remote/{target}",
        f"/media/remote?url={target}",
        f"/media?url={target}",
        "/media/remote/..%2f..%2fhub.db",
    ):
        answer = await scene.hub.web.get(path)
        assert answer.status_code in {400, 403, 404, 422}, path
    assert scene.hub.wire.dials == []


@pytest.fixture
async def full(scene: Scene) -> Scene:
    """With a reply, and an event of another server that is followed."""
    await follow_actor(scene, scene.north, "mallory")
    await scene.said(scene.north, "mallory")
    thing = scene.note(scene.north, "mallory", "event", type="Event", name="Fest")
    thing |= {"inReplyTo": None, "startTime": "2027-01-01T00:00:00Z"}
    await scene.north.post("mallory", activity(scene.north, "mallory", "Create", thing, "e"))
    await scene.hub.work()
    return scene


@pytest.mark.parametrize("value", [b"", b"{", b"null", b"[1]", b"\xff", b'{"type": []}'])
@pytest.mark.parametrize("table", [Entry, Reply, Actor])
async def test_c4_a_broken_document_in_the_tables_breaks_no_page(
    full: Scene, table: Any, value: bytes
) -> None:
    hub, others = full.hub, f"{full.north.origin}/%"
    async with hub.services.db.write() as session:
        found = await session.execute(
            update(table).where(table.uri.like(others)).values(document=value)
        )
        assert found.rowcount == 1  # type: ignore[attr-defined]
    listed = await hub.web.get("/api/v1/events")
    assert {one["title"] for one in listed.json()["items"]} == {"Repair café", "Fest"}
    for path in ("/", "/events", f"/events/{full.event['id']}", "/events.ics", "/@events"):
        assert (await hub.web.get(path)).status_code == 200, path
    for path in ("/actors/events/outbox?page=1", "/actors/relay/following", "/actors/events"):
        headers = {"Accept": "application/activity+json"}
        assert (await hub.web.get(path, headers=headers)).status_code == 200, path
    # And a new state of it still arrives.
    note = full.note(full.north, "mallory", content="<p>new</p>", updated="2026-02-01T00:00:00Z")
    await full.north.post("mallory", activity(full.north, "mallory", "Update", note, "again"))
    await hub.work()
    assert list((await full.replies()).values()) == ["<p>new</p>"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=x", b"p" * 1_000_000),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a: b\r\n" * 100_000),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data" * 20_000),
        ("multipart/form-data; boundary=" + "x" * 5000, b"--x\r\n"),
        ("multipart/form-data", b"--x\r\n"),
        ("application/x-www-form-urlencoded", b";" * 1_000_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(200_000))),
        ("application/x-www-form-urlencoded", b"%" * 1_000_000),
        ("application/x-www-form-urlencoded; charset=nonsense", b"a=\xff"),
        ("application/json", b"[" * 500_000),
        ("", b"a=1"),
    ],
)
async def test_c9_forms_made_to_break_the_reader_are_refused(
    scene: Scene, kind: str, body: bytes
) -> None:
    for path in ("/follow", "/sign-in", "/api/v1/events"):
        answer = await scene.hub.web.post(path, content=body, headers={"Content-Type": kind})
        assert 300 <= answer.status_code < 500, (path, answer.status_code)
