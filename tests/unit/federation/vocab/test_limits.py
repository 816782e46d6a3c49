"""Each published limit of documents: one below, at it, and one above; and wrong values."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from federation.errors import BadUrl, FederationError, MalformedDocument
from federation.origins import split_url
from federation.vocab import loading, parse_actors, parse_objects, parse_parts, reading
from federation.vocab import parse as parsing
from federation.vocab.names import AS2, PUBLIC
from federation.vocab.parse import loads, parse

HOME = "https://a.example"
ME = f"{HOME}/u/a"


def note(**members: Any) -> dict[str, Any]:
    return {"type": "Note", "id": f"{HOME}/1", "attributedTo": ME, "content": "x", **members}


def person(**members: Any) -> dict[str, Any]:
    return {"type": "Person", "id": ME, "inbox": f"{ME}/inbox", "preferredUsername": "a", **members}


def event(**members: Any) -> dict[str, Any]:
    return note(type="Event", startTime="2027-01-01T00:00:00Z", **members)


def address(length: int) -> str:
    return f"{HOME}/".ljust(length, "x")


def _deep(levels: int) -> bytes:
    """A document in which the deepest container is the `levels`th."""
    inner = b"1"
    for _ in range(levels - 1):
        inner = b'{"a":' + inner + b"}"
    return b'{"@context":"' + AS2.encode() + b'","x":' + inner + b"}"


def _wide(values: int) -> bytes:
    return orjson.dumps({"@context": AS2, "x": [1] * (values - 2)})


def _number(value: int) -> bytes:
    return orjson.dumps({"@context": AS2, "x": value})


def _nested(depth: int) -> dict[str, Any]:
    thing: Any = f"{HOME}/x"
    for number in range(depth):
        thing = {"type": "Announce", "id": f"{HOME}/{number}", "actor": ME, "object": thing}
    assert isinstance(thing, dict)
    return thing


# What is refused beyond its limit: identity, and whatever would keep us busy.
REFUSED: list[tuple[str, int, Callable[[int], object]]] = [
    ("depth", loading.DEPTH_LIMIT, lambda n: loads(_deep(n))),
    ("values", loading.NODE_LIMIT, lambda n: loads(_wide(n))),
    ("numbers", loading.NUMBER_LIMIT, lambda n: loads(_number(n))),
    ("negative numbers", loading.NUMBER_LIMIT, lambda n: loads(_number(-n))),
    ("id", reading.URI_LIMIT, lambda n: parse(note(id=address(n)))),
    ("author", reading.URI_LIMIT, lambda n: parse(note(attributedTo=address(n)))),
    ("inReplyTo", reading.URI_LIMIT, lambda n: parse(note(inReplyTo=address(n)))),
    ("inbox", reading.URI_LIMIT, lambda n: parse(person(inbox=address(n)))),
    ("url", reading.URI_LIMIT, lambda n: split_url(address(n))),
    ("types", reading.TYPE_LIMIT, lambda n: parse(note(type=["Note"] * n))),
    ("nesting", parsing.NESTING_LIMIT, lambda n: parse(_nested(n))),
]


@pytest.mark.parametrize(
    ("limit", "use"), [each[1:] for each in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_c7_what_counts_is_refused_beyond_its_limit_and_not_before(
    limit: int, use: Callable[[int], object]
) -> None:
    use(limit - 1)
    use(limit)
    with pytest.raises((MalformedDocument, BadUrl)):
        use(limit + 1)


def _of(document: dict[str, Any]) -> Any:
    return parse(document)


# What is cut at its limit: prose and lists, since nobody is hurt by a shorter one.
CUT: list[tuple[str, int, Callable[[int], Any]]] = [
    ("name", reading.NAME_LIMIT, lambda n: _of(note(name="x" * n)).name),
    ("summary", reading.SUMMARY_LIMIT, lambda n: _of(note(summary="x" * n)).summary),
    ("content", reading.CONTENT_LIMIT, lambda n: _of(note(content="x" * n)).content),
    (
        "to",
        reading.ADDRESSEE_LIMIT,
        lambda n: _of(note(to=[f"{HOME}/{i}" for i in range(n)])).to,
    ),
    (
        "attachments",
        parse_parts.ATTACHMENT_LIMIT,
        lambda n: (
            _of(
                note(attachment=[{"type": "Image", "url": f"{HOME}/{i}.png"} for i in range(n)])
            ).attachments
        ),
    ),
    (
        "tags",
        parse_parts.TAG_LIMIT,
        lambda n: _of(note(tag=[{"type": "Hashtag", "name": f"#t{i}"} for i in range(n)])).tags,
    ),
    (
        "lines of a profile",
        parse_parts.FIELD_LIMIT,
        lambda n: (
            _of(
                person(
                    attachment=[
                        {"type": "PropertyValue", "name": f"n{i}", "value": "v"} for i in range(n)
                    ]
                )
            ).fields
        ),
    ),
    (
        "other names",
        parse_actors.ALIAS_LIMIT,
        lambda n: _of(person(alsoKnownAs=[f"{HOME}/{i}" for i in range(n)])).also_known_as,
    ),
    (
        "answers of a poll",
        parse_objects._OPTION_LIMIT,
        lambda n: (
            _of(
                note(type="Question", oneOf=[{"type": "Note", "name": f"o{i}"} for i in range(n)])
            ).options
        ),
    ),
    (
        "organisers",
        parse_objects._ORGANISER_LIMIT,
        lambda n: _of(event(organizers=[f"{HOME}/{i}" for i in range(n)])).organizers,
    ),
    (
        "things of a Flag",
        parsing.FLAG_LIMIT,
        lambda n: (
            _of({"type": "Flag", "actor": ME, "object": [f"{HOME}/{i}" for i in range(n)]}).objects
        ),
    ),
]


@pytest.mark.parametrize(
    ("limit", "use"), [each[1:] for each in CUT], ids=[each[0] for each in CUT]
)
def test_c7_what_is_too_long_is_cut_at_its_limit(limit: int, use: Callable[[int], Any]) -> None:
    assert [len(use(n)) for n in (limit - 1, limit, limit + 1)] == [limit - 1, limit, limit]


# ------------------------------------------------------------------- C3: every member, every value

EVIL: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**53 - 1, 1e308, "", " ", "x" * 5000, "\u202e", "\ud800",
    "a\0b", "https://", "https://b.example/1", "javascript:x", PUBLIC, [], {}, [[]], [None],
    {"id": 1}, {"type": 1}, {"type": "Person"}, [{"id": "https://b.example/1"}] * 2,
    {"en": 1}, {"": ""},
]  # fmt: skip


def _whole() -> list[dict[str, Any]]:
    """Documents with every member that we read."""
    place = {
        "type": "Place", "name": "Yard", "latitude": 1.0, "longitude": 2.0,
        "address": {"type": "PostalAddress", "streetAddress": "1", "addressLocality": "L"},
    }  # fmt: skip
    picture: dict[str, Any] = {
        "type": "Image",
        "url": f"{HOME}/1.png",
        "mediaType": "image/png",
        "name": "a",
    }
    picture |= {"width": 1, "height": 1, "focalPoint": [0, 0], "blurhash": "UBL_:rOpGG-oBUNG"}
    common = {
        "@context": AS2, "name": "n", "nameMap": {"en": "n"}, "summary": "s",
        "contentMap": {"en": "c"},
        "url": [{"type": "Link", "href": f"{HOME}/p", "mediaType": "text/html"}],
        "inReplyTo": f"{HOME}/2", "context": f"{HOME}/c", "published": "2026-01-01T00:00:00Z",
        "updated": "2026-01-02T00:00:00Z", "to": [PUBLIC], "cc": [ME], "audience": [ME],
        "attachment": [picture], "tag": [{"type": "Mention", "href": ME, "name": "@a"}],
        "location": place, "image": picture, "replies": f"{HOME}/r", "quote": f"{HOME}/q",
        "sensitive": True, "inLanguage": "en",
    }  # fmt: skip
    happening = event(
        **common, endTime="2027-01-01T01:00:00Z", timezone="Europe/Berlin", eventStatus="x",
        joinMode="free", category="MEETING", organizers=[ME], maximumAttendeeCapacity=9,
        remainingAttendeeCapacity=3, externalParticipationUrl=f"{HOME}/x", isOnline=True,
    )  # fmt: skip
    offer = note(
        **common, purpose="offer", unitBased=True, validUntil="2027-01-01T00:00:00Z",
        publishes={
            "type": "Intent", "action": "transfer", "resourceConformsTo": f"{HOME}/k",
            "resourceQuantity": {"hasUnit": "one", "hasNumericalValue": "1"},
        },
        reciprocal={"type": "Intent", "resourceQuantity": {"hasNumericalValue": "5"}},
    )  # fmt: skip
    someone = person(
        **{name: value for name, value in common.items() if name not in {"to", "cc", "inReplyTo"}},
        outbox=f"{ME}/o", followers=f"{ME}/f", endpoints={"sharedInbox": f"{HOME}/i"},
        publicKey={"id": f"{ME}#k", "owner": ME, "publicKeyPem": "x"}, alsoKnownAs=[ME],
        assertionMethod=[{"id": f"{ME}#e", "type": "Multikey", "controller": ME}],
        icon=picture, manuallyApprovesFollowers=True, movedTo=ME, webfinger="a@a.example",
    )  # fmt: skip
    poll = note(**common) | {
        "type": "Question",
        "oneOf": [{"name": "y", "replies": {"totalItems": 1}}],
    }
    things = [note(**common), happening, offer | {"type": "Proposal"}, someone, poll]
    acts = [
        {
            "@context": AS2,
            "type": "Create",
            "id": f"{HOME}/a",
            "actor": ME,
            "object": thing,
            "to": [ME],
        }
        for thing in things
    ]
    return things + acts


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        found += _spots(each, (*path, key)) if isinstance(each, dict | list) else [(*path, key)]
    return found


def _bent(document: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    bent = copy.deepcopy(document)
    for path, value in changes:
        place = bent
        try:
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # the first change took away the place of the second
    return bent


def _judge(document: Any) -> str:
    """Read and writable again, or refused; anything else is a fault."""
    try:
        value = parse(document)
    except FederationError as error:
        return type(error).__name__
    again = orjson.dumps(value.document(context=True))
    assert loads(again)
    return "read"


def test_c3_every_member_takes_every_value_or_the_document_is_refused() -> None:
    verdicts = set()
    for document in _whole():
        assert _judge(document) == "read", document["type"]
        for path, value in itertools.product(_spots(document), EVIL):
            verdicts.add(_judge(_bent(document, [(path, value)])))
    assert verdicts == {"read", "MalformedDocument", "UnsupportedType"}


def test_c3_two_wrong_values_at_once_are_no_worse_than_one() -> None:
    luck = random.Random(33)
    documents = [(document, _spots(document)) for document in _whole()]
    for _ in range(6_000):
        document, spots = luck.choice(documents)
        changes = [(luck.choice(spots), luck.choice(EVIL)) for _ in range(2)]
        _judge(_bent(document, changes))
