"""Lists of servers as files, and which of a server's names decides."""

from __future__ import annotations

import pytest

from hub.core.errors import Invalid, TooBig
from hub.fediverse.rulings import Standing, Word, names_of, nearest
from hub.trust import lists

MASTODON = """#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate
bad.example,suspend,False,False,"Spam, and more",True
loud.example,silence,TRUE,true,,false
pictures.example,noop,true,false,=1+1,false
"""


def _read(text: str, standing: Standing = "blocked") -> lists.Read:
    return lists.read(text.encode(), standing)


def test_a_list_of_mastodon_is_read_with_all_it_says() -> None:
    assert _read(MASTODON).words == [
        Word("bad.example", "blocked", comment="Spam, and more", obfuscate=True),
        Word("loud.example", "silenced", reject_media=True, reject_reports=True),
        Word("pictures.example", "open", reject_media=True, comment="=1+1"),
    ]


def test_what_we_write_for_mastodon_says_the_same_when_it_is_read_again() -> None:
    words = _read(MASTODON).words
    written = lists.table(words)
    assert written.splitlines()[0] == MASTODON.splitlines()[0]
    assert "'=1+1" in written, "no spreadsheet runs it (SECURITY F8)"
    assert _read(written).words == words
    allowed = lists.names(words)
    assert [word.host for word in _read(allowed, "allowed").words] == [word.host for word in words]
    assert {word.standing for word in _read(allowed, "allowed").words} == {"allowed"}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("bad.example\n\n# a remark\n*.worse.example # also\n", ["bad.example", "worse.example"]),
        ("\ufeffBAD.Example\r\nhttps://bad.example/about\r\n", ["bad.example"]),
        ("bücher.example\n", ["xn--bcher-kva.example"]),
        ("bad.example,silence,true\n", ["bad.example"]),
        ('{"items": [{"host": "a.example", "standing": "silenced"}, "b.example"]}',
         ["a.example", "b.example"]),
    ],
)  # fmt: skip
def test_names_are_read_from_lines_and_from_what_our_api_answers(
    text: str, hosts: list[str]
) -> None:
    assert [word.host for word in _read(text).words] == hosts


def test_of_two_words_about_a_name_the_one_holds_that_lets_less_in() -> None:
    text = "#domain,#severity\na.example,silence\na.example,suspend\na.example,noop\n"
    assert _read(text).words == [Word("a.example", "blocked")]


def test_lines_that_say_nothing_are_told_with_their_numbers() -> None:
    text = "#domain,#severity\nb*d.example,suspend\nnot a name,suspend\na.example,explode\n"
    found = _read(text)
    assert found.words == []
    assert [(line.line, line.why) for line in found.refused] == [
        (2, lists.HIDDEN),
        (3, lists.NO_NAME),
        (4, lists.UNKNOWN),
    ]


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{", b'{"items": 3}', b"\n\n"])
def test_what_is_no_list_is_said_so(data: bytes) -> None:
    with pytest.raises(Invalid):
        lists.read(data, "blocked")


def test_a_list_has_an_end() -> None:
    with pytest.raises(TooBig):
        _read("\n".join(f"s{number}.example" for number in range(lists.MOST + 1)))
    with pytest.raises(TooBig):
        _read("a" * (lists.LONGEST_BYTES + 1))


@pytest.mark.parametrize(
    ("host", "said", "found"),
    [
        ("bad.example", {"bad.example": 1}, 1),
        ("a.bad.example", {"bad.example": 1}, 1),
        ("a.bad.example:8443", {"bad.example": 1}, 1),
        ("a.bad.example:8443", {"bad.example:8443": 1, "bad.example": 2}, 1),
        ("a.bad.example", {"bad.example": 1, "a.bad.example": 2}, 2),
        ("a.bad.example", {"bad.example:8443": 1}, None),
        ("notbad.example", {"bad.example": 1}, None),
        ("bad.example.org", {"bad.example": 1}, None),
        ("any.example", {"example": 1}, 1),
        ("[::1]:8001", {"[::1]:8001": 1}, 1),
        ("127.0.0.1:8001", {"127.0.0.1:8002": 1}, None),
    ],
)
def test_g4_the_nearest_of_a_servers_names_decides(
    host: str, said: dict[str, int], found: int | None
) -> None:
    assert nearest(host, said) == found


def test_the_names_of_a_server_are_those_above_it_with_its_port_and_without() -> None:
    assert names_of("a.b.example:81") == [
        "a.b.example:81", "a.b.example", "b.example:81", "b.example", "example:81", "example",
    ]  # fmt: skip
