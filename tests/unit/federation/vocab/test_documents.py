"""The JSON that leaves: PROTOCOL §1.2 and §3.3, with §3.5 above them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from federation.vocab.activities import (
    Accept,
    Announce,
    Create,
    Delete,
    Flag,
    Follow,
    Ignore,
    Join,
    Reject,
    Undo,
    Update,
)
from federation.vocab.actors import Actor, Capability
from federation.vocab.base import Attachment, Field, Object, Place, Tag, VirtualLocation
from federation.vocab.names import AS2, DATA_INTEGRITY, PUBLIC, is_public
from federation.vocab.objects import Article, Event, Note, Option, Organization, Question, Tombstone
from federation.vocab.parse import parse
from federation.vocab.proposals import Agreement, Commitment, Intent, Proposal

HUB = "https://hub.example"
CET = timezone(timedelta(hours=2))

EVENT_JSON = """
{"@context":["https://www.w3.org/ns/activitystreams",{
  "toot":"http://joinmastodon.org/ns#","schema":"http://schema.org/","ev":"https://w3id.org/fep/8a8e/","ical":"http://www.w3.org/2002/12/cal/ical#",
  "mz":"https://joinmobilizon.org/ns#","Hashtag":"as:Hashtag","focalPoint":{"@id":"toot:focalPoint","@container":"@list"},
  "address":"schema:address","PostalAddress":"schema:PostalAddress","streetAddress":"schema:streetAddress","postalCode":"schema:postalCode",
  "addressLocality":"schema:addressLocality","addressCountry":"schema:addressCountry","inLanguage":"schema:inLanguage",
  "maximumAttendeeCapacity":"schema:maximumAttendeeCapacity","timezone":"ev:timezone","displayEndTime":"ev:displayEndTime",
  "eventStatus":{"@id":"ev:eventStatus","@type":"@vocab"},"EventScheduled":"ev:EventScheduled","joinMode":"ev:joinMode",
  "externalParticipationUrl":"ev:externalParticipationUrl","organizers":{"@id":"ev:organizers","@type":"@id"},"category":"ev:category",
  "status":"ical:status","isOnline":"mz:isOnline"}],
 "id":"https://hub.example/events/01J7","type":"Event","attributedTo":"https://hub.example/actors/events",
 "url":"https://hub.example/e/repair-cafe-2026-09-12","name":"Repair café at the Linden yard",
 "summary":"<p>Sat 12 Sep 2026, 15:00–18:00 · Linden yard, Lindenstr. 4, Köln</p><p>Bring one broken thing; we mend it together. Free.</p>",
 "content":"<p>Full description …</p>","contentMap":{"en":"<p>Full description …</p>"},"inLanguage":"en",
 "published":"2026-08-20T09:00:00Z","updated":"2026-08-20T09:00:00Z",
 "startTime":"2026-09-12T15:00:00+02:00","endTime":"2026-09-12T18:00:00+02:00","timezone":"Europe/Berlin","displayEndTime":true,
 "eventStatus":"EventScheduled","status":"CONFIRMED",
 "location":{"type":"Place","id":"https://hub.example/places/linden-yard","name":"Linden yard",
   "address":{"type":"PostalAddress","streetAddress":"Lindenstr. 4","postalCode":"50674","addressLocality":"Köln","addressCountry":"DE"},
   "latitude":50.9345,"longitude":6.9391},
 "isOnline":false,"category":"WORKSHOPS_SKILL_SHARING","joinMode":"external",
 "externalParticipationUrl":"https://hub.example/e/repair-cafe-2026-09-12#rsvp","maximumAttendeeCapacity":40,
 "organizers":{"id":"https://hub.example/events/01J7/organizers","type":"Collection","totalItems":1,"items":["https://hub.example/actors/linden-assoc"]},
 "to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["https://hub.example/actors/events/followers"],
 "attachment":[{"type":"Image","mediaType":"image/jpeg","url":"https://hub.example/media/01J7.jpg","name":"People mending things at a table",
   "summary":"People mending things at a table","focalPoint":[0.0,0.1]},
  {"type":"Link","mediaType":"text/html","href":"https://linden.example/repair","name":"Website"}],
 "tag":[{"type":"Hashtag","name":"#repaircafe","href":"https://hub.example/tags/repaircafe"}],
 "replies":"https://hub.example/events/01J7/replies","context":"https://hub.example/events/01J7/context"}
"""  # noqa: E501

OFFER_JSON = r"""
{"@context":["https://www.w3.org/ns/activitystreams",{"vf":"https://w3id.org/valueflows/ont/vf#","om2":"http://www.ontology-of-units-of-measure.org/resource/om-2/",
  "Intent":"vf:Intent","purpose":"vf:purpose","publishes":"vf:publishes","reciprocal":"vf:reciprocal","unitBased":"vf:unitBased","action":"vf:action",
  "resourceConformsTo":{"@id":"vf:resourceConformsTo","@type":"@id"},"resourceQuantity":"vf:resourceQuantity","availableQuantity":"vf:availableQuantity",
  "hasUnit":"om2:hasUnit","hasNumericalValue":"om2:hasNumericalValue","Hashtag":"as:Hashtag"}],
 "id":"https://hub.example/offers/01K2","type":"Note","purpose":"offer","attributedTo":"https://hub.example/actors/offers",
 "url":"https://hub.example/o/01K2","published":"2026-09-01T08:00:00Z","endTime":"2026-09-30T21:59:59Z",
 "content":"<p><strong>Offer: kids' bike, 20 inch</strong></p><p>Blue, new tyres. Gift, pick-up in Linden.</p><p>Until 30 Sep · <a href=\"https://hub.example/o/01K2\">details and contact</a></p><p><a href=\"https://hub.example/tags/offer\" class=\"mention hashtag\" rel=\"tag\">#<span>offer</span></a></p>",
 "location":{"type":"Place","name":"Linden, Köln","latitude":50.93,"longitude":6.94},
 "publishes":{"type":"Intent","id":"https://hub.example/offers/01K2#primary","name":"Kids' bike, 20 inch","action":"transfer","resourceConformsTo":"https://www.wikidata.org/wiki/Q11442",
   "resourceQuantity":{"hasUnit":"one","hasNumericalValue":"1"},"availableQuantity":{"hasUnit":"one","hasNumericalValue":"1"}},"unitBased":false,
 "to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["https://hub.example/actors/offers/followers"],
 "attachment":[{"type":"Image","mediaType":"image/webp","url":"https://hub.example/media/01K2.webp","name":"Blue child's bicycle"}],
 "tag":[{"type":"Hashtag","name":"#offer","href":"https://hub.example/tags/offer"}],"replies":"https://hub.example/offers/01K2/replies"}
"""  # noqa: E501

ACTOR_JSON = r"""
{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/v1",
  "https://w3id.org/security/data-integrity/v1","https://www.w3.org/ns/did/v1","https://w3id.org/security/multikey/v1",
  {"toot":"http://joinmastodon.org/ns#","manuallyApprovesFollowers":"as:manuallyApprovesFollowers",
   "discoverable":"toot:discoverable","indexable":"toot:indexable","featured":{"@id":"toot:featured","@type":"@id"},
   "attributionDomains":{"@id":"toot:attributionDomains","@container":"@set"},
   "webfinger":"https://purl.archive.org/socialweb/webfinger#webfinger",
   "upcomingEvents":{"@id":"https://w3id.org/fep/8a8e/upcomingEvents","@type":"@id"},
   "implements":{"@id":"https://w3id.org/fep/844e/implements","@type":"@id","@container":"@list"}}],
 "id":"https://hub.example/actors/events","type":"Service","preferredUsername":"events","webfinger":"events@hub.example",
 "name":"Linden hub – events","summary":"<p>What happens in Linden.</p>","url":"https://hub.example/@events",
 "inbox":"https://hub.example/actors/events/inbox","outbox":"https://hub.example/actors/events/outbox",
 "followers":"https://hub.example/actors/events/followers","following":"https://hub.example/actors/events/following",
 "featured":"https://hub.example/actors/events/featured","upcomingEvents":"https://hub.example/actors/events/upcoming",
 "endpoints":{"sharedInbox":"https://hub.example/inbox"},"published":"2026-01-01T00:00:00Z",
 "manuallyApprovesFollowers":false,"discoverable":true,"indexable":true,"attributionDomains":["hub.example"],
 "icon":{"type":"Image","mediaType":"image/png","url":"https://hub.example/media/events.png"},
 "generator":{"type":"Application","id":"https://hub.example/actors/relay",
   "implements":[{"href":"https://datatracker.ietf.org/doc/html/rfc9421","name":"RFC 9421"}]},
 "publicKey":{"id":"https://hub.example/actors/events#main-key","owner":"https://hub.example/actors/events",
   "publicKeyPem":"-----BEGIN PUBLIC KEY-----\n…SPKI, RSA 2048+…\n-----END PUBLIC KEY-----\n"},
 "assertionMethod":[{"id":"https://hub.example/actors/events#ed25519-key","type":"Multikey",
   "controller":"https://hub.example/actors/events","publicKeyMultibase":"z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd"}]}
"""


def event() -> Event:
    alt = "People mending things at a table"
    return Event(
        id=f"{HUB}/events/01J7",
        attributed_to=f"{HUB}/actors/events",
        url=f"{HUB}/e/repair-cafe-2026-09-12",
        name="Repair café at the Linden yard",
        summary=(
            "<p>Sat 12 Sep 2026, 15:00–18:00 · Linden yard, Lindenstr. 4, Köln</p>"
            "<p>Bring one broken thing; we mend it together. Free.</p>"
        ),
        content="<p>Full description …</p>",
        language="en",
        published=datetime(2026, 8, 20, 9, tzinfo=UTC),
        updated=datetime(2026, 8, 20, 9, tzinfo=UTC),
        start_time=datetime(2026, 9, 12, 13, tzinfo=UTC),
        end_time=datetime(2026, 9, 12, 16, tzinfo=UTC),
        timezone="Europe/Berlin",
        location=Place(
            id=f"{HUB}/places/linden-yard",
            name="Linden yard",
            street="Lindenstr. 4",
            postal_code="50674",
            locality="Köln",
            country="DE",
            latitude=50.9345,
            longitude=6.9391,
        ),
        category="WORKSHOPS_SKILL_SHARING",
        join_mode="external",
        external_participation_url=f"{HUB}/e/repair-cafe-2026-09-12#rsvp",
        capacity=40,
        organizers=(f"{HUB}/actors/linden-assoc",),
        to=(PUBLIC,),
        cc=(f"{HUB}/actors/events/followers",),
        attachments=(
            Attachment(
                url=f"{HUB}/media/01J7.jpg",
                media_type="image/jpeg",
                name=alt,
                summary=alt,
                focal_point=(0, 0.1),
            ),
            Attachment(
                type="Link",
                url="https://linden.example/repair",
                media_type="text/html",
                name="Website",
            ),
        ),
        tags=(Tag(type="Hashtag", name="#repaircafe", href=f"{HUB}/tags/repaircafe"),),
        replies=f"{HUB}/events/01J7/replies",
        context=f"{HUB}/events/01J7/context",
    )


def offer() -> Proposal:
    return Proposal(
        id=f"{HUB}/offers/01K2",
        purpose="offer",
        attributed_to=f"{HUB}/actors/offers",
        url=f"{HUB}/o/01K2",
        published=datetime(2026, 9, 1, 8, tzinfo=UTC),
        end_time=datetime(2026, 9, 30, 21, 59, 59, tzinfo=UTC),
        content=(
            "<p><strong>Offer: kids' bike, 20 inch</strong></p>"
            "<p>Blue, new tyres. Gift, pick-up in Linden.</p>"
            f'<p>Until 30 Sep · <a href="{HUB}/o/01K2">details and contact</a></p>'
            f'<p><a href="{HUB}/tags/offer" class="mention hashtag" rel="tag">'
            "#<span>offer</span></a></p>"
        ),
        location=Place(name="Linden, Köln", latitude=50.93, longitude=6.94),
        publishes=Intent(
            id=f"{HUB}/offers/01K2#primary",
            name="Kids' bike, 20 inch",
            conforms_to="https://www.wikidata.org/wiki/Q11442",
            quantity="1",
            available="1",
        ),
        to=(PUBLIC,),
        cc=(f"{HUB}/actors/offers/followers",),
        attachments=(
            Attachment(
                url=f"{HUB}/media/01K2.webp", media_type="image/webp", name="Blue child's bicycle"
            ),
        ),
        tags=(Tag(type="Hashtag", name="#offer", href=f"{HUB}/tags/offer"),),
        replies=f"{HUB}/offers/01K2/replies",
    )


def actor() -> Actor:
    uri = f"{HUB}/actors/events"
    return Actor(
        type="Service",
        id=uri,
        preferred_username="events",
        webfinger="events@hub.example",
        name="Linden hub – events",
        summary="<p>What happens in Linden.</p>",
        url=f"{HUB}/@events",
        inbox=f"{uri}/inbox",
        outbox=f"{uri}/outbox",
        followers=f"{uri}/followers",
        following=f"{uri}/following",
        featured=f"{uri}/featured",
        upcoming=f"{uri}/upcoming",
        shared_inbox=f"{HUB}/inbox",
        published=datetime(2026, 1, 1, tzinfo=UTC),
        discoverable=True,
        indexable=True,
        attribution_domains=("hub.example",),
        icon=Attachment(url=f"{HUB}/media/events.png", media_type="image/png"),
        generator=f"{HUB}/actors/relay",
        implements=(
            Capability(href="https://datatracker.ietf.org/doc/html/rfc9421", name="RFC 9421"),
        ),
        public_key_pem=(
            "-----BEGIN PUBLIC KEY-----\n…SPKI, RSA 2048+…\n-----END PUBLIC KEY-----\n"
        ),
        ed25519_multibase="z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd",
    )


FOLLOW = Follow(
    id="https://peer.example/follows/1",
    actor="https://peer.example/users/ann",
    object=f"{HUB}/actors/events",
)


def through_json(document: dict[str, Any]) -> Any:
    return json.loads(orjson.dumps(document))


@pytest.mark.parametrize(
    ("value", "golden"),
    [(event(), EVENT_JSON), (offer(), OFFER_JSON), (actor(), ACTOR_JSON)],
    ids=["event", "offer", "actor"],
)
def test_document_is_that_of_the_protocol(value: Object | Actor, golden: str) -> None:
    assert through_json(value.document(context=True)) == json.loads(golden)


@pytest.mark.parametrize("value", [event(), offer()], ids=["event", "offer"])
def test_document_of_the_protocol_is_read_back_as_it_was(value: Object) -> None:
    assert parse(through_json(value.document(context=True))) == value


def test_coordinates_always_have_a_fraction() -> None:
    place = Place(name="Here", latitude=48, longitude=11)
    assert b'"latitude":48.0,"longitude":11.0' in orjson.dumps(
        Event(name="A meeting", location=place).document()
    )


def test_note_and_offer_have_no_name_and_an_offer_no_summary() -> None:
    assert "name" not in Note(name="a vote", content="x").document()
    written = Proposal(
        name="Bike", summary="cw", purpose="offer", publishes=Intent(name="Bike")
    ).document()
    assert "name" not in written
    assert "summary" not in written
    assert written["type"] == "Note"


def test_arrays_are_arrays_even_when_empty() -> None:
    for value in (Note(content="x"), Event(name="x"), Article(name="x"), offer(), Place(name="x")):
        written = value.document()
        for name in ("to", "cc", "attachment", "tag"):
            assert isinstance(written[name], list), (value.type, name)
    assert Create(actor=HUB, object="x").document()["to"] == []


def test_updated_is_never_before_published() -> None:
    written = Note(
        published=datetime(2026, 5, 2, tzinfo=UTC), updated=datetime(2026, 5, 1, tzinfo=UTC)
    ).document()
    assert written["updated"] == written["published"] == "2026-05-02T00:00:00Z"


def test_moment_without_zone_is_written_as_utc() -> None:
    naive = datetime(2026, 5, 2, 10)  # noqa: DTZ001
    assert Note(published=naive).document()["published"] == "2026-05-02T10:00:00Z"


def test_event_times_are_written_in_the_zone_of_the_place() -> None:
    winter = Event(
        start_time=datetime(2026, 1, 5, 18, tzinfo=UTC),
        end_time=datetime(2026, 1, 5, 21, tzinfo=CET),
        timezone="Europe/Berlin",
    ).document()
    assert winter["startTime"] == "2026-01-05T19:00:00+01:00"
    assert winter["endTime"] == "2026-01-05T20:00:00+01:00"


def test_event_without_end_says_two_hours_that_are_not_to_be_shown() -> None:
    written = Event(start_time=datetime(2026, 1, 5, 18, tzinfo=UTC)).document()
    assert written["endTime"] == "2026-01-05T20:00:00Z"
    assert written["displayEndTime"] is False


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("EventScheduled", "CONFIRMED"),
        ("EventMovedOnline", "CONFIRMED"),
        ("EventRescheduled", "CONFIRMED"),
        ("EventCancelled", "CANCELLED"),
        ("EventPostponed", "TENTATIVE"),
        ("EventTentative", "TENTATIVE"),
    ],
)
def test_both_words_for_the_status_agree(status: str, word: str) -> None:
    written = Event(name="x", event_status=status).document(context=True)
    assert (written["eventStatus"], written["status"]) == (status, word)
    assert status in written["@context"][1]


def test_join_mode_none_is_never_written() -> None:
    assert "joinMode" not in Event(name="x", join_mode="none").document()
    assert Event(name="x", join_mode="free").document()["joinMode"] == "free"


def test_organisers_who_are_not_named_are_an_empty_collection() -> None:
    assert "organizers" not in Event(id=HUB, name="x").document()
    assert Event(id=HUB, name="x", organizers=()).document()["organizers"]["items"] == []


def test_online_event_has_a_virtual_location() -> None:
    where = VirtualLocation(name="Our room", url="https://meet.example/room")
    written = Event(name="x", location=where, is_online=True).document(context=True)
    assert written["location"] == {
        "type": "VirtualLocation",
        "name": "Our room",
        "url": "https://meet.example/room",
    }
    assert written["@context"][1]["VirtualLocation"] == "schema:VirtualLocation"


def test_pictures_come_first_among_attachments() -> None:
    link = Attachment(type="Link", url="https://a.example/", media_type="text/html")
    photo = Attachment.picture("https://a.example/b.png", "image/png", "A bird")
    written = Note(content="x", attachments=(link, photo)).document()
    assert [one["type"] for one in written["attachment"]] == ["Image", "Link"]
    assert written["attachment"][0]["summary"] == "A bird"


def test_want_asks_and_names_its_price() -> None:
    want = Proposal(
        id=f"{HUB}/wants/1",
        purpose="request",
        content="<p><strong>Wanted: ladder</strong></p>",
        publishes=Intent(name="Ladder", action="deliverService"),
        reciprocal=Intent(id=f"{HUB}/wants/1#reciprocal", quantity="5", unit="EUR"),
        unit_based=True,
    )
    written = want.document()
    assert (written["purpose"], written["unitBased"]) == ("request", True)
    price = written["reciprocal"]["resourceQuantity"]
    assert price == {"hasUnit": "EUR", "hasNumericalValue": "5"}


def test_place_of_a_directory_has_address_and_lines() -> None:
    place = Place(
        id=f"{HUB}/places/1",
        attributed_to=f"{HUB}/actors/places",
        name="Library",
        street="Main 1",
        region="NRW",
        latitude=50.0,
        longitude=6.0,
        fields=(Field(name="Opening hours", value="Mo 9-12"),),
        to=(PUBLIC,),
    )
    written = place.document(context=True)
    assert written["type"] == "Place"
    assert written["address"]["addressRegion"] == "NRW"
    assert written["attachment"] == [
        {"type": "PropertyValue", "name": "Opening hours", "value": "Mo 9-12"}
    ]
    terms = written["@context"][1]
    assert terms["schema"] == "http://schema.org/"
    assert terms["PropertyValue"] == "http://schema.org#PropertyValue"


def test_organisation_without_inbox_is_an_object() -> None:
    value = Organization(id=f"{HUB}/organisations/1", name="Linden e.V.")
    assert parse(through_json(value.document(context=True))) == value


def test_tombstone_names_what_it_was() -> None:
    stone = Tombstone(
        id=f"{HUB}/events/1", former_type="Event", deleted=datetime(2026, 1, 2, tzinfo=UTC)
    )
    assert stone.document(context=True) == {
        "@context": AS2,
        "id": f"{HUB}/events/1",
        "type": "Tombstone",
        "formerType": "Event",
        "deleted": "2026-01-02T00:00:00Z",
    }


def test_create_embeds_the_object_and_one_context_for_both() -> None:
    create = Create(
        id=f"{HUB}/events/01J7#create",
        actor=f"{HUB}/actors/events",
        object=event(),
        to=(PUBLIC,),
        cc=(f"{HUB}/actors/events/followers",),
        published=datetime(2026, 8, 20, 9, tzinfo=UTC),
    )
    golden = json.loads(EVENT_JSON)
    contexts = golden.pop("@context")
    assert through_json(create.document(context=True)) == {
        # The proof of a public activity needs its terms too (FEP-8b32).
        "@context": [contexts[0], DATA_INTEGRITY, contexts[1]],
        "id": f"{HUB}/events/01J7#create",
        "type": "Create",
        "actor": f"{HUB}/actors/events",
        "object": golden,
        "published": "2026-08-20T09:00:00Z",
        "to": [PUBLIC],
        "cc": [f"{HUB}/actors/events/followers"],
    }


def test_update_of_an_actor_embeds_it() -> None:
    written = Update(actor=f"{HUB}/actors/events", object=actor(), to=(PUBLIC,)).document(
        context=True
    )
    assert written["object"]["inbox"] == f"{HUB}/actors/events/inbox"
    assert "https://w3id.org/security/v1" in written["@context"]


def test_delete_carries_the_tombstone() -> None:
    delete = Delete(
        id=f"{HUB}/events/1#delete",
        actor=f"{HUB}/actors/events",
        object=Tombstone(id=f"{HUB}/events/1", former_type="Event"),
        to=(PUBLIC,),
    )
    assert delete.document() == {
        "id": f"{HUB}/events/1#delete",
        "type": "Delete",
        "actor": f"{HUB}/actors/events",
        "object": {"id": f"{HUB}/events/1", "type": "Tombstone", "formerType": "Event"},
        "to": [PUBLIC],
        "cc": [],
    }
    assert delete.object_id == f"{HUB}/events/1"


@pytest.mark.parametrize("answer", [Accept, Reject, Ignore])
def test_answer_embeds_the_follow_in_brief(answer: type[Accept | Reject | Ignore]) -> None:
    written = answer(
        id=f"{HUB}/answers/1", actor=f"{HUB}/actors/events", object=FOLLOW, to=(FOLLOW.actor,)
    ).document(context=True)
    assert written == {
        "@context": AS2,
        "id": f"{HUB}/answers/1",
        "type": answer.__name__,
        "actor": f"{HUB}/actors/events",
        "object": {
            "id": "https://peer.example/follows/1",
            "type": "Follow",
            "actor": "https://peer.example/users/ann",
            "object": f"{HUB}/actors/events",
        },
        "to": ["https://peer.example/users/ann"],
        "cc": [],
    }


def test_undo_embeds_the_whole_original() -> None:
    written = Undo(actor=FOLLOW.actor, object=FOLLOW).document()
    assert written["object"] == FOLLOW.document()


def test_announce_names_only_the_id() -> None:
    announce = Announce(
        id=f"{HUB}/announces/1",
        actor=f"{HUB}/actors/relay",
        object=f"{HUB}/events/1",
        to=(PUBLIC,),
        cc=(f"{HUB}/actors/relay/followers",),
    )
    written = announce.document(context=True)
    assert written["object"] == f"{HUB}/events/1"
    assert written["@context"] == [AS2, DATA_INTEGRITY]


def test_report_lists_what_it_is_about() -> None:
    flag = Flag(actor=f"{HUB}/actors/relay", objects=("https://a.example/1",), content="Spam")
    written = flag.document()
    assert (written["object"], written["content"]) == (["https://a.example/1"], "Spam")
    assert flag.object_id is None


def test_join_brings_its_message() -> None:
    join = Join(actor="https://a.example/u", object=f"{HUB}/events/1", message="I bring cake")
    assert join.document()["participationMessage"] == "I bring cake"
    assert parse(join.document()) == join


def test_agreement_stipulates_a_commitment() -> None:
    agreement = Agreement(
        id=f"{HUB}/agreements/1",
        stipulates=Commitment(satisfies=f"{HUB}/offers/1#primary", quantity="1"),
    )
    assert parse(through_json(agreement.document())) == agreement


def test_poll_is_written_with_its_answers() -> None:
    poll = Question(
        id=f"{HUB}/polls/1", content="When?", options=(Option(name="Mon", votes=2),), voters=2
    )
    assert parse(through_json(poll.document())) == poll


def test_ap_62_hidden_recipients_have_no_place_in_any_value() -> None:
    received = parse(
        {"type": "Create", "actor": HUB, "object": f"{HUB}/1", "bto": [HUB], "bcc": [HUB]}
    )
    assert not {"bto", "bcc"} & set(received.document())


@pytest.mark.parametrize("spelling", [PUBLIC, "as:Public", "Public"])
def test_every_spelling_of_the_public_is_known(spelling: str) -> None:
    assert is_public(spelling)
    note = parse({"type": "Note", "to": spelling})
    assert isinstance(note, Note)
    assert note.to == (PUBLIC,)
