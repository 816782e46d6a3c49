"""Somebody on Mastodon, and servers for events, meet a hub: from finding it to coming along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from federation.vocab.activities import Follow
from hub.events.models import Attendance
from tests.conftest import Running
from tests.integration.test_news import _picture
from tests.towns import Town, signed_in
from tests.unit.peers import gancio, mastodon, mobilizon

START = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT: dict[str, Any] = {
    "title": "Repair café",
    "description": "We mend it together.",
    "starts_at": START.isoformat(),
    "ends_at": (START + timedelta(hours=3)).isoformat(),
    "timezone": "Europe/Berlin",
    "location": "Linden yard",
    "latitude": 50.93,
    "longitude": 6.94,
}


def _arrived(town: Town) -> list[dict[str, Any]]:
    """What came to the server elsewhere since it was asked last."""
    found = [orjson.loads(one.body) for one in town.site.received]
    town.site.received.clear()
    return found


async def _attendances(hub: Running) -> list[tuple[str, str]]:
    async with hub.services.db.read() as session:
        rows = await session.execute(select(Attendance.state, Attendance.uri))
        return [(state, uri) for state, uri in rows.all()]


async def test_t35_from_the_search_to_a_yes_by_private_message(town: Town) -> None:
    hub, ada = town.hub, town.site.uri("ada")
    handle = "acct:events@hub.example"
    found = (await hub.web.get("/.well-known/webfinger", params={"resource": handle})).json()
    (link,) = [one for one in found["links"] if one["rel"] == "self"]
    assert link["href"] == town.events

    await town.send(Follow(id=f"{town.site.origin}/f/1", actor=ada, object=town.events))
    (accept,) = [one for one in _arrived(town) if one["type"] == "Accept"]
    assert accept["object"]["actor"] == ada

    picture = {"data": _picture(), "alt": "A table with lamps"}
    made = await hub.web.post(
        "/api/v1/events", json={**EVENT, "title": "Lamp day", "image": picture}, headers=hub.steward
    )
    assert made.status_code == 201, made.text
    await hub.work()
    (create,) = [one for one in _arrived(town) if one["type"] == "Create"]
    seen = mastodon.see(create)
    assert seen.title == "Lamp day"
    assert f"{START.year}" in seen.text
    assert "Linden yard" in seen.text
    assert [words for _, words in seen.pictures] == ["A table with lamps"]

    await town.hear()
    await town.say(town.note(content="<p>Is there coffee?</p>"))
    await town.send(town.boost())
    page = (await hub.web.get(f"/events/{town.event['id']}", headers={"accept": "text/html"})).text
    assert "Is there coffee?" in page
    assert await town.counted() == (0, 1)

    town.site.received.clear()
    await town.say(town.note(content=_mentioning("I’m coming!")))
    (told,) = [one for one in _arrived(town) if one["type"] == "Create"]
    assert (told["to"], told["cc"]) == ([ada], []), "nobody else is told"
    private = mastodon.see(told)
    assert private.kind == "private"
    assert "You are on the list: Repair café" in private.text
    assert await _attendances(hub) == [("accepted", "")]
    view = (await hub.web.get(f"/api/v1/events/{town.event['id']}")).json()
    assert view["coming"] == 1


def _mentioning(words: str) -> str:
    """A reply as Mastodon writes it, with the mention in front."""
    link = '<a href="https://hub.example/@events" class="u-url mention">@<span>events</span></a>'
    return f'<p><span class="h-card" translate="no">{link}</span> {words}</p>'


@pytest.mark.parametrize(
    ("words", "state", "answer"),
    [
        ("Count me in", "accepted", "You are on the list"),
        ("Bin dabei!", "accepted", "Du stehst auf der Liste"),
        ("J’y serai", "accepted", "Vous êtes sur la liste"),
        ("Dw i’n dod", "accepted", "Rydych chi ar y rhestr"),
        ("Przyjdę 🙂", "accepted", "Jesteś na liście"),
        ("سأحضر", "accepted", "أنت على القائمة"),
        ("Is anybody coming by bike?", None, ""),
        ("I am not coming", None, ""),
        ("Coming soon to a street near you", None, ""),
    ],
)
async def test_t35_only_who_says_so_is_put_on_the_list(
    town: Town, words: str, state: str | None, answer: str
) -> None:
    await town.say(town.note(content=f"<p>{words}</p>"))
    assert await _attendances(town.hub) == ([(state, "")] if state else [])
    said = [mastodon.see(one).text for one in _arrived(town) if one["type"] == "Create"]
    assert [answer in text for text in said] == ([True] if state else [])


async def test_t35_who_came_by_words_leaves_by_words_and_hears_of_changes(town: Town) -> None:
    await town.say(town.note(content="<p>coming</p>"))
    await town.say(town.note(content="<p>coming</p>"))
    (told,) = [one for one in _arrived(town) if one["type"] == "Create"]
    async with signed_in(town.hub) as (web, csrf):
        await web.post(f"/events/{town.event_id}/cancel", data={"csrf": csrf})
    await town.hub.work()
    off = [mastodon.see(one) for one in _arrived(town) if one["type"] == "Create"]
    assert ["Cancelled: Repair café" in one.text for one in off if one.kind == "private"] == [True]

    answer = told["object"]["id"]
    note = town.note(content="<p>not coming</p>", in_reply_to=answer, to=(town.events,), cc=())
    await town.say(note)
    assert await _attendances(town.hub) == [("left", "")]
    (free,) = [mastodon.see(one) for one in _arrived(town) if one["type"] == "Create"]
    assert "your place is free again" in free.text


async def test_t35_where_the_organiser_decides_the_answer_comes_by_message(town: Town) -> None:
    path = f"/api/v1/events/{town.event['id']}"
    await town.hub.web.patch(path, json={"joining": "restricted"}, headers=town.hub.steward)
    await town.say(town.note(content="<p>coming</p>"))
    assert await _attendances(town.hub) == [("asked", "")]
    (row,) = (await town.hub.web.get(f"{path}/responses", headers=town.hub.steward)).json()["items"]
    _arrived(town)
    decided = await town.hub.web.patch(
        f"{path}/responses/{row['id']}", json={"state": "accepted"}, headers=town.hub.steward
    )
    assert decided.status_code == 200, decided.text
    await town.hub.work()
    (told,) = _arrived(town)
    assert told["type"] == "Create", "no Accept of a Join that nobody sent"
    assert "You can come: Repair café" in mastodon.see(told).text


async def test_t35_nobody_is_on_the_list_of_a_full_event(town: Town) -> None:
    path = f"/api/v1/events/{town.event['id']}"
    await town.hub.web.patch(path, json={"capacity": 1}, headers=town.hub.steward)
    await town.say(town.note("bob", content="<p>coming</p>"), "bob")
    _arrived(town)
    await town.say(town.note(content="<p>coming</p>"))
    (told,) = [one for one in _arrived(town) if one["type"] == "Create"]
    assert "there is no place for you any more" in mastodon.see(told).text
    assert await _attendances(town.hub) == [("accepted", "")]


@pytest.mark.parametrize("see", [mobilizon.see, gancio.see], ids=["Mobilizon", "Gancio"])
async def test_t36_an_event_arrives_with_time_place_and_state(town: Town, see: Any) -> None:
    follow = Follow(id=f"{town.site.origin}/f/1", actor=town.site.uri("ada"), object=town.events)
    await town.send(follow)
    _arrived(town)
    made = await town.hub.web.post("/api/v1/events", json=EVENT, headers=town.hub.steward)
    await town.hub.work()
    (create,) = [one for one in _arrived(town) if one["type"] == "Create"]
    seen = see(create)
    assert seen.title == "Repair café"
    assert datetime.fromisoformat(seen.starts) == START
    assert datetime.fromisoformat(seen.ends) == START + timedelta(hours=3)
    assert "Linden yard" in seen.where
    path = f"/api/v1/events/{made.json()['id']}/cancel"
    await town.hub.web.post(path, headers=town.hub.steward)
    await town.hub.work()
    (update,) = [one for one in _arrived(town) if one["type"] == "Update"]
    assert "Cancelled" in see(update).title
    assert update["object"]["status"] == "CANCELLED"
