"""What other servers send, in the shapes in which each of them writes (PROTOCOL §3.1–3.5).

`{home}` stands for the origin of the server, `{author}` for the actor that sends, `{hub}` for us.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Document = dict[str, Any]
PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
AS2: Final = "https://www.w3.org/ns/activitystreams"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An object in a Create, and what becomes of it here.

    `kind` is the list in which it stands then, `shown` members of its entry; `refused` is the
    beginning of why it is not kept. `activity` are members of the activity around it.
    """

    thing: Document
    kind: (
        Literal["events", "offers", "wants", "news", "places", "organisations", "replies"] | None
    ) = None
    shown: Document = field(default_factory=dict)
    refused: str = ""
    activity: Document = field(default_factory=dict)


def _thing(kind: str, **members: Any) -> Document:
    return {
        "id": "{home}/objects/1",
        "type": kind,
        "attributedTo": "{author}",
        "to": [PUBLIC],
        "cc": ["{author}/followers"],
        "published": "2026-05-01T10:00:00Z",
        **members,
    }


_START: Final = "2040-09-15T15:00:00+02:00"
_SHOWN: Final = {"starts_at": _START, "ends_at": "2040-09-15T18:00:00+02:00"}

_MASTODON: Final[Document] = {
    "summary": None,
    "inReplyTo": None,
    "url": "{home}/@ada/1",
    "sensitive": False,
    "atomUri": "{home}/objects/1",
    "inReplyToAtomUri": None,
    "conversation": "tag:town.example,2026-05-01:objectId=1:objectType=Conversation",
    "content": "<p>Is there coffee?</p>",
    "contentMap": {"en": "<p>Is there coffee?</p>"},
    "attachment": [],
    "tag": [],
    "replies": {
        "id": "{home}/objects/1/replies",
        "type": "Collection",
        "first": {"type": "CollectionPage", "partOf": "{home}/objects/1/replies", "items": []},
    },
    "likes": {"id": "{home}/objects/1/likes", "type": "Collection", "totalItems": 0},
}

_MOBILIZON: Final = _thing(
    "Event",
    actor="{author}",
    name="Repair café",
    content="<p>Come &amp; mend</p>",
    mediaType="text/html",
    startTime=_START,
    endTime="2040-09-15T18:00:00+02:00",
    timezone="Europe/Berlin",
    updated="2026-05-02T10:00:00Z",
    uuid="0190aaaa-0000-4000-8000-000000000001",
    url="{home}/events/0190aaaa-0000-4000-8000-000000000001",
    inLanguage="de",
    category="WORKSHOPS",
    joinMode="free",
    status=None,
    anonymousParticipationEnabled=True,
    commentsEnabled=True,
    draft=False,
    isOnline=False,
    maximumAttendeeCapacity=30,
    participantCount=2,
    remainingAttendeeCapacity=28,
    repliesModerationOption="allow_all",
    location={
        "id": "{home}/address/1",
        "type": "Place",
        "name": "Linden yard",
        "url": None,
        "address": {
            "type": "PostalAddress",
            "streetAddress": "Lindenstr. 4",
            "postalCode": "50674",
            "addressLocality": "Köln",
            "addressRegion": "Nordrhein-Westfalen",
            "addressCountry": "Germany",
        },
        "latitude": 50.9345,
        "longitude": 6.9391,
    },
    attachment=[
        {"type": "Link", "href": "{home}/info", "mediaType": "text/html", "name": "Website"},
        {
            "type": "Document",
            "mediaType": "image/webp",
            "name": "Banner",
            "url": "{home}/banner.webp",
            "blurhash": "UBL_:rOpGG-oBUNG,qRj",
            "width": 1200,
            "height": 600,
        },
        {
            "type": "PropertyValue",
            "propertyID": "mz:accessibility:wheelchairAccessible",
            "name": "Wheelchair accessible",
            "value": "fully",
        },
    ],
    tag=[{"type": "Hashtag", "name": "#repair", "href": "{home}/tags/repair"}],
    **{"ical:status": "CONFIRMED"},
)

_GANCIO: Final = _thing(
    "Event",
    name="Concert",
    url="{home}/event/concert",
    startTime="2040-09-15T15:00:00.000+02:00",
    endTime="2040-09-15T18:00:00.000+02:00",
    location={
        "id": "{home}/federation/p/1",
        "type": "Place",
        "name": "Squat",
        "address": "Via Roma 1, Torino",
        "latitude": 45,
        "longitude": 7,
    },
    attachment=[
        {
            "type": "Document",
            "mediaType": "image/jpeg",
            "url": "{home}/media/1.jpg",
            "name": "Poster",
            "focalPoint": [0, 0],
        }
    ],
    tag=[{"type": "Hashtag", "name": "#punk", "href": "{home}/tag/punk"}],
    content="<p>Loud</p>",
    summary="<p>Squat, Saturday</p>",
)

_INTENT: Final = {
    "type": "Intent",
    "id": "{home}/objects/1#primary",
    "name": "Ladder",
    "action": "deliverService",
    "resourceQuantity": {"hasUnit": "one", "hasNumericalValue": "1"},
}
_PLACE: Final = {"type": "Place", "name": "Linden", "latitude": 50.934567, "longitude": 6.941234}
_SALE: Final = {
    "flohmarkt:original_id": "1",
    "flohmarkt:name": "Radio",
    "flohmarkt:price": "25",
    "flohmarkt:currency": "EUR",
    "flohmarkt:description": "Works",
    "flohmarkt:coordinates": {"lat": 50.934567, "lon": 6.941234},
}
_IN_REPLY: Final = {"inReplyTo": "{hub}/events/{event}", "tag": []}

LETTERS: Final[dict[str, Letter]] = {
    # ------------------------------------------------------------------ events
    "Mobilizon": Letter(
        thing=_MOBILIZON,
        kind="events",
        shown={
            **_SHOWN,
            "title": "Repair café",
            "timezone": "Europe/Berlin",
            "location": "Linden yard, Lindenstr. 4, 50674 Köln",
            "latitude": 50.9345,
            "tags": ["repair"],
            "url": "{home}/events/0190aaaa-0000-4000-8000-000000000001",
            "image": "{home}/banner.webp",
            "category": "MEETING",
            "capacity": 30,
            "language": "de",
            "status": "scheduled",
        },
    ),
    "Mobilizon, called off": Letter(
        thing={**_MOBILIZON, "ical:status": "CANCELLED"},
        kind="events",
        shown={"title": "Repair café", "status": "cancelled"},
    ),
    "Mobilizon, online": Letter(
        thing={**_MOBILIZON, "location": None, "isOnline": True},
        kind="events",
        shown={"location": "", "online_url": "{home}/info"},
    ),
    "Gancio": Letter(
        thing=_GANCIO,
        kind="events",
        shown={
            **_SHOWN,
            "title": "Concert",
            "location": "Squat, Via Roma 1, Torino",
            "latitude": 45.0,
            "tags": ["punk"],
            "image": "{home}/media/1.jpg",
            "url": "{home}/event/concert",
            "summary": "Squat, Saturday",
        },
    ),
    "Gancio, online": Letter(
        thing={
            **_GANCIO,
            "location": {"type": "Place", "name": "online", "address": {"url": "{home}/room"}},
        },
        kind="events",
        shown={"location": "", "online_url": "{home}/room"},
    ),
    "Gancio, open end": Letter(
        thing={**_GANCIO, "endTime": None}, kind="events", shown={"ends_at": None}
    ),
    "WordPress Event Bridge": Letter(
        thing=_thing(
            "Event",
            name="Lesung & Musik",
            content="<p>Ein Abend</p>",
            contentMap={"de": "<p>Ein Abend</p>"},
            url="{home}/event/lesung/",
            startTime="2040-09-15T15:00:00+02:00",
            endTime="2040-09-15T18:00:00+02:00",
            timezone="+02:00",
            category="BOOK_CLUBS",
            joinMode="external",
            externalParticipationUrl="{home}/event/lesung/",
            status="CONFIRMED",
            commentsEnabled=True,
            location={"type": "Place", "name": "Bücherei", "address": "Markt 2, Köln"},
            attachment=[
                {"type": "Image", "mediaType": "image/jpeg", "url": "{home}/l.jpg", "name": ""}
            ],
            tag=[],
            actor="{author}",
        ),
        kind="events",
        shown={
            **_SHOWN,
            "title": "Lesung & Musik",
            "timezone": "Europe/Berlin",
            "location": "Bücherei, Markt 2, Köln",
            "category": "BOOK_CLUBS",
            "image": "{home}/l.jpg",
            "language": "de",
        },
    ),
    "Friendica": Letter(
        thing=_thing(
            "Event",
            name="Garden day",
            content="<p>Bring a spade</p>",
            summary="Garden day",
            startTime="2040-09-15T13:00:00Z",
            endTime="2040-09-15T16:00:00Z",
            location={"type": "Place", "name": "Allotments", "content": "Allotments"},
            instrument={"type": "Service", "name": "Friendica 'Yellow Archangel'"},
            directMessage=False,
            context="{home}/objects/1#context",
            conversation="{home}/objects/1#context",
            diaspora={"guid": "1"},
            **{"dfrn:adjust": True, "attachment": [], "tag": []},
        ),
        kind="events",
        shown={**_SHOWN, "title": "Garden day", "location": "Allotments"},
    ),
    "Hubzilla": Letter(
        thing=_thing(
            "Event",
            name="Assembly",
            content="All members",
            startTime="2040-09-15T13:00:00Z",
            endTime="2040-09-15T16:00:00Z",
            location=[{"type": "Place", "name": "Hall"}, {"type": "Place", "name": "Annex"}],
            source={"mediaType": "text/bbcode", "content": "All members"},
            tag=[{"type": "topicalCollection", "name": "club", "href": "{home}/c"}],
        ),
        kind="events",
        shown={**_SHOWN, "title": "Assembly", "location": "Hall", "tags": []},
    ),
    "Hubzilla, an Invite": Letter(
        thing=_thing("Event", name="Assembly", startTime=_START),
        activity={"type": "Invite"},
        refused="nothing to do for Invite",
    ),
    "Event without a start": Letter(
        thing=_thing("Event", name="Some day"),
        refused="MalformedDocument: an event that does not start",
    ),
    "Event without a name": Letter(
        thing=_thing("Event", startTime=_START),
        refused="MalformedDocument: an event without a name",
    ),
    # ------------------------------------------------------------------ offers and wants
    "Hub-like Note": Letter(
        thing=_thing("Note", purpose="offer", publishes=_INTENT, content="<p>Three sections</p>"),
        kind="offers",
        shown={"title": "Ladder", "kind": "skill", "content": "<p>Three sections</p>"},
    ),
    "Proposal as a type": Letter(
        thing=_thing("Proposal", purpose="request", publishes=_INTENT, location=_PLACE),
        kind="wants",
        shown={"title": "Ladder", "location": "Linden", "latitude": 50.93, "longitude": 6.94},
    ),
    "Proposal among types": Letter(
        thing={**_thing("Note", purpose="offer", publishes=_INTENT), "type": ["Note", "Proposal"]},
        kind="offers",
        shown={"title": "Ladder"},
    ),
    "Proposal with a prefix": Letter(
        thing=_thing("vf:Proposal", **{"vf:purpose": "request", "vf:publishes": _INTENT}),
        kind="wants",
        shown={"title": "Ladder"},
    ),
    "Epicyon": Letter(
        thing=_thing(
            "Note",
            content="<p>A ladder</p>",
            attachment=[{"type": "Proposal", "purpose": "offer", "publishes": _INTENT}],
        ),
        kind="offers",
        shown={"title": "Ladder"},
    ),
    "Flohmarkt 2024": Letter(
        thing=_thing(
            "Note",
            content="<p>Radio</p>",
            url="{home}/~ada/1",
            attachment=[{"type": "Document", "mediaType": "image/jpeg", "url": "{home}/radio.jpg"}],
            **{"flohmarkt:data": _SALE},
        ),
        kind="offers",
        shown={
            "title": "Radio",
            "mode": "sell",
            "price": "25 €",
            "latitude": 50.93,
            "image": "{home}/radio.jpg",
            "url": "{home}/~ada/1",
        },
    ),
    "Flohmarkt, newer": Letter(
        thing=_thing(
            "Note",
            content="<p>Radio</p>",
            attachment=[
                {
                    "type": "Proposal",
                    "purpose": "offer",
                    "publishes": {**_INTENT, "name": "Radio", "action": "transfer"},
                    "reciprocal": {
                        "type": "Intent",
                        "action": "transfer",
                        "resourceQuantity": {"hasUnit": "EUR", "hasNumericalValue": "25"},
                    },
                    "location": _PLACE,
                }
            ],
        ),
        kind="offers",
        shown={"title": "Radio", "mode": "sell", "price": "25 €", "location": "Linden"},
    ),
    "Bonfire": Letter(
        thing=_thing(
            "ValueFlows:Proposal",
            name="Sewing circle",
            note="<p>I sew, you cook</p>",
            inScopeOf={"id": "{home}/groups/1"},
            eligibleLocation={"type": "SpatialThing", "name": "Yard", "lat": 50.9, "long": 6.9},
            publishes=[
                {
                    "type": "ValueFlows:ProposedIntent",
                    "publishes": {
                        "type": "ValueFlows:Intent",
                        "name": "Sewing",
                        "provider": "{author}",
                        "action": {"label": "deliverService"},
                    },
                }
            ],
        ),
        kind="offers",
        shown={"title": "Sewing", "kind": "skill", "location": "Yard"},
    ),
    "Bonfire, a need": Letter(
        thing=_thing(
            "ValueFlows:Intent",
            name="A lift on Tuesdays",
            note="<p>To the clinic</p>",
            receiver="{author}",
            due="2040-10-01T00:00:00Z",
        ),
        kind="wants",
        shown={
            "title": "A lift on Tuesdays",
            "content": "<p>To the clinic</p>",
            "expires_at": "2040-10-01T02:00:00+02:00",
        },
    ),
    "Listing without words": Letter(
        thing=_thing("Proposal", publishes={"type": "Intent"}),
        refused="MalformedDocument: a listing without words",
    ),
    # ------------------------------------------------------------------ replies
    "Mastodon": Letter(
        thing=_thing("Note", **{**_MASTODON, **_IN_REPLY}),
        kind="replies",
        shown={"content": "<p>Is there coffee?</p>"},
    ),
    "Mastodon, with a warning and a picture": Letter(
        thing=_thing(
            "Note",
            **{
                **_MASTODON,
                **_IN_REPLY,
                "summary": "Food & drink",
                "attachment": [
                    {
                        "type": "Document",
                        "mediaType": "image/jpeg",
                        "url": "{home}/a.jpg",
                        "name": "A cup",
                        "blurhash": "UBL_:rOpGG-oBUNG,qRj",
                        "width": 10,
                        "height": 20,
                    }
                ],
            },
        ),
        kind="replies",
        shown={
            "content": "<p><strong>Food &amp; drink</strong></p><p>Is there coffee?</p>"
            '<p><a href="{home}/a.jpg" rel="nofollow noopener ugc">A cup</a></p>'
        },
    ),
    "Mastodon, a vote": Letter(
        thing=_thing("Note", name="Yes", **_IN_REPLY),
        refused="MalformedDocument: a reply without id or text",
    ),
    "Mastodon, a poll": Letter(
        thing=_thing(
            "Question",
            **_MASTODON,
            oneOf=[
                {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": 1}}
                for name in ("Tea", "Coffee")
            ],
            endTime="2040-01-01T00:00:00Z",
            votersCount=2,
        ),
        refused="nothing to do for Create",
    ),
    "Mastodon, to its followers": Letter(
        thing=_thing("Note", **{**_MASTODON, "to": ["{author}/followers"], "cc": []}),
        refused="Unauthorised: not a reply to anything here",
    ),
    "Mastodon, to everybody": Letter(
        thing=_thing("Note", **_MASTODON), refused="Unauthorised: not a reply to anything here"
    ),
    "GoToSocial": Letter(
        thing=_thing(
            "Note",
            **_IN_REPLY,
            content="<p>I come</p>",
            interactionPolicy={"canReply": {"always": PUBLIC, "approvalRequired": []}},
            to=PUBLIC,
            cc="{author}/followers",
            attachment=[],
        ),
        kind="replies",
        shown={"content": "<p>I come</p>"},
    ),
    "Misskey": Letter(
        thing=_thing(
            "Note",
            **_IN_REPLY,
            content="<p><span>I come</span></p>",
            _misskey_content="I come",
            source={"content": "I come", "mediaType": "text/x.misskeymarkdown"},
            quoteUrl="https://elsewhere.example/1",
            _misskey_quote="https://elsewhere.example/1",
        ),
        kind="replies",
        shown={
            "content": "<p><span>I come</span></p>"
            '<p>RE: <a href="https://elsewhere.example/1" rel="nofollow noopener ugc">'
            "https://elsewhere.example/1</a></p>"
        },
    ),
    "Pleroma": Letter(
        thing=_thing(
            "Note",
            **_IN_REPLY,
            content="I come",
            actor="{author}",
            context="{home}/contexts/1",
            conversation="{home}/contexts/1",
            source="I come",
            emoji={},
            **{"@context": [AS2, "{home}/schemas/litepub-0.1.jsonld", {"@language": "und"}]},
        ),
        kind="replies",
        shown={"content": "I come"},
    ),
    "Lemmy, a comment": Letter(
        thing=_thing(
            "Note",
            **_IN_REPLY,
            content="<p>I come</p>",
            mediaType="text/html",
            source={"content": "I come", "mediaType": "text/markdown"},
            audience="{home}/c/linden",
            distinguished=False,
            language={"identifier": "fr", "name": "Français"},
        ),
        kind="replies",
        shown={"content": "<p>I come</p>"},
    ),
    # ------------------------------------------------------------------ what we do not show
    "Lemmy, a post": Letter(
        thing=_thing(
            "Page",
            name="Look at this",
            content="<p>Well</p>",
            attachment=[{"type": "Link", "href": "https://elsewhere.example/"}],
            audience="{home}/c/linden",
            commentsEnabled=True,
        ),
        refused="nothing to do for Create",
    ),
    "WordPress, an article": Letter(
        thing=_thing("Article", name="News", summary="<p>x</p>", content="<p>x</p>"),
        kind="news",
        shown={"title": "News", "summary": "x"},
    ),
    "PeerTube": Letter(
        thing=_thing(
            "Video",
            name="A film",
            duration="PT60S",
            uuid="0190aaaa-0000-4000-8000-000000000001",
            category={"identifier": "15", "name": "Science"},
            icon=[{"type": "Image", "url": "{home}/t.jpg", "mediaType": "image/jpeg"}],
            url=[
                {"type": "Link", "mediaType": "text/html", "href": "{home}/w/1"},
                {"type": "Link", "mediaType": "application/x-mpegURL", "href": "{home}/1.m3u8"},
            ],
        ),
        refused="nothing to do for Create",
    ),
    "Funkwhale": Letter(
        thing=_thing("Audio", name="A song", url=[{"type": "Link", "href": "{home}/1.ogg"}]),
        refused="nothing to do for Create",
    ),
    "Owncast": Letter(
        thing=_thing(
            "Note",
            content="<p>I am live!</p>",
            attachment=[{"type": "Image", "url": "{home}/preview.gif"}],
            tag=[{"type": "Hashtag", "name": "#live", "href": "https://directory.example/live"}],
        ),
        refused="Unauthorised: not a reply to anything here",
    ),
    "BookWyrm": Letter(
        thing=_thing("Review", name="A book", content="<p>Good</p>", rating=4.0),
        refused="nothing to do for Create",
    ),
    "A place of a directory": Letter(
        thing=_thing("Place", name="Linden yard", latitude=50.9, longitude=6.9),
        kind="places",
        shown={"title": "Linden yard", "latitude": 50.9, "longitude": 6.9},
    ),
    "An organisation without an inbox": Letter(
        thing=_thing("Organization", name="Linden association"),
        kind="organisations",
        shown={"title": "Linden association"},
    ),
}

# AP-55: what is odd in an event is passed over, and the event stays.
ODD_EVENTS: Final[dict[str, tuple[Document, Document]]] = {
    "several locations": (
        {"location": [{"type": "Moon"}, {"type": "Place", "name": "Yard"}]},
        {"location": "Yard"},
    ),
    "an address in one line": (
        {"location": {"type": "Place", "name": "Yard", "address": "Main 1, Köln"}},
        {"location": "Yard, Main 1, Köln"},
    ),
    "a location that is a text": ({"location": "At the well"}, {"location": "At the well"}),
    "schema:Place": (
        {"location": {"type": "schema:Place", "name": "Yard"}},
        {"location": "Yard"},
    ),
    "no end": ({"endTime": None}, {"ends_at": None}),
    "an end before the start": ({"endTime": "2040-09-14T00:00:00Z"}, {"ends_at": None}),
    "whole degrees": (
        {"location": {"type": "Place", "name": "Yard", "latitude": 51, "longitude": 7}},
        {"latitude": 51.0, "longitude": 7.0},
    ),
    "no coordinates": ({"location": {"type": "Place", "name": "Yard"}}, {"latitude": None}),
    "an unknown category": ({"category": "SAUNA"}, {"category": "MEETING"}),
    "several categories": ({"category": ["MUSIC", "ARTS"]}, {"category": "MUSIC"}),
    "joinMode none": ({"joinMode": "none"}, {"title": "Repair café"}),
    "no zone": ({"timezone": None}, {"timezone": "Europe/Berlin"}),
    "an unknown zone": ({"timezone": "Europe/Linden"}, {"timezone": "Europe/Berlin"}),
    "a time without an offset": (
        {"startTime": "2040-09-15T15:00:00", "endTime": None, "timezone": "Europe/Berlin"},
        {"starts_at": "2040-09-15T15:00:00+02:00"},
    ),
    "several types": ({"type": ["Event", "Note"]}, {"title": "Repair café"}),
    "one attachment, no list": (
        {"attachment": {"type": "Image", "url": "{home}/p.png"}},
        {"image": "{home}/p.png"},
    ),
    "a picture in image": (
        {"attachment": [], "image": {"type": "Image", "url": "{home}/p.png"}},
        {"image": "{home}/p.png"},
    ),
    "a page among several links": (
        {"url": [{"type": "Link", "mediaType": "text/html", "href": "{home}/page"}]},
        {"url": "{home}/page"},
    ),
}
EVENT: Final = _MOBILIZON
