"""Who did what to whom is said once and plainly, or the document is refused (SECURITY A4)."""

from __future__ import annotations

from typing import Any

import pytest

from federation.errors import MalformedDocument
from federation.vocab.parse import parse
from federation.vocab.reading import URI_LIMIT

A, B = "https://a.example/1", "https://b.example/1"
LONG = "https://a.example/" + "x" * (URI_LIMIT - len("https://a.example/"))

NO_IDS: list[Any] = [
    1,
    True,
    1.5,
    [A, B],
    [A, A],
    [[A]],
    [1],
    {"id": 1},
    {"id": [A]},
    {"id": {"id": A}},
    {"href": A},
    {},
    "a.example",
    "/1",
    "acct:ann@a.example",
    "javascript:alert(1)",
    "https://",
    "https://ann@a.example/",
    "https://a.example\\@b.example/",
    "https://a.example/ x",
    "https://a.example/\n",
    "https://a.example/\u202e",
    "https://a.example/\ud800",
    LONG + "x",
]


def activity(**members: Any) -> dict[str, Any]:
    return {"type": "Create", "id": A, "actor": A, "object": B, **members}


def note(**members: Any) -> dict[str, Any]:
    return {"type": "Note", "id": A, "attributedTo": A, **members}


def actor(**members: Any) -> dict[str, Any]:
    return {"type": "Person", "id": A, "inbox": A, "preferredUsername": "a", **members}


@pytest.mark.parametrize("value", NO_IDS, ids=repr)
@pytest.mark.parametrize("name", ["actor", "object", "target"])
def test_a4_activity_with_unclear_identity_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedDocument):
        parse(activity(**{name: value}))


@pytest.mark.parametrize("value", NO_IDS, ids=repr)
@pytest.mark.parametrize("name", ["attributedTo", "inReplyTo"])
def test_a4_post_with_unclear_identity_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedDocument):
        parse(note(**{name: value}))
    with pytest.raises(MalformedDocument):
        parse(activity(object=note(**{name: value})))


@pytest.mark.parametrize("value", [*NO_IDS, [A], {"id": A}], ids=repr)
@pytest.mark.parametrize("build", [activity, note, actor])
def test_a4_id_is_a_plain_string(build: Any, value: object) -> None:
    with pytest.raises(MalformedDocument):
        parse(build(id=value))


@pytest.mark.parametrize("value", [*NO_IDS, None], ids=repr)
def test_a4_inbox_is_one_address(value: object) -> None:
    with pytest.raises(MalformedDocument):
        parse(actor(inbox=value))


@pytest.mark.parametrize("value", [A, [A], {"id": A}, {"id": A, "name": "Ann"}, LONG])
def test_a4_one_id_may_be_wrapped(value: object) -> None:
    parse(activity(actor=value))
    parse(note(attributedTo=value))


@pytest.mark.parametrize("value", [None, [], "", {"id": None}])
def test_nobody_did_nothing(value: object) -> None:
    with pytest.raises(MalformedDocument):
        parse(activity(actor=value))
    with pytest.raises(MalformedDocument):
        parse(activity(object=value))
    parse(note(inReplyTo=value))


@pytest.mark.parametrize(
    "kind",
    [None, "", [], 1, {}, [1], ["Note", None], [["Note"]], ["Note"] * 9],
)
def test_type_is_a_name_or_a_few(kind: object) -> None:
    with pytest.raises(MalformedDocument):
        parse({"type": kind, "id": A})


@pytest.mark.parametrize(
    "kinds", [["Create", "Delete"], ["Create", "Note"], ["Delete", "Person"], ["Flag", "Proposal"]]
)
def test_a4_document_is_one_thing(kinds: list[str]) -> None:
    with pytest.raises(MalformedDocument):
        parse({"type": kinds, "id": A, "actor": A, "object": B, "inbox": A})


def test_activity_may_have_a_type_more_that_nobody_knows() -> None:
    assert parse(activity(type=["Create", "Custom"])).type == "Create"


def test_activities_inside_activities_end() -> None:
    document: dict[str, Any] = activity()
    for _ in range(10):
        document = {"type": "Undo", "actor": A, "object": document}
    with pytest.raises(MalformedDocument):
        parse(document)


@pytest.mark.parametrize("document", [None, 1, "x", [], [activity()]])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(MalformedDocument):
        parse(document)


@pytest.mark.parametrize("name", ["to", "cc", "audience"])
def test_audience_is_what_can_be_read_of_it(name: str) -> None:
    found = parse(note(**{name: [A, {"id": B}, 1, "x", None, [A], A]}))
    assert getattr(found, name) == (A, B)
