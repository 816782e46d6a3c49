"""Bytes to a JSON object that is safe to look into, or a refusal.

JSON-LD is read by its known short names and never expanded, and no context is fetched. So whatever
would give those names another meaning to somebody who does expand is refused here (AP-83).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from federation.errors import MalformedDocument
from federation.vocab.names import AS2, Document

# Deep enough for an announced activity with a quoted post, too flat to exhaust a recursive reader.
DEPTH_LIMIT: Final = 32
# A full post has about two hundred; what has ten thousand wants to keep us busy.
NODE_LIMIT: Final = 10_000
# What every reader of JSON holds exactly (RFC 8259 §6), and both databases can store.
NUMBER_LIMIT: Final = 2**53 - 1
# JSON-LD keywords that move members elsewhere when expanded; nobody sends them in good faith.
_RESHAPING: Final = frozenset({"@graph", "@included", "@reverse", "@nest", "@import"})
_NOTABLE: Final = _RESHAPING | {"@context"}
_AS2_SPELLINGS: Final = frozenset(
    f"{scheme}://www.w3.org/ns/activitystreams{end}"
    for scheme in ("https", "http")
    for end in ("", "#")
)
_AS: Final = AS2 + "#"
_SEC: Final = "https://w3id.org/security#"
_LDP: Final = "http://www.w3.org/ns/ldp#"


def _spellings(prefix: str, namespace: str, name: str) -> frozenset[str]:
    return frozenset({f"{prefix}:{name}", namespace + name})


_MEANING: Final[Mapping[str, frozenset[str]]] = {
    "id": frozenset({"@id"}),
    "type": frozenset({"@type"}),
    **{
        name: _spellings("as", _AS, name)
        for name in ("actor", "attributedTo", "bcc", "bto", "cc", "inReplyTo", "object", "to")
    },
    "inbox": _spellings("ldp", _LDP, "inbox"),
    "publicKey": _spellings("sec", _SEC, "publicKey"),
    "publicKeyPem": _spellings("sec", _SEC, "publicKeyPem"),
    "owner": _spellings("sec", _SEC, "owner"),
    "as": frozenset({_AS}),
    "sec": frozenset({_SEC}),
    "ldp": frozenset({_LDP}),
}
"""Names that decide who said what to whom, and the only meanings that a context may give them."""

_KEYWORD_NAMES: Final[Mapping[str, str]] = {"@id": "id", "@type": "type"}
_SPACED_COLON: Final = re.compile(rb'"[ \t\r\n]+:')


def loads(body: bytes) -> Document:
    """The ActivityStreams document in `body`.

    Raises:
        MalformedDocument: as `loads_bare`, or of another vocabulary.
    """
    document = loads_bare(body)
    check_vocabulary(document)
    return document


def check_vocabulary(document: Document) -> None:
    """Nothing, if the document says that it is of ActivityStreams.

    Raises:
        MalformedDocument: it does not.
    """
    if not _names_activitystreams(document.get("@context")):
        raise MalformedDocument("its @context is not that of ActivityStreams")


def loads_bare(body: bytes) -> Document:
    """The document in `body`, of whatever vocabulary: a key may stand in one of its own.

    Raises:
        MalformedDocument: not JSON, not an object, too deep or too large, a key twice, a number
            or a character that a database cannot hold, or a context that bends core terms.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise MalformedDocument(f"not JSON: {problem}") from problem
    if not isinstance(document, dict):
        raise MalformedDocument("not a JSON object")
    keys = _inspect(document, zeros=b"\\u0000" in body)
    _refuse_doubles(body, keys)
    return document


def _inspect(document: Document, *, zeros: bool) -> int:
    """How many keys there are, having looked at every value."""
    keys = nodes = 0
    level: list[Any] = [document]
    for _ in range(DEPTH_LIMIT):
        deeper: list[Any] = []
        for container in level:
            nodes += len(container)
            if type(container) is dict:
                keys += len(container)
                if zeros or not _NOTABLE.isdisjoint(container):
                    _inspect_keys(container, zeros=zeros)
                _inspect_values(container.values(), deeper, zeros=zeros)
            elif container:
                _inspect_values(container, deeper, zeros=zeros)
        if nodes > NODE_LIMIT:
            raise MalformedDocument("too many values")
        if not deeper:
            return keys
        level = deeper
    raise MalformedDocument("nested too deeply")


def _inspect_values(values: Iterable[Any], deeper: list[Any], *, zeros: bool) -> None:
    for value in values:
        kind = type(value)
        if kind is str:
            if zeros:
                _inspect_text(value)
        elif kind is dict or kind is list:
            deeper.append(value)
        elif value is not None:
            _inspect_number(value)


def _inspect_number(value: object) -> None:
    if isinstance(value, (int, float)) and not -NUMBER_LIMIT <= value <= NUMBER_LIMIT:
        raise MalformedDocument("a number too large to be held exactly")


def _inspect_text(value: str) -> None:
    if "\0" in value:
        raise MalformedDocument("a NUL character")


def _inspect_keys(container: Document, *, zeros: bool) -> None:
    if not _RESHAPING.isdisjoint(container):
        raise MalformedDocument("JSON-LD that moves members elsewhere")
    if "@context" in container:
        _inspect_context(container["@context"])
    if zeros:
        for key in container:
            _inspect_text(key)


def _inspect_context(context: object) -> None:
    """Refuse definitions that change what the core terms mean, or give them a second name."""
    for part in context if isinstance(context, list) else [context]:
        if not isinstance(part, dict):
            continue
        for name, meaning in part.items():
            if not isinstance(meaning, dict):
                _inspect_definition(name, meaning)
            elif "@id" in meaning:
                _inspect_definition(name, meaning["@id"])


def _inspect_definition(name: str, iri: object) -> None:
    allowed = _MEANING.get(name)
    if allowed is not None and not (isinstance(iri, str) and iri in allowed):
        raise MalformedDocument(f"its @context gives {name} another meaning")
    if isinstance(iri, str) and (iri in _RESHAPING or _KEYWORD_NAMES.get(iri, name) != name):
        raise MalformedDocument(f"its @context makes another word for {iri}")


def _refuse_doubles(body: bytes, keys: int) -> None:
    """Refuse an object with the same key twice: the next reader may take the other one.

    Every key ends in `":`, so when there are no more of these than there are keys, none was lost
    in parsing. The slow way is for texts that contain these two characters, and for white space
    before a colon.
    """
    if body.count(b'":') == keys and not _SPACED_COLON.search(body):
        return
    try:
        json.loads(body, object_pairs_hook=_distinct)
    except ValueError as problem:
        raise MalformedDocument(f"not JSON: {problem}") from problem


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise MalformedDocument("the same key twice")


def _names_activitystreams(context: object) -> bool:
    if isinstance(context, str):
        return context in _AS2_SPELLINGS
    if not isinstance(context, list):
        return False
    return any(isinstance(part, str) and part in _AS2_SPELLINGS for part in context)
