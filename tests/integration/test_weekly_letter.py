"""The weekly letter: on Fridays, of what its reader may see and likes to hear of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.core.clock import now
from hub.people.models import Person
from hub.posting import letter
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.jobs import ask
from tests.mailserver import body, mail_server
from tests.visitor import visiting


async def _post(hub: Running, kind: str, **fields: str) -> None:
    answer = await hub.web.post(f"/api/v1/{kind}", json=fields, headers=hub.steward)
    assert answer.status_code == 201, answer.text


async def _friday(hub: Running, clock: Clock) -> None:
    """Let time go by until the letter is due, and let the hub work."""
    due = letter.next_time(hub.services.settings, now())
    clock.ahead += due - now() + timedelta(minutes=5)
    await ask(hub.services, "posting.weekly_letter")
    await hub.work()


async def test_the_weekly_letter_holds_what_its_reader_may_see_and_likes(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with mail_server() as server:
        hub = await make_hub(smtp_url=server.url)
        async with visiting(hub) as neighbour:
            await neighbour.sign_in("member")
            page = await neighbour.get("/me")
            await neighbour.send(page, "/me/letter", letter="yes", interests="garden, music")
        async with hub.services.db.write() as session:
            person = (await session.scalars(select(Person).where(Person.name == "Ann"))).one()
            person.email = "ann@mail.example"
        soon = letter.next_time(hub.services.settings, now()) + timedelta(days=1)
        await _post(hub, "events", title="Garden day", starts_at=soon.isoformat())
        await _post(hub, "events", title="Chess", starts_at=soon.isoformat())
        await _post(hub, "wants", title="Music stand", visibility="hub")
        await _post(hub, "offers", title="Garden of the stewards", visibility="private")
        await _friday(hub, clock)
        (first,) = server.letters
        words = body(first)
        assert "Garden day" in words
        assert "Want: Music stand" in words
        assert "Chess" not in words
        assert "stewards" not in words
        await ask(hub.services, "posting.weekly_letter")
        await hub.work()
        assert len(server.letters) == 1
        stop = str(first["List-Unsubscribe"]).strip(" <>").removeprefix(hub.url)
        await hub.web.post(stop, data={"List-Unsubscribe": "One-Click"})
        await _friday(hub, clock)
        assert len(server.letters) == 1


async def test_a_letter_with_nothing_in_it_is_not_sent(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with mail_server() as server:
        hub = await make_hub(smtp_url=server.url)
        async with hub.services.db.write() as session:
            session.add(
                Person(name="Ann", role="member", email="ann@mail.example", letter_at=now())
            )
        await _friday(hub, clock)
        assert server.letters == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (datetime(2026, 3, 25, 12, tzinfo=UTC), "2026-03-27T08:00+01:00"),
        (datetime(2026, 3, 27, 6, 59, tzinfo=UTC), "2026-03-27T08:00+01:00"),
        (datetime(2026, 3, 27, 7, 0, tzinfo=UTC), "2026-04-03T08:00+02:00"),  # summer time
    ],
)
async def test_it_goes_on_friday_mornings(hub: Running, after: datetime, expected: str) -> None:
    due = letter.next_time(hub.services.settings, after)
    assert due.isoformat(timespec="minutes") == expected


async def test_it_can_hold_what_is_near_the_nearest_first(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with mail_server() as server:
        area = {"area": "Linden", "latitude": 50.93, "longitude": 6.94}
        hub = await make_hub(smtp_url=server.url, **area)
        soon = letter.next_time(hub.services.settings, now()) + timedelta(days=1)
        given = {"starts_at": soon.isoformat()}
        places: dict[str, dict[str, Any]] = {
            "At the yard": {"location": "Oak yard, 50674 Linden", "latitude": 50.95},
            "In the middle": {},  # without a point: ours, so in the middle of the area
            "Two kilometres off": {"latitude": 50.97},
            "Far away": {"latitude": 51.9},
        }
        for title, where in reversed(places.items()):
            point = {"longitude": 6.94} if "latitude" in where else {}
            answer = await hub.web.post(
                "/api/v1/events",
                json={"title": title, **given, **where, **point},
                headers=hub.steward,
            )
            assert answer.status_code == 201, answer.text
        async with visiting(hub) as neighbour:
            await neighbour.sign_in("member")
            page = await neighbour.get("/me")
            form = {"letter": "yes", "within": "5000"}
            wrong = await neighbour.send(page, "/me/letter", **form, place="Nowhere")
            assert wrong.status_code == 422
            assert "is not known here" in wrong.text
            await neighbour.send(page, "/me/letter", **form, place="50674")
        async with hub.services.db.write() as session:
            person = (await session.scalars(select(Person).where(Person.name == "Ann"))).one()
            person.email = "ann@mail.example"
            assert person.letter_near == [50.95, 6.94]
        await _friday(hub, clock)
        (told,) = server.letters
        words = body(told)
        order = sorted((words.index(title), title) for title in places if title in words)
        assert [title for _, title in order] == [
            "At the yard",
            "Two kilometres off",
            "In the middle",
        ]


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        ("", []),
        ("linden", [50.94, 6.95]),
        ("50.93458,6.94123", [50.93, 6.94]),  # nobody's door is kept
        ("-33.9, 151.2", [-33.9, 151.2]),
    ],
)
async def test_a_place_is_kept_to_about_a_kilometre(
    make_hub: MakeHub, place: str, cell: list[float]
) -> None:
    hub = await make_hub(area="Linden", latitude=50.9401, longitude=6.9512)
    async with hub.services.db.read() as session:
        assert await letter.centre_of(session, hub.services.settings, place) == cell
