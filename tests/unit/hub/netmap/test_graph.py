"""Points and links of who works with whom, and where they stand in the picture."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from hub.netmap import drawing, graph
from hub.netmap.graph import Happening, Point

START = datetime(2026, 9, 1, 18, tzinfo=UTC)
CHOIR, FRIENDS, LIBRARY, SHED = (
    Point(key=name[0], title=name, path=f"/{name}", url=f"https://h/{name}", origin="", words=words)
    for name, words in (
        ("Choir", "song"),
        ("Friends", "park"),
        ("Library", "book"),
        ("Shed", "tool"),
    )
)
EVERYBODY = [CHOIR, FRIENDS, LIBRARY, SHED]


def _event(
    hosts: str, title: str = "Fair", place: str = "", words: str = "", days: int = 0
) -> Happening:
    moment = START + timedelta(days=days)
    return Happening(
        key=f"{title}{days}{hosts}",
        title=title,
        starts_at=moment,
        hosts=frozenset(hosts),
        place=place,
        place_title=place and f"Hall {place}",
        words=words,
    )


def test_who_holds_events_together_is_linked_once_with_the_titles_and_the_last_day() -> None:
    found = graph.linked(
        EVERYBODY, [_event("CF"), _event("CF", days=7), _event("CFL", "Feast", days=3)]
    )
    together = {(one.one, one.other): one for one in found.links}
    assert set(together) == {("C", "F"), ("C", "L"), ("F", "L")}
    link = together["C", "F"]
    assert (link.tie, link.count, link.why) == ("together", 3, ("Fair", "Feast"))
    assert link.last == START + timedelta(days=7)
    assert [one.title for one in found.alone] == ["Shed"]
    assert {one.key: one.events for one in found.points} == {"C": 3, "F": 3, "L": 1}


def test_who_meets_at_the_same_place_is_linked_by_it() -> None:
    events = [_event("C", place="1"), _event("F", place="1"), _event("F", place="1", days=7)]
    (link,) = graph.linked(EVERYBODY, [*events, _event("L", place="2")]).links
    assert (link.one, link.other, link.tie, link.count, link.why) == (
        "C",
        "F",
        "place",
        1,
        ("Hall 1",),
    )


def test_a_word_narrows_to_events_and_hosts_that_have_it() -> None:
    events = [_event("CF", words="food"), _event("LS", words="repair")]
    assert [(one.one, one.other) for one in graph.linked(EVERYBODY, events, "food").links] == [
        ("C", "F")
    ]
    assert [(one.one, one.other) for one in graph.linked(EVERYBODY, events, "tool").links] == [
        ("L", "S")
    ]
    assert graph.linked(EVERYBODY, events, "nothing") == graph.Graph((), (), ())


def test_names_are_found_whole_and_the_longest_first() -> None:
    points = [
        Point(key=key, title=title, path="", url="", origin="")
        for key, title in (("l", "Linden"), ("ll", "Linden Library"), ("c", "Choir"), ("x", "Up"))
    ]
    names = graph.names_of(points)
    assert graph.named("The Linden Library & choir", names) == {"ll", "c"}
    assert graph.named("Linden, Linden Library", names) == {"l", "ll"}
    assert (
        graph.named("Lindens, Choirs, Up", names) == frozenset()
    )  # no part of a word, none so short


@pytest.mark.parametrize("many", [2, 3, 7, 50])
@pytest.mark.parametrize("all_with_all", [True, False])
def test_the_picture_is_the_same_each_time_and_nothing_lies_on_another(
    many: int, all_with_all: bool
) -> None:
    points = [
        Point(key=f"{n:03}", title=f"Group {n}", path="", url="", origin="") for n in range(many)
    ]
    events: list[Happening] = []
    for n in range(many - 1):
        for other in range(n + 1, many if all_with_all else n + 2):
            hosts = frozenset({f"{n:03}", f"{other:03}"})
            key = f"{n} {other}"
            events.append(Happening(key=key, title="Fair", starts_at=START, hosts=hosts))
    found = graph.linked(points, events)
    picture = drawing.draw(found)
    assert picture == drawing.draw(found)
    drawn = min(many, drawing.MOST_DRAWN)
    assert (len(picture.dots), picture.left_out) == (drawn, many - drawn)
    for one in picture.dots:
        assert 0 < one.x < drawing.WIDTH
        assert 0 < one.y < picture.height
        for other_dot in picture.dots:
            apart = math.hypot(one.x - other_dot.x, one.y - other_dot.y)
            assert one is other_dot or apart > one.size + other_dot.size


def test_of_a_place_where_all_meet_and_of_all_links_only_so_many_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph, "MOST_AT_ONE_PLACE", 3)
    hall = [_event(host, place="1", days=days) for days, host in enumerate("CFLS")]
    links = graph.linked(EVERYBODY, hall).links
    assert [(one.one, one.other) for one in links] == [("F", "L"), ("F", "S"), ("L", "S")]
    monkeypatch.setattr(graph, "MOST_LINKS", 2)
    found = graph.linked(EVERYBODY, [*hall, _event("CS"), _event("CS", days=9)])
    assert [(one.one, one.other, one.tie) for one in found.links] == [
        ("C", "S", "together"),
        ("F", "L", "place"),
    ]
    assert [point.key for point in (*found.points, *found.alone)] == list("CFLS")
