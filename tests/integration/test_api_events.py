"""Events through the JSON API."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from hub.events import service
from hub.events.models import Event
from hub.fediverse.models import OutboxActivity
from hub.people import service as people
from tests.conftest import Running
from tests.jobs import ask

START = (datetime.now(UTC) + timedelta(days=20)).replace(hour=13, minute=0, second=0, microsecond=0)
DRAFT: dict[str, Any] = {
    "title": "Repair café",
    "description": "Bring **one** broken thing.",
    "starts_at": START.isoformat(),
    "ends_at": (START + timedelta(hours=3)).isoformat(),
    "location": "Linden yard, Köln",
    "latitude": 50.9345,
    "longitude": 6.9391,
    "tags": ["Repair", "tools"],
}


async def post(hub: Running, **members: Any) -> dict[str, Any]:
    answer = await hub.web.post("/api/v1/events", json={**DRAFT, **members}, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def titles(hub: Running, query: str = "", **headers: str) -> list[str]:
    answer = await hub.web.get(f"/api/v1/events{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def said(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        query = select(OutboxActivity.type).order_by(OutboxActivity.id)
        return list(await session.scalars(query))


async def test_event_is_published_and_read_back(hub: Running) -> None:
    answer = await hub.web.post("/api/v1/events", json=DRAFT, headers=hub.steward)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{hub.url}/api/v1/events/{made['id']}"
    assert made["uri"] == made["url"] == f"{hub.url}/events/{made['id']}"
    assert (made["origin"], made["status"], made["timezone"]) == (
        "hub.example",
        "scheduled",
        "Europe/Berlin",
    )
    assert datetime.fromisoformat(made["starts_at"]) == START
    assert made["starts_at"][-6:] in {"+01:00", "+02:00"}
    assert made["content"] == "<p>Bring <strong>one</strong> broken thing.</p>\n"
    assert (made["replies"], made["likes"], made["boosts"]) == (0, 0, 0)
    again = await hub.web.get(f"/api/v1/events/{made['id']}")
    assert again.json() == made
    assert await said(hub) == ["Create", "Announce"]


async def test_publishing_needs_a_token_that_may(hub: Running) -> None:
    assert (await hub.web.post("/api/v1/events", json=DRAFT)).status_code == 401
    async with hub.services.db.write() as session:
        reader = await people.token_create(session, "reader", "reader")
    headers = {"Authorization": f"Bearer {reader}"}
    answer = await hub.web.post("/api/v1/events", json=DRAFT, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_editors_change_what_is_theirs_and_stewards_all(hub: Running) -> None:
    made = await post(hub)
    async with hub.services.db.write() as session:
        token = await people.token_create(session, "editor", "editor")
    editor = {"Authorization": f"Bearer {token}"}
    path = f"/api/v1/events/{made['id']}"
    assert (await hub.web.patch(path, json={"title": "Mine"}, headers=editor)).status_code == 403
    own = (await hub.web.post("/api/v1/events", json=DRAFT, headers=editor)).json()
    path = f"/api/v1/events/{own['id']}"
    assert (await hub.web.patch(path, json={"title": "Mine"}, headers=editor)).status_code == 200
    assert (await hub.web.delete(path, headers=hub.steward)).status_code == 204


async def test_what_is_wrong_is_told_by_field(hub: Running) -> None:
    bad = {**DRAFT, "title": "ab", "ends_at": DRAFT["starts_at"], "place_id": "x"}
    answer = await hub.web.post("/api/v1/events", json=bad, headers=hub.steward)
    assert answer.status_code == 422
    assert answer.json()["fields"] == {
        "title": "must have at least 3 characters",
        "ends_at": "must be after starts_at",
        "place_id": "must be the id of something that is here",
    }
    answer = await hub.web.post("/api/v1/events", json=[], headers=hub.steward)
    assert answer.status_code == 422


async def test_same_key_publishes_once(hub: Running) -> None:
    headers = {**hub.steward, "Idempotency-Key": "k1"}
    first = await hub.web.post("/api/v1/events", json=DRAFT, headers=headers)
    second = await hub.web.post("/api/v1/events", json=DRAFT, headers=headers)
    assert (second.status_code, second.json()) == (201, first.json())
    assert await titles(hub) == ["Repair café"]


async def test_patch_changes_what_it_names_and_leaves_the_rest(hub: Running) -> None:
    made = await post(hub, price="2 €")
    changes = {"title": "Repair evening", "price": None}
    answer = await hub.web.patch(f"/api/v1/events/{made['id']}", json=changes, headers=hub.steward)
    now = answer.json()
    assert (now["title"], now["price"]) == ("Repair evening", "")
    same = {"description", "starts_at", "ends_at", "location", "tags", "id", "uri", "created_at"}
    assert {name: now[name] for name in same} == {name: made[name] for name in same}
    assert now["updated_at"] > made["updated_at"]
    assert (await said(hub))[2:] == ["Update"]


async def test_a_change_that_is_sent_again_is_told_once(hub: Running) -> None:
    """As after an answer that was lost on its way."""
    made = await post(hub)
    for _ in range(2):
        changes = {"title": "Repair evening"}
        path = f"/api/v1/events/{made['id']}"
        assert (await hub.web.patch(path, json=changes, headers=hub.steward)).status_code == 200
    assert (await said(hub))[2:] == ["Update"]


async def test_new_time_is_also_said_in_a_reply(hub: Running) -> None:
    made = await post(hub)
    later = {"starts_at": (START + timedelta(hours=1)).isoformat()}
    await hub.web.patch(f"/api/v1/events/{made['id']}", json=later, headers=hub.steward)
    assert (await said(hub))[2:] == ["Update", "Create"]


async def test_cancelled_event_stays_and_says_so(hub: Running) -> None:
    made = await post(hub)
    path = f"/api/v1/events/{made['id']}"
    answer = await hub.web.post(f"{path}/cancel", headers=hub.steward)
    assert answer.json()["status"] == "cancelled"
    again = await hub.web.post(f"{path}/cancel", headers=hub.steward)
    assert again.json()["updated_at"] == answer.json()["updated_at"]
    assert await titles(hub) == ["Repair café"]
    assert await titles(hub, "?status=scheduled") == []
    # An Update and a reply, never a Delete (AP-54).
    assert (await said(hub))[2:] == ["Update", "Create"]


async def test_deleted_event_is_gone_for_good(hub: Running) -> None:
    made = await post(hub)
    path = f"/api/v1/events/{made['id']}"
    assert (await hub.web.delete(path, headers=hub.steward)).status_code == 204
    assert (await hub.web.get(path)).status_code == 410
    assert (await hub.web.patch(path, json={}, headers=hub.steward)).status_code == 410
    assert (await hub.web.get("/api/v1/events/" + "0" * 32)).status_code == 404
    assert await titles(hub) == []
    assert (await said(hub))[2:] == ["Delete"]
    async with hub.services.db.read() as session:
        left = (await session.scalars(select(Event))).one()
    assert (left.title, left.content, left.place, left.organiser) == ("", "", "", "")


async def test_list_runs_from_now_on_in_order_page_by_page(hub: Running) -> None:
    for day in (3, 1, 2, 4, 5):
        moment = START + timedelta(days=day)
        await post(hub, title=f"Day {day}", starts_at=moment.isoformat(), ends_at=None)
    past = {"starts_at": "2020-01-01T10:00", "ends_at": "2020-01-01T11:00"}
    await post(hub, title="Long ago", **past)
    first = await hub.web.get("/api/v1/events?limit=2")
    assert [item["title"] for item in first.json()["items"]] == ["Day 1", "Day 2"]
    assert 'rel="next"' in first.headers["link"]
    second = await hub.web.get(f"/api/v1/events?limit=2&cursor={first.json()['next']}")
    assert [item["title"] for item in second.json()["items"]] == ["Day 3", "Day 4"]
    third = await hub.web.get(f"/api/v1/events?limit=2&cursor={second.json()['next']}")
    assert ([item["title"] for item in third.json()["items"]], third.json()["next"]) == (
        ["Day 5"],
        None,
    )
    assert await titles(hub, "?from=2020-01-01&to=2020-01-01") == ["Long ago"]


async def test_filters_narrow_the_list(hub: Running) -> None:
    await post(hub)
    await post(
        hub, title="Fête", description="", location="Parc", latitude=48.85, longitude=2.35, tags=[]
    )
    for query, found in {
        "?q=repair": ["Repair café"],
        "?q=CAFE+broken": ["Repair café"],
        "?q=fete": ["Fête"],
        "?q=100%25": [],
        "?tag=repair": ["Repair café"],
        "?tag=%23Repair": ["Repair café"],
        "?tag=rep": [],
        "?place=linden": ["Repair café"],
        "?place=repair": [],
        "?near=50.93,6.94&within=2000": ["Repair café"],
        "?near=50.93,6.94&within=400": [],
        "?near=48.85,2.35": ["Fête"],
        "?origin=local&q=repair": ["Repair café"],
        "?origin=hub.example&q=repair": ["Repair café"],
        "?origin=elsewhere.example": [],
        f"?to={(START - timedelta(days=1)):%Y-%m-%d}": [],
    }.items():
        assert await titles(hub, query) == found, query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("from=soon", "from"),
        ("near=here", "near"),
        ("near=95,0", "near"),
        ("origin=a/b", "origin"),
        ("status=lost", "status"),
        ("cursor=xyz", "cursor"),
        ("colour=red", "colour"),
    ],
)
async def test_nonsense_in_a_filter_is_told_by_field(hub: Running, query: str, field: str) -> None:
    answer = await hub.web.get(f"/api/v1/events?{query}")
    assert answer.status_code == 422
    assert field in answer.json()["fields"]


async def test_what_is_for_the_hub_never_leaves_it(hub: Running) -> None:
    made = await post(hub, visibility="hub")
    assert await titles(hub) == []
    assert await titles(hub, **hub.steward) == ["Repair café"]
    assert (await hub.web.get(f"/api/v1/events/{made['id']}")).status_code == 404
    assert await said(hub) == []


async def test_what_went_out_cannot_be_hidden_again(hub: Running) -> None:
    made = await post(hub)
    answer = await hub.web.patch(
        f"/api/v1/events/{made['id']}", json={"visibility": "hub"}, headers=hub.steward
    )
    assert answer.status_code == 422
    assert "visibility" in answer.json()["fields"]


async def test_picture_comes_with_its_words(hub: Running) -> None:
    pixels = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(pixels, "PNG")
    data = base64.b64encode(pixels.getvalue()).decode()
    made = await post(hub, image={"data": data, "alt": "A teal field"})
    assert made["image"]["alt"] == "A teal field"
    assert made["image"]["url"].startswith(f"{hub.url}/media/")
    other = await post(hub, title="Again", image=made["image"]["id"])
    assert other["image"] == made["image"]
    answer = await hub.web.patch(
        f"/api/v1/events/{other['id']}", json={"image": None}, headers=hub.steward
    )
    assert answer.json()["image"] is None
    unknown = {**DRAFT, "image": "00000000-0000-4000-8000-000000000000"}
    answer = await hub.web.post("/api/v1/events", json=unknown, headers=hub.steward)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["image"])


async def test_series_has_a_row_for_each_date_and_tells_of_the_next(hub: Running) -> None:
    made = await post(hub, recurrence="FREQ=DAILY;COUNT=40")
    assert made["recurrence"] == "FREQ=DAILY;COUNT=40"
    assert datetime.fromisoformat(made["starts_at"]) == START
    assert await rows(hub) == 40
    assert (await said(hub)).count("Create") == service.MOST_TOLD
    page = await hub.web.get(f"/series/{made['series_id']}")
    assert page.headers["location"] == f"/events/{made['id']}"


async def test_cancelling_one_date_leaves_the_others(hub: Running) -> None:
    made = await post(hub, recurrence="FREQ=WEEKLY;COUNT=3")
    await hub.web.post(f"/api/v1/events/{made['id']}/cancel", headers=hub.steward)
    listed = (await hub.web.get("/api/v1/events")).json()["items"]
    assert [item["status"] for item in listed] == ["cancelled", "scheduled", "scheduled"]


async def test_series_ends_with_a_date(hub: Running) -> None:
    await post(hub, recurrence="FREQ=WEEKLY;COUNT=20")
    listed = (await hub.web.get("/api/v1/events")).json()["items"]
    path = f"/api/v1/events/{listed[1]['id']}"
    other = await hub.web.patch(path, json={"recurrence": "FREQ=DAILY"}, headers=hub.steward)
    assert (other.status_code, list(other.json()["fields"])) == (422, ["recurrence"])
    answer = await hub.web.patch(path, json={"recurrence": None}, headers=hub.steward)
    assert (answer.status_code, answer.json()["recurrence"]) == (200, None)
    left = (await hub.web.get("/api/v1/events")).json()["items"]
    # Who was told of a date hears that it is off; the rest were never there.
    assert {item["status"] for item in left[:2]} == {"scheduled"}
    assert {item["status"] for item in left[2:]} <= {"cancelled"}
    assert len(left) < 20


async def test_single_event_can_begin_to_repeat(hub: Running) -> None:
    made = await post(hub)
    path = f"/api/v1/events/{made['id']}"
    answer = await hub.web.patch(
        path, json={"recurrence": "FREQ=WEEKLY;COUNT=4"}, headers=hub.steward
    )
    assert answer.json()["series_id"] is not None
    assert len(await titles(hub)) == 4


async def test_bad_rule_is_refused(hub: Running) -> None:
    bad = {**DRAFT, "recurrence": "FREQ=SECONDLY"}
    answer = await hub.web.post("/api/v1/events", json=bad, headers=hub.steward)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["recurrence"])


async def test_as_time_goes_by_later_dates_are_made_and_told(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(service, "now", lambda: datetime.now(UTC) - timedelta(weeks=4))
        await post(hub, recurrence="FREQ=WEEKLY")
    before, told = await rows(hub), (await said(hub)).count("Create")
    await ask(hub.services, "events.extend")
    await hub.work()
    assert await rows(hub) == before + 4
    assert (await said(hub)).count("Create") == told + 4
    await ask(hub.services, "events.extend")
    await hub.work()
    assert await rows(hub) == before + 4


async def rows(hub: Running) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Event)) or 0
