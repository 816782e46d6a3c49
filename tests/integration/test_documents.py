"""Objects of public entries, as bytes and ahead of the application; pages and the rest behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Running

AS2 = {"Accept": "application/activity+json"}


async def _event(hub: Running, **members: Any) -> dict[str, Any]:
    given = {
        "title": "Repair café",
        "description": "Bring one broken thing.",
        "starts_at": "2031-05-10T15:00:00+02:00",
        "ends_at": "2031-05-10T18:00:00+02:00",
        "location": "Linden yard",
        **members,
    }
    answer = await hub.web.post("/api/v1/events", json=given, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_the_object_is_what_was_said(hub: Running) -> None:
    event = await _event(hub)
    answer = await hub.web.get(event["uri"], headers=AS2)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/activity+json; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["id"] == event["uri"]


async def test_a_change_is_served_at_once(hub: Running) -> None:
    event = await _event(hub)
    first = await hub.web.get(event["uri"], headers=AS2)
    changed = await hub.web.patch(
        f"/api/v1/events/{event['id']}", json={"title": "Café"}, headers=hub.steward
    )
    assert changed.status_code == 200, changed.text
    second = await hub.web.get(event["uri"], headers=AS2)
    assert second.json()["name"] == "Café"
    assert second.headers["etag"] != first.headers["etag"]


async def test_who_has_it_gets_304(hub: Running) -> None:
    event = await _event(hub)
    first = await hub.web.get(event["uri"], headers=AS2)
    again = await hub.web.get(event["uri"], headers={**AS2, "If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize("visibility", ["hub", "private"])
async def test_what_is_not_public_is_not_there(hub: Running, visibility: str) -> None:
    event = await _event(hub, visibility=visibility)
    assert (await hub.web.get(event["uri"], headers=AS2)).status_code == 404


async def test_what_was_deleted_is_gone(hub: Running) -> None:
    event = await _event(hub)
    gone = await hub.web.delete(f"/api/v1/events/{event['id']}", headers=hub.steward)
    assert gone.status_code == 204
    answer = await hub.web.get(event["uri"], headers=AS2)
    assert answer.status_code == 410
    assert answer.json()["type"] == "Tombstone"


async def test_a_browser_gets_the_page(hub: Running) -> None:
    event = await _event(hub)
    page = await hub.web.get(event["uri"], headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "frame-ancestors" in page.headers["content-security-policy"]
