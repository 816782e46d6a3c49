"""Places and organisations: listed, found, kept true, and known to other hubs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy import update as sql_update

from hub.core.clock import now
from hub.directory.models import Claim, Record
from hub.entries.models import Entry
from hub.fediverse import follows
from hub.mail.models import Mail
from tests import neighbours
from tests.conftest import Running, settle
from tests.neighbours import Told, told
from tests.visitor import visiting

__all__ = ["told"]

HTML = {"accept": "text/html"}
ACTIVITY = {"accept": "application/activity+json"}
HALL: dict[str, Any] = {
    "title": "St Anne Hall",
    "summary": "A hall for 80, with a kitchen.",
    "location": "Mill Road 7, Camden",
    "latitude": 51.5402,
    "longitude": -0.1433,
    "email": "keys@hall.example",
    "phone": "+44 20 7946 0018",
    "website": "https://hall.example/",
    "links": ["https://map.example/hall"],
    "opening_hours": "Mo-Fr 09:00-17:00; Sa 10:00-13:00; PH off",
    "access_facts": {"entrance": "yes", "toilet": {"state": "part", "note": "narrow door"}},
    "has": ["a projector", "80 chairs"],
    "lacks": ["somebody for the door"],
    "tags": ["hall", "kitchen"],
}
FRIENDS = {"title": "Friends of Mill Park", "location": "Mill Road 9", "lacks": ["a van"]}


async def _list(hub: Running, folder: str = "places", **members: Any) -> dict[str, Any]:
    given = {**(HALL if folder == "places" else FRIENDS), **members}
    return await neighbours.post(hub, folder, hub.steward, **given)


async def _titles(hub: Running, address: str) -> list[str]:
    answer = await hub.web.get(address)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def _age(hub: Running, days: int) -> None:
    async with hub.services.db.write() as session:
        await session.execute(sql_update(Entry).values(happens_at=now() - timedelta(days=days)))


async def _letters(hub: Running) -> list[Mail]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Mail).order_by(Mail.created_at)))


async def test_a_place_is_listed_shown_changed_and_deleted(hub: Running) -> None:
    made = await _list(hub)
    assert {name: made[name] for name in ("has", "lacks", "opening_hours")} == {
        name: HALL[name] for name in ("has", "lacks", "opening_hours")
    }
    path = urlsplit(made["url"]).path
    page = (await hub.web.get(path, headers=HTML)).text
    for words in ("Monday", "09:00–17:00", "Sunday</th><td>closed", "narrow door", "80 chairs"):
        assert words in page, words
    assert "tel:+442079460018" in page
    thing = (await hub.web.get(path, headers=ACTIVITY)).json()
    assert (thing["type"], thing["attributedTo"]) == ("Place", f"{hub.url}/actors/places")
    assert thing["address"] == {"type": "PostalAddress", "streetAddress": HALL["location"]}
    changed = await hub.web.patch(
        f"/api/v1/places/{made['id']}", json={"lacks": None}, headers=hub.steward
    )
    assert (changed.status_code, changed.json()["lacks"]) == (200, [])
    gone = await hub.web.delete(f"/api/v1/places/{made['id']}", headers=hub.steward)
    assert gone.status_code == 204
    assert (await hub.web.get(path, headers=ACTIVITY)).json()["formerType"] == "Place"
    assert "keys@hall" not in (await hub.web.get(path, headers=HTML)).text


async def test_an_organisation_is_no_actor(hub: Running) -> None:
    made = await _list(hub, "organisations")
    thing = (await hub.web.get(urlsplit(made["url"]).path, headers=ACTIVITY)).json()
    assert (thing["type"], thing["seeks"]) == ("Organization", ["a van"])
    assert "inbox" not in thing
    assert (await hub.web.get(f"/api/v1/places/{made['id']}")).status_code == 404


async def test_t12_the_directory_is_narrowed_by_what_one_needs(hub: Running) -> None:
    await _list(hub)
    await _list(hub, title="Linden Library", location="High Street 1", latitude=51.6,
                access_facts={"entrance": "yes", "toilet": "yes", "free": "yes"},
                opening_hours="24/7", tags=["books"])  # fmt: skip
    await _list(hub, title="Cellar Club", access_facts={"entrance": "no"}, location="Low Street 2",
                opening_hours="Su 20:00-02:00", latitude=None, longitude=None, tags=[],
                has=[])  # fmt: skip
    asked = {
        "?access=entrance": {"St Anne Hall", "Linden Library"},
        "?access=entrance,toilet": {"Linden Library"},
        "?access=free": {"Linden Library"},
        "?open=tue": {"St Anne Hall", "Linden Library"},
        "?open=sun": {"Cellar Club", "Linden Library"},
        "?open=mon&access=toilet": {"Linden Library"},
        "?tag=books": {"Linden Library"},
        "?place=Low+Street": {"Cellar Club"},
        "?near=51.54,-0.143&within=500": {"St Anne Hall"},
        "?bbox=-0.2,51.5,-0.1,51.55": {"St Anne Hall"},
        "?q=projector": {"St Anne Hall", "Linden Library"},
    }
    for query, titles in asked.items():
        assert set(await _titles(hub, f"/api/v1/places{query}")) == titles, query
        page = (await hub.web.get(f"/places{query}", headers=HTML)).text
        assert {title for title in ("St Anne", "Linden L", "Cellar") if title in page} == {
            title[: len(one)]
            for title in titles
            for one in ("St Anne", "Linden L", "Cellar")
            if title.startswith(one)
        }, query
    # Counts are beside the boxes, for the list as it is narrowed otherwise.
    page = (await hub.web.get("/places", headers=HTML)).text
    assert re.search(r"Step-free way in <span class=\"count\">2<", page)
    assert re.search(r"Accessible toilet <span class=\"count\">1<", page)
    for query, entrance in (("access=toilet", 1), ("q=Cellar", 0), ("open=sun", 1)):
        page = (await hub.web.get(f"/places?{query}", headers=HTML)).text
        assert f'Step-free way in <span class="count">{entrance}<' in page, query
    # Where nothing is left, it says what to leave out.
    empty = (await hub.web.get("/places?access=hearing_loop&tag=books", headers=HTML)).text
    assert 'href="/places?tag=books"' in empty
    assert 'href="/places?access=hearing_loop"' in empty
    empty = (await hub.web.get("/places?access=entrance&open=sun&place=Mill", headers=HTML)).text
    assert 'href="/places?place=Mill&amp;access=entrance"' in empty
    for wrong in ("bbox=1,2,3", "bbox=0,60,1,50", "access=magic", "open=always"):
        assert (await hub.web.get(f"/api/v1/places?{wrong}")).status_code == 422, wrong
    found = (await hub.web.get("/api/v1/search?q=projector&type=place")).json()["items"]
    assert {one["type"] for one in found} == {"place"}


async def test_t14_old_ones_are_asked_about_and_answered_without_signing_in(hub: Running) -> None:
    made = await _list(hub)
    await _list(hub, "organisations")  # which lists no address
    await _age(hub, 200)
    editor = await neighbours.person(hub, "Eve", "editor")
    page = (await neighbours.page(hub, "/admin/directory", editor)).text
    assert "St Anne Hall" in page
    assert "Friends of Mill Park" in page
    answer = await neighbours.press(hub, "/admin/directory", editor, record="all", deed="ask")
    assert answer.headers["location"] == "/admin/directory?said=asked"
    (letter,) = await _letters(hub)
    assert letter.recipient == "keys@hall.example"
    # Nobody is asked twice in two weeks.
    answer = await neighbours.press(hub, "/admin/directory", editor, record=made["id"], deed="ask")
    assert answer.headers["location"] == "/admin/directory?said=nobody"
    async with visiting(hub) as owner:
        seen = await owner.get(letter.link)
        assert "Is this still true?" in seen.text
        assert (await hub.web.get(f"/api/v1/places/{made['id']}")).json()["checked_at"] < (
            (now() - timedelta(days=100)).isoformat()
        )
        done = await owner.send(seen, urlsplit(letter.link).path)
        assert done.headers["location"].endswith("?said=thanks")
        again = await owner.get(letter.link)
        assert again.status_code == 410
    shown = (await hub.web.get(f"/api/v1/places/{made['id']}")).json()
    assert datetime.fromisoformat(shown["checked_at"]) > datetime.now(UTC) - timedelta(hours=1)
    # What is left is one click away.
    page = (await neighbours.page(hub, "/admin/directory", editor)).text
    assert "St Anne Hall" not in page
    left = re.search(r'name="record" value="([0-9a-f-]{36})"', page)
    assert left is not None
    await neighbours.press(hub, "/admin/directory", editor, record=left[1], deed="true")
    page = (await neighbours.page(hub, "/admin/directory", editor)).text
    assert "All of it was checked not long ago." in page
    member = await neighbours.person(hub, "Max", "member")
    refused = await neighbours.press(hub, "/admin/directory", member, record="all", deed="ask")
    assert refused.status_code == 403


async def test_who_looks_after_a_place_can_change_it_once_that_is_confirmed(
    hub: Running, told: Told
) -> None:
    made = await _list(hub)
    path = urlsplit(made["url"]).path
    ida, max_ = [await neighbours.person(hub, name, "member") for name in ("Ida", "Max")]
    assert (await neighbours.page(hub, f"{path}/edit", ida)).status_code == 403
    answer = await neighbours.press(hub, f"{path}/claim", ida, words="I keep the keys.")
    assert answer.headers["location"] == f"{path}?said=mailed"
    assert (await neighbours.press(hub, f"{path}/claim", ida, words="x")).status_code == 409
    (letter,) = await _letters(hub)
    assert letter.recipient == "keys@hall.example"
    async with visiting(hub) as reader:
        page = await reader.get(letter.link)
        assert (await neighbours.page(hub, f"{path}/edit", ida)).status_code == 403
        await reader.send(page, urlsplit(letter.link).path)
        assert (await reader.get(letter.link)).status_code == 410
    assert [who for who, _ in told] == [ida.id]
    assert (await neighbours.page(hub, f"{path}/edit", ida)).status_code == 200
    # A steward decides where no letter is answered.
    await neighbours.press(hub, f"{path}/claim", max_, words="It is mine.")
    async with hub.services.db.read() as session:
        claim = await session.scalar(select(Claim.id).where(Claim.person_id == max_.id))
    steward = await neighbours.person(hub, "Ann", "steward")
    assert "It is mine." in (await neighbours.page(hub, "/admin/directory", steward)).text
    await neighbours.press(hub, f"/admin/directory/claims/{claim}", steward, deed="no")
    assert (await neighbours.page(hub, f"{path}/edit", max_)).status_code == 403
    assert (await neighbours.page(hub, f"{path}/edit", ida)).status_code == 200


async def test_an_event_points_to_its_place_and_its_organiser(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    for name in ("events", "places"):
        await follows.follow(south.services, f"@{name}@north.example")
    await settle(north, south)
    hall, friends = await _list(north), await _list(north, "organisations")
    start = (now() + timedelta(days=3)).isoformat()
    ids = {"place_id": hall["id"], "organiser_id": friends["id"]}
    event = await neighbours.post(
        north, "events", north.steward, title="Choir", starts_at=start, **ids
    )
    assert event["location"] == "St Anne Hall, Mill Road 7, Camden"
    assert (event["organiser"], event["latitude"]) == ("Friends of Mill Park", HALL["latitude"])
    assert (event["place_id"], event["organiser_id"]) == (hall["id"], friends["id"])
    wrong = await north.web.post(
        "/api/v1/events",
        json={"title": "Choir", "starts_at": start, "place_id": friends["id"]},
        headers=north.steward,
    )
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["place_id"])
    await settle(north, south)
    for hub in hubs:
        (place,) = (await hub.web.get("/api/v1/places")).json()["items"]
        (group,) = (await hub.web.get("/api/v1/organisations")).json()["items"]
        for one in (place, group):
            folder = "places" if one is place else "organisations"
            page = (await hub.web.get(f"/{folder}/{one['id']}", headers=HTML)).text
            assert "Choir" in page, hub.url
        (item,) = (await hub.web.get("/api/v1/events")).json()["items"]
        page = (await hub.web.get(f"/events/{item['id']}", headers=HTML)).text
        assert f'href="/places/{place["id"]}"' in page
        assert f'href="/organisations/{group["id"]}"' in page
    # The place goes: the event keeps its words, and can still be changed.
    await north.web.delete(f"/api/v1/places/{hall['id']}", headers=north.steward)
    kept = await north.web.patch(
        f"/api/v1/events/{event['id']}", json={"title": "Small choir"}, headers=north.steward
    )
    assert (kept.status_code, kept.json()["place_id"]) == (200, None)
    assert kept.json()["location"] == event["location"]


async def test_another_hub_knows_it_all_and_hears_what_changes(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    await follows.follow(south.services, "@places@north.example")
    await settle(north, south)
    made = await _list(north, description="Ring **twice**.")
    await settle(north, south)
    (there,) = (await south.web.get("/api/v1/places?origin=north.example")).json()["items"]
    same = set(HALL) - {"access_facts", "tags"}
    assert {name: there[name] for name in same} == {name: made[name] for name in same}
    assert there["access_facts"] == made["access_facts"]
    assert there["description"] == "Ring twice."
    assert there["checked_at"] == made["checked_at"]
    assert "north.example" in (await south.web.get(f"/places/{there['id']}", headers=HTML)).text
    await _age(north, 200)
    editor = await neighbours.person(north, "Eve", "editor")
    await neighbours.press(north, "/admin/directory", editor, record=made["id"], deed="true")
    await settle(north, south)
    fresh = (await south.web.get(f"/api/v1/places/{there['id']}")).json()
    assert fresh["checked_at"] > there["checked_at"]
    await north.web.delete(f"/api/v1/places/{made['id']}", headers=north.steward)
    await settle(north, south)
    assert await _titles(south, "/api/v1/places") == []
    async with south.services.db.read() as session:
        (row,) = list(await session.scalars(select(Record)))
    assert (row.email, row.phone, row.has) == ("", "", [])


@pytest.mark.parametrize("sort", ["place", "organisation"])
async def test_a_form_lists_one_and_asks_before_it_is_doubled(hub: Running, sort: str) -> None:
    folder = f"{sort}s"
    async with visiting(hub) as ann:
        await ann.sign_in("member")
        given = {"title": "Shed", "location": "Mill Road 3", "has": "a saw\na bench",
                 "visibility": "public"}  # fmt: skip
        bad = await ann.press(f"/post/{sort}", **{**given, "email": "nonsense"})
        assert (bad.status_code, "must be an e-mail address" in bad.text) == (422, True)
        made = await ann.press(f"/post/{sort}", **given)
        assert made.status_code == 303
        asked = await ann.press(f"/post/{sort}", **{**given, "location": ""})
        assert (asked.status_code, "Is it this one?" in asked.text) == (422, True)
        assert len(await _titles(hub, f"/api/v1/{folder}")) == 1
        again = await ann.press(f"/post/{sort}", **given, another="yes")
        assert again.status_code == 303
        path = urlsplit(made.headers["location"]).path
        await ann.press(f"{path}/edit", **{**given, "has": "a saw"})
        shown = (await hub.web.get(f"/api/v1{path}")).json()
        assert shown["has"] == ["a saw"]
        await ann.press(f"{path}/delete")
        assert len(await _titles(hub, f"/api/v1/{folder}")) == 1
