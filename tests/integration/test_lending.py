"""Lending: who has it until when, reminders, and what comes back is listed again (T09)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clock import Clock
from tests.conftest import Running
from tests.jobs import ask
from tests.neighbours import Headers, Neighbour, Told, page, person, post, press, told

__all__ = ["told"]

MOWER = {"title": "Lawnmower", "kind": "item", "mode": "lend"}


async def _lend(
    hub: Running, who: Neighbour, days: float = 14, **members: Any
) -> tuple[dict[str, Any], str]:
    offer = await post(hub, "offers", who, **{**MOWER, **members})
    path = f"/api/v1/offers/{offer['id']}"
    due = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    answer = await hub.web.post(
        f"{path}/lend", json={"borrower": "Ben", "due_at": due}, headers=who
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "promised"
    return offer, path


async def _later(hub: Running, clock: Clock, **time: float) -> None:
    clock.pass_by(**time)
    await ask(hub.services, "exchange.loans")
    await hub.work()


async def test_t09_a_loan_is_reminded_of_overdue_and_closed(
    hub: Running, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, ann = Clock(monkeypatch), await person(hub, "Ann")
    offer, path = await _lend(hub, ann)
    await _later(hub, clock, days=11, hours=23)
    assert told == []
    await _later(hub, clock, hours=2)
    await _later(hub, clock, hours=2)
    assert [notice.subject for _, notice in told] == ["Lawnmower is due soon"]
    assert (told[0][0], told[0][1].kind) == (ann.id, "loan")
    assert "lent to Ben" in told[0][1].lines[0]
    await _later(hub, clock, days=2)
    await _later(hub, clock, days=1)
    assert [notice.subject for _, notice in told[1:]] == ["Lawnmower is overdue"]
    back = await hub.web.post(f"{path}/returned", headers=ann)
    assert back.json()["status"] == "open"
    await _later(hub, clock, days=30)
    assert len(told) == 2
    listed = (await hub.web.get("/api/v1/offers")).json()["items"]
    assert [item["id"] for item in listed] == [offer["id"]]


async def test_what_comes_back_late_is_reminded_of_once(
    hub: Running, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that stood still over both days says only that it is overdue."""
    clock, ann = Clock(monkeypatch), await person(hub, "Ann")
    await _lend(hub, ann)
    await _later(hub, clock, days=20)
    assert [notice.subject for _, notice in told] == ["Lawnmower is overdue"]


async def test_what_is_lent_can_be_lent_again_only_when_it_is_back(hub: Running) -> None:
    ann = await person(hub, "Ann")
    _, path = await _lend(hub, ann)
    due = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    again = {"borrower": "Eve", "due_at": due}
    assert (await hub.web.post(f"{path}/lend", json=again, headers=ann)).status_code == 409
    assert (await hub.web.post(f"{path}/returned", headers=ann)).status_code == 200
    assert (await hub.web.post(f"{path}/returned", headers=ann)).status_code == 409
    assert (await hub.web.post(f"{path}/lend", json=again, headers=ann)).status_code == 200


async def test_only_its_owner_lends_only_what_is_for_lending_and_till_a_day_to_come(
    hub: Running,
) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    gift = await post(hub, "offers", ann, **{**MOWER, "mode": "give"})
    due = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    body = {"borrower": "Ben", "due_at": due}
    path = f"/api/v1/offers/{gift['id']}/lend"
    assert (await hub.web.post(path, json=body, headers=ben)).status_code == 403
    assert (await hub.web.post(path, json=body, headers=ann)).status_code == 409
    loan = await post(hub, "offers", ann, **MOWER)
    path = f"/api/v1/offers/{loan['id']}/lend"
    for wrong in ({**body, "due_at": "2020-01-01T00:00:00Z"}, {"due_at": due}):
        answer = await hub.web.post(path, json=wrong, headers=ann)
        assert answer.status_code == 422, answer.text


async def test_a_page_lends_says_who_has_it_to_the_owner_alone_and_takes_it_back(
    hub: Running,
) -> None:
    ann, eve = await person(hub, "Ann"), await person(hub, "Eve")
    offer = await post(hub, "offers", ann, **MOWER)
    path = f"/offers/{offer['id']}"
    assert "Who has it?" in (await page(hub, f"{path}/lend", ann)).text
    wrong = await press(hub, f"{path}/lend", ann, borrower="Benjamin Button")
    assert wrong.status_code == 422
    assert "Benjamin Button" in wrong.text
    day = f"{datetime.now(UTC) + timedelta(days=14):%Y-%m-%d}"
    sent = await press(hub, f"{path}/lend", ann, borrower="Benjamin Button", due_on=day)
    assert sent.status_code == 303, sent.text
    assert "Lent to Benjamin Button" in (await page(hub, path, ann)).text
    anybody: Headers = {}
    for other in (eve, anybody):
        shown = (await page(hub, path, other)).text
        assert "promised to somebody" in shown
        assert "Benjamin" not in shown
    assert (await press(hub, f"{path}/returned", eve)).status_code == 403
    assert (await press(hub, f"{path}/returned", ann)).status_code == 303
    assert "Lent to" not in (await page(hub, path, ann)).text


async def test_a_borrower_found_by_a_match_is_reminded_too(
    hub: Running, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer = await post(hub, "offers", ann, **MOWER)
    await post(hub, "wants", ben, **{**MOWER, "title": "Could I borrow a mower?"})
    await hub.work()
    matches = f"/api/v1/offers/{offer['id']}/matches"
    (match,) = (await hub.web.get(matches, headers=ann)).json()["items"]
    body = {
        "match_id": match["id"],
        "due_at": (datetime.now(UTC) + timedelta(days=14)).isoformat(),
    }
    path = f"/api/v1/offers/{offer['id']}/lend"
    assert (await hub.web.post(path, json=body, headers=ann)).status_code == 404
    for who, deed in ((ann, "ask"), (ben, "accept")):
        await hub.web.post(f"/api/v1/matches/{match['id']}/{deed}", headers=who)
    assert (await hub.web.post(path, json=body, headers=ann)).status_code == 200
    told.clear()
    await _later(hub, clock, days=13)
    assert {who for who, _ in told} == {ann.id, ben.id}


async def test_what_ran_out_while_it_was_lent_is_not_listed_again(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, ann = Clock(monkeypatch), await person(hub, "Ann")
    ends = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    _, path = await _lend(hub, ann, expires_at=ends)
    clock.pass_by(days=6)
    back = await hub.web.post(f"{path}/returned", headers=ann)
    assert back.json()["status"] == "expired"
