"""What two hubs tell is the same thing, or is not: rather twice than merged wrongly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.entries.sameness import same


@dataclass
class Told:
    """What is compared, and no more."""

    kind: str
    title: str
    url: str
    place: str
    latitude: float | None
    longitude: float | None
    happens_at: datetime


THEN = datetime(2027, 5, 4, 17, 0, tzinfo=UTC)
EVENT = Told(
    kind="event",
    title="Repair Café in the yard",
    url="https://north.example/events/1",
    place="Linden yard, Lindenstr. 4",
    latitude=50.9345,
    longitude=6.9391,
    happens_at=THEN,
)
OTHER = replace(EVENT, url="https://south.example/events/9")
HALL = replace(EVENT, kind="place", title="Mill Hall", place="Mill Road 1")
NOWHERE: dict[str, Any] = {"latitude": None, "longitude": None}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"title": "Repair café: in the yard!"},
        {"title": "The repair café in the yard, with cake"},
        {"happens_at": THEN + timedelta(minutes=15)},
        {"latitude": 50.9355, "place": "Yard"},
        {**NOWHERE, "place": "Linden yard"},
        {**NOWHERE, "place": ""},
    ],
)
def test_the_same_event(change: dict[str, Any]) -> None:
    assert same(EVENT, replace(OTHER, **change))
    assert same(replace(OTHER, **change), EVENT)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Bicycle market"},
        {"title": "Repair"},
        {"title": "Repair Café in the yard 2"},
        {"happens_at": THEN + timedelta(minutes=16)},
        {"happens_at": THEN + timedelta(days=7)},
        {"latitude": 50.937},
        {**NOWHERE, "place": "Mill Road"},
        {**NOWHERE, "place": "", "title": "Repair café"},
        {"kind": "place"},
        {"kind": "offer"},
    ],
)
def test_another_event(change: dict[str, Any]) -> None:
    assert not same(EVENT, replace(OTHER, **change))
    assert not same(replace(OTHER, **change), EVENT)


def test_the_same_page_is_the_same_thing() -> None:
    assert same(EVENT, replace(EVENT, title="Something else", happens_at=THEN + timedelta(days=1)))


def test_places_need_no_time_but_the_spot() -> None:
    other = replace(HALL, url="https://south.example/places/1", happens_at=THEN - timedelta(days=9))
    assert same(HALL, replace(other, title="Mill hall (community hall)"))
    assert not same(HALL, replace(other, title="Mill Café"))
    assert not same(HALL, replace(other, latitude=50.95))
    assert not same(HALL, replace(other, kind="organisation"))
