"""Two hubs started by hand on two ports, as processes: what the README promises."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.conftest import Databases
from tests.integration.test_two_hubs import EVENT, OFFER, WANT
from tests.processes import HubProcess, eventually, hub_process

SOON_S = 20  # typically within five; the machine may be busy
POSTS = 200


@pytest.fixture
def pair(tmp_path: Path, databases: Databases) -> Iterator[tuple[HubProcess, HubProcess]]:
    """Hub A, and hub B that follows A's events, offers and wants."""
    with (
        hub_process(tmp_path / "a", HUB_DATABASE_URL=databases.fresh(), HUB_NAME="A") as a,
        hub_process(tmp_path / "b", HUB_DATABASE_URL=databases.fresh(), HUB_NAME="B") as b,
    ):
        host = urlsplit(a.url).netloc
        for name in ("events", "offers", "wants"):
            b.command("follow", f"@{name}@{host}")
        eventually(lambda: len(_accepted(b)) == 3, "three follows are accepted", SOON_S)
        yield a, b


def _accepted(hub: HubProcess) -> list[Any]:
    token = hub.token()
    answer = httpx2.get(f"{hub.url}/api/v1/follows", headers=_bearer(token), trust_env=False).json()
    return [each for each in answer["items"] if each["state"] == "accepted"]


def _has(hub: HubProcess, kind: str, count: int) -> bool:
    return len(hub.everything(kind)) == count


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_what_is_posted_on_a_stands_on_b(pair: tuple[HubProcess, HubProcess]) -> None:
    a, b = pair
    token = a.token()
    posted = {}
    with httpx2.Client(base_url=a.url, headers=_bearer(token), trust_env=False) as web:
        for kind, body in {"events": EVENT, "offers": OFFER, "wants": WANT}.items():
            answer = web.post(f"/api/v1/{kind}", json=body)
            assert answer.status_code == 201, answer.text
            posted[kind] = answer.json()
        for kind, entry in posted.items():
            eventually(partial(_has, b, kind, 1), f"{kind} on B", SOON_S)
            (there,) = b.everything(kind)
            assert there["title"] == entry["title"]
            assert there["uri"] == entry["uri"]
            assert there["origin"] == urlsplit(a.url).netloc
        (event,) = b.everything("events")
        assert event["location"] == EVENT["location"]
        assert event["timezone"] == EVENT["timezone"]
        path = f"/api/v1/events/{posted['events']['id']}"
        web.patch(path, json={"title": "Mending day"})
        eventually(lambda: b.everything("events")[0]["title"] == "Mending day", "edit", SOON_S)
        web.post(f"{path}/cancel")
        page = f"/events/{event['id']}"
        eventually(lambda: b.get(page)["status"] == "cancelled", "cancellation", SOON_S)
        for kind, entry in posted.items():
            assert web.delete(f"/api/v1/{kind}/{entry['id']}").status_code == 204
            eventually(partial(_has, b, kind, 0), f"{kind} gone", SOON_S)


@pytest.mark.slow
def test_kill_nine_while_200_events_are_posted_loses_and_doubles_nothing(
    pair: tuple[HubProcess, HubProcess],
) -> None:
    a, b = pair
    token = a.token()
    sent: set[str] = set()
    acknowledged: set[str] = set()
    halfway = threading.Event()

    def post() -> None:
        with httpx2.Client(base_url=a.url, headers=_bearer(token), trust_env=False) as web:
            for number in range(POSTS):
                title = f"Event {number:03}"
                sent.add(title)
                try:
                    answer = web.post("/api/v1/events", json={**EVENT, "title": title})
                except httpx2.TransportError:
                    time.sleep(0.2)
                    continue
                if answer.status_code == 201:
                    acknowledged.add(title)
                if len(acknowledged) == POSTS // 3:
                    halfway.set()

    poster = threading.Thread(target=post)
    poster.start()
    assert halfway.wait(60)
    a.kill()
    a.start()
    poster.join(120)
    titles = [each["title"] for each in a.everything("events")]
    assert len(titles) == len(set(titles))
    assert acknowledged <= set(titles) <= sent
    assert len(acknowledged) >= POSTS // 2
    eventually(
        lambda: {each["title"] for each in b.everything("events")} == set(titles),
        "everything stands on B",
        120,
    )
    on_b = [each["title"] for each in b.everything("events")]
    assert len(on_b) == len(set(on_b)) == len(titles)
