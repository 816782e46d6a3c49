"""The rules of authority against a second reading of FEP-fe34, over all pairs of addresses."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from federation import authority as rules
from federation.errors import BadUrl

SERVERS = {
    "north": ["https://north.example", "HTTPS://NORTH.example:443", "https://north.example:0443"],
    "south": ["https://south.example"],
    "north's other port": ["https://north.example:8443"],
    "north without TLS": ["http://north.example"],
    "a name below north": ["https://a.north.example"],
    "a name that begins so": ["https://north.example.evil.example"],
}
NOBODY = [
    "",
    "north.example",
    "https://",
    "https://north.example@south.example/a",
    "https://north.example\\@south.example/a",
    "https://north.example./a",
    "acct:a@north.example",
    "urn:uuid:1",
    "javascript:alert(1)",
]
PATHS = ["/actors/a", "/actors/b", "/a#main-key", "/a?b=https://south.example/", "", "/"]
PLACES = [
    (server, f"{start}{path}")
    for server, starts in SERVERS.items()
    for start in starts
    for path in PATHS
] + [(f"nobody {number}", text) for number, text in enumerate(NOBODY)]
PAIRS = list(itertools.product(PLACES, PLACES))


def one_server(a: str, b: str) -> bool:
    """By the names that the table gives to servers, not by reading addresses."""
    return a == b and not a.startswith("nobody")


@pytest.mark.parametrize(
    "rule",
    [
        rules.owns_key,
        rules.may_name,
        rules.may_bury,
        rules.may_publish,
        rules.may_bring,
        rules.may_list,
        lambda a, b: rules.may_collect_at(a, [b]),
    ],
    ids=[
        "owns_key",
        "may_name",
        "may_bury",
        "may_publish",
        "may_bring",
        "may_list",
        "may_collect_at",
    ],
)
def test_a2_what_a_server_answers_for_is_what_lies_there(rule: Callable[[str, str], bool]) -> None:
    wrong = [(a, b) for (s, a), (t, b) in PAIRS if rule(a, b) is not one_server(s, t)]
    assert wrong == []


@pytest.mark.parametrize(
    "rule",
    [
        rules.may_sign_for,
        rules.may_describe,
        rules.may_change,
        rules.may_undo,
        rules.may_answer,
    ],
)
def test_a1_actors_are_compared_letter_by_letter(rule: Callable[[str, str], bool]) -> None:
    assert [(a, b) for (_, a), (_, b) in PAIRS if rule(a, b) is not (a == b)] == []


def test_a2_an_embedded_object_counts_where_id_author_and_actor_agree() -> None:
    for (server, actor), (there, thing), author in itertools.product(
        PLACES, PLACES, ("actor", "thing", "none")
    ):
        who = {"actor": actor, "thing": thing, "none": None}[author]
        expected = one_server(server, there) and who == actor
        assert rules.may_embed(actor, thing, who) is expected, (actor, thing, who)
    assert not rules.may_embed("https://north.example/a", None, "https://north.example/a")
    assert not rules.may_publish(None, "https://north.example/a")
    assert not rules.may_publish("https://north.example/a", None)


def test_a2_a_proof_needs_the_owner_its_server_and_a_key_for_documents() -> None:
    for (server, actor), (there, key), asserts, owner in itertools.product(
        PLACES, PLACES, (True, False), ("actor", "other")
    ):
        who = actor if owner == "actor" else "https://south.example/other"
        expected = one_server(server, there) and asserts and who == actor
        assert rules.may_prove_for(who, key, actor, asserts=asserts) is expected


def test_a3_only_the_owner_deletes_or_the_server_confirms() -> None:
    for (server, owner), (there, thing), sender, confirmed in itertools.product(
        PLACES, PLACES, ("owner", "other"), (True, False)
    ):
        who = owner if sender == "owner" else "https://west.example/a"
        expected = who == owner or (confirmed and one_server(server, there))
        assert rules.may_delete(owner, who, thing, confirmed=confirmed) is expected


def test_a9_our_own_ids_are_known_in_every_spelling() -> None:
    ours = {"north.example"}.__contains__
    for server, uri in PLACES:
        if server.startswith("nobody"):
            with pytest.raises(BadUrl):
                rules.is_local(uri, ours)
        else:
            assert rules.is_local(uri, ours) is (server in {"north", "north without TLS"})


def test_a2_a_page_is_on_the_server_of_what_it_shows() -> None:
    for (server, uri), (there, url) in PAIRS:
        assert rules.page_of(uri, url) == (url if one_server(server, there) else uri)
    assert rules.page_of("https://north.example/a", None) == "https://north.example/a"


def test_the_table_of_servers_is_what_other_readers_make_of_it() -> None:
    """A check of the oracle: the standard library finds one host and port for each server."""
    for starts in SERVERS.values():
        parts = [urlsplit(start) for start in starts]
        assert (
            len({(p.scheme, p.hostname, p.port or {"https": 443}.get(p.scheme)) for p in parts})
            == 1
        )
