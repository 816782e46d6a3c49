"""The names that stand in documents: addresses, contexts, types, limits.

Everything that comes from FEP-8a8e (events) and FEP-0837 (proposals), both drafts, is named here
and read in one mapper each, so that a change of a draft is a change of one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Document = dict[str, Any]
"""A JSON object as it stands on the wire."""

AS2: Final = "https://www.w3.org/ns/activitystreams"
PUBLIC: Final = AS2 + "#Public"
SECURITY: Final = "https://w3id.org/security/v1"
DATA_INTEGRITY: Final = "https://w3id.org/security/data-integrity/v1"
DID: Final = "https://www.w3.org/ns/did/v1"
MULTIKEY: Final = "https://w3id.org/security/multikey/v1"

_PUBLIC_SPELLINGS: Final = frozenset({PUBLIC, "as:Public", "Public"})

PREFIXES: Final[Mapping[str, str]] = {
    "toot": "http://joinmastodon.org/ns#",
    "schema": "http://schema.org/",
    "ev": "https://w3id.org/fep/8a8e/",
    "ical": "http://www.w3.org/2002/12/cal/ical#",
    "mz": "https://joinmobilizon.org/ns#",
    "gts": "https://gotosocial.org/ns#",
    "vf": "https://w3id.org/valueflows/ont/vf#",
    "om2": "http://www.ontology-of-units-of-measure.org/resource/om-2/",
}
"""Short forms used by `TERMS`, in the order in which they are written."""

_ID: Final = "@id"

TERMS: Final[Mapping[str, str | Mapping[str, str]]] = {
    # ActivityStreams terms that its context forgot.
    "Hashtag": "as:Hashtag",
    "sensitive": "as:sensitive",
    "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
    "movedTo": {"@id": "as:movedTo", "@type": _ID},
    "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": _ID},
    # Mastodon.
    "discoverable": "toot:discoverable",
    "indexable": "toot:indexable",
    "featured": {"@id": "toot:featured", "@type": _ID},
    "attributionDomains": {"@id": "toot:attributionDomains", "@container": "@set"},
    "focalPoint": {"@id": "toot:focalPoint", "@container": "@list"},
    "blurhash": "toot:blurhash",
    "votersCount": "toot:votersCount",
    # Fields of a profile. A whole IRI, because Mastodon's `schema` ends in another character.
    "PropertyValue": "http://schema.org#PropertyValue",
    "value": "http://schema.org#value",
    # FEP-2c59, FEP-8a8e, FEP-844e.
    "webfinger": "https://purl.archive.org/socialweb/webfinger#webfinger",
    "upcomingEvents": {"@id": "https://w3id.org/fep/8a8e/upcomingEvents", "@type": _ID},
    "implements": {
        "@id": "https://w3id.org/fep/844e/implements",
        "@type": _ID,
        "@container": "@list",
    },
    # Places.
    "address": "schema:address",
    "PostalAddress": "schema:PostalAddress",
    "streetAddress": "schema:streetAddress",
    "postalCode": "schema:postalCode",
    "addressLocality": "schema:addressLocality",
    "addressRegion": "schema:addressRegion",
    "addressCountry": "schema:addressCountry",
    "VirtualLocation": "schema:VirtualLocation",
    "email": "schema:email",
    "telephone": "schema:telephone",
    "openingHours": "schema:openingHours",
    "owns": "schema:owns",
    "seeks": "schema:seeks",
    "lastReviewed": "schema:lastReviewed",
    # Events (FEP-8a8e, and what Mobilizon and Gancio read).
    "inLanguage": "schema:inLanguage",
    "license": "schema:license",
    "maximumAttendeeCapacity": "schema:maximumAttendeeCapacity",
    "remainingAttendeeCapacity": "schema:remainingAttendeeCapacity",
    "superEvent": {"@id": "schema:superEvent", "@type": _ID},
    "timezone": "ev:timezone",
    "displayEndTime": "ev:displayEndTime",
    "eventStatus": {"@id": "ev:eventStatus", "@type": "@vocab"},
    "EventScheduled": "ev:EventScheduled",
    "EventCancelled": "ev:EventCancelled",
    "EventMovedOnline": "ev:EventMovedOnline",
    "EventPostponed": "ev:EventPostponed",
    "EventRescheduled": "ev:EventRescheduled",
    "EventTentative": "ev:EventTentative",
    "previousStartTime": "ev:previousStartTime",
    "joinMode": "ev:joinMode",
    "externalParticipationUrl": "ev:externalParticipationUrl",
    "organizers": {"@id": "ev:organizers", "@type": _ID},
    "attendees": {"@id": "ev:attendees", "@type": _ID},
    "category": "ev:category",
    "status": "ical:status",
    "isOnline": "mz:isOnline",
    "participantCount": "mz:participantCount",
    "participationMessage": "mz:participationMessage",
    # How one gets in: schema.org's way, and the keys of Mobilizon.
    "amenityFeature": "schema:amenityFeature",
    "LocationFeatureSpecification": "schema:LocationFeatureSpecification",
    "description": "schema:description",
    "mz:accessibility:wheelchairAccessible": "mz:accessibility:wheelchairAccessible",
    "mz:accessibility:live:subtitle": "mz:accessibility:live:subtitle",
    "mz:accessibility:live:sign_language": "mz:accessibility:live:sign_language",
    "mz:accessibility:smokeFree": "mz:accessibility:smokeFree",
    # Offers and wants (FEP-0837).
    "Intent": "vf:Intent",
    "Agreement": "vf:Agreement",
    "Commitment": "vf:Commitment",
    "purpose": "vf:purpose",
    "publishes": "vf:publishes",
    "reciprocal": "vf:reciprocal",
    "unitBased": "vf:unitBased",
    "action": "vf:action",
    # Without its type Fedify, which reads it as an address, fails over the whole document.
    "resourceConformsTo": {"@id": "vf:resourceConformsTo", "@type": _ID},
    "resourceQuantity": "vf:resourceQuantity",
    "availableQuantity": "vf:availableQuantity",
    "stipulates": "vf:stipulates",
    "satisfies": {"@id": "vf:satisfies", "@type": _ID},
    "hasUnit": "om2:hasUnit",
    "hasNumericalValue": "om2:hasNumericalValue",
    # Activities that ActivityStreams does not know.
    "EmojiReact": "http://litepub.social/ns#EmojiReact",
    "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
    # Quotes (FEP-044f), whose policy GoToSocial named first.
    "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": _ID},
    "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
    "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": _ID},
    "canQuote": {"@id": "gts:canQuote", "@type": _ID},
    "automaticApproval": {"@id": "gts:automaticApproval", "@type": _ID},
    "interactingObject": {"@id": "gts:interactingObject", "@type": _ID},
    "interactionTarget": {"@id": "gts:interactionTarget", "@type": _ID},
}
"""Every term of ours that the ActivityStreams context does not define, and what it means."""

# An offer without a price still says, for the next revision, what `reciprocal` would be.
_ALONG: Final[Mapping[str, str]] = {"publishes": "reciprocal"}
_KEY_TERMS: Final = frozenset({"publicKey", "assertionMethod"})
_TERMS_AS_VALUES: Final = frozenset({"type", "eventStatus"})

CATEGORIES: Final = frozenset(
    {
        "ARTS",
        "AUTO_BOAT_AIR",
        "BOOK_CLUBS",
        "BUSINESS",
        "CAUSES",
        "CLIMATE_ENVIRONMENT",
        "COMMUNITY",
        "COMEDY",
        "CRAFTS",
        "CREATIVE_JAM",
        "DIY_MAKER_SPACES",
        "FAMILY_EDUCATION",
        "FASHION_BEAUTY",
        "FESTIVALS",
        "FILM_MEDIA",
        "FOOD_DRINK",
        "GAMES",
        "INCLUSIVE_SPACES",
        "LANGUAGE_CULTURE",
        "LEARNING",
        "LGBTQ",
        "MEETING",
        "MEDITATION_WELLBEING",
        "MOVEMENTS_POLITICS",
        "MUSIC",
        "NETWORKING",
        "OUTDOORS_ADVENTURE",
        "PARTY",
        "PERFORMING_VISUAL_ARTS",
        "PETS",
        "PHOTOGRAPHY",
        "SCIENCE_TECH",
        "SPIRITUALITY_RELIGION_BELIEFS",
        "SPORTS",
        "THEATRE",
        "WORKSHOPS_SKILL_SHARING",
    }
)
"""What an event may be about (FEP-8a8e); an unknown one is read as MEETING."""

EVENT_STATUSES: Final = (
    "EventScheduled",
    "EventCancelled",
    "EventMovedOnline",
    "EventPostponed",
    "EventRescheduled",
    "EventTentative",
)
ACTOR_TYPES: Final = frozenset({"Application", "Group", "Organization", "Person", "Service"})


def is_public(uri: str) -> bool:
    """Whether `uri` means everybody, in any spelling that occurs (ActivityPub §5.6)."""
    return uri in _PUBLIC_SPELLINGS


def _used(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            # The keys of a language map are languages, not terms.
            if not name.endswith("Map"):
                yield from _used(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _used(inner, key)
    elif isinstance(value, str) and key in _TERMS_AS_VALUES:
        yield value


def _prefix(meaning: str | Mapping[str, str]) -> str:
    iri = meaning if isinstance(meaning, str) else meaning["@id"]
    return iri.partition(":")[0]


def context_of(document: Mapping[str, Any], *, proof: bool = False) -> str | list[Any]:
    """The `@context` that gives every term in `document` its meaning, and defines no other.

    `proof` says that an integrity proof will be added to the document (FEP-8b32).
    """
    used = set(_used(dict(document)))
    used |= {other for name, other in _ALONG.items() if name in used}
    contexts: list[Any] = [AS2]
    if used & _KEY_TERMS:
        contexts += [SECURITY, DATA_INTEGRITY, DID, MULTIKEY]
    elif proof:
        contexts.append(DATA_INTEGRITY)
    terms = {name: meaning for name, meaning in TERMS.items() if name in used}
    prefixes = {_prefix(meaning) for meaning in terms.values()}
    if terms:
        short = {name: iri for name, iri in PREFIXES.items() if name in prefixes}
        contexts.append(short | terms)
    return AS2 if contexts == [AS2] else contexts
