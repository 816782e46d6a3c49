"""Channels of areas: what is public here and at the hubs that we follow, for people to follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import func, select, update

from federation.testing import MemorySite
from federation.vocab.activities import Activity, Follow
from federation.vocab.names import PUBLIC
from hub.areas import passing
from hub.areas.models import Area
from hub.core.clock import now
from hub.entries.models import Entry
from hub.fediverse import follows, peers
from hub.fediverse.models import Announcement
from hub.jobs.queue import enqueue
from tests.conftest import MakeHub, Running, settle
from tests.integration.test_two_hubs import EVENT, OFFER
from tests.visitor import visiting

VALLEY = {"name": "valley", "title": "The valley"}
PAGE = "/admin/areas"
HOUR = timedelta(hours=1, minutes=1)
CENTRE = {"latitude": 50.93, "longitude": 6.94}


@dataclass
class Listener:
    """A server elsewhere on which ada lives, who follows channels."""

    site: MemorySite
    hub: Running

    async def follow(self, name: str) -> None:
        uri = f"{self.hub.url}/actors/{name}"
        follow = Follow(id=f"{self.site.uri('ada')}#{name}", actor=self.site.uri("ada"), object=uri)
        await self.site.send("ada", follow, f"{self.hub.url}/inbox")
        await settle(self.hub)

    def got(self, kind: str, name: str = "valley") -> list[Activity]:
        return [
            one.activity
            for one in self.site.received
            if one.activity.type == kind and one.actor == f"{self.hub.url}/actors/{name}"
        ]

    @property
    def objects(self) -> list[Any]:
        return [one.object for one in self.got("Announce")]


async def _make(hub: Running, **given: Any) -> dict[str, Any]:
    answer = await hub.web.post("/api/v1/areas", json={**VALLEY, **given}, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _post(hub: Running, kind: str = "events", **given: Any) -> dict[str, Any]:
    body = {**(EVENT if kind == "events" else OFFER), **given}
    answer = await hub.web.post(f"/api/v1/{kind}", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _minute(*hubs: Running) -> None:
    """Let the channels of these hubs do what is due."""
    for hub in hubs:
        async with hub.services.db.write() as session:
            await enqueue(session, passing.pass_on)
    await settle(*hubs)


@pytest.fixture
async def listener(hub: Running) -> Listener:
    site = MemorySite("https://far.example", hub.wire, names=("relay", "ada"))
    site.relays.add("hub.example")
    return Listener(site, hub)


# ----------------------------------------------------------------------------- what it passes on


async def test_a_channel_announces_what_fits_once_to_its_followers(
    hub: Running, listener: Listener
) -> None:
    await _make(hub, tags=["repair"], kinds=["event"])
    await listener.follow("valley")
    event = await _post(hub)
    await _post(hub, tags=["music"])
    await _post(hub, "offers", tags=["repair"])
    await _minute(hub)
    await _minute(hub)
    (announce,) = listener.got("Announce")
    assert announce.object == event["uri"]
    assert announce.to == (PUBLIC,)
    assert announce.cc == (f"{hub.url}/actors/valley/followers", f"{hub.url}/actors/events")


@pytest.mark.parametrize(
    ("rules", "fits"),
    [
        ({}, True),
        ({"kinds": ["offer", "want"]}, False),
        ({"tags": ["REPAIR", "music"]}, True),
        ({"tags": ["music"]}, False),
        ({"origins": ["local"]}, True),
        ({"origins": ["riverside.example"]}, False),
        ({**CENTRE, "within": 1000}, True),
        ({"latitude": 51.5, "longitude": 6.94, "within": 1000}, False),
    ],
)
async def test_kinds_tags_servers_and_places_narrow_a_channel(
    hub: Running, listener: Listener, rules: dict[str, Any], fits: bool
) -> None:
    await _make(hub, **rules)
    await listener.follow("valley")
    event = await _post(hub)
    await _minute(hub)
    assert listener.objects == ([event["uri"]] if fits else [])


async def test_what_is_for_neighbours_alone_is_never_passed_on(
    hub: Running, listener: Listener
) -> None:
    await _make(hub)
    await listener.follow("valley")
    await _post(hub, visibility="hub")
    await _minute(hub)
    assert listener.objects == []


async def test_a_follower_gets_a_bounded_number_an_hour_and_the_newest_first(
    hub: Running, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "AT_ONCE", 2)
    monkeypatch.setattr(passing, "MOST_AN_HOUR", 3)
    posted = [(await _post(hub, title=f"Number {n}"))["uri"] for n in range(5)]
    await _make(hub)
    await listener.follow("valley")
    for _ in range(3):
        await _minute(hub)
    assert listener.objects == [posted[3], posted[4], posted[2]]
    async with hub.services.db.write() as session:
        await session.execute(update(Announcement).values(said_at=now() - HOUR))
    await _minute(hub)
    assert set(listener.objects) == set(posted)


# ----------------------------------------------------------------------------- and takes back


@pytest.mark.parametrize("how", ["deleted", "changed", "hidden", "narrowed"])
async def test_what_goes_or_fits_no_more_is_taken_back_once(
    hub: Running, listener: Listener, how: str
) -> None:
    await _make(hub, tags=["repair"])
    await listener.follow("valley")
    event = await _post(hub)
    await _minute(hub)
    path = f"/api/v1/events/{event['id']}"
    if how == "deleted":
        await hub.web.delete(path, headers=hub.steward)
    elif how == "changed":
        await hub.web.patch(path, json={"tags": ["music"]}, headers=hub.steward)
    elif how == "hidden":
        async with hub.services.db.write() as session:
            await session.execute(update(Entry).values(hidden_at=Entry.created_at))
    else:
        change = {"tags": ["garden"]}
        await hub.web.patch("/api/v1/areas/valley", json=change, headers=hub.steward)
    await _minute(hub)
    await _minute(hub)
    (undo,) = listener.got("Undo")
    assert isinstance(undo.object, Activity)
    assert undo.object.object == event["uri"]
    assert undo.object.id == listener.got("Announce")[0].id


async def test_what_fits_again_is_not_announced_a_second_time(
    hub: Running, listener: Listener
) -> None:
    await _make(hub, tags=["repair"])
    await listener.follow("valley")
    event = await _post(hub)
    for tags in (["repair"], ["music"], ["repair"]):
        path = f"/api/v1/events/{event['id']}"
        await hub.web.patch(path, json={"tags": tags}, headers=hub.steward)
        await _minute(hub)
    assert len(listener.objects) == 1


# ----------------------------------------------------------------------------- of other hubs


async def _listening(north: Running, south: Running) -> Listener:
    """Somebody follows the channel of south, which follows the events of north."""
    listener = Listener(
        MemorySite("https://far.example", south.wire, names=("relay", "ada")), south
    )
    listener.site.relays.add("south.example")
    await _make(south)
    await listener.follow("valley")
    await follows.follow(south.services, "@events@north.example")
    await settle(north, south)
    return listener


async def test_t26_what_a_followed_hub_publishes_is_passed_on_and_its_delete_takes_it_back(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    listener = await _listening(north, south)
    event = await _post(north)
    await settle(north, south)
    await _minute(south)
    assert listener.objects == [event["uri"]]
    await north.web.delete(f"/api/v1/events/{event['id']}", headers=north.steward)
    await settle(north, south)
    (undo,) = listener.got("Undo")
    assert isinstance(undo.object, Activity)
    assert undo.object.object == event["uri"]


async def test_ap_87_what_a_channel_passed_on_is_forwarded_as_its_origin_changes_it(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    listener = await _listening(north, south)
    event = await _post(north)
    await settle(north, south)
    await _minute(south)
    path = f"/api/v1/events/{event['id']}"
    await north.web.patch(path, json={"title": "Repair party"}, headers=north.steward)
    await settle(north, south)
    await north.web.delete(path, headers=north.steward)
    await settle(north, south)
    north_says = [one for one in listener.site.received if one.actor.startswith(north.url)]
    assert [(one.activity.type, one.host) for one in north_says] == [
        ("Update", "south.example"),
        ("Delete", "south.example"),
    ]
    assert b"Repair party" in north_says[0].body
    listed = (await south.web.get("/api/v1/events")).json()["items"]
    assert listed == []


async def test_ap_88_two_hubs_that_follow_each_others_channels_repeat_nothing(
    make_hub: MakeHub,
) -> None:
    """And what only came through the other's channel is not passed on once more."""
    north, south = await make_hub("north.example"), await make_hub("south.example")
    east = await make_hub("east.example")
    hubs = (north, south, east)
    for hub in (north, south):
        await _make(hub)
    await follows.follow(north.services, "@valley@south.example")
    await follows.follow(south.services, "@valley@north.example")
    await follows.follow(north.services, "@events@east.example")
    await settle(*hubs)
    own, others = await _post(north), await _post(east, title="Street party")
    await settle(*hubs)
    for _ in range(4):
        await _minute(north, south)
    assert await _said(north) == {own["uri"]: 1, others["uri"]: 1}
    assert await _said(south) == {own["uri"]: 1}
    listed = (await south.web.get("/api/v1/events")).json()["items"]
    assert {row["uri"] for row in listed} == {own["uri"], others["uri"]}


async def _said(hub: Running) -> dict[str, int]:
    """How often each thing was announced by the channel of a hub."""
    async with hub.services.db.read() as session:
        rows = await session.execute(
            select(Announcement.object_uri, func.count())
            .join(Area, Area.actor_id == Announcement.actor_id)
            .group_by(Announcement.object_uri)
        )
        return dict(rows.all())


async def test_a_blocked_hub_is_passed_on_no_more(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    await _make(south)
    await follows.follow(south.services, "@events@north.example")
    await settle(north, south)
    await _post(north)
    await settle(north, south)
    async with south.services.db.write() as session:
        await peers.block(session, south.services, "north.example")
    await _minute(south)
    assert await _said(south) == {}


# ----------------------------------------------------------------------------- as it is shown


async def test_its_page_feeds_and_collections_say_what_it_is_about(hub: Running) -> None:
    made = await _make(hub, tags=["repair"], summary="All that is mended.")
    event = await _post(hub)
    await _post(hub, "offers", tags=["music"])
    await _minute(hub)
    page = await hub.web.get("/@valley", headers={"accept": "text/html"})
    assert "Repair café" in page.text
    assert "Extension ladder" not in page.text
    assert "/region/valley.ics" in page.text
    calendar = await hub.web.get("/region/valley.ics")
    (found,) = Calendar.from_ical(calendar.content).walk("VEVENT")
    assert str(found["summary"]) == "Repair café"
    feed = (await hub.web.get("/region/valley.json")).json()
    assert [item["id"] for item in feed["items"]] == [event["uri"]]
    assert (await hub.web.get("/region/valley.rss")).status_code == 200
    ask = {"accept": "application/activity+json"}
    actor = (await hub.web.get("/actors/valley", headers=ask)).json()
    assert (actor["id"], actor["type"]) == (made["uri"], "Service")
    assert (actor["name"], actor["summary"]) == ("The valley", "<p>All that is mended.</p>")
    assert (await hub.web.get("/icons/places.png")).status_code == 200
    featured = (await hub.web.get(actor["featured"], headers=ask)).json()
    assert event["uri"] in str(featured)
    outbox = (await hub.web.get(actor["outbox"], headers=ask)).json()
    assert outbox["totalItems"] == 1
    finger = await hub.web.get("/.well-known/webfinger?resource=acct:valley@hub.example")
    assert finger.json()["subject"] == "acct:valley@hub.example"


async def test_a_channel_that_ended_is_gone_for_good(hub: Running, listener: Listener) -> None:
    await _make(hub)
    await listener.follow("valley")
    listener.site.known.add(f"{hub.url}/actors/valley")
    answer = await hub.web.delete("/api/v1/areas/valley", headers=hub.steward)
    assert answer.status_code == 204
    await settle(hub)
    (gone,) = listener.got("Delete")
    assert gone.object_id == f"{hub.url}/actors/valley"
    ask = {"accept": "application/activity+json"}
    assert (await hub.web.get("/actors/valley", headers=ask)).status_code == 410
    assert (await hub.web.get("/region/valley.ics")).status_code == 410
    again = await hub.web.post("/api/v1/areas", json=VALLEY, headers=hub.steward)
    assert again.status_code == 422


@pytest.mark.parametrize("name", ["events", "relay", "admin", "a b", "Ü", "x", "y" * 31])
async def test_a_name_that_is_taken_or_none_is_refused(hub: Running, name: str) -> None:
    answer = await hub.web.post("/api/v1/areas", json={**VALLEY, "name": name}, headers=hub.steward)
    assert answer.status_code == 422
    assert "name" in answer.json()["errors"][0]["field"] if "errors" in answer.json() else True


async def test_another_process_learns_the_keys_of_a_new_channel(
    hub: Running, listener: Listener
) -> None:
    """A worker beside this one has not seen it made."""
    await _make(hub)
    await listener.follow("valley")
    await _post(hub)
    hub.services.keys.pop(f"{hub.url}/actors/valley")
    await _minute(hub)
    assert len(listener.objects) == 1


async def test_a_steward_makes_changes_and_ends_a_channel_in_the_browser(hub: Running) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        wrong = await steward.press(PAGE, name="A b", title="", latitude="50.9", kinds="event")
        assert wrong.status_code == 422
        for words in ("letters a to z", "at least 3 characters"):
            assert words in wrong.text
        assert 'value="A b"' in wrong.text
        assert 'value="event" checked' in wrong.text
        given = {"latitude": "50.93", "longitude": "6.94", "within": "2,5", "tags": "Repair, food"}
        made = await steward.press(PAGE, name="@Valley", title="The valley", **given)
        assert made.headers["location"] == "/@valley"
        page = await steward.get("/admin/areas/valley")
        for value in ("The valley", "Repair, food", "50.93", "2.5"):
            assert f'value="{value}"' in page.text
        saved = await steward.press("/admin/areas/valley", title="All", kinds=["event", "want"])
        assert saved.status_code == 303
        (area,) = (await hub.web.get("/api/v1/areas")).json()["items"]
        assert (area["title"], area["kinds"]) == ("All", ["event", "want"])
        assert (area["tags"], area["latitude"]) == ([], None)
        ended = await steward.press("/admin/areas/valley/end")
        assert ended.headers["location"] == "/admin/areas?said=ended"
        assert (await steward.get("/@valley")).status_code == 410


# ----------------------------------------------------------------------------- a programme


async def _news_of(hub: Running, tag: str) -> set[str]:
    """The titles of the news with a tag, of whatever hub, as somebody there reads them."""
    asked = {"tag": tag, "origin": "all"}
    items = (await hub.web.get("/api/v1/news", params=asked)).json()["items"]
    return {item["title"] for item in items}


async def test_t31_a_programme_spans_hubs_by_its_tag_and_each_may_leave_with_what_is_its_own(
    make_hub: MakeHub,
) -> None:
    """A lead's channel passes on what three hubs post for the programme, until one of them goes."""
    lead, north, west = hubs = [
        await make_hub(f"{name}.example") for name in ("lead", "north", "west")
    ]
    await _make(lead, name="organisers", title="Organisers learn", tags=["organisers"])
    for hub in (north, west):
        host = hub.services.settings.authority
        await follows.follow(lead.services, f"@news@{host}")
        await follows.follow(hub.services, "@organisers@lead.example")
    await settle(*hubs)

    async def post(hub: Running, title: str, *tags: str) -> dict[str, Any]:
        body = {"title": title, "description": "What we learnt.", "tags": tags}
        answer = await hub.web.post("/api/v1/news", json=body, headers=hub.steward)
        assert answer.status_code == 201, answer.text
        posted: dict[str, Any] = answer.json()
        return posted

    for hub, title in ((lead, "Lead learnt"), (north, "North learnt"), (west, "West learnt")):
        await post(hub, title, "organisers")
        await post(hub, f"{title} besides")
    await settle(*hubs)
    await _minute(lead)
    await settle(*hubs)
    everybody = {"Lead learnt", "North learnt", "West learnt"}
    for hub in hubs:
        assert await _news_of(hub, "organisers") == everybody
    heard = (await north.web.get("/api/v1/news", params={"origin": "west.example"})).json()
    assert [(one["title"], one["via"]) for one in heard["items"]] == [
        ("West learnt", "lead.example")
    ]
    feed = (await lead.web.get("/region/organisers.json")).json()  # to learn from, by any reader
    assert {item["title"] for item in feed["items"]} == everybody

    await follows.unfollow(north.services, "@organisers@lead.example")
    await follows.unfollow(lead.services, "@news@north.example")
    await settle(*hubs)
    await post(west, "West learnt more", "organisers")
    await settle(*hubs)
    await _minute(lead)
    await settle(*hubs)
    assert "North learnt" in await _news_of(north, "organisers")
    assert "West learnt more" not in await _news_of(north, "organisers")
    assert "West learnt more" in await _news_of(lead, "organisers")
    await post(north, "North learnt alone", "organisers")
    await settle(*hubs)
    await _minute(lead)
    assert "North learnt alone" not in await _news_of(lead, "organisers")


# ------------------------------------------------------------------- the same from several hubs


async def _two_of_one(make_hub: MakeHub, **given: Any) -> tuple[Running, Running, Running]:
    """A region whose channel may pass on an event that north and west tell of."""
    north, west, region = [await make_hub(f"{name}.example") for name in ("n", "w", "region")]
    for host in ("n", "w"):
        await follows.follow(region.services, f"@events@{host}.example")
    await settle(north, west, region)
    await _make(region, **given)
    await _post(north)
    await _post(west, title="Repair café, with cake", tags=["cake"])
    await settle(north, west, region)
    return north, west, region


async def _announced(region: Running) -> list[str]:
    """From where that is which the channel passed on, and did not take back."""
    async with region.services.db.read() as session:
        rows = await session.scalars(
            select(Entry.origin)
            .join(Announcement, Announcement.object_uri == Entry.uri)
            .join(Area, Area.actor_id == Announcement.actor_id)
            .where(Announcement.said_at.is_not(None), Announcement.undone_at.is_(None))
        )
        return list(rows)


async def test_what_two_hubs_tell_of_is_passed_on_once_and_by_the_other_when_one_is_gone(
    make_hub: MakeHub,
) -> None:
    north, west, region = await _two_of_one(make_hub)
    await _minute(region)
    await _minute(region)
    assert await _announced(region) == ["n.example"]
    for feed in ("/region/valley.ics", "/region/valley.rss"):
        assert (await region.web.get(feed)).text.count("Repair café") >= 1
        assert "with cake" not in (await region.web.get(feed)).text
    (mine,) = (await north.web.get("/api/v1/events")).json()["items"]
    await north.web.delete(f"/api/v1/events/{mine['id']}", headers=north.steward)
    await settle(north, west, region)
    await _minute(region)
    assert await _announced(region) == ["w.example"]


async def test_a_source_that_is_nothing_for_a_channel_stands_for_nobody_in_it(
    make_hub: MakeHub,
) -> None:
    *_, region = await _two_of_one(make_hub, tags=["cake"])
    await _minute(region)
    assert await _announced(region) == ["w.example"]
    assert "with cake" in (await region.web.get("/region/valley.ics")).text
    assert "with cake" in (await region.web.get("/region/valley.rss")).text
