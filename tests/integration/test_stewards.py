"""What stewards and their programs do: blocks, follows, deliveries, hiding, pictures, retries."""

from __future__ import annotations

import asyncio
import base64
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI, Request
from PIL import Image
from sqlalchemy import func, select, update
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation.testing import MemorySite
from hub.core.clock import now
from hub.entries import pictures
from hub.entries.models import Entry, Picture
from hub.entries.visibility import Viewer, visible_to
from hub.events.models import Event
from hub.fediverse import peers, rulings
from hub.fediverse.models import Follow, Peer
from hub.jobs import retention
from hub.jobs.queue import enqueue
from hub.people import service
from hub.people.idempotency import once
from hub.people.identity import identify
from hub.people.models import Idempotency, Person
from hub.web import failures
from hub.web.doors import Asking, Hub
from hub.web.forms import token_for
from hub.web.pages import prepare
from tests.conftest import Running, settle

Hubs = tuple[Running, Running]

EVENT = {
    "title": "Repair café",
    "starts_at": (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0).isoformat(),
    "timezone": "Europe/Berlin",
}


async def _post(hub: Running, **given: Any) -> dict[str, Any]:
    answer = await hub.web.post("/api/v1/events", json={**EVENT, **given}, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _get(hub: Running, path: str) -> Any:
    answer = await hub.web.get(f"/api/v1{path}", headers=hub.steward)
    assert answer.status_code == 200, answer.text
    return answer.json()


# ------------------------------------------------------------------------------ servers


async def test_a_program_follows_sees_its_follow_and_ends_it(hubs: Hubs) -> None:
    north, south = hubs
    handle = {"handle": "@events@north.example"}
    answer = await south.web.post("/api/v1/follows", json=handle, headers=south.steward)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "pending"
    await settle(north, south)
    (there,) = (await _get(south, "/follows"))["items"]
    assert (there["handle"], there["state"]) == ("events@north.example", "accepted")
    (follower,) = (await _get(north, "/followers"))["items"]
    assert (follower["handle"], follower["channel"]) == ("relay@south.example", "events")
    (peer,) = (await _get(south, "/peers"))["items"]
    assert (peer["host"], peer["standing"], peer["followed"]) == ("north.example", "open", True)
    gone = await south.web.delete(f"/api/v1/follows/{there['id']}", headers=south.steward)
    assert gone.status_code == 204
    await settle(north, south)
    assert (await _get(south, "/follows"))["items"] == []
    assert (await _get(north, "/followers"))["items"] == []


async def test_a_follower_is_sent_away_and_told(hubs: Hubs) -> None:
    north, south = hubs
    handle = {"handle": "@events@north.example"}
    await south.web.post("/api/v1/follows", json=handle, headers=south.steward)
    await settle(north, south)
    (follower,) = (await _get(north, "/followers"))["items"]
    path = f"/api/v1/followers/{follower['id']}"
    assert (await north.web.delete(path, headers=north.steward)).status_code == 204
    await settle(north, south)
    assert (await _get(north, "/followers"))["items"] == []
    (there,) = (await _get(south, "/follows"))["items"]
    assert there["state"] == "rejected"


async def test_a_block_counts_at_once_and_can_be_taken_back(hubs: Hubs) -> None:
    north, south = hubs
    handle = {"handle": "@events@north.example"}
    await south.web.post("/api/v1/follows", json=handle, headers=south.steward)
    await settle(north, south)
    posted = await _post(north)
    await settle(north, south)
    assert [one["uri"] for one in (await _get(south, "/events"))["items"]] == [posted["uri"]]
    answer = await south.web.post(
        "/api/v1/blocks", json={"host": "https://North.example/x"}, headers=south.steward
    )
    barred = {"host": "north.example", "standing": "blocked"}
    assert answer.json() == {**barred, "taken_back": 0}
    assert (await _get(south, "/events"))["items"] == []
    (said,) = (await _get(south, "/blocks"))["items"]
    assert (said["host"], said["standing"]) == ("north.example", "blocked")
    for path in ("/api/v1/blocks/north.example", "/api/v1/blocks?host=north.example"):
        assert (await south.web.delete(path, headers=south.steward)).status_code == 204
    assert (await _get(south, "/blocks"))["items"] == []
    assert len((await _get(south, "/events"))["items"]) == 1


async def test_only_stewards_see_servers_follows_and_deliveries(hub: Running) -> None:
    async with hub.services.db.write() as session:
        editor = await service.token_create(session, "calendar", "editor")
    for path in ("/blocks", "/peers", "/follows", "/followers", "/deliveries"):
        assert (await hub.web.get(f"/api/v1{path}")).status_code == 401
        headers = {"Authorization": f"Bearer {editor}"}
        assert (await hub.web.get(f"/api/v1{path}", headers=headers)).status_code == 403


@pytest.mark.parametrize("body", [{}, {"host": ""}, {"host": "a b"}, {"host": "hub.example"}, []])
async def test_a_block_that_makes_no_sense_is_refused(hub: Running, body: Any) -> None:
    answer = await hub.web.post("/api/v1/blocks", json=body, headers=hub.steward)
    assert answer.status_code == 422


async def test_deliveries_are_listed_by_state_in_pages(hubs: Hubs) -> None:
    north, south = hubs
    handle = {"handle": "@events@north.example"}
    await south.web.post("/api/v1/follows", json=handle, headers=south.steward)
    await settle(north, south)
    north.wire.down.add("south.example")
    posted = [await _post(north, title=f"Event {i}") for i in range(3)]
    await north.work()
    found = await _get(north, "/deliveries?limit=2")
    assert len(found["items"]) == 2
    rest = await _get(north, f"/deliveries?limit=2&cursor={found['next']}")
    assert rest["next"] is None
    objects = [one["object"] for one in (*found["items"], *rest["items"])]
    assert objects == [one["uri"] for one in posted]
    assert (await _get(north, "/deliveries?host=elsewhere.example"))["items"] == []
    retrying = (await _get(north, "/deliveries?state=retrying"))["items"]
    assert all(one["attempts"] > 0 and one["last_error"] for one in retrying)
    north.wire.down.discard("south.example")
    await _post(south)
    async with north.services.db.write() as session:
        await session.execute(update(Peer).values(run_at=now(), closed_until=None))
    delivered = await _get(north, "/deliveries?state=delivered")
    assert all(one["state"] == "delivered" for one in delivered["items"])
    for path in ("/deliveries?cursor=x", "/deliveries?state=odd", "/deliveries?limit=0"):
        answer = await north.web.get(f"/api/v1{path}", headers=north.steward)
        assert answer.status_code == 422


async def test_the_page_of_servers_does_the_same(hubs: Hubs) -> None:
    north, south = hubs
    async with south.services.db.write() as session:
        path = urlsplit(await service.make_link(session, south.url)).path
    transport = httpx2.ASGITransport(app=south.app)
    async with httpx2.AsyncClient(transport=transport, base_url=south.url) as web:
        await web.get(path)
        await web.post(path, data={"csrf": token_for(web.cookies["__Host-hub-form"])})
        csrf = {"csrf": token_for(web.cookies["__Host-hub"])}
        assert (await web.get("/admin/servers")).status_code == 200
        answer = await web.post(
            "/admin/servers/follow", data={**csrf, "handle": "@events@north.example"}
        )
        assert answer.status_code == 303
        await settle(north, south)
        page = await web.get("/admin/servers")
        assert "events@north.example" in page.text
        bad = await web.post("/admin/servers/follow", data={**csrf, "handle": "@x@nobody.example"})
        assert bad.status_code == 502
        assert "@x@nobody.example" in bad.text
        await web.post("/admin/servers/block", data={**csrf, "host": "north.example"})
        async with south.services.db.read() as session:
            assert await session.scalar(select(func.count(Follow.id))) == 0
        assert (await web.get("/admin/inbox")).status_code == 200


# ------------------------------------------------------------------------------ visibility


async def test_each_viewer_sees_what_is_theirs_to_see(hub: Running) -> None:
    owner, other = uuid4(), uuid4()
    for name in ("public", "hub", "private"):
        await _post(hub, title=f"For {name}", visibility=name)
    async with hub.services.db.write() as session:
        session.add(Person(id=owner, name="owner", role="editor"))
        await session.flush()
        await session.execute(update(Entry).values(owner_id=owner))

    async def seen(viewer: Viewer) -> set[str]:
        async with hub.services.db.read() as session:
            titles = await session.scalars(select(Entry.title).where(visible_to(viewer)))
            return {title.removeprefix("For ") for title in titles}

    assert await seen(Viewer()) == {"public"}
    assert await seen(Viewer(other, "reader")) == {"public", "hub"}
    assert await seen(Viewer(other, "editor")) == {"public", "hub"}
    assert await seen(Viewer(owner, "editor")) == {"public", "hub", "private"}
    assert await seen(Viewer(other, "steward")) == {"public", "hub"}
    assert await seen(Viewer(other, "steward", entrusted=True)) == {"public", "hub", "private"}
    async with hub.services.db.write() as session:
        await session.execute(update(Entry).values(hidden_at=now()))
    assert await seen(Viewer(other, "steward", entrusted=True)) == set()


async def test_a_blocked_name_hides_what_comes_from_names_under_it(hub: Running) -> None:
    posted = await _post(hub)
    async with hub.services.db.write() as session:
        await session.execute(update(Entry).values(origin="a.spam.example"))
        await rulings.ensure(session, ["a.spam.example"])
        for host in ("pam.example", "b.a.spam.example"):
            await peers.block(session, hub.services, host)
    assert len((await _get(hub, "/events"))["items"]) == 1
    async with hub.services.db.write() as session:
        await peers.block(session, hub.services, "spam.example")
    assert (await _get(hub, "/events"))["items"] == []
    answer = await hub.web.get(f"/api/v1/events/{posted['id']}", headers=hub.steward)
    assert answer.status_code == 404


# ------------------------------------------------------------------------------ pictures


def _photo() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG")
    return out.getvalue()


async def test_f3_an_uploaded_picture_is_served_with_its_hands_tied(hub: Running) -> None:
    picture = await pictures.store(hub.services, _photo(), "A gradient")
    answer = await hub.web.get(urlsplit(picture.url).path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    for path in ("/media/../hub.db", "/media/..%2fsecret.key", "/media/x", "/media/remote/x"):
        assert (await hub.web.get(path)).status_code in {404, 422}


async def test_a_picture_of_another_server_is_fetched_once_and_served_from_here(
    hub: Running,
) -> None:
    site = MemorySite("https://town.example", hub.wire)
    inner = site.app

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/cat.jpg":
            await Response(_photo(), media_type="image/jpeg")(scope, receive, send)
        else:
            await inner(scope, receive, send)

    hub.wire.attach("town.example", app)
    posted, orphan = await _post(hub), uuid4()
    async with hub.services.db.write() as session:
        good = Picture(id=uuid4(), url="https://town.example/cat.jpg", media_type="image/jpeg")
        session.add_all(
            [good, Picture(id=orphan, url="https://town.example/x.jpg", media_type="image/jpeg")]
        )
        await session.flush()
        event = await session.get_one(Event, UUID(posted["id"]))
        event.picture_id = good.id
    for _ in range(2):
        answer = await hub.web.get(f"/media/remote/{good.id}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/webp"
    assert hub.wire.dials.count("GET https://town.example/cat.jpg") == 1
    assert (await hub.web.get(f"/media/remote/{orphan}")).status_code == 404
    assert "GET https://town.example/x.jpg" not in hub.wire.dials
    async with hub.services.db.write() as session:
        await session.execute(update(Picture).values(url="https://town.example/gone.jpg"))
    for _ in range(2):
        assert (await hub.web.get(f"/media/remote/{good.id}")).status_code == 404
    assert hub.wire.dials.count("GET https://town.example/gone.jpg") == 1


async def test_pictures_that_nothing_shows_are_forgotten(hub: Running) -> None:
    used = await pictures.store(hub.services, _photo(), "used")
    image = {"data": base64.b64encode(_photo()).decode(), "alt": "again"}
    posted = await _post(hub, image=image)
    async with hub.services.db.write() as session:
        session.add(used)
        await session.flush()
        await session.execute(update(Picture).values(created_at=now() - timedelta(days=4)))
        await enqueue(session, retention.forget)
    await hub.work()
    path = hub.services.media / (used.name or "")
    async with hub.services.db.read() as session:
        assert await session.scalar(select(func.count(Picture.id))) == 1
    assert path.is_file()  # the other row shows the same file
    await hub.web.delete(f"/api/v1/events/{posted['id']}", headers=hub.steward)
    async with hub.services.db.write() as session:
        await enqueue(session, retention.forget)
    await hub.work()
    assert not path.exists()


# ------------------------------------------------------------------------------ retries


async def test_a_request_with_a_key_has_its_effect_once(hub: Running) -> None:
    app = FastAPI()
    app.state.identify = identify
    prepare(app, hub.services)
    failures.install(app)

    @app.post("/api/v1/people")
    async def make(request: Request, hub: Hub, caller: Asking) -> Response:
        body = await request.json()
        async with once(hub, request, caller) as unit:
            if unit.new:
                person = Person(id=uuid4(), name=body["name"], role="reader")
                unit.session.add(person)
                unit.answer({"id": str(person.id)}, location=f"/people/{person.id}")
        return unit.response

    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=hub.url) as web:

        async def send(name: str, key: str | None) -> httpx2.Response:
            keyed = {"idempotency-key": key} if key is not None else {}
            return await web.post(
                "/api/v1/people", json={"name": name}, headers={**hub.steward, **keyed}
            )

        answers = await asyncio.gather(*(send("a", "k1") for _ in range(10)))
        assert {one.status_code for one in answers} == {201}
        assert len({one.json()["id"] for one in answers}) == 1
        assert len({one.headers["location"] for one in answers}) == 1
        assert (await send("b", "k1")).status_code == 422
        assert (await send("b", "x" * 256)).status_code == 422
        assert (await send("a", "k2")).status_code == 201
        assert (await send("a", None)).status_code == 201
        async with hub.services.db.write() as session:
            await session.execute(
                update(Idempotency).values(created_at=now() - timedelta(hours=25))
            )
        assert (await send("b", "k1")).status_code == 201
    async with hub.services.db.read() as session:
        names = list(await session.scalars(select(Person.name).where(Person.role == "reader")))
    assert sorted(names) == ["a", "a", "a", "b"]
