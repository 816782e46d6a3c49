"""Documents in the shapes in which peers send them, and what we read in each (AP-55, AP-59)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from federation.errors import UnsupportedType
from federation.vocab.activities import (
    Accept,
    Activity,
    Announce,
    Create,
    Delete,
    EmojiReact,
    Flag,
    Follow,
    Like,
    Undo,
)
from federation.vocab.actors import Actor
from federation.vocab.base import Attachment, Object, Place, VirtualLocation
from federation.vocab.names import PREFIXES, PUBLIC
from federation.vocab.objects import (
    Article,
    Event,
    Media,
    Note,
    Organization,
    Page,
    Question,
    Tombstone,
    UnknownObject,
)
from federation.vocab.parse import parse
from federation.vocab.proposals import Proposal

PEER = "https://peer.example"
AUTHOR = f"{PEER}/users/ann"


def note(**members: Any) -> dict[str, Any]:
    return {"id": f"{PEER}/1", "type": "Note", "attributedTo": AUTHOR, "content": "x", **members}


def an_event(**members: Any) -> Event:
    start = {"startTime": "2026-09-12T15:00:00+02:00"}
    found = parse(note(**{"type": "Event", "name": "Picnic", **start, **members}))
    assert isinstance(found, Event)
    return found


def a_proposal(**members: Any) -> Proposal:
    found = parse(note(**members))
    assert isinstance(found, Proposal)
    return found


def an_object(**members: Any) -> Object:
    found = parse(note(**members))
    assert isinstance(found, Object)
    return found


# --------------------------------------------------------------------------- events (AP-55)


def test_event_with_several_locations_takes_the_first_that_we_can_read() -> None:
    found = an_event(
        location=[
            {"type": "Moon", "name": "Far"},
            {"type": "schema:Place", "name": "Yard", "latitude": 50, "longitude": "6.5"},
            {"type": "VirtualLocation", "url": "https://meet.example/1"},
        ]
    )
    assert found.location == Place(name="Yard", latitude=50.0, longitude=6.5)
    assert found.is_online


@pytest.mark.parametrize(
    "address",
    [
        "Main street 4, Köln",
        {"type": "PostalAddress", "streetAddress": "Main street 4, Köln"},
        {"schema:streetAddress": "Main street 4, Köln"},
        [{"streetAddress": "Main street 4, Köln"}],
    ],
)
def test_address_is_read_as_a_line_or_in_parts(address: object) -> None:
    found = an_event(location={"type": "Place", "name": "Yard", "address": address})
    assert found.location == Place(name="Yard", street="Main street 4, Köln")


def test_country_may_be_an_object_and_a_postal_code_a_number() -> None:
    address = {"addressCountry": {"name": "Germany"}, "postalCode": 50674}
    found = an_event(location={"type": "Place", "address": address})
    assert found.location == Place(country="Germany", postal_code="50674")


def test_location_may_be_a_text_or_an_address_of_a_place() -> None:
    assert an_event(location="At the well").location == Place(name="At the well")
    assert an_event(location=f"{PEER}/places/1").location == Place(id=f"{PEER}/places/1")


def test_location_may_be_a_postal_address_itself() -> None:
    found = an_event(location={"type": "PostalAddress", "addressLocality": "Bonn"})
    assert found.location == Place(locality="Bonn")


def test_gancio_says_online_with_an_address_that_has_a_url() -> None:
    found = an_event(location={"type": "Place", "name": "online", "address": {"url": f"{PEER}/r"}})
    assert found.location == VirtualLocation(name="online", url=f"{PEER}/r")
    assert found.is_online


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(91, 0), (0, 181), ("north", 6), (None, 6), (float("nan"), 6), (True, 6), ([50], 6)],
)
def test_coordinates_that_are_none_are_left_out(latitude: object, longitude: object) -> None:
    place = {"type": "Place", "name": "Yard", "latitude": latitude, "longitude": longitude}
    assert an_event(location=place).location == Place(name="Yard")


def test_event_without_end_place_and_zone_is_read() -> None:
    found = an_event(startTime="2026-09-12T15:00:00")
    assert found.start_time == datetime(2026, 9, 12, 15, tzinfo=UTC)
    assert (found.end_time, found.location, found.timezone) == (None, None, None)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-09-12T15:00:00Z", datetime(2026, 9, 12, 15, tzinfo=UTC)),
        ("2026-09-12T15:00:00.123+02:00", datetime(2026, 9, 12, 13, 0, 0, 123000, tzinfo=UTC)),
        ("2026-09-12", datetime(2026, 9, 12, tzinfo=UTC)),
        ("tomorrow", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        (1_789_000_000, None),
        (None, None),
        (["2026-09-12T15:00:00Z"], None),
    ],
)
def test_moment_is_read_or_left_out(given: object, read: datetime | None) -> None:
    found = an_event(startTime=given).start_time
    assert found == read
    assert found is None or found.astimezone(UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({}, "EventScheduled"),
        ({"eventStatus": "EventCancelled", "status": "CONFIRMED"}, "EventCancelled"),
        ({"eventStatus": "https://schema.org/EventPostponed"}, "EventPostponed"),
        ({"eventStatus": {"id": "ev:EventTentative"}}, "EventTentative"),
        ({"ical:status": "CANCELLED"}, "EventCancelled"),
        ({"status": "tentative"}, "EventTentative"),
        ({"status": 7, "eventStatus": ["EventMovedOnline"]}, "EventMovedOnline"),
        ({"status": "WHO KNOWS"}, "EventScheduled"),
    ],
)
def test_status_is_read_in_every_spelling(members: dict[str, Any], status: str) -> None:
    assert an_event(**members).event_status == status


@pytest.mark.parametrize(
    ("given", "read"),
    [("none", "none"), ("FREE", "free"), ("perhaps", None), (3, None), (None, None)],
)
def test_join_mode_is_read_or_left_open(given: object, read: str | None) -> None:
    assert an_event(joinMode=given).join_mode == read


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("MUSIC", "MUSIC"),
        ("music", "MUSIC"),
        ("SAUNA", "MEETING"),
        (["ARTS", "MUSIC"], "ARTS"),
        (None, None),
        ({}, None),
    ],
)
def test_category_is_a_known_one_or_a_meeting(given: object, read: str | None) -> None:
    assert an_event(category=given).category == read


def test_organisers_are_told_apart_from_nothing_said() -> None:
    listed = {"type": "Collection", "items": [AUTHOR, {"id": f"{PEER}/users/bo"}]}
    assert an_event().organizers is None
    assert an_event(organizers=None).organizers == ()
    assert an_event(organizers={"items": []}).organizers == ()
    assert an_event(organizers=listed).organizers == (AUTHOR, f"{PEER}/users/bo")
    assert an_event(organizers=f"{PEER}/1/organizers").organizers is None


def test_zone_is_one_that_is_known() -> None:
    assert an_event(timezone="Europe/Berlin").timezone == "Europe/Berlin"
    for wrong in ("Europe/Linden", "../../etc/passwd", "", 7):
        assert an_event(timezone=wrong).timezone is None


def test_participation_elsewhere_may_be_a_page_or_a_mail() -> None:
    read = {
        given: an_event(externalParticipationUrl=given).external_participation_url
        for given in (f"{PEER}/join", "mailto:a@b.example", "javascript:alert(1)")
    }
    assert list(read.values()) == [f"{PEER}/join", "mailto:a@b.example", None]


def test_mobilizon_event_is_read_whole() -> None:
    found = an_event(
        actor=AUTHOR,
        attributedTo=f"{PEER}/@group",
        anonymousParticipationEnabled=True,
        maximumAttendeeCapacity=30,
        participantCount=2,
        **{"ical:status": "CONFIRMED", "joinMode": "restricted", "isOnline": True},
        commentsEnabled=True,
        mediaType="text/html",
        content="<p>Come</p>",
        inLanguage="de",
        attachment=[
            {"type": "Document", "mediaType": "image/webp", "name": "Banner", "url": f"{PEER}/b"},
            {"type": "Link", "href": f"{PEER}/info", "mediaType": "text/html", "name": "Website"},
            {"type": "PropertyValue", "propertyID": "mz:metadata", "value": "x", "name": "y"},
        ],
        tag=[{"type": "Hashtag", "name": "#picnic", "href": f"{PEER}/tags/picnic"}],
        to=[PUBLIC],
        cc=[],
    )
    assert found.attributed_to == f"{PEER}/@group"
    assert (found.capacity, found.join_mode, found.language) == (30, "restricted", "de")
    assert [one.name for one in found.attachments] == ["Banner", "Website"]
    assert found.is_online


def test_gancio_event_is_read_whole() -> None:
    found = an_event(
        attachment=[{"type": "Document", "mediaType": "image/jpeg", "url": f"{PEER}/p.jpg"}],
        location={"type": "Place", "name": "Yard", "address": "Main 1", "latitude": 50.5},
        tag=[{"type": "Hashtag", "name": "#music", "href": f"{PEER}/tag/music"}],
        summary="<p>soon</p>",
        endTime=None,
    )
    assert found.location == Place(name="Yard", street="Main 1")
    assert found.attachments[0].media_type == "image/jpeg"


# ------------------------------------------------------------------------ proposals (AP-59)

INTENT = {
    "type": "Intent",
    "id": f"{PEER}/1#primary",
    "name": "Ladder",
    "action": "deliverService",
    "resourceQuantity": {"hasUnit": "one", "hasNumericalValue": "1"},
}


def prefixed(prefix: str, members: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in members.items()}


TERMS = {"purpose": "request", "publishes": INTENT, "unitBased": True}
VF_INTENT = {
    "type": "vf:Intent",
    "id": f"{PEER}/1#primary",
    "name": "Ladder",
    "vf:action": "vf:deliverService",
    "vf:resourceQuantity": {"om2:hasUnit": "om2:one", "om2:hasNumericalValue": 1},
}

# Fedify knows no context for these inside a Create, and writes whole IRIs.
VF, OM2 = PREFIXES["vf"], PREFIXES["om2"]
WHOLE_INTENT = {
    "type": f"{VF}Intent",
    "id": f"{PEER}/1#primary",
    "name": "Ladder",
    f"{VF}action": "deliverService",
    f"{VF}resourceQuantity": {
        "type": f"{OM2}Measure",
        f"{OM2}hasUnit": "one",
        f"{OM2}hasNumericalValue": {"type": "xsd:decimal", "@value": "1"},
    },
}


@pytest.mark.parametrize(
    "members",
    [
        {"type": "Proposal", **TERMS},
        {"type": ["Note", "Proposal"], **TERMS},
        {"type": ["vf:Proposal", "Note"], **TERMS},
        {"type": "ValueFlows:Proposal", **TERMS},
        {"type": "https://w3id.org/valueflows/ont/vf#Proposal", **TERMS},
        {"type": "Note", **TERMS},
        {"type": "Note", **prefixed("vf:", {**TERMS, "publishes": VF_INTENT})},
        {"type": "Proposal", **prefixed("ValueFlows:", {**TERMS, "publishes": [VF_INTENT]})},
        {"type": f"{VF}Proposal", **prefixed(VF, {**TERMS, "publishes": WHOLE_INTENT})},
        {"attachment": [{"type": "Proposal", **TERMS}]},
        {"attachment": {"type": "vf:Proposal", **TERMS}},
    ],
    ids=lambda members: str(members.get("type", "attached"))[:30],
)
def test_want_is_known_in_every_shape(members: dict[str, Any]) -> None:
    found = a_proposal(**members)
    assert (found.purpose, found.unit_based) == ("request", True)
    intent = found.publishes
    assert (intent.id, intent.name) == (f"{PEER}/1#primary", "Ladder")
    assert (intent.action, intent.quantity, intent.unit) == ("deliverService", "1", "one")


def test_flohmarkt_item_is_an_offer_with_its_price() -> None:
    data = {
        "original_id": "1",
        "name": "Radio",
        "price": "25",
        "currency": "EUR",
        "description": "Works",
        "coordinates": {"lat": 50.9, "lon": 6.9},
    }
    found = a_proposal(**{"flohmarkt:data": data})
    assert (found.purpose, found.publishes.name) == ("offer", "Radio")
    assert found.location == Place(latitude=50.9, longitude=6.9)
    assert found.reciprocal is not None
    assert (found.reciprocal.quantity, found.reciprocal.unit) == ("25", "EUR")


@pytest.mark.parametrize("price", ["0", 0, "free", None, {}])
def test_flohmarkt_item_without_price_is_a_gift(price: object) -> None:
    found = a_proposal(**{"flohmarkt:data": {"name": "Radio", "price": price}})
    assert found.reciprocal is None


def test_bonfire_intent_is_an_offer_of_its_own() -> None:
    found = a_proposal(
        type="ValueFlows:Intent",
        name="Sewing",
        content=None,
        note="<p>I sew</p>",
        provider=AUTHOR,
        inScopeOf={"id": f"{PEER}/group"},
        atLocation={"type": "SpatialThing", "name": "Yard", "lat": 50.9, "long": 6.9},
        due="2026-10-01T00:00:00Z",
    )
    assert (found.purpose, found.publishes.name) == ("offer", "Sewing")
    assert (found.summary, found.context) == ("<p>I sew</p>", f"{PEER}/group")
    assert found.location == Place(name="Yard", latitude=50.9, longitude=6.9)
    assert found.end_time == datetime(2026, 10, 1, tzinfo=UTC)


def test_bonfire_intent_with_a_receiver_is_a_want() -> None:
    assert a_proposal(type="vf:Intent", name="Help", receiver=AUTHOR).purpose == "request"
    assert a_proposal(type="ValueFlows:Need", name="Help").purpose == "request"
    assert a_proposal(type="ValueFlows:Offer", name="Help").purpose == "offer"


def test_bonfire_wraps_each_intent_and_marks_the_price() -> None:
    def wrapped(name: str, *, price: bool) -> dict[str, Any]:
        intent = {"type": "ValueFlows:Intent", "name": name}
        return {"type": "ValueFlows:ProposedIntent", "publishes": intent, "reciprocal": price}

    found = a_proposal(
        type="ValueFlows:Proposal",
        publishes=[wrapped("Money", price=True), wrapped("Bike", price=False)],
    )
    assert found.publishes.name == "Bike"
    assert found.reciprocal is not None
    assert found.reciprocal.name == "Money"


def test_title_of_a_proposal_is_its_name_where_the_intent_has_none() -> None:
    assert a_proposal(type="Proposal", name="Bike").publishes.name == "Bike"
    only_id = a_proposal(type="Proposal", name="Bike", publishes=f"{PEER}/i")
    assert (only_id.publishes.id, only_id.publishes.name) == (f"{PEER}/i", "Bike")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("1", "1"),
        ("2.50", "2.50"),
        (3, "3"),
        (0.5, "0.5"),
        ("many", None),
        ([], None),
        (10**400, None),
    ],
)
def test_quantity_is_a_decimal_number(given: object, read: str | None) -> None:
    intent = {**INTENT, "resourceQuantity": {"hasUnit": "one", "hasNumericalValue": given}}
    assert a_proposal(publishes=intent).publishes.quantity == read


# ------------------------------------------------------------------------------ posts


def test_mastodon_note_is_read_whole() -> None:
    found = an_object(
        summary=None,
        inReplyTo=None,
        published="2026-05-01T10:00:00Z",
        url=f"{PEER}/@ann/1",
        to=[PUBLIC],
        cc=[f"{AUTHOR}/followers", "https://hub.example/actors/events"],
        sensitive=True,
        atomUri=f"{PEER}/1",
        conversation="tag:peer.example,2026-05-01:objectId=1",
        content="<p>Hallo</p>",
        contentMap={"de": "<p>Hallo</p>"},
        attachment=[
            {
                "type": "Document",
                "mediaType": "image/jpeg",
                "url": f"{PEER}/a.jpg",
                "name": "A cat",
                "blurhash": "UBL_:rOpGG-oBUNG,qRj",
                "width": 10,
                "height": 20,
                "focalPoint": [0.0, -0.5],
            }
        ],
        tag=[
            {"type": "Mention", "href": "https://hub.example/actors/events", "name": "@events@hub"},
            {"type": "Hashtag", "href": f"{PEER}/tags/cat", "name": "#cat"},
            {"type": "Emoji", "name": ":cat:", "icon": {"type": "Image", "url": f"{PEER}/c.png"}},
        ],
        replies={"id": f"{PEER}/1/replies", "type": "Collection", "first": {}},
    )
    assert (found.language, found.sensitive) == ("de", True)
    assert found.replies == f"{PEER}/1/replies"
    assert [tag.type for tag in found.tags] == ["Mention", "Hashtag", "Emoji"]
    assert found.tags[2].href == f"{PEER}/c.png"
    assert found.attachments[0].focal_point == (0.0, -0.5)


def test_gotosocial_writes_lists_of_one_as_one() -> None:
    found = an_object(
        to=PUBLIC,
        cc=f"{AUTHOR}/followers",
        attachment={"type": "Image", "mediaType": "image/png", "url": f"{PEER}/i.png"},
        tag={"type": "Hashtag", "name": "#one", "href": f"{PEER}/t"},
        attributedTo=[AUTHOR],
    )
    assert (found.to, found.cc) == ((PUBLIC,), (f"{AUTHOR}/followers",))
    assert (len(found.attachments), len(found.tags)) == (1, 1)
    assert found.attributed_to == AUTHOR


def test_misskey_note_brings_its_quote_and_reaction() -> None:
    assert an_object(_misskey_quote=f"{PEER}/q", quoteUrl=f"{PEER}/q").quote == f"{PEER}/q"
    like = parse(
        {"type": "Like", "actor": AUTHOR, "object": f"{PEER}/1", "_misskey_reaction": "🍮"}
    )
    assert isinstance(like, Like)
    assert like.content == "🍮"


def test_pleroma_reaction_bears_its_emoji() -> None:
    found = parse({"type": "EmojiReact", "actor": AUTHOR, "object": f"{PEER}/1", "content": "🔥"})
    assert isinstance(found, EmojiReact)
    assert found.content == "🔥"


def test_lemmy_page_and_its_announcement_are_read() -> None:
    page = note(
        type="Page",
        name="A title",
        audience=f"{PEER}/c/garden",
        language={"identifier": "fr", "name": "Français"},
        attachment=[{"type": "Link", "href": "https://news.example/1"}],
    )
    create = {"type": "Create", "id": f"{PEER}/c/1", "actor": AUTHOR, "object": page, "to": PUBLIC}
    found = parse(
        {"type": "Announce", "id": f"{PEER}/a/1", "actor": f"{PEER}/c/garden", "object": create}
    )
    assert isinstance(found, Announce)
    assert isinstance(found.object, Create)
    inner = found.object.object
    assert isinstance(inner, Page)
    assert (inner.name, inner.language, inner.audience) == ("A title", "fr", (f"{PEER}/c/garden",))
    assert inner.attachments[0].type == "Link"


def test_friendica_instrument_does_not_stand_in_the_way() -> None:
    generator = {"type": "Service", "name": "Friendica", "url": PEER}
    found = parse({"type": "Create", "actor": AUTHOR, "object": note(), "instrument": generator})
    assert isinstance(found, Create)
    assert found.instrument is None


@pytest.mark.parametrize(
    "url",
    [
        f"{PEER}/page",
        [f"{PEER}/page"],
        {"type": "Link", "href": f"{PEER}/page"},
        [
            {"type": "Link", "mediaType": "video/mp4", "href": f"{PEER}/film"},
            {"type": "Link", "mediaType": "text/html", "href": f"{PEER}/page"},
        ],
        ["ftp://peer.example/", None, 7, f"{PEER}/page"],
    ],
)
def test_url_is_read_in_every_form(url: object) -> None:
    assert an_object(url=url).url == f"{PEER}/page"


@pytest.mark.parametrize("url", ["javascript:alert(1)", {}, [], 1, "//x", f"{PEER}/\u202epage"])
def test_url_that_leads_nowhere_is_left_out(url: object) -> None:
    assert an_object(url=url).url is None


def test_content_is_taken_from_its_map_where_it_stands_only_there() -> None:
    found = an_object(content=None, contentMap={"nl": "<p>Hoi</p>", "en": "<p>Hi</p>"})
    assert (found.content, found.language) == ("<p>Hoi</p>", "nl")


def test_most_telling_of_several_types_counts() -> None:
    assert isinstance(parse(note(type=["Note", "Event"])), Event)
    assert isinstance(parse(note(type=["as:Note", "Custom"])), Note)
    assert parse(note(type=["Note", "Event"])).source_type == ("Note", "Event")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "read"),
    [("Article", Article), ("Video", Media), ("Image", Media), ("Place", Place)],
)
def test_other_types_of_posts_are_read(kind: str, read: type[Object]) -> None:
    found = parse(note(type=kind))
    assert isinstance(found, read)
    assert found.type == kind


def test_poll_is_read_with_its_answers() -> None:
    option = {"type": "Note", "name": "Yes", "replies": {"totalItems": 3}}
    found = parse(note(type="Question", oneOf=[option, "x", {"name": 1}], votersCount=3))
    assert isinstance(found, Question)
    assert [(one.name, one.votes) for one in found.options] == [("Yes", 3)]


def test_c8_names_are_plain_text_without_tricks() -> None:
    found = an_object(name="  <b>Repair</b>\n caf\u0065\u0301 \u202egnp.exe\u0007 ")
    assert found.name == "Repair café gnp.exe"


def test_c7_prose_is_cut_and_not_refused() -> None:
    found = an_object(name="n" * 5000, summary="s" * 50_000, content="c" * 300_000)
    assert (len(found.name or ""), len(found.summary or "")) == (2_048, 20_000)
    assert len(found.content or "") == 200_000
    many = an_object(
        tag=[{"type": "Hashtag", "name": f"#t{n}"} for n in range(80)],
        attachment=[{"type": "Image", "url": f"{PEER}/{n}"} for n in range(40)],
        to=[f"{PEER}/u/{n}" for n in range(900)],
    )
    assert (len(many.tags), len(many.attachments), len(many.to)) == (50, 16, 500)


def test_attachment_without_type_of_medium_gets_one() -> None:
    found = an_object(
        attachment=[
            {"type": "Image", "url": f"{PEER}/a.webp?size=1"},
            {
                "type": "Document",
                "url": [{"type": "Link", "href": f"{PEER}/b", "mediaType": "Audio/OGG"}],
            },
            {"type": "Image", "url": f"{PEER}/c"},
            {"type": "Document", "url": f"{PEER}/d", "mediaType": "nonsense"},
            "https://news.example/e",
            {"type": "Image"},
            {"type": "Image", "url": "data:image/png;base64,AAAA"},
            7,
        ]
    )
    assert [one.media_type for one in found.attachments] == [
        "image/webp",
        "audio/ogg",
        "image/jpeg",
        "application/octet-stream",
        "text/html",
    ]


# -------------------------------------------------------------------------- activities


def test_gancio_takes_a_follow_back_without_saying_who() -> None:
    us = "https://hub.example/actors/events"
    follow = {"type": "Follow", "id": f"{PEER}/federation/m/{us}#follow", "object": us}
    found = parse({"type": "Undo", "id": f"{PEER}/u/1", "actor": f"{PEER}/relay", "object": follow})
    assert isinstance(found, Undo)
    assert isinstance(found.object, Follow)
    assert found.object.actor == f"{PEER}/relay"
    assert found.object_id == f"{PEER}/federation/m/{us}#follow"


def test_follow_of_everybody_reaches_a_relay() -> None:
    found = parse({"type": "Follow", "actor": AUTHOR, "object": PUBLIC})
    assert isinstance(found, Follow)
    assert found.object == PUBLIC


@pytest.mark.parametrize(
    "thing", [AUTHOR, {"id": AUTHOR}, [AUTHOR], {"type": "Tombstone", "id": AUTHOR}]
)
def test_deleted_thing_is_an_id_in_any_form(thing: object) -> None:
    found = parse({"type": "Delete", "actor": AUTHOR, "object": thing, "to": [PUBLIC]})
    assert isinstance(found, Delete)
    assert found.object_id == AUTHOR


def test_tombstone_tells_what_it_was() -> None:
    found = parse({"type": "Tombstone", "id": f"{PEER}/1", "formerType": ["as:Event"]})
    assert found == Tombstone(id=f"{PEER}/1", former_type="Event")


def test_accept_may_name_only_the_id_of_the_follow() -> None:
    found = parse({"type": "Accept", "actor": AUTHOR, "object": f"{PEER}/f/1"})
    assert isinstance(found, Accept)
    assert found.object_id == f"{PEER}/f/1"


def test_follow_that_is_accepted_may_be_embedded_without_its_actor() -> None:
    follow = {"type": "Follow", "id": f"{PEER}/f/1", "object": AUTHOR}
    found = parse({"type": "Accept", "actor": AUTHOR, "object": follow})
    assert isinstance(found, Accept)
    assert found.object == f"{PEER}/f/1"


def test_report_names_several_things() -> None:
    found = parse({"type": "Flag", "actor": AUTHOR, "object": [AUTHOR, {"id": f"{PEER}/1"}, 7]})
    assert isinstance(found, Flag)
    assert found.objects == (AUTHOR, f"{PEER}/1")


def test_activity_of_an_unknown_type_is_read_and_does_nothing() -> None:
    found = parse({"type": "Teleport", "actor": AUTHOR, "object": {"type": "Moon"}})
    assert type(found) is Activity
    assert (found.type, type(found.object)) == ("Teleport", UnknownObject)


def test_object_of_an_unknown_type_is_refused_on_its_own_and_kept_inside() -> None:
    with pytest.raises(UnsupportedType):
        parse(note(type="Recipe"))
    found = parse({"type": "Create", "actor": AUTHOR, "object": note(type="Recipe")})
    assert isinstance(found, Create)
    assert isinstance(found.object, UnknownObject)
    assert found.object.type == "Recipe"


def test_proof_is_noticed() -> None:
    activity = {"type": "Like", "actor": AUTHOR, "object": f"{PEER}/1"}
    assert not getattr(parse(activity), "proof_present")  # noqa: B009
    assert getattr(parse({**activity, "proof": {"type": "x"}}), "proof_present")  # noqa: B009


# ------------------------------------------------------------------------------ actors


def an_actor(**members: Any) -> Actor:
    base = {"type": "Person", "id": AUTHOR, "inbox": f"{AUTHOR}/inbox"}
    found = parse({**base, "preferredUsername": "ann", **members})
    assert isinstance(found, Actor)
    return found


def test_mastodon_actor_is_read_whole() -> None:
    found = an_actor(
        name="Ann",
        summary="<p>Me</p>",
        url=f"{PEER}/@ann",
        featured=f"{AUTHOR}/collections/featured",
        endpoints={"sharedInbox": f"{PEER}/inbox"},
        manuallyApprovesFollowers=True,
        publicKey={"id": f"{AUTHOR}#main-key", "owner": AUTHOR, "publicKeyPem": "PEM"},
        attachment=[{"type": "PropertyValue", "name": "Web", "value": "<a>x</a>"}],
        icon={"type": "Image", "mediaType": "image/png", "url": f"{PEER}/i.png"},
        alsoKnownAs=[f"{PEER}/users/old"],
    )
    assert found.shared_inbox == f"{PEER}/inbox"
    assert found.manually_approves
    assert found.public_key_pem == "PEM"
    assert [(line.name, line.value) for line in found.fields] == [("Web", "<a>x</a>")]
    assert found.icon == Attachment(url=f"{PEER}/i.png", media_type="image/png")
    assert found.also_known_as == (f"{PEER}/users/old",)


@pytest.mark.parametrize("uri", ["https://a.example", "https://a.example/@x/", f"{PEER}/?author=1"])
def test_actor_may_live_anywhere(uri: str) -> None:
    assert an_actor(id=uri).id == uri


def test_actor_without_user_name_goes_by_its_handle_or_host() -> None:
    assert an_actor(preferredUsername=None).preferred_username == "peer.example"
    found = an_actor(preferredUsername=None, webfinger="acct:ann@peer.example")
    assert (found.preferred_username, found.webfinger) == ("ann", "ann@peer.example")


def test_key_of_somebody_else_is_not_taken_for_the_actors() -> None:
    keys = [{"owner": f"{PEER}/users/bo", "publicKeyPem": "B"}, {"publicKeyPem": "A"}]
    assert an_actor(publicKey=keys).public_key_pem == "A"


def test_organisation_is_an_actor_only_with_an_inbox() -> None:
    assert isinstance(parse(note(type="Organization", name="Choir")), Organization)
    assert an_actor(type="Organization").type == "Organization"
