"""Documents of offers and wants to values, in every shape that occurs (AP-59).

A Proposal is a type, one of several types, a prefixed type, a Note with its members, an attachment
of a Note, or Flohmarkt's own `flohmarkt:data`. Fedify writes whole IRIs inside an activity, whose
context does not know them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from federation.errors import MalformedDocument
from federation.vocab import parse_parts as parts
from federation.vocab import reading
from federation.vocab.names import PREFIXES
from federation.vocab.parse_objects import common
from federation.vocab.proposals import Agreement, Commitment, Intent, Proposal

_LINE_LIMIT: Final = 100
_PROPOSALS: Final = frozenset({"Proposal"})
_INTENTS: Final = frozenset({"Intent", "Need"})
_PREFIXES: Final = ("", "vf:", "ValueFlows:", PREFIXES["vf"])
_MEASURES: Final = ("", "om2:", PREFIXES["om2"])
_WANTS: Final = frozenset({"request", "want", "need"})
# Only Bonfire says Offer and means an intent; bare, it is an activity.
_BONFIRE_OFFER: Final = "ValueFlows:Offer"

Document = Mapping[str, Any]


def is_proposal(document: Document, types: tuple[str, ...]) -> bool:
    """Whether `document` is an offer or a want."""
    return (
        not _PROPOSALS.isdisjoint(types)
        or _is_intent(document, types)
        or ("Note" in types and _source(document) is not None)
    )


def _is_intent(document: Document, types: tuple[str, ...]) -> bool:
    return not _INTENTS.isdisjoint(types) or document.get("type") == _BONFIRE_OFFER


def _term(document: Document, name: str) -> object:
    return reading.member(document, *(prefix + name for prefix in _PREFIXES))


def _source(document: Document) -> Document | None:
    """Where the members of the proposal are: the document, an attachment, or Flohmarkt's data."""
    if _term(document, "publishes") is not None:
        return document
    for one in reading.items(document.get("attachment"))[: parts.ATTACHMENT_LIMIT]:
        if isinstance(one, dict) and not _PROPOSALS.isdisjoint(_short_types(one)):
            return one
    data = document.get("flohmarkt:data")
    return _from_flohmarkt(data) if isinstance(data, dict) else None


def _short_types(document: Document) -> set[str]:
    types = [one for one in reading.items(document.get("type")) if isinstance(one, str)]
    return set(map(reading.short_type, types))


def _from_flohmarkt(data: Document) -> Document:
    """Flohmarkt's own words in those of FEP-0837."""
    bare = {key.removeprefix("flohmarkt:"): value for key, value in data.items()}
    price = reading.decimal(bare.get("price"))
    currency = reading.text(bare.get("currency"), _LINE_LIMIT) or "one"
    found: dict[str, Any] = {
        "purpose": "offer",
        "publishes": {"name": bare.get("name"), "action": "transfer"},
        "content": bare.get("description"),
        "location": _flohmarkt_place(bare.get("coordinates")),
    }
    if price is not None and float(price) > 0:
        found["reciprocal"] = {
            "action": "transfer",
            "resourceQuantity": {"hasUnit": currency, "hasNumericalValue": price},
        }
    return found


def _flohmarkt_place(value: object) -> Document | None:
    if isinstance(value, dict):
        return {**value, "type": "Place"}
    match value:
        case [latitude, longitude]:
            return {"type": "Place", "latitude": latitude, "longitude": longitude}
        case _:
            return None


def proposal(document: Document, types: tuple[str, ...]) -> Proposal:
    """An offer or a want.

    Raises:
        MalformedDocument: a member that says whose it is is no single id.
    """
    arguments = common(document)
    source = _source(document) or document
    if source is not document:
        _fill(arguments, source)
    if arguments["end_time"] is None:
        arguments["end_time"] = reading.moment(_term(document, "due"))
    own = document if _is_intent(document, types) else None
    intents = [own] if own else list(_intents(_term(source, "publishes")))
    primary = next((one for one in intents if one.get("reciprocal") is not True), {})
    price = next((one for one in intents if one.get("reciprocal") is True), None)
    return Proposal(
        **arguments,
        purpose=_purpose(source, primary, types),
        publishes=_named(_intent(primary), arguments["name"]),
        reciprocal=_reciprocal(source, price),
        unit_based=reading.flag(_term(source, "unitBased")),
    )


def _fill(arguments: dict[str, Any], source: Document) -> None:
    """What the Note leaves open, its attachment may say."""
    where, _ = parts.location(source)
    arguments["location"] = arguments["location"] or where
    arguments["end_time"] = arguments["end_time"] or reading.moment(source.get("endTime"))
    arguments["content"] = arguments["content"] or reading.html(source.get("content"))


def _intents(value: object) -> Iterator[dict[str, Any]]:
    """The intents; ValueFlows once wrapped each in a ProposedIntent with a mark for the price."""
    for one in reading.items(value)[: parts.ATTACHMENT_LIMIT]:
        if isinstance(one, str):
            yield {"id": one}
        elif isinstance(one, dict):
            inner = _term(one, "publishes")
            is_price = _term(one, "reciprocal") is True
            yield {**inner, "reciprocal": is_price} if isinstance(inner, dict) else one


def _reciprocal(source: Document, marked: Document | None) -> Intent | None:
    value = _term(source, "reciprocal")
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        return _intent(value)
    return None if marked is None else _intent(marked)


def _intent(document: Document) -> Intent:
    quantity, unit = _measure(_term(document, "resourceQuantity"))
    available, other_unit = _measure(_term(document, "availableQuantity"))
    return Intent(
        id=reading.uri(document.get("id")),
        name=reading.name_of(document),
        action=_action(_term(document, "action")),
        conforms_to=reading.uri(_term(document, "resourceConformsTo")),
        quantity=quantity,
        available=available,
        unit=unit or other_unit or "one",
    )


def _named(intent: Intent, name: str | None) -> Intent:
    return intent if intent.name or not name else dataclasses.replace(intent, name=name)


def _action(value: object) -> str:
    if isinstance(value, dict):
        value = reading.member(value, "id", "label")
    action = reading.text(value, _LINE_LIMIT)
    if action is None:
        return "transfer"
    return reading.short_type(action.rpartition("#")[2]) or "transfer"


def _measure(value: object) -> tuple[str | None, str | None]:
    if not isinstance(value, dict):
        return reading.decimal(value), None
    quantity = reading.member(value, *(prefix + "hasNumericalValue" for prefix in _MEASURES))
    unit = reading.member(value, *(prefix + "hasUnit" for prefix in _MEASURES))
    if isinstance(unit, dict):
        unit = reading.member(unit, "label", "symbol", "id")
    name = reading.text(unit, _LINE_LIMIT)
    return reading.decimal(quantity), name and name.removeprefix("om2:")


def _purpose(
    source: Document, primary: Document, types: tuple[str, ...]
) -> Literal["offer", "request"]:
    stated = _term(source, "purpose")
    if isinstance(stated, str):
        return "request" if reading.short_type(stated).lower() in _WANTS else "offer"
    if "Need" in types:
        return "request"
    # Bonfire names only the side that is there: who gives, or who takes.
    takes, gives = _term(primary, "receiver"), _term(primary, "provider")
    return "request" if takes is not None and gives is None else "offer"


def agreement(document: Document) -> Agreement:
    """What an Offer asks for.

    Raises:
        MalformedDocument: it does not say of which intent.
    """
    stipulates = _commitment(_term(document, "stipulates"))
    if stipulates is None:
        raise MalformedDocument("an Agreement that stipulates nothing")
    return Agreement(
        **common(document),
        stipulates=stipulates,
        reciprocal=_commitment(_term(document, "reciprocal")),
    )


def _commitment(value: object) -> Commitment | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return None
    satisfies = reading.uri(_term(value, "satisfies"))
    quantity, unit = _measure(_term(value, "resourceQuantity"))
    if satisfies is None:
        return None
    return Commitment(
        id=reading.uri(value.get("id")), satisfies=satisfies, quantity=quantity, unit=unit or "one"
    )
