"""Who keeps a search is told what is new in it: each thing once, nothing that is not for them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.browse import keeping
from hub.core.clock import now
from hub.core.errors import Invalid
from hub.entries.models import Entry
from hub.fediverse import follows
from hub.people import searches
from hub.people.models import KeptSearch, Person, SearchHit, Told
from tests.clock import Clock
from tests.conftest import MakeHub, Running, settle
from tests.jobs import ask
from tests.mailserver import MailServer, body, mail_server
from tests.visitor import Visitor, visiting

SOON = (now() + timedelta(days=3)).replace(microsecond=0).isoformat()
NEAR, FAR = {"latitude": 50.93, "longitude": 6.94}, {"latitude": 51.5, "longitude": 7.5}


@pytest.fixture
async def ann(hub: Running) -> AsyncIterator[Visitor]:
    async with visiting(hub) as visitor:
        await visitor.sign_in("member")
        await _with_address(hub)
        yield visitor


async def _with_address(hub: Running) -> None:
    async with hub.services.db.write() as session:
        person = (await session.scalars(select(Person).where(Person.name == "Ann"))).one()
        person.email = "ann@mail.example"


async def _keep(visitor: Visitor, address: str, told: str = "weekly", name: str = "Mine") -> None:
    page = await visitor.get("/more")
    answer = await visitor.send(page, "/keep", address=address, name=name)
    assert answer.headers["location"] == "/me?said=kept#searches", answer.text
    if told != "weekly":
        await visitor.send(page, f"/me/searches/{await _id(visitor.hub)}", name=name, told=told)


async def _id(hub: Running) -> Any:
    async with hub.services.db.read() as session:
        newest = select(KeptSearch.id).order_by(KeptSearch.created_at.desc()).limit(1)
        return await session.scalar(newest)


async def _post(hub: Running, folder: str, title: str, **fields: Any) -> str:
    given = {"starts_at": SOON} if folder == "events" else {}
    answer = await hub.web.post(
        f"/api/v1/{folder}", json={"title": title, **given, **fields}, headers=hub.steward
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _look(hub: Running) -> None:
    await ask(hub.services, "browse.tell_searches")
    await hub.work()


async def _told(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(Told.subject).where(Told.item.like("search %")))
        return sorted(row.rpartition(": ")[2] for row in rows)


async def _board(hub: Running) -> None:
    """Something of everything."""
    await _post(hub, "events", "Choir", location="Linden yard", tags=["music"], **NEAR)
    await _post(hub, "events", "Choir away", location="Oak hall", **FAR)
    await _post(hub, "events", "Repair café", tags=["repair"], **NEAR)
    await _post(hub, "events", "Past choir", starts_at=(now() - timedelta(days=9)).isoformat())
    await _post(hub, "offers", "Choir dress", kind="item", tags=["music"])
    await _post(hub, "wants", "A lift to the choir", kind="time", location="Linden yard", **NEAR)
    await _post(hub, "news", "The choir sang", description="All of Linden yard was there.")


ADDRESSES = (
    "/search?q=choir",
    "/search?q=choir+-away&type=event",
    "/search?q=%22linden+yard%22",
    "/search?q=choir&when=any",
    "/search?tag=music",
    "/search?near=50.93%2C6.94&within=5000",
    "/search?q=choir&origin=local&type=want",
    "/events?q=choir",
    "/events?place=linden",
    "/events?near=50.93%2C6.94&within=5000",
    "/events?q=choir&from=2020-01-01",
    "/swap?q=choir",
    "/swap?q=choir&show=offers",
    "/swap?kind=time",
    "/swap?place=linden&show=wants",
    "/news?q=choir",
    "/news?q=nothing",
)


async def test_what_is_told_is_what_the_page_shows(hub: Running, ann: Visitor) -> None:
    for address in ADDRESSES:
        await _keep(ann, address)
    await _board(hub)
    await _look(hub)
    async with hub.services.db.read() as session:
        entries = (await session.scalars(select(Entry))).all()
        rows = await session.execute(
            select(KeptSearch.path, KeptSearch.query, Entry.title)
            .join(SearchHit, SearchHit.search_id == KeptSearch.id)
            .join(Entry, Entry.id == SearchHit.entry_id)
        )
    told: dict[tuple[str, str], set[str]] = {}
    for path, query, title in rows:
        told.setdefault((path, query), set()).add(title)
    assert len(told) == len(ADDRESSES) - 1
    for address in ADDRESSES:
        page = (await ann.get(address)).text
        shown = {entry.title for entry in entries if f'href="{entry.path}"' in page}
        assert told.get(keeping.read(address), set()) == shown, address


async def test_each_thing_is_told_once_and_what_was_there_before_never(
    hub: Running, ann: Visitor
) -> None:
    before = await _post(hub, "offers", "Old ladder")
    await _keep(ann, "/search?q=ladder")
    path = f"/api/v1/offers/{await _post(hub, 'offers', 'Ladder')}"
    await _look(hub)
    assert await _told(hub) == ["Ladder"]
    for edited in (path, f"/api/v1/offers/{before}"):
        text = {"title": "Ladder, three metres"}
        answer = await hub.web.patch(edited, json=text, headers=hub.steward)
        assert answer.status_code == 200
    await _look(hub)
    assert await _told(hub) == ["Ladder"]
    await _post(hub, "wants", "Step ladder")
    await _look(hub)
    await _look(hub)
    assert await _told(hub) == ["Ladder", "Step ladder"]


async def test_nothing_is_told_that_is_not_for_its_reader(hub: Running, ann: Visitor) -> None:
    await _keep(ann, "/search?q=ladder")
    async with hub.services.db.write() as session:
        steward = (await session.scalars(select(Person).where(Person.role == "steward"))).first()
        assert steward is not None
        steward.email = "bea@mail.example"
        await searches.keep(session, steward.id, "Ladders", "/search", "q=ladder")
    await _post(hub, "offers", "Private ladder", visibility="private")
    await _post(hub, "offers", "Hidden ladder")
    async with hub.services.db.write() as session:
        row = (await session.scalars(select(Entry).where(Entry.title == "Hidden ladder"))).one()
        row.hidden_at = now()
    await _post(hub, "offers", "Neighbours' ladder", visibility="hub")
    gone = await _post(hub, "offers", "Gone ladder")
    await hub.web.delete(f"/api/v1/offers/{gone}", headers=hub.steward)
    async with hub.services.db.write() as session:
        for row in await session.scalars(select(Entry)):
            row.owner_id = None  # what is one's own is not told either
    await _look(hub)
    assert await _told(hub) == ["Neighbours' ladder", "Neighbours' ladder"]
    async with hub.services.db.write() as session:
        person = (await session.scalars(select(Person).where(Person.name == "Ann"))).one()
        person.role = "guest"
    await _post(hub, "offers", "Second ladder for neighbours", visibility="hub")
    await _look(hub)
    assert "Second ladder for neighbours" not in await _told(hub)


async def test_what_was_held_is_new_when_it_is_shown(
    hub: Running, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await _keep(ann, "/search?q=ladder")
    id_ = await _post(hub, "offers", "Ladder", visibility="private")
    await _look(hub)
    assert await _told(hub) == []
    clock.pass_by(days=3)
    await _look(hub)
    shown = {"visibility": "public"}
    answer = await hub.web.patch(f"/api/v1/offers/{id_}", json=shown, headers=hub.steward)
    assert answer.status_code == 200
    await _look(hub)
    assert await _told(hub) == ["Ladder"]


async def test_what_other_hubs_bring_is_told_too(make_hub: MakeHub) -> None:
    north, south = await make_hub("north.example"), await make_hub("south.example")
    await follows.follow(south.services, "@offers@north.example")
    await settle(north, south)
    async with visiting(south) as visitor:
        await visitor.sign_in("member")
        await _with_address(south)
        await _keep(visitor, "/swap?q=ladder")
        await _keep(visitor, "/swap?q=ladder&origin=local")
    await _post(north, "offers", "Ladder")
    await settle(north, south)
    await _look(south)
    assert await _told(south) == ["Ladder"]


async def _arrived(hub: Running, server: MailServer) -> list[str]:
    await hub.work()
    return [str(letter["Subject"]) for letter in server.letters]


async def test_at_once_and_weekly_by_letter(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with mail_server() as server:
        hub = await make_hub(smtp_url=server.url)
        async with visiting(hub) as visitor:
            await visitor.sign_in("member")
            await _with_address(hub)
            await _keep(visitor, "/search?q=ladder", told="now", name="Ladders")
            await _keep(visitor, "/search?q=saw", name="Saws")
        await _post(hub, "offers", "Ladder")
        await _look(hub)
        assert await _arrived(hub, server) == ["New for “Ladders”: Offer: Ladder"]
        await _post(hub, "offers", "Second ladder")
        await _post(hub, "wants", "Third ladder")
        await _post(hub, "offers", "Saw")
        await _look(hub)
        assert (await _arrived(hub, server))[1:] == ["New for “Ladders”"]
        words = body(server.letters[1])
        assert "Offer: Second ladder" in words
        assert "Want: Third ladder" in words
        assert "https://hub.example/search?q=ladder" in words
        clock.pass_by(days=7, hours=1)
        await ask(hub.services, "people.weekly")
        assert len(await _arrived(hub, server)) == 3
        assert "Offer: Saw" in body(server.letters[2])
        assert "Ladder" not in body(server.letters[2])


async def test_a_kept_search_is_renamed_hushed_and_removed(hub: Running, ann: Visitor) -> None:
    await _keep(ann, "/events?q=choir&tag=music&cursor=", name="Choir")
    page = await ann.get("/me")
    assert ">Choir</a>" in page.text
    for address in ("/events?", "/events.rss?", "/events.ics?"):
        assert f'href="{address}q=choir&amp;tag=music"' in page.text
        feed = await hub.web.get(f"{address}q=choir&tag=music")
        assert feed.status_code == 200
    path = f"/me/searches/{await _id(hub)}"
    await ann.send(page, path, name="Singing", told="none")
    page = await ann.get("/me")
    assert ">Singing</a>" in page.text
    await _post(hub, "events", "Choir", tags=["music"])
    await _look(hub)
    assert await _told(hub) == []
    await ann.send(page, path, name="", told="weekly")
    await _look(hub)
    assert await _told(hub) == [], "what came while they did not want to know"
    async with visiting(hub) as bob:
        await bob.sign_in("member")
        theirs = await bob.get("/me")
        for way in (path, f"{path}/remove"):
            answer = await bob.send(theirs, way, name="Mine now", told="now")
            assert answer.status_code == 404
    await ann.send(page, f"{path}/remove")
    assert ">Singing</a>" not in (await ann.get("/me")).text


async def test_feeds_of_kept_lists_hold_what_their_page_filters(hub: Running) -> None:
    await _board(hub)
    for address, titles in (
        ("/swap.rss?q=choir&show=wants", {"A lift to the choir"}),
        ("/swap.rss?place=linden", {"A lift to the choir"}),
        ("/news.rss?place=linden", set()),
    ):
        feed = (await hub.web.get(address)).text
        assert set(re.findall(r"<item><title>([^<]*)", feed)) == titles


async def test_one_keeps_twenty_searches_and_each_once(hub: Running, ann: Visitor) -> None:
    page = await ann.get("/more")
    for number in range(searches.MOST_KEPT):
        for _ in range(2):
            answer = await ann.send(page, "/keep", address=f"/search?q=word{number}")
            assert answer.status_code == 303
    refused = await ann.send(page, "/keep", address="/search?q=more")
    assert refused.status_code == 409
    assert "You keep 20 searches already" in refused.text
    async with hub.services.db.read() as session:
        count = await session.scalar(select(func.count()).select_from(KeptSearch))
    assert count == searches.MOST_KEPT


@pytest.mark.parametrize(
    "address",
    ["/me", "https://elsewhere.example/search?q=x", "/search?near=x", "/events?from=x", ""],
)
async def test_what_is_no_search_is_not_kept(hub: Running, ann: Visitor, address: str) -> None:
    answer = await ann.send(await ann.get("/more"), "/keep", address=address)
    assert answer.status_code == 422 or "elsewhere" in address
    if answer.status_code == 303:
        async with hub.services.db.read() as session:
            (row,) = await session.scalars(select(KeptSearch))
        assert row.address == "/search?q=x"


async def test_strangers_keep_nothing(hub: Running) -> None:
    async with visiting(hub) as stranger:
        page = await stranger.get("/search?q=ladder")
        assert 'action="/keep"' not in page.text
        answer = await stranger.send(await stranger.get("/sign-in"), "/keep", address="/search?q=x")
    assert answer.status_code in {303, 401}
    assert answer.headers.get("location", "/sign-in").startswith("/sign-in")


async def test_who_leaves_keeps_nothing_here(hub: Running, ann: Visitor) -> None:
    await _keep(ann, "/search?q=ladder")
    await _post(hub, "offers", "Ladder")
    await _look(hub)
    await ann.send(await ann.get("/me"), "/me/delete")
    async with hub.services.db.read() as session:
        for table in (KeptSearch, SearchHit, Told):
            assert (await session.scalars(select(table))).all() == []


def test_the_same_search_has_one_address() -> None:
    ways = ("/search?type=offer&q=ladder&limit=5", "/search?q=ladder&type=offer&cursor=&x=1")
    assert {keeping.read(way) for way in ways} == {("/search", "q=ladder&type=offer")}
    assert keeping.read("/events?from=2026-01-01&view=week") == ("/events", "from=2026-01-01")
    with pytest.raises(Invalid):
        keeping.read("/admin/people")
