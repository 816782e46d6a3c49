"""What is remembered is bounded, and what is used stays."""

from __future__ import annotations

from federation.recent import Recent


def test_what_was_not_used_for_longest_goes_first() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert dict(recent.items()) == {"a": 1, "c": 3}
    recent.put("a", 4)
    recent.put("d", 5)
    assert dict(recent.items()) == {"a": 4, "d": 5}


def test_a_name_is_forgotten_whether_it_was_known_or_not() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    for _ in range(2):
        recent.drop("a")
        assert recent.get("a") is None
    assert len(recent) == 0
