"""The terms under which something may be used go along with it."""

from __future__ import annotations

from typing import Any

import pytest

from federation.vocab.names import AS2
from federation.vocab.objects import Article
from federation.vocab.parse import parse

TERMS = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize("name", ["license", "schema:license", "licence"])
@pytest.mark.parametrize("value", [TERMS, {"id": TERMS}, [TERMS]])
def test_the_licence_of_an_object_is_read_and_said_again(name: str, value: Any) -> None:
    context = [AS2, {"schema": "http://schema.org/"}]
    thing = parse(
        {"@context": context, "id": "https://a.example/1", "type": "Article", name: value}
    )
    assert isinstance(thing, Article)
    assert thing.license == TERMS
    assert thing.document(context=True)["license"] == TERMS


@pytest.mark.parametrize("value", ["CC BY", None, 7, {}])
def test_what_is_no_address_is_no_licence(value: Any) -> None:
    thing = parse(
        {"@context": AS2, "id": "https://a.example/1", "type": "Article", "license": value}
    )
    assert isinstance(thing, Article)
    assert thing.license is None
    assert "license" not in thing.document()
