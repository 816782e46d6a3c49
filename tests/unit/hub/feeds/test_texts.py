"""Texts of calendars and spreadsheets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Invalid
from hub.feeds import texts
from hub.feeds.sources import address


@given(st.text())
def test_text_that_was_encoded_twice_is_mended_and_other_text_is_left(text: str) -> None:
    assert texts.mended(text.encode().decode("latin-1")) in {text, text.encode().decode("latin-1")}
    if not any("\x80" <= sign <= "ÿ" for sign in text):
        assert texts.mended(text) == text


@pytest.mark.parametrize("text", ["Straße", "ÂÃ", "Åse", "São", "naïve – “quoted”", "Âge d’or"])
def test_good_text_is_left_alone(text: str) -> None:
    assert texts.mended(text) == text


@pytest.mark.parametrize(
    "data",
    ["Café", "Café".encode("utf-16"), "Café".encode("utf-8-sig"), "Café".encode("latin-1")],
)
def test_file_is_read_in_the_encoding_it_has(data: str | bytes) -> None:
    assert texts.decoded(data.encode() if isinstance(data, str) else data) == "Café"


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Busy", True), ("BUSY.", True), ("Beschäftigt", True), ("Busy bees club", False)],
)
def test_placeholder_is_told_from_a_title(title: str, expected: bool) -> None:
    assert texts.is_placeholder(title) is expected


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a < b > c", "a < b > c"),
        ("<b>a</b>", "a"),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example/"),
        ('<a href="https://x.example/a">here</a>', "[here](https://x.example/a)"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ("    four spaces", "four spaces"),
        ("a\r\nb", "a\nb"),
        ("x" * 30, "x" * 19 + "…"),
    ],
)
def test_description_is_markdown_without_html(html: str, text: str) -> None:
    limit = 20 if html.startswith("xxx") else 1000
    assert texts.prose(html, limit) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://x.example/a?b", True),
        ("https://user@x.example/", False),
        ("https://x.example:99999/", False),
        ("https://x.example/ and more", False),
        ("mailto:a@x.example", False),
    ],
)
def test_web_address_is_told_from_other_text(text: str, expected: bool) -> None:
    assert texts.web_address(text) == (text if expected else "")


def test_tags_are_the_words_that_can_be_tags() -> None:
    assert texts.tags(["Music", " two  words ", "2026", "x" * 40, "Music"]) == [
        "Music",
        "two words",
    ]
    assert len(texts.tags([f"tag{at}" for at in range(30)])) == 20


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("webcal://x.example/a.ics", "https://x.example/a.ics"),
        ("WEBCALS://x.example/a.ics?k=1#part", "https://x.example/a.ics?k=1"),
        ("http://x.example/a", "http://x.example/a"),
    ],
)
def test_address_of_a_calendar_is_one_to_fetch(source: str, url: str) -> None:
    assert address(source) == url


@pytest.mark.parametrize(
    "source", ["club.ics", "ftp://x.example/a", "file:///etc/passwd", "https:"]
)
def test_other_addresses_are_refused(source: str) -> None:
    with pytest.raises(Invalid):
        address(source)
