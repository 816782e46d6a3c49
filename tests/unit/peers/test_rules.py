"""What every document that a hub emits obeys (PROTOCOL §3.2, §3.3, §3.5, §8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from federation.vocab.base import Attachment
from federation.vocab.objects import Article
from federation.vocab.parse import parse
from tests.golden import making
from tests.golden.stories import EVENTS, LISTINGS
from tests.unit.peers.seen import text_of

GOLDEN = making.stored()
SINGLE = {"id", "type", "actor", "attributedTo", "url", "inReplyTo"}
LISTS = {"to", "cc", "tag", "attachment"}
MOMENTS = {"published", "updated", "startTime", "endTime", "previousStartTime", "deleted"}
LARGEST = 48 * 1024
WHOLE = {"Create", "Update"}


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a document but its context."""
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            if name not in {"@context", "contentMap", "proof"}:
                yield from inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from inside(inner)


def published(kind: str) -> list[Any]:
    """The objects of a type that were created or updated, as arguments of a test."""
    return [
        pytest.param(document["object"], id=name)
        for name, document in GOLDEN.items()
        if document["type"] in WHOLE and document["object"]["type"] == kind
    ]


def listings() -> list[Any]:
    """Those Notes that are offers and wants."""
    return [one for one in published("Note") if "purpose" in one.values[0]]


def _attached(thing: dict[str, Any]) -> list[dict[str, Any]]:
    """Its attachments; of places and organisations without their fields, which M2 leaves alone."""
    fields = {"PropertyValue"} if thing.get("type") in {"Place", "Organization"} else set()
    return [one for one in thing.get("attachment", []) if one["type"] not in fields]


documents = pytest.mark.parametrize("document", GOLDEN.values(), ids=GOLDEN)
events = pytest.mark.parametrize("event", published("Event"))


def test_there_is_a_document_of_every_story() -> None:
    assert len(published("Event")) > len(EVENTS)
    assert len(listings()) > len(LISTINGS)
    types = {document["type"] for document in GOLDEN.values()}
    assert types >= {"Create", "Update", "Delete", "Announce", "Accept", "Reject", "Follow", "Undo"}
    assert types >= {"Tombstone", "OrderedCollection", "OrderedCollectionPage", "Collection"}


@documents
def test_m1_every_type_is_one_string(document: dict[str, Any]) -> None:
    for thing in inside(document):
        assert isinstance(thing.get("type", ""), str)


@documents
def test_ap_49_references_are_strings_and_audiences_arrays(document: dict[str, Any]) -> None:
    for thing in inside(document):
        for name in SINGLE & set(thing):
            assert isinstance(thing[name], str), name
        for name in LISTS & set(thing):
            assert isinstance(thing[name], list), name
    if document["type"] in WHOLE:
        # Gancio refuses an Update whose `attachment` is no array, even where it is empty (M4).
        assert set(document["object"]) >= LISTS


@documents
def test_m2_notes_have_no_name_and_attachments_are_files_and_links(
    document: dict[str, Any],
) -> None:
    for thing in inside(document):
        if thing.get("type") == "Note":
            assert "name" not in thing
            assert "summary" not in thing
        for one in _attached(thing):
            assert one["type"] in {"Image", "Document", "Link"}


@documents
def test_ap_50_attachments_say_what_and_where_and_pictures_come_first(
    document: dict[str, Any],
) -> None:
    for thing in inside(document):
        kinds = []
        for one in _attached(thing):
            assert isinstance(one["mediaType"], str)
            assert one["url" if one["type"] != "Link" else "href"].startswith("https://")
            kinds.append(one["mediaType"].startswith("image/"))
        assert kinds == sorted(kinds, reverse=True)


@events
def test_ap_51_an_event_has_all_that_calendars_want(event: dict[str, Any]) -> None:
    assert 3 <= len(event["name"]) <= 200
    start, end = map(datetime.fromisoformat, (event["startTime"], event["endTime"]))
    assert start < end
    for moment in (start, end):
        assert moment.utcoffset() == moment.astimezone(ZoneInfo(event["timezone"])).utcoffset()
    assert event["status"] in {"CONFIRMED", "TENTATIVE", "CANCELLED"}
    assert event["eventStatus"].startswith("Event")
    assert event["url"].startswith("https://")
    assert isinstance(event["displayEndTime"], bool)


@events
def test_ap_51_the_summary_begins_with_date_and_place(event: dict[str, Any]) -> None:
    when_and_where = text_of(event["summary"]).partition("\n")[0]
    day = datetime.fromisoformat(event["startTime"])
    assert f"{day.day}" in when_and_where
    assert f"{day.year}" in when_and_where
    place = event.get("location", {})
    if place.get("type") == "Place":
        assert place["name"] in when_and_where
        assert place["address"]["streetAddress"] in when_and_where
    assert set(re.findall(r"</?(\w+)", event["summary"])) <= {"p", "br"}


@events
def test_m3_the_content_alone_is_enough_to_come_along(event: dict[str, Any]) -> None:
    title, when_and_where = text_of(event["content"]).split("\n")[:2]
    assert title.startswith(event["name"].rpartition(": ")[2][:150])
    assert when_and_where == text_of(event["summary"]).partition("\n")[0]
    assert list(event["contentMap"].values()) == [event["content"]]


@events
def test_ap_52_a_location_is_one_object_with_fractions(event: dict[str, Any]) -> None:
    place = event.get("location")
    if place is None:
        return
    assert isinstance(place, dict)
    assert place["type"] in {"Place", "VirtualLocation"}
    for name in ("latitude", "longitude"):
        assert isinstance(place.get(name, 1.0), float)


@events
def test_ap_53_people_are_told_where_to_sign_up(event: dict[str, Any]) -> None:
    assert event["joinMode"] in {"free", "restricted", "external"}
    if event["joinMode"] == "external":
        assert event["externalParticipationUrl"].startswith("https://")


@pytest.mark.parametrize("name", ["event-cancelled-updated", "event-de-updated"])
def test_ap_54_a_cancellation_is_an_update_with_a_word_before_its_name(name: str) -> None:
    said = GOLDEN[name]
    assert said["type"] == "Update"
    event = said["object"]
    assert (event["status"], event["eventStatus"]) == ("CANCELLED", "EventCancelled")
    assert event["name"] in {
        "Cancelled: Repair café at the Linden yard",
        "Abgesagt: Repair café at the Linden yard",
    }
    assert (event["published"], event["id"]) < (event["updated"], said["id"])


def test_ap_56_a_date_of_a_series_is_an_event_of_its_own() -> None:
    event = GOLDEN["event-in-a-series"]["object"]
    assert "/series/" in event["superEvent"]
    assert event["superEvent"] != event["id"]
    assert not {"recurrence", "rrule", "subEvent"} & set(event)


@pytest.mark.parametrize("listing", listings())
def test_ap_58_an_offer_or_want_is_a_note_that_machines_read_too(listing: dict[str, Any]) -> None:
    assert listing["type"] == "Note"
    assert not {"name", "summary"} & set(listing)
    intent = listing["publishes"]
    assert listing["purpose"] in {"offer", "request"}
    assert intent["action"] in {"transfer", "deliverService"}
    assert isinstance(intent["resourceQuantity"]["hasNumericalValue"], str)
    first = text_of(listing["content"]).partition("\n")[0]
    assert first.endswith(intent["name"])
    assert listing["content"].startswith("<p><strong>")
    if first.startswith(("Taken: ", "Found: ", "Vergeben: ")):
        assert intent["availableQuantity"]["hasNumericalValue"] == "0"


def test_ap_58_a_price_is_what_is_wanted_back() -> None:
    price = GOLDEN["offer-sale"]["object"]["reciprocal"]
    assert (price["type"], price["action"]) == ("Intent", "transfer")
    assert price["resourceQuantity"]["hasNumericalValue"] == "20"
    assert "reciprocal" not in GOLDEN["offer-gift"]["object"]
    assert "reciprocal" not in GOLDEN["offer-swap"]["object"]


def test_ap_60_an_article_has_name_summary_content_and_page() -> None:
    article = Article(
        id="https://hub.example/news/1",
        url="https://hub.example/news/1",
        name="A new bench",
        summary="<p>At the yard.</p>",
        content="<p>At the yard. Come and sit.</p>",
        attachments=(Attachment.picture("https://hub.example/b.webp", "image/webp", "A bench"),),
    )
    said = article.document(context=True)
    assert said["type"] == "Article"
    assert set(said) >= {"name", "summary", "content", "url"}
    assert parse(said) == article


@documents
def test_ap_61_all_moments_carry_a_zone_and_nothing_was_changed_before_it_was(
    document: dict[str, Any],
) -> None:
    for thing in inside(document):
        for name in MOMENTS & set(thing):
            assert datetime.fromisoformat(thing[name]).tzinfo is not None, name
        if "updated" in thing:
            born, changed = map(datetime.fromisoformat, (thing["published"], thing["updated"]))
            assert born <= changed


@pytest.mark.parametrize("name", [name for name in GOLDEN if GOLDEN[name]["type"] == "Create"])
def test_ap_61_what_is_new_is_not_marked_as_edited(name: str) -> None:
    # Mastodon marks a post as edited whose `updated` is not its `published`.
    thing = GOLDEN[name]["object"]
    assert thing["updated"] == thing["published"]


@documents
def test_ap_62_nobody_is_addressed_in_secret(document: dict[str, Any]) -> None:
    for thing in inside(document):
        assert not {"bto", "bcc"} & set(thing)


@pytest.mark.parametrize("listing", listings())
def test_ap_63_nobodys_home_is_told(listing: dict[str, Any]) -> None:
    place = listing.get("location", {})
    for name in ("latitude", "longitude"):
        degrees = place.get(name, 0.0)
        assert degrees == round(degrees, 2)
    assert "address" not in place


@documents
def test_ap_66_no_document_is_larger_than_peers_take(document: dict[str, Any]) -> None:
    # Keys, proofs and ids are shorter here than they are in earnest: together well under 1 KiB.
    assert len(orjson.dumps(document)) <= LARGEST - 1024


@documents
def test_m4_what_is_deleted_says_what_it_was(document: dict[str, Any]) -> None:
    if document["type"] == "Delete":
        thing = document["object"]
        assert thing["type"] == "Tombstone"
        assert thing["formerType"] in {"Event", "Note", "Article", "Place", "Organization"}
        assert thing["deleted"]


@documents
def test_what_we_say_we_understand_ourselves(document: dict[str, Any]) -> None:
    if "Collection" not in document["type"]:
        assert parse(document).type == document["type"]
