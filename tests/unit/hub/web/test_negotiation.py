"""Who gets a page, who a document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.negotiation import Kind, vary, wanted

AS2 = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "html"),
        ("", "html"),
        ("*/*", "html"),
        (BROWSER, "html"),
        ("application/activity+json", "activity"),
        (AS2, "activity"),
        (f"application/activity+json, {AS2}", "activity"),
        ("application/ld+json", "activity"),
        ("application/json", "activity"),
        ("application/activity+json, text/html;q=0.5", "activity"),
        ("text/html, application/activity+json;q=0.9", "html"),
        ("text/html, application/activity+json", "html"),
        ("text/html;q=0, application/activity+json;q=0.1", "activity"),
        ("application/activity+json;q=nan", "html"),
        ("application/activity+json;q=7", "html"),
        ("image/png", "html"),
        ("APPLICATION/ACTIVITY+JSON", "activity"),
    ],
)
def test_pages_are_for_browsers_and_documents_for_servers(
    accept: str | None, expected: Kind
) -> None:
    assert wanted(accept, "html", ("html", "activity")) == expected


def test_where_documents_are_the_rule_only_browsers_get_pages() -> None:
    assert wanted("*/*", "activity", ("html", "activity")) == "activity"
    assert wanted(BROWSER, "activity", ("html", "activity")) == "html"


def test_plain_json_is_a_kind_of_its_own_where_it_is_on_offer() -> None:
    offers: tuple[Kind, ...] = ("html", "activity", "json")
    assert wanted("application/json", "html", offers) == "json"


@given(st.text(max_size=300))
def test_any_accept_header_has_an_answer(accept: str) -> None:
    assert wanted(accept, "html", ("html", "activity")) in {"html", "activity"}


def test_vary_names_each_header_once() -> None:
    assert vary({"vary": "Accept"}, "accept", "Cookie") == {"vary": "Accept, Cookie"}
    assert vary({}, "Accept") == {"vary": "Accept"}
