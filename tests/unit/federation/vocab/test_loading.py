"""Bytes from strangers: refused with a reason, or safe to look into (SECURITY C1, C2; AP-83)."""

from __future__ import annotations

import json

import pytest

from federation.errors import MalformedDocument
from federation.vocab.loading import DEPTH_LIMIT, NODE_LIMIT, loads
from federation.vocab.names import AS2

CONTEXT = f'"@context":"{AS2}"'


def document(members: str) -> bytes:
    return f"{{{CONTEXT},{members}}}".encode()


def nested(depth: int) -> bytes:
    return document('"a":' + "[" * (depth - 1) + "]" * (depth - 1))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b"{'a':1}",
        b'{"a":1,}',
        b"<html></html>",
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_c1_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedDocument):
        loads(body)


@pytest.mark.parametrize(
    "members",
    [
        '"n":9007199254740992',
        '"n":-9007199254740992',
        '"n":123456789012345678901234567890',
        '"n":[{"m":1e300}]',
        '"s":"a\\u0000b"',
        '"a\\u0000b":1',
        '"l":["\\u0000"]',
    ],
)
def test_c1_what_a_database_cannot_hold_is_refused(members: str) -> None:
    with pytest.raises(MalformedDocument):
        loads(document(members))


def test_c1_largest_numbers_that_are_exact_are_kept() -> None:
    assert loads(document('"n":[9007199254740991,-9007199254740991]'))["n"][0] == 2**53 - 1


def test_text_that_only_looks_like_a_nul_is_kept() -> None:
    assert loads(document('"s":"a\\\\u0000b"'))["s"] == "a\\u0000b"


def test_c7_nesting_ends_at_its_limit() -> None:
    loads(nested(DEPTH_LIMIT))
    with pytest.raises(MalformedDocument, match="deeply"):
        loads(nested(DEPTH_LIMIT + 1))


def test_c7_number_of_values_ends_at_its_limit() -> None:
    # The context and the array are values too.
    full = ",".join(["1"] * (NODE_LIMIT - 2))
    loads(document(f'"a":[{full}]'))
    with pytest.raises(MalformedDocument, match="too many"):
        loads(document(f'"a":[{full},1]'))


@pytest.mark.parametrize(
    "members",
    [
        '"id":"https://a.example/1","id":"https://b.example/1"',
        '"actor":"https://a.example/1","actor" : "https://b.example/1"',
        '"type":"Note","type"\n:"Event"',
        '"id":"https://a.example/1","\\u0069d":"https://b.example/1"',
        '"object":{"id":"https://a.example/1","id":"https://b.example/1"}',
        '"list":[{"object":1,"object":2}]',
        '"name":"say \\":","id":"https://a.example/1","id":"https://b.example/1"',
        f'"@context":"{AS2}"',
    ],
)
def test_c2_key_that_stands_twice_is_refused(members: str) -> None:
    with pytest.raises(MalformedDocument, match="twice"):
        loads(document(members))


@pytest.mark.parametrize(
    "members",
    [
        '"content":"a \\": b"',
        '"content" : "spaced"',
        '"a":{"id":1},"b":{"id":2}',
        '"content":"\\u003cp\\u003e"',
    ],
)
def test_c2_what_only_looks_like_a_second_key_is_kept(members: str) -> None:
    assert loads(document(members))


@pytest.mark.parametrize("keyword", ["@graph", "@included", "@reverse", "@nest", "@import"])
@pytest.mark.parametrize("place", ['"{}":[]', '"object":{{"{}":{{}}}}', '"a":[{{"{}":1}}]'])
def test_a6_json_ld_that_moves_members_is_refused(keyword: str, place: str) -> None:
    with pytest.raises(MalformedDocument):
        loads(document(place.format(keyword)))


@pytest.mark.parametrize(
    "definition",
    [
        {"actor": "https://evil.example/actor"},
        {"actor": None},
        {"actor": ["as:actor"]},
        {"actor": {"@id": "as:object", "@type": "@id"}},
        {"id": "schema:identifier"},
        {"type": "schema:additionalType"},
        {"object": "as:target"},
        {"to": "as:cc"},
        {"attributedTo": "as:actor"},
        {"inbox": "as:outbox"},
        {"publicKey": "as:icon"},
        {"as": "https://evil.example/ns#"},
        {"nick": "@id"},
        {"kind": "@type"},
        {"kind": {"@id": "@type"}},
        {"all": "@graph"},
        {"back": {"@reverse": "as:attributedTo"}},
        {"back": "@reverse"},
        {"x": {"@id": "toot:x", "@context": {"actor": "as:object"}}},
    ],
)
def test_a6_context_that_bends_core_terms_is_refused(definition: dict[str, object]) -> None:
    with pytest.raises(MalformedDocument):
        loads(json.dumps({"@context": [AS2, definition], "type": "Note"}).encode())
    embedded = {"@context": AS2, "type": "Create", "object": {"@context": definition}}
    with pytest.raises(MalformedDocument):
        loads(json.dumps(embedded).encode())


@pytest.mark.parametrize(
    "definition",
    [
        {"id": "@id", "type": "@type"},
        {"actor": {"@id": "as:actor", "@type": "@id"}},
        {"inbox": {"@id": "ldp:inbox", "@type": "@id"}},
        {"publicKey": {"@id": "https://w3id.org/security#publicKey"}},
        {"as": AS2 + "#", "sec": "https://w3id.org/security#"},
        {"to": {"@type": "@id"}},
        {"@language": "und", "@vocab": "_:", "@version": 1.1},
        {"manuallyApprovesFollowers": "as:manuallyApprovesFollowers"},
    ],
)
def test_a6_context_that_says_what_core_terms_mean_is_read(definition: dict[str, object]) -> None:
    assert loads(json.dumps({"@context": [AS2, definition], "type": "Note"}).encode())


@pytest.mark.parametrize(
    "context",
    [None, "https://schema.org/", [], {}, 1, ["https://w3id.org/security/v1"], {"as": AS2 + "#"}],
)
def test_document_of_another_vocabulary_is_refused(context: object) -> None:
    with pytest.raises(MalformedDocument, match="ActivityStreams"):
        loads(json.dumps({"@context": context, "type": "Note"}).encode())
