"""Addresses: one spelling for one server, and none for what is doubtful."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import BadUrl
from federation.origins import MAX_LENGTH, authority, canonical, origin, same_origin

GOOD = [
    ("https://hub.example/a", "hub.example"),
    ("https://hub.example", "hub.example"),
    ("HTTPS://HUB.Example/A", "hub.example"),
    ("https://hub.example:443/", "hub.example"),
    ("http://hub.example:80/", "hub.example"),
    ("https://hub.example:80/", "hub.example:80"),
    ("http://hub.example:443/", "hub.example:443"),
    ("https://hub.example:8443/x?y#z", "hub.example:8443"),
    ("https://hub.example?author=1#main-key", "hub.example"),
    ("https://hub.example#main-key", "hub.example"),
    ("http://localhost:8001/inbox", "localhost:8001"),
    ("http://127.0.0.1:8001/inbox", "127.0.0.1:8001"),
    ("http://[::1]:8001/", "[::1]:8001"),
    ("http://[0:0:0:0:0:0:0:1]/", "[::1]"),
    ("https://bücher.example/", "xn--bcher-kva.example"),
    ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
    ("https://XN--BCHER-KVA.example/", "xn--bcher-kva.example"),
    ("https://faß.example/", "xn--fa-hia.example"),
    ("https://ｈｕｂ.example/", "hub.example"),
    ("https://hub。example/", "hub.example"),
    ("https://a_b.example/", "a_b.example"),
    ("https://hub.example/users/%C3%A9", "hub.example"),
    ("https://hub.example/users/é", "hub.example"),
    ("https://hub.example/@", "hub.example"),
    ("https://hub.example/https://other.example/", "hub.example"),
]

BAD = [
    "",
    "hub.example",
    "//hub.example/",
    "https:/hub.example",
    "https:hub.example",
    "https://",
    "https:///a",
    "https://?a",
    "ftp://hub.example/",
    "javascript:alert(1)",
    "acct:a@hub.example",
    "did:key:z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd",
    "https://user@hub.example/",
    "https://user:secret@hub.example/",
    "https://hub.example@other.example/",
    "https://hub.example./",
    "https://.hub.example/",
    "https://hub..example/",
    "https://-hub.example/",
    "https://hub-.example/",
    "https://hub.example:/",
    "https://hub.example:0/",
    "https://hub.example:65536/",
    "https://hub.example:١٢/",
    "https://hub.example:44 3/",
    "https://hub%2eexample/",
    "https://hub.example\\@other.example/",
    "https://hub.example\\a",
    "https://hub.example /",
    " https://hub.example/",
    "https://hub.example/\n",
    "https://hub.example/a b",
    "https://hub.exa\tmple/",
    "https://hub.example/\x00",
    "https://hub.example/\x85",
    "https://hub.example/\u202e",
    "https://hub.example/\ud800",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://1.2.3.4.5/",
    "https://[::1/",
    "https://::1/",
    "https://[fe80::1%25eth0]/",
    "https://[127.0.0.1]/",
    "https://[::1]x/",
    "http://xn--/",
    "https://xn--a.example/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://hub.example/" + "a" * MAX_LENGTH,
]


@pytest.mark.parametrize(("uri", "expected"), GOOD)
def test_one_server_has_one_name(uri: str, expected: str) -> None:
    assert authority(uri) == expected


@pytest.mark.parametrize("uri", BAD)
def test_a10_a_doubtful_address_names_nobody(uri: str) -> None:
    for reading in (authority, origin, canonical):
        with pytest.raises(BadUrl):
            reading(uri)
    assert not same_origin(uri, uri)
    assert not same_origin("https://hub.example/", uri)


def test_an_origin_has_its_scheme() -> None:
    assert origin("http://hub.example:80/a") == "http://hub.example"
    assert origin("https://Hub.example:8443/a") == "https://hub.example:8443"


def test_same_origin_means_scheme_host_and_port() -> None:
    assert same_origin("https://a.example/x", "https://A.example:443/y#z")
    assert not same_origin("https://a.example/", "http://a.example/")
    assert not same_origin("https://a.example/", "https://a.example:8443/")
    assert not same_origin("https://a.example/", "https://b.example/")
    assert not same_origin("https://a.example/", "https://sub.a.example/")


def test_the_canonical_spelling_keeps_path_and_query() -> None:
    assert canonical("HTTPS://A.example:443/Users/B/?Q=1#f") == "https://a.example/Users/B/?Q=1"
    assert canonical("https://a.example") == "https://a.example"
    assert canonical("https://a.example/") != canonical("https://a.example")
    assert canonical("https://a.example/%41") != canonical("https://a.example/A")


@given(st.text(max_size=80) | st.text(max_size=60).map(lambda rest: f"https://{rest}"))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        name = authority(text)
    except BadUrl:
        return
    assert name.isascii()
    assert name == name.lower()
    assert authority(f"{text.partition(':')[0]}://{name}/") == name
    assert canonical(canonical(text)) == canonical(text)


@given(st.from_regex(r"[a-zA-Zäöüß٣.\-]{1,30}", fullmatch=True))
def test_reading_a_host_twice_changes_nothing(host: str) -> None:
    try:
        name = authority(f"https://{host}/")
    except BadUrl:
        return
    assert authority(f"https://{name}/") == name
    assert same_origin(f"https://{host}/a", f"https://{name.upper()}:443/b")
