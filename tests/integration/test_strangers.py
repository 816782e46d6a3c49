"""Whoever may not change anything is told so first, whatever they send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.conftest import Running
from tests.integration.test_api_events import DRAFT

BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no members": b"{}",
    "odd members": b'{"title": 7, "host": [], "handle": {}, "odd": true}',
}
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


def _changes(app: Any, number: str) -> Iterator[tuple[str, str]]:
    """Everything of the API that changes something, about things of this number."""
    for path, deeds in app.openapi()["paths"].items():
        for method in CHANGES & {deed.upper() for deed in deeds}:
            yield method, re.sub(r"\{\w+\}", number, path)


def _inside(app: Any) -> Any:
    """The application behind what stands around it."""
    while not isinstance(app, FastAPI):
        app = getattr(app, "app", None) or app._app
    return app


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("known", [True, False])
async def test_a_stranger_gets_401_before_any_other_fault_is_told(
    hub: Running, body: str, known: bool
) -> None:
    changes = list(_changes(_inside(hub.app), str(uuid4()) if known else "no-number"))
    assert len(changes) > 12
    for method, path in changes:
        answer = await hub.web.request(
            method, path, content=BODIES[body], headers={"content-type": "application/json"}
        )
        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_who_is_known_is_told_what_is_wrong(hub: Running) -> None:
    for content, status in ((b"{", 400), (b"[]", 422), (b'{"title": ""}', 422)):
        headers = {**hub.steward, "content-type": "application/json"}
        answer = await hub.web.post("/api/v1/events", content=content, headers=headers)
        assert answer.status_code == status
    assert (
        await hub.web.post("/api/v1/events", json=DRAFT, headers=hub.steward)
    ).status_code == 201
