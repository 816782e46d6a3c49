"""The weekly letter: on Fridays, of what its reader may see and likes to hear of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
