"""Any JSON to a value, or a refusal: the one door through which documents of others come in.

Total by construction: every member is read by a function of `reading` that takes anything. What we
do not know is read as far as it is common to all; only what says who did what to whom can make the
whole document refused (SECURITY A4, C3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from federation.errors import MalformedDocument, UnsupportedType
from federation.vocab import activities as acts
from federation.vocab import parse_objects, parse_proposals, reading
from federation.vocab.activities import Activity
from federation.vocab.actors import Actor
from federation.vocab.base import Object
from federation.vocab.loading import loads
from federation.vocab.names import ACTOR_TYPES
from federation.vocab.objects import Tombstone, UnknownObject
from federation.vocab.parse_actors import actor

__all__ = ["Value", "loads", "parse"]

Document = Mapping[str, Any]
Value = Object | Activity | Actor | Tombstone

# An announced Undo of an announced activity with an object, and no more.
NESTING_LIMIT: Final = 5
FLAG_LIMIT: Final = 500
_MESSAGE_LIMIT: Final = 5_000

_ACTIVITIES: Final[Mapping[str, type[Activity]]] = {
    kind.__name__: kind
    for kind in (
        acts.Create,
        acts.Update,
        acts.Delete,
        acts.Follow,
        acts.Accept,
        acts.Reject,
        acts.Undo,
        acts.Announce,
        acts.Like,
        acts.Dislike,
        acts.EmojiReact,
        acts.Add,
        acts.Remove,
        acts.Block,
        acts.Flag,
        acts.Move,
        acts.Join,
        acts.Leave,
        acts.Ignore,
        acts.Offer,
        acts.Invite,
        acts.QuoteRequest,
        acts.View,
    )
}
# Gancio leaves out who followed when it takes a Follow back: it can only be the same.
_OF_THE_SAME_ACTOR: Final = frozenset({"Undo"})
# Who asked is not in every answer, and need not be: we know our own activity by its id.
_ANSWERS: Final = frozenset({"Accept", "Reject", "Ignore"})


def parse(document: Document) -> Value:
    """What `document` says, as a value.

    Raises:
        MalformedDocument: it has no type, or says in no single way who did what to whom.
        UnsupportedType: a type that we do not know, of something that nobody did.
    """
    if not isinstance(document, Mapping):
        raise MalformedDocument("not a JSON object")
    found = _read(document, NESTING_LIMIT)
    if isinstance(found, UnknownObject):
        raise UnsupportedType(f"a document of type {found.type}")
    return found


def _read(document: Document, depth: int, actor_uri: str | None = None) -> Value:
    types = reading.types_of(document)
    if not types:
        raise MalformedDocument("a document without type")
    activity = [kind for kind in types if kind in _ACTIVITIES]
    if len(activity) > 1 or (activity and len(types) > 1 and _object_kind(document, types)):
        raise MalformedDocument("a document of several types at once")
    if activity and not parse_proposals.is_proposal(document, types):
        return _activity(document, activity[0], depth, actor_uri)
    found = _thing(document, types)
    if found is not None:
        return found
    if document.get("actor") is not None:
        return _activity(document, types[0], depth, actor_uri)
    return parse_objects.unknown(document, types[0])


def _object_kind(document: Document, types: tuple[str, ...]) -> bool:
    known = {*parse_objects.READERS, *ACTOR_TYPES, "Tombstone", "Agreement"}
    return not known.isdisjoint(types) or parse_proposals.is_proposal(document, types)


def _thing(document: Document, types: tuple[str, ...]) -> Object | Actor | Tombstone | None:
    """Whatever is not an activity, if we know it."""
    if "Tombstone" in types:
        return parse_objects.tombstone(document)
    actor_type = next((kind for kind in types if kind in ACTOR_TYPES), None)
    if actor_type is not None:
        return _actor(document, actor_type)
    if parse_proposals.is_proposal(document, types):
        return parse_proposals.proposal(document, types)
    if "Agreement" in types:
        return parse_proposals.agreement(document)
    read = next((read for kind, read in parse_objects.READERS.items() if kind in types), None)
    return None if read is None else read(document)


def _actor(document: Document, kind: str) -> Object | Actor:
    if kind == "Organization" and document.get("inbox") is None:
        return parse_objects.organization(document)
    return actor(document, kind)


def _activity(document: Document, kind: str, depth: int, actor_uri: str | None) -> Activity:
    if depth == 0:
        raise MalformedDocument("activities inside activities inside activities")
    who = reading.identity(document, "actor") or actor_uri
    if who is None:
        raise MalformedDocument("an activity without actor")
    arguments: dict[str, Any] = {
        "id": reading.own_id(document),
        "actor": who,
        "target": reading.identity(document, "target"),
        "result": _lenient(document.get("result"), depth - 1),
        "instrument": _lenient(document.get("instrument"), depth - 1),
        "content": reading.html(_content(document), _MESSAGE_LIMIT),
        "to": reading.addressees(document, "to"),
        "cc": reading.addressees(document, "cc"),
        "audience": reading.addressees(document, "audience"),
        "published": reading.moment(document.get("published")),
        "proof_present": isinstance(document.get("proof"), dict),
        "source_type": reading.types_of(document),
    }
    if kind == "Flag":
        return acts.Flag(**arguments, objects=_reported(document))
    known = _ACTIVITIES.get(kind)
    inherited = who if kind in _OF_THE_SAME_ACTOR else None
    asked = _asked(document) if kind in _ANSWERS else None
    arguments["object"] = asked or _object(document, depth - 1, inherited)
    if known is None:
        return Activity(type=kind, **arguments)
    if arguments["object"] is None:
        raise MalformedDocument(f"{kind} without object")
    if known is acts.Join:
        message = reading.member(document, "participationMessage", "mz:participationMessage")
        return acts.Join(**arguments, message=reading.html(message, _MESSAGE_LIMIT))
    return known(**arguments)


def _asked(document: Document) -> str | None:
    """The id of what is answered, where it is embedded without its actor."""
    asked = document.get("object")
    if not isinstance(asked, dict) or asked.get("actor") is not None:
        return None
    return reading.own_id(asked)


def _content(document: Document) -> object:
    return reading.member(document, "content", "_misskey_reaction")


def _object(
    document: Document, depth: int, actor_uri: str | None
) -> Object | Activity | Actor | Tombstone | str | None:
    """What it was done to.

    Raises:
        MalformedDocument: several things, or something without id and type.
    """
    value = document.get("object")
    thing = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(thing, dict) and thing.get("type") is not None:
        return _read(thing, depth, actor_uri)
    return reading.identity(document, "object")


def _lenient(value: object, depth: int) -> Object | str | None:
    """A member that decides nothing: read if possible, else its id, else nothing."""
    if isinstance(value, dict) and value.get("type") is not None and depth > 0:
        try:
            found = _read(value, depth)
        except MalformedDocument:
            return reading.uri(value)
        return found if isinstance(found, Object) else found.id
    return reading.uri(value)


def _reported(document: Document) -> tuple[str, ...]:
    return reading.uris(document.get("object"), FLAG_LIMIT)
