"""A page that follows a hashtag while something happens: what appears, waits, or is hidden."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from hub.entries.models import ReplyTag
from tests.conftest import MakeHub
from tests.integration.test_board import _post, _say
from tests.integration.test_forwarding import Street, make_street
from tests.towns import signed_in

TAG = {"type": "Hashtag", "name": "#LindenFair", "href": "https://town.example/tags/lindenfair"}
PATH = "/live/lindenfair"


@pytest.fixture
async def street(make_hub: MakeHub) -> Street:
    """The usual policy; ada follows the board, as a stranger yet."""
    made = await make_street(make_hub)
    await made.follow(made.town, "ada", "board")
    return made


def _tagged(street: Street, words: str, **given: Any) -> dict[str, Any]:
    post = _post(street, content=f"<p>{words} #LindenFair</p>", **given)
    return {**post, "tag": [*post["tag"], TAG]}


async def _live(street: Street, web: httpx2.AsyncClient | None = None, path: str = PATH) -> str:
    answer = await (web or street.hub.web).get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


async def test_t21_what_is_posted_waits_or_appears_by_rule_and_is_hidden_at_once(
    street: Street,
) -> None:
    hub = street.hub
    await _say(street, _tagged(street, "The first lantern is lit"))
    await _say(street, _post(street, content="<p>Something else</p>"))
    assert "The first lantern" not in await _live(street), "a stranger's post waits"
    async with signed_in(hub) as (web, csrf):
        waiting = await _live(street, web)
        assert "The first lantern" in waiting
        assert "waits for a steward" in waiting
        assert "Something else" not in waiting
        deeds = {one.rpartition("/")[2] for one in _deeds(waiting)}
        assert deeds == {"pass", "hide"}
        (passing,) = [one for one in _deeds(waiting) if one.endswith("/pass")]
        back = await web.post(passing, data={"csrf": csrf, "back": PATH})
        assert back.headers["location"] == PATH
        assert "The first lantern" in await _live(street)

        (hiding,) = [one for one in _deeds(await _live(street, web)) if one.endswith("/hide")]
        await web.post(hiding, data={"csrf": csrf, "back": PATH})
        assert "The first lantern" not in await _live(street)
        assert "The first lantern" not in await _live(street, web)


async def test_t21_answers_count_edits_too_and_private_ones_never(street: Street) -> None:
    hub = street.hub
    private = street.note("ada", content="<p>Call me</p>", to=[street.actor("events")], cc=[])
    await street.say({**private, "tag": [TAG]}, "Create", "ada", to=private["to"], cc=[])
    async with hub.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(ReplyTag)) == 0
    post = _tagged(street, "Balloons")
    await _say(street, post)
    async with signed_in(hub) as (web, _):
        assert "Balloons" in await _live(street, web)
        changed = {**post, "tag": post["tag"][:1], "updated": "2040-01-01T00:00:00Z"}
        await _say(street, {**changed, "content": "<p>Balloons</p>"}, "Update")
        assert "Balloons" not in await _live(street, web)


async def test_a_tag_has_one_address(street: Street) -> None:
    answer = await street.hub.web.get("/live/LindenFair", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert "Nothing yet." in await _live(street)
    long = await street.hub.web.get(f"/live/{'x' * 60}", headers={"accept": "text/html"})
    assert long.status_code == 404


def _deeds(page: str) -> list[str]:
    return [
        part.partition('"')[0] for part in page.split('action="') if "/admin/inbox/" in part[:20]
    ]
