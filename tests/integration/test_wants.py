"""Wants of several, for company, in private, and ones that run out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from hub.bootstrap import FEATURES
from hub.fediverse.models import OutboxActivity
from tests.clock import Clock
from tests.conftest import Running, settle
from tests.integration.test_two_hubs import _follow
from tests.jobs import ask
from tests.neighbours import Told, page, person, post, press, told

__all__ = ["told"]

WANT = {"title": "Twenty bags of compost", "kind": "item", "mode": "give"}
SECRETS = ("Xylophagous", "Quodlibetal")  # words of the title and the text that stand nowhere else


async def test_several_say_me_too_and_are_counted(hub: Running) -> None:
    ann, ben, eve = [await person(hub, name) for name in ("Ann", "Ben", "Eve")]
    want = await post(hub, "wants", ann, **WANT, sort="pooled")
    path = f"/wants/{want['id']}"
    for who in (ben, eve):
        assert (await press(hub, f"{path}/me-too", who)).status_code == 303
    assert (await hub.web.get(f"/api/v1{path}")).json()["backers"] == 2
    assert "2 others need this too" in (await page(hub, path, {})).text
    await press(hub, f"{path}/me-too", ben)
    shown = (await page(hub, path, eve)).text
    assert "1 other needs this too" in shown
    assert "No longer me" in shown


async def test_only_pooled_wants_that_are_open_can_be_joined(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    plain = await post(hub, "wants", ann, **WANT)
    assert (await press(hub, f"/wants/{plain['id']}/me-too", ben)).status_code == 409
    pooled = await post(hub, "wants", ann, **WANT, sort="pooled")
    await hub.web.post(f"/api/v1/wants/{pooled['id']}/close", headers=ann)
    assert (await press(hub, f"/wants/{pooled['id']}/me-too", ben)).status_code == 409
    offer = await hub.web.post("/api/v1/offers", json={**WANT, "sort": "pooled"}, headers=ann)
    assert (offer.status_code, list(offer.json()["fields"])) == (422, ["sort"])


async def test_somebody_to_go_with_is_asked_for(hub: Running) -> None:
    ann = await person(hub, "Ann")
    form = {"title": "Jazz on Friday", "kind": "time", "mode": "share", "sort": "company"}
    sent = await press(hub, "/post/want", ann, **form, visibility="public")
    assert sent.status_code == 303, sent.text
    assert "Somebody to go with" in (await page(hub, sent.headers["location"], {})).text
    (item,) = (await hub.web.get("/api/v1/wants")).json()["items"]
    assert item["sort"] == "company"


async def test_what_runs_out_soon_is_asked_about_once_and_renewed_by_a_press(
    hub: Running, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, ann = Clock(monkeypatch), await person(hub, "Ann")
    ends = datetime.now(UTC) + timedelta(days=10)
    want = await post(hub, "wants", ann, **WANT, expires_at=ends.isoformat())
    await ask(hub.services, "exchange.expire")
    await hub.work()
    assert told == []
    clock.pass_by(days=8)
    await ask(hub.services, "exchange.expire")
    await hub.work()
    ((who, notice),) = set(told)  # the door of notices says the same words once
    assert (who, notice.path) == (ann.id, f"/wants/{want['id']}/renew")
    assert "Yes, keep it" in (await page(hub, notice.path, ann)).text
    assert (await press(hub, notice.path, ann)).status_code == 303
    found = (await hub.web.get(f"/api/v1/wants/{want['id']}")).json()
    assert datetime.fromisoformat(found["expires_at"]) - ends == timedelta(days=30)
    clock.pass_by(days=33)
    await ask(hub.services, "exchange.expire")
    await hub.work()
    assert (await hub.web.get(f"/api/v1/wants/{want['id']}")).json()["status"] == "expired"
    assert (await press(hub, notice.path, ann)).status_code == 303
    assert (await hub.web.get(f"/api/v1/wants/{want['id']}")).json()["status"] == "open"


async def test_only_its_owner_renews(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    want = await post(hub, "wants", ann, **WANT)
    assert (await page(hub, f"/wants/{want['id']}/renew", ben)).status_code == 403
    assert (await press(hub, f"/wants/{want['id']}/renew", ben)).status_code == 403


def _paths() -> list[str]:
    """Every address without parameters that the hub reads out, and its collections."""
    found: set[str] = {"/.well-known/nodeinfo"}
    for router in (router for feature in FEATURES for router in feature.routers):
        for route in router.routes:
            path = getattr(route, "path", "")
            if "GET" in (getattr(route, "methods", None) or ()) and "{" not in path:
                found.add(path)
    for name in ("wants", "offers", "events", "board", "relay"):
        found |= {f"/actors/{name}{end}" for end in ("", "/outbox", "/outbox?page=true")}
        found |= {f"/actors/{name}/featured", f"/@{name}"}
    return sorted(found)


async def test_t11_a_private_want_is_seen_by_its_owner_and_stewards_alone(
    hubs: tuple[Running, Running],
) -> None:
    hub, south = hubs
    await _follow(south, hub, "wants", "relay")
    ann, ben, eve = [
        await person(hub, name, role)
        for name, role in (("Ann", "editor"), ("Ben", "editor"), ("Eve", "reader"))
    ]
    words = {"title": f"{SECRETS[0]} compost", "description": f"{SECRETS[1]} bill"}
    want = await post(hub, "wants", ann, **{**WANT, **words}, visibility="private")
    await post(hub, "offers", ben, **WANT)
    await settle(hub, south)
    own = f"/wants/{want['id']}"
    assert len((await hub.web.get(f"/api/v1{own}/matches", headers=ann)).json()["items"]) == 1
    paths = [
        *_paths(),
        own,
        f"/api/v1{own}",
        f"{own}/replies",
        f"{own}/likes",
        f"/api/v1{own}/matches",
    ]
    paths += [f"{path}?q={SECRETS[0][:6]}" for path in ("/swap", "/api/v1/wants", "/search")]
    assert len(paths) > 40
    for who in ({}, dict(ben), ben.pages, eve.pages):
        for path in paths:
            for accept in ("text/html", "application/activity+json"):
                answer = await hub.web.get(path, headers={**who, "Accept": accept})
                for word in (*SECRETS, want["id"]):
                    assert word not in answer.text or word in path, (path, accept, word)
    async with hub.services.db.read() as session:
        bodies = [bytes(body) for body in await session.scalars(select(OutboxActivity.body))]
    assert not any(want["id"].encode() in body for body in bodies)
    for who in (ann, hub.steward):
        assert SECRETS[1] in (await hub.web.get(f"/api/v1{own}", headers=dict(who))).text
    assert (await south.web.get("/api/v1/wants")).json()["items"] == []


async def test_t11_stewards_name_those_who_see_private_wants(hub: Running, told: Told) -> None:
    ann, ben, eve = [
        await person(hub, name, role)
        for name, role in (("Ann", "editor"), ("Ben", "steward"), ("Eve", "steward"))
    ]
    words = {"title": f"{SECRETS[0]} compost", "description": f"{SECRETS[1]} bill"}
    want = await post(hub, "wants", ann, **{**WANT, **words}, visibility="private")
    offer = await post(hub, "offers", ben, **WANT)
    await hub.work()
    own = f"/wants/{want['id']}"
    assert "All stewards, and nobody else" in (await page(hub, "/admin/people", eve)).text
    for who in (ben, eve):
        assert SECRETS[1] in (await page(hub, own, who)).text
    assert (await press(hub, f"/admin/people/{ann.id}/entrust", eve)).status_code == 409
    assert (await press(hub, f"/admin/people/{ben.id}/entrust", ann)).status_code == 403
    assert (await press(hub, f"/admin/people/{ben.id}/entrust", eve)).status_code == 303

    listed = (await page(hub, "/admin/people", eve)).text
    assert "nobody else besides whoever posted them: Ben." in listed
    assert "Ben was named" in listed
    assert "by Eve" in listed
    assert SECRETS[1] in (await page(hub, own, ben)).text
    (fit,) = (await hub.web.get(f"/api/v1{own}/matches", headers=ann)).json()["items"]
    for path in (own, f"{own}/edit", f"{own}/close", f"/matches/{fit['id']}", "/matches"):
        assert SECRETS[0] not in (await page(hub, path, eve)).text, path
    for path in ("/swap", "/admin/inbox", f"/search?q={SECRETS[0]}", f"/offers/{offer['id']}"):
        assert f"{SECRETS[0]} compost" not in (await page(hub, path, eve)).text, path
    for path in ("/api/v1/wants", f"/api/v1{own}", f"/api/v1{own}/matches"):
        assert SECRETS[0] not in (await hub.web.get(path, headers=eve)).text, path
    assert (await hub.web.delete(f"/api/v1{own}", headers=eve)).status_code == 404
    assert (await press(hub, f"{own}/delete", eve)).status_code == 404

    await press(hub, f"/admin/people/{ben.id}/distrust", ben)
    assert SECRETS[1] in (await page(hub, own, eve)).text
    assert "Ben is no longer named" in (await page(hub, "/admin/people", eve)).text


async def test_t11_whoever_is_named_and_goes_leaves_nobody_shut_out(hub: Running) -> None:
    ann, ben, eve = [
        await person(hub, name, role)
        for name, role in (("Ann", "editor"), ("Ben", "steward"), ("Eve", "steward"))
    ]
    want = await post(hub, "wants", ann, **WANT, visibility="private")
    await press(hub, f"/admin/people/{ben.id}/entrust", eve)
    assert (await page(hub, f"/wants/{want['id']}", eve)).status_code == 404
    await press(hub, f"/admin/people/{ben.id}/role", eve, role="editor")
    assert (await page(hub, f"/wants/{want['id']}", ben)).status_code == 404
    assert (await page(hub, f"/wants/{want['id']}", eve)).status_code == 200
