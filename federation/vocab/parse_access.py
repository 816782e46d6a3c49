"""What other servers say of getting in and of a place: schema.org's way, and Mobilizon's keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from federation.vocab import reading
from federation.vocab.details import AccessFact, Details
from federation.vocab.objects import MOBILIZON_ACCESS

FACT_LIMIT: Final = 50
LINE_LIMIT: Final = 30
_WHEELCHAIR: Final = "mz:accessibility:wheelchairAccessible"
_WORDS: Final = {
    **dict.fromkeys(("yes", "fully", "true"), "yes"),
    **dict.fromkeys(("part", "partially"), "part"),
    **dict.fromkeys(("no", "false"), "no"),
}


def access(document: Mapping[str, Any]) -> tuple[AccessFact, ...]:
    """The facts, each once; what is said in full comes before Mobilizon's keys."""
    found: dict[str, AccessFact] = {}
    for fact in (*_in_full(document), *_by_keys(document)):
        found.setdefault(fact.name, fact)
    return tuple(found.values())


def details(document: Mapping[str, Any]) -> Details:
    """What a directory says of a place or an organisation."""
    return Details(
        email=reading.text(_first(document, "email")),
        telephone=reading.text(_first(document, "telephone")),
        opening_hours=reading.text(_joined(document, "openingHours")),
        has=_lines(document, "owns"),
        lacks=_lines(document, "seeks"),
        access=access(document),
        checked=reading.moment(_first(document, "lastReviewed")),
    )


def _first(document: Mapping[str, Any], name: str) -> object:
    found = reading.items(reading.member(document, name, f"schema:{name}"))
    return found[0] if found else None


def _joined(document: Mapping[str, Any], name: str) -> str:
    """Several texts as one: schema.org says each rule of the hours by itself."""
    stated = reading.items(reading.member(document, name, f"schema:{name}"))[:LINE_LIMIT]
    return "; ".join(one for one in stated if isinstance(one, str))


def _lines(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    stated = reading.items(reading.member(document, name, f"schema:{name}"))[:LINE_LIMIT]
    lines = (reading.text(one) for one in stated)
    return tuple(line for line in lines if line)


def _in_full(document: Mapping[str, Any]) -> Iterator[AccessFact]:
    stated = reading.member(document, "amenityFeature", "schema:amenityFeature")
    for one in reading.items(stated)[:FACT_LIMIT]:
        if not isinstance(one, dict):
            continue
        name, state = reading.text(one.get("name")), _state(one.get("value"))
        if name and state:
            yield AccessFact(name, state, reading.text(one.get("description")) or "")


def _by_keys(document: Mapping[str, Any]) -> Iterator[AccessFact]:
    """Mobilizon has them as PropertyValue among the attachments, we as members of our own."""
    stated: dict[str, Any] = {}
    for one in reading.items(document.get("attachment"))[:FACT_LIMIT]:
        if isinstance(one, dict) and isinstance(one.get("propertyID"), str):
            stated[one["propertyID"]] = one.get("value")
    names = {key: name for name, key in MOBILIZON_ACCESS.items()}
    for key in (_WHEELCHAIR, *names):
        state = _state(document.get(key, stated.get(key)))
        if state is None:
            continue
        if key != _WHEELCHAIR:
            yield AccessFact(names[key], state)
        else:
            yield AccessFact("entrance", state)
            if state == "yes":
                yield AccessFact("inside", state)


def _state(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _WORDS.get(value.strip().lower()) if isinstance(value, str) else None
