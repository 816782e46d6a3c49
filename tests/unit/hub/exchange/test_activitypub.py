"""Offers and wants on the wire, both ways."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from federation.errors import MalformedDocument
from federation.vocab.parse import parse
from federation.vocab.proposals import Proposal
from hub.actors.models import Actor
from hub.core.text import markdown
from hub.exchange import activitypub
from hub.exchange.models import Listing, Offer, Want

HUB = "https://hub.example"
ID = UUID("0190bbbb-0000-4000-8000-000000000002")
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
BERLIN = "Europe/Berlin"


def listing(row: type[Listing] = Offer, **changes: Any) -> Listing:
    room = "offers" if row is Offer else "wants"
    members: dict[str, Any] = {
        "id": ID,
        "uri": f"{HUB}/{room}/{ID}",
        "url": f"{HUB}/{room}/{ID}",
        "title": "Kids' bike, 20 inch",
        "summary": "",
        "content": markdown("Blue, new tyres."),
        "language": "en",
        "place": "Linden, Köln",
        "latitude": 50.93,
        "longitude": 6.94,
        "tags": ["bike"],
        "item_kind": "item",
        "mode": "give",
        "quantity": "1",
        "price": "",
        "available_from": None,
        "expires_at": datetime(2026, 9, 30, 21, 59, 59, tzinfo=UTC),
        "status": "open",
        "visibility": "public",
        "created_at": datetime(2026, 9, 1, 8, tzinfo=UTC),
        "updated_at": datetime(2026, 9, 1, 8, tzinfo=UTC),
        "author": Actor(uri=f"{HUB}/actors/{room}", followers_uri=f"{HUB}/actors/{room}/followers"),
        "picture": None,
    }
    return row(**{**members, **changes})


def document(row: type[Listing] = Offer, **changes: Any) -> dict[str, Any]:
    thing = activitypub.to_object(listing(row, **changes), HUB, BERLIN)
    made: dict[str, Any] = orjson.loads(orjson.dumps(thing.document(context=True)))
    return made


def received(row: type[Listing] = Offer, **changes: Any) -> Proposal:
    thing = parse(document(row, **changes))
    assert isinstance(thing, Proposal)
    return thing


def test_offer_is_a_note_that_says_everything_twice() -> None:
    made = document()
    del made["@context"]
    uri = f"{HUB}/offers/{ID}"
    assert made == {
        "id": uri,
        "type": "Note",
        "attributedTo": f"{HUB}/actors/offers",
        "url": uri,
        "content": made["content"],
        "contentMap": {"en": made["content"]},
        "published": "2026-09-01T08:00:00Z",
        "updated": "2026-09-01T08:00:00Z",
        "endTime": "2026-09-30T21:59:59Z",
        "purpose": "offer",
        "publishes": {
            "type": "Intent",
            "id": f"{uri}#primary",
            "name": "Kids' bike, 20 inch",
            "action": "transfer",
            "resourceConformsTo": f"{HUB}/swap?kind=item&mode=give",
            "resourceQuantity": {"hasUnit": "one", "hasNumericalValue": "1"},
            "availableQuantity": {"hasUnit": "one", "hasNumericalValue": "1"},
        },
        "unitBased": False,
        "location": {
            "type": "Place",
            "name": "Linden, Köln",
            "latitude": 50.93,
            "longitude": 6.94,
        },
        "to": [PUBLIC],
        "cc": [f"{HUB}/actors/offers/followers"],
        "attachment": [],
        "tag": [{"type": "Hashtag", "name": "#bike", "href": f"{HUB}/tags/bike"}],
        "interactionPolicy": {"canQuote": {"automaticApproval": [PUBLIC]}},
        "replies": f"{uri}/replies",
        "likes": f"{uri}/likes",
        "shares": f"{uri}/shares",
        "context": f"{uri}/context",
    }
    # AP-58, M2: the title is in the text; a name or a summary would be mistaken.
    assert made["content"].startswith("<p><strong>Offer: Kids' bike, 20 inch</strong></p>")
    assert "Wed 30 Sep" in made["content"]


def test_want_is_a_request() -> None:
    made = document(Want)
    assert made["purpose"] == "request"
    assert made["content"].startswith("<p><strong>Wanted: ")


@pytest.mark.parametrize("status", ["done", "withdrawn", "expired"])
def test_what_is_over_says_so_and_has_nothing_left(status: str) -> None:
    made = document(status=status)
    assert made["content"].startswith("<p><strong>Taken: ")
    assert made["publishes"]["availableQuantity"]["hasNumericalValue"] == "0"
    assert activitypub.from_object(received(status=status), BERLIN).status == "done"


@pytest.mark.parametrize(
    ("members", "action"),
    [
        ({"item_kind": "skill"}, "deliverService"),
        ({"item_kind": "item", "mode": "lend"}, "deliverService"),
        ({"item_kind": "food"}, "transfer"),
    ],
)
def test_help_and_lending_are_services(members: dict[str, Any], action: str) -> None:
    assert document(**members)["publishes"]["action"] == action


@pytest.mark.parametrize("price", ["20 €", "EUR 20", "20,00€"])
def test_price_is_told_to_machines_where_it_is_an_amount(price: str) -> None:
    made = document(mode="sell", price=price)["reciprocal"]
    assert made["resourceConformsTo"] == "https://www.wikidata.org/wiki/Q4916"
    assert float(made["resourceQuantity"]["hasNumericalValue"]) == 20


@pytest.mark.parametrize("price", ["", "10 to 20 €", "a cake", "about 5"])
def test_other_prices_are_words_only(price: str) -> None:
    assert "reciprocal" not in document(mode="sell", price=price)


@pytest.mark.parametrize("row", [Offer, Want])
@pytest.mark.parametrize("mode", ["give", "lend", "swap", "share", "sell"])
@pytest.mark.parametrize("kind", ["item", "skill", "space", "time", "food"])
def test_listing_of_a_hub_arrives_at_a_hub_as_it_left(
    row: type[Listing], kind: str, mode: str
) -> None:
    members: dict[str, Any] = {"item_kind": kind, "mode": mode, "quantity": "2.5"}
    if mode == "sell":
        members["price"] = "20 €"
    there, thing = listing(row, **members), received(row, **members)
    draft = activitypub.from_object(thing, BERLIN)
    assert activitypub.side_of(thing) == there.kind
    assert (draft.kind, draft.mode) == (kind, mode)
    assert (draft.title, draft.location) == (there.title, there.place)
    assert (draft.latitude, draft.longitude) == (there.latitude, there.longitude)
    assert (draft.quantity, draft.price) == (there.quantity, there.price)
    assert (draft.expires_at, draft.status) == (there.expires_at, "open")
    assert list(draft.tags) == there.tags
    assert activitypub.body_of(thing) == there.content


def remote(**members: Any) -> Proposal:
    base = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "https://peer.example/n/1",
        "type": "Note",
        "attributedTo": "https://peer.example/u/1",
        "content": "<p>A chair, hardly used</p>",
        "to": [PUBLIC],
    }
    thing = parse({**base, **members})
    assert isinstance(thing, Proposal)
    return thing


def test_flohmarkt_sale_is_read() -> None:
    data = {
        "flohmarkt:name": "Chair",
        "flohmarkt:price": "12.50",
        "flohmarkt:currency": "EUR",
        "flohmarkt:coordinates": {"lat": 50.93456, "lon": 6.94},
    }
    draft = activitypub.from_object(remote(**{"flohmarkt:data": data}), BERLIN)
    assert (draft.title, draft.mode, draft.price) == ("Chair", "sell", "12.50 €")


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        ({"name": "TV"}, {"title": "Offer: TV"}),
        ({}, {"title": "A chair, hardly used"}),
        ({"action": "vf:transferCustody", "name": "Ladder"}, {"mode": "lend"}),
        ({"action": "work", "name": "Help"}, {"kind": "skill"}),
        ({"name": "x", "resourceQuantity": {"hasNumericalValue": "-4"}}, {"quantity": "1"}),
        ({"name": "x", "resourceQuantity": {"hasNumericalValue": "9" * 30}}, {"quantity": "1"}),
        ({"name": "x", "resourceConformsTo": "https://a.example/?kind=zzz"}, {"kind": "item"}),
    ],
)
def test_listings_of_other_software_are_clamped(
    intent: dict[str, Any], expected: dict[str, str]
) -> None:
    thing = remote(purpose="offer", publishes={"type": "Intent", **intent})
    draft = activitypub.from_object(thing, BERLIN)
    for name, value in expected.items():
        assert getattr(draft, name) == value


def test_d5_precise_place_of_a_remote_person_is_blurred_too() -> None:
    place = {"type": "Place", "latitude": 50.934567, "longitude": 6.912345}
    thing = remote(purpose="offer", publishes={"name": "Chair"}, location=place)
    draft = activitypub.from_object(thing, BERLIN)
    assert (draft.latitude, draft.longitude) == (50.93, 6.91)


def test_end_before_beginning_is_mended() -> None:
    thing = remote(
        purpose="offer",
        publishes={"name": "Chair"},
        startTime="2026-09-30T00:00:00Z",
        endTime="2026-09-01T00:00:00Z",
    )
    assert activitypub.from_object(thing, BERLIN).expires_at == datetime(2026, 9, 1, tzinfo=UTC)


def test_listing_without_words_is_refused() -> None:
    with pytest.raises(MalformedDocument):
        activitypub.from_object(
            remote(purpose="offer", publishes={"type": "Intent"}, content=""), BERLIN
        )
