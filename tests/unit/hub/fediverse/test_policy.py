"""How patient the hub is with other servers, as a table of what was answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from federation.delivery import Delivered, Dropped, Later, Outcome
from hub.fediverse.policy import Visit, doubtful_wanted, lanes_wanted, try_again_after

DAY = timedelta(days=1)
TAKEN = Delivered(202)
REFUSED = Later("answered 403", at_most=3, status=403)
BROKEN = Later("answered 500", status=500)
AWAY = Later("Unreachable", host_trouble=True)
BAD_GATEWAY = Later("answered 502", host_trouble=True, status=502)
SLOWER = Later("answered 429", timedelta(minutes=20), host_trouble=True, status=429)


def _visit(before: int, *outcomes: Outcome, silent_for: timedelta = timedelta(0)) -> Visit:
    visit = Visit(before, silent_for)
    for outcome in outcomes:
        visit.note(outcome)
    return visit


@pytest.mark.parametrize(
    ("before", "outcomes", "after"),
    [
        (4, (), 4),
        (4, (TAKEN,), 0),
        (4, (REFUSED,), 0),
        (4, (Dropped("answered 404", 404),), 0),
        (4, (AWAY,), 5),
        (4, (BROKEN,), 5),
        (4, (TAKEN, BROKEN), 0),
        (4, (TAKEN, BAD_GATEWAY), 1),
        (4, (SLOWER,), 0),
    ],
)
def test_only_a_servers_own_faults_count(
    before: int, outcomes: tuple[Outcome, ...], after: int
) -> None:
    assert _visit(before, *outcomes).failures_now() == after


@pytest.mark.parametrize(
    ("visit", "minutes"),
    [
        (_visit(0, TAKEN), None),
        (_visit(3, AWAY), None),
        (_visit(4, AWAY), 10),
        (_visit(8, AWAY), 160),
        (_visit(8, AWAY, silent_for=DAY), 45),
        (_visit(8, BROKEN), 10),
        (_visit(0, SLOWER), 20),
    ],
)
def test_how_long_a_server_is_left_alone(visit: Visit, minutes: int | None) -> None:
    wait = visit.closed_for(-1.0)
    assert (wait and wait / timedelta(minutes=1)) == minutes


def test_a_server_is_back_when_it_takes_mail_after_its_breaker_was_open() -> None:
    assert _visit(5, TAKEN).is_back()
    assert not _visit(4, TAKEN).is_back()
    assert not _visit(5, BROKEN).is_back()


@pytest.mark.parametrize(
    ("outcome", "attempts", "silent_for", "is_delete", "wait"),
    [
        (BROKEN, 1, timedelta(0), False, timedelta(minutes=1)),
        (REFUSED, 4, timedelta(0), False, None),
        (REFUSED, 13, timedelta(0), True, DAY),
        (BROKEN, 13, timedelta(0), False, timedelta(minutes=45)),
        (AWAY, 9, timedelta(hours=22), False, timedelta(hours=2)),
        (AWAY, 9, DAY, False, timedelta(minutes=45)),
        (SLOWER, 1, timedelta(0), False, timedelta(minutes=20)),
    ],
)
def test_when_a_delivery_is_tried_again(
    outcome: Later, attempts: int, silent_for: timedelta, *, is_delete: bool, wait: timedelta | None
) -> None:
    # The wait of the schedule as it is (jitter 0), a bound at its longest (-1).
    jitter = -1.0 if outcome is AWAY else 0.0
    found = try_again_after(
        outcome, attempts, jitter, age=DAY, silent_for=silent_for, is_delete=is_delete
    )
    assert found == wait


def test_mail_is_given_up_after_thirty_days() -> None:
    given = {"silent_for": timedelta(days=30), "is_delete": False}
    assert try_again_after(AWAY, 99, 0.0, age=timedelta(days=29), **given)  # type: ignore[arg-type]
    assert try_again_after(AWAY, 99, 0.0, age=timedelta(days=30), **given) is None  # type: ignore[arg-type]


def test_lanes_are_taken_up_many_at_once_or_not_at_all() -> None:
    assert lanes_wanted(256, 0) == 100
    assert lanes_wanted(256, 300) == 56
    assert lanes_wanted(256, 310) == 0


def test_servers_in_doubt_have_a_share_of_their_own() -> None:
    assert doubtful_wanted(256, 0) == 64
    assert doubtful_wanted(256, 32) == 32
    assert doubtful_wanted(256, 33) == 0, "many at once, or none"
    assert doubtful_wanted(1, 0) == 1, "however few the places, they come to their turn"
    assert doubtful_wanted(1, 1) == 0
