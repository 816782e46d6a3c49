"""What holds for every document: refused or read, and what we write is read back as it was."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.errors import FederationError, MalformedDocument
from federation.vocab import activities as acts
from federation.vocab.actors import Actor, Capability
from federation.vocab.base import Attachment, Field, Place, Tag, VirtualLocation
from federation.vocab.names import AS2, CATEGORIES, EVENT_STATUSES, PUBLIC
from federation.vocab.objects import (
    Article,
    Event,
    Media,
    Note,
    Option,
    Organization,
    Page,
    Question,
    Tombstone,
)
from federation.vocab.parse import Value, loads, parse
from federation.vocab.proposals import Agreement, Commitment, Intent, Proposal

# -------------------------------------------------------------------- any JSON at all

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            PUBLIC,
            AS2,
            "https://a.example/1",
            "2026-01-01T00:00:00Z",
            "\ud800",
            "a\0b",
            "<b",
            "1e400",
        ]
    )
)
_MEMBERS = """
@context id type actor object target result instrument attributedTo inReplyTo to cc
audience content contentMap summary name nameMap url href mediaType icon image attachment
tag location address latitude longitude geo startTime endTime published updated timezone
eventStatus status joinMode category organizers items publishes purpose reciprocal
resourceQuantity hasUnit hasNumericalValue flohmarkt:data coordinates price oneOf anyOf
replies totalItems endpoints sharedInbox publicKey publicKeyPem assertionMethod
publicKeyMultibase inbox webfinger preferredUsername alsoKnownAs generator implements
formerType deleted stipulates satisfies focalPoint blurhash language note quote superEvent
maximumAttendeeCapacity attendees participantCount value
"""
_KINDS = """
Note Event Article Page Place Question Video Person Organization Application Proposal
Intent ValueFlows:Offer Agreement Tombstone Create Update Delete Follow Accept Undo
Announce Flag Join Add Move Image Link Hashtag Mention PropertyValue VirtualLocation
Unheard
"""
NAMES = st.sampled_from(_MEMBERS.split())
TYPES = st.sampled_from(_KINDS.split())


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    things = st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=8)
    typed = st.builds(lambda thing, kind: {**thing, "type": kind}, things, TYPES)
    return st.lists(inner, max_size=4) | things | typed


JSON = st.recursive(SCALARS, containers, max_leaves=25)


def read(document: Any) -> Value | None:
    """The value, or None if it is refused; what is read must be writable and storable."""
    try:
        value = parse(document)
    except FederationError:
        return None
    orjson.dumps(value.document(context=True))
    return value


@given(JSON)
@settings(max_examples=120)
def test_c3_any_json_is_read_or_refused(document: Any) -> None:
    read(document)


@given(st.dictionaries(NAMES, JSON, max_size=12), TYPES)
@settings(max_examples=120)
def test_c3_any_object_with_a_type_is_read_or_refused(document: dict[str, Any], kind: str) -> None:
    read({**document, "type": kind})
    base = {
        "id": "https://a.example/1",
        "actor": "https://a.example/2",
        "inbox": "https://a.example/3",
    }
    read({**document, **base, "type": kind})


@given(st.binary(max_size=200))
@settings(max_examples=80)
def test_c1_any_bytes_are_loaded_or_refused(body: bytes) -> None:
    try:
        loads(body)
    except MalformedDocument:
        return


@given(JSON)
@settings(max_examples=80)
def test_what_is_loaded_is_what_was_sent(document: Any) -> None:
    try:
        body = orjson.dumps({"@context": AS2, "a": document})
    except TypeError:
        return
    try:
        found = loads(body)
    except MalformedDocument:
        return
    assert found == orjson.loads(body)


# ---------------------------------------------------------------- values that we write

HOSTS = st.sampled_from(["https://a.example", "https://hub.example:8443", "http://127.0.0.1:8001"])
URIS = st.builds("{}/{}".format, HOSTS, st.from_regex(r"[a-z0-9/_#?=.~-]{1,20}", fullmatch=True))
LINES = st.from_regex(r"[A-Za-z0-9äßñ§・'&;.,:-]{1,12}( [A-Za-z0-9äßñ]{1,8}){0,2}", fullmatch=True)
HTML = st.from_regex(r"<p>[A-Za-z0-9 &;äöü…·\n]{1,40}</p>", fullmatch=True)
ZONES = st.sampled_from(
    [UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=9, minutes=30))]
)
MOMENTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - the zone comes beside it
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=ZONES,
)
NUMBERS = st.from_regex(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,3})?", fullmatch=True)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def several(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3, unique=True).map(tuple)


ADDRESSEES = several(URIS | st.just(PUBLIC))
PICTURES = st.builds(
    Attachment,
    type=st.sampled_from(["Image", "Document"]),
    url=URIS,
    media_type=st.sampled_from(["image/png", "image/webp"]),
    name=maybe(LINES),
    summary=maybe(LINES),
    width=maybe(st.integers(0, 10_000)),
    height=maybe(st.integers(0, 10_000)),
    focal_point=maybe(st.tuples(st.floats(-1, 1), st.floats(-1, 1))),
    blurhash=maybe(st.just("UBL_:rOpGG-oBUNG,qRj")),
)
LINKS = st.builds(
    Attachment, type=st.just("Link"), url=URIS, media_type=st.just("text/html"), name=maybe(LINES)
)
ATTACHMENTS = st.builds(
    lambda pictures, links: (*pictures, *links), several(PICTURES), several(LINKS)
)
TAGS = several(
    st.builds(Tag, type=st.just("Hashtag"), name=LINES.map("#{}".format), href=maybe(URIS))
    | st.builds(Tag, type=st.just("Mention"), name=LINES.map("@{}".format), href=URIS)
)
DEGREES = {"latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180)}
ADDRESS = {
    name: maybe(LINES) for name in ("street", "postal_code", "locality", "region", "country")
}
PLACES = st.builds(Place, id=maybe(URIS), name=LINES, url=maybe(URIS), **DEGREES, **ADDRESS)
ONLINE = st.builds(VirtualLocation, name=maybe(LINES), url=URIS)
FIELDS = several(st.builds(Field, name=LINES, value=HTML))


def common(**others: Any) -> dict[str, Any]:
    published = datetime(1990, 1, 1, tzinfo=UTC)
    return {
        "id": URIS,
        "summary": maybe(HTML),
        "attributed_to": maybe(URIS),
        "url": maybe(URIS),
        "in_reply_to": maybe(URIS),
        "context": maybe(URIS),
        "published": st.just(published),
        "updated": maybe(MOMENTS.filter(lambda at: at >= published)),
        "to": ADDRESSEES,
        "cc": ADDRESSEES,
        "audience": ADDRESSEES,
        "attachments": ATTACHMENTS,
        "tags": TAGS,
        "image": maybe(PICTURES),
        "replies": maybe(URIS),
        "quote": maybe(URIS),
        "sensitive": st.booleans(),
        **others,
    }


SPOKEN = {"content": HTML, "language": maybe(st.sampled_from(["en", "de", "pt-BR"]))}
TIMES = {"start_time": maybe(MOMENTS), "end_time": maybe(MOMENTS)}
WHERE = {"location": maybe(PLACES)}
NAMED = {"name": maybe(LINES)}

EVENTS = st.builds(
    Event,
    **common(**SPOKEN, **NAMED),
    start_time=MOMENTS,
    end_time=MOMENTS,
    location=maybe(PLACES),
    timezone=maybe(st.sampled_from(["Europe/Berlin", "America/Caracas", "UTC"])),
    display_end_time=st.booleans(),
    event_status=st.sampled_from(EVENT_STATUSES),
    join_mode=maybe(st.sampled_from(["free", "restricted", "external"])),
    external_participation_url=maybe(URIS | st.just("mailto:a@b.example")),
    capacity=maybe(st.integers(0, 5000)),
    attendees=maybe(st.integers(0, 5000)),
    category=maybe(st.sampled_from(sorted(CATEGORIES))),
    is_online=st.booleans(),
    organizers=maybe(several(URIS)),
    previous_start_time=maybe(MOMENTS),
    super_event=maybe(URIS),
) | st.builds(
    Event,
    **common(**SPOKEN, **NAMED),
    start_time=MOMENTS,
    end_time=MOMENTS,
    location=ONLINE,
    is_online=st.just(True),
)
INTENTS = st.builds(
    Intent,
    id=maybe(URIS),
    name=LINES,
    action=st.sampled_from(["transfer", "deliverService"]),
    conforms_to=maybe(URIS),
    quantity=NUMBERS,
    available=maybe(NUMBERS),
    unit=st.sampled_from(["one", "kg", "EUR"]),
)
PROPOSALS = st.builds(
    Proposal,
    **common(**SPOKEN, **WHERE, **TIMES, summary=st.none()),
    purpose=st.sampled_from(["offer", "request"]),
    publishes=INTENTS,
    reciprocal=maybe(INTENTS),
    unit_based=st.booleans(),
)
POLLS = st.builds(
    Question,
    **common(**SPOKEN, **TIMES, **NAMED),
    options=several(st.builds(Option, name=LINES, votes=st.integers(0, 99))),
    multiple=st.booleans(),
    voters=maybe(st.integers(0, 99)),
)
COMMITMENTS = st.builds(Commitment, id=maybe(URIS), satisfies=URIS, quantity=NUMBERS)
OBJECTS = st.one_of(
    EVENTS,
    PROPOSALS,
    POLLS,
    st.builds(Note, **common(**SPOKEN, **WHERE, **TIMES)),
    st.builds(Article, **common(**SPOKEN, **WHERE, **TIMES, **NAMED)),
    st.builds(Page, **common(**SPOKEN, **NAMED)),
    st.builds(Media, **common(**SPOKEN, **NAMED), type=st.sampled_from(["Video", "Image"])),
    st.builds(Place, **common(**SPOKEN, **NAMED), **DEGREES, **ADDRESS, fields=FIELDS),
    st.builds(Organization, **common(**SPOKEN, **NAMED, **WHERE), fields=FIELDS),
    st.builds(Agreement, **common(), stipulates=COMMITMENTS, reciprocal=maybe(COMMITMENTS)),
)
TOMBSTONES = st.builds(
    Tombstone, id=URIS, former_type=maybe(st.just("Event")), deleted=maybe(MOMENTS)
)
ACTORS = st.builds(
    Actor,
    type=st.sampled_from(["Person", "Service", "Group", "Application", "Organization"]),
    id=URIS,
    preferred_username=st.from_regex(r"[a-z0-9_]{1,30}", fullmatch=True),
    inbox=URIS,
    webfinger=maybe(st.just("events@hub.example:8443")),
    name=maybe(LINES),
    summary=maybe(HTML),
    url=maybe(URIS),
    outbox=maybe(URIS),
    followers=maybe(URIS),
    following=maybe(URIS),
    featured=maybe(URIS),
    upcoming=maybe(URIS),
    shared_inbox=maybe(URIS),
    icon=maybe(PICTURES),
    image=maybe(PICTURES),
    public_key_pem=maybe(st.just("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n")),
    ed25519_multibase=maybe(st.just("z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd")),
    manually_approves=st.booleans(),
    discoverable=st.booleans(),
    indexable=st.booleans(),
    attribution_domains=several(st.sampled_from(["a.example", "b.example:8443"])),
    also_known_as=several(URIS),
    moved_to=maybe(URIS),
    generator=maybe(URIS),
    implements=several(st.builds(Capability, href=URIS, name=LINES)),
    published=maybe(MOMENTS),
    updated=maybe(MOMENTS),
    fields=FIELDS,
    tags=TAGS,
    location=maybe(PLACES),
)


def activity(kind: type[acts.Activity], **others: Any) -> st.SearchStrategy[acts.Activity]:
    return st.builds(
        kind,
        id=maybe(URIS),
        actor=URIS,
        target=maybe(URIS),
        content=maybe(HTML),
        to=ADDRESSEES,
        cc=ADDRESSEES,
        audience=ADDRESSEES,
        published=maybe(MOMENTS),
        **others,
    )


FOLLOWS = activity(acts.Follow, object=URIS | st.just(PUBLIC))
BRIEF = st.builds(acts.Follow, id=URIS, actor=URIS, object=URIS)
ACTIVITIES = st.one_of(
    FOLLOWS,
    activity(acts.Create, object=OBJECTS, result=maybe(URIS)),
    activity(acts.Update, object=OBJECTS | ACTORS),
    activity(acts.Delete, object=TOMBSTONES | URIS),
    activity(acts.Accept, object=BRIEF, result=maybe(URIS)),
    activity(acts.Reject, object=URIS),
    activity(acts.Undo, object=FOLLOWS),
    activity(acts.Announce, object=URIS | activity(acts.Like, object=URIS)),
    activity(acts.Flag, objects=several(URIS)),
    activity(acts.Join, object=URIS, message=maybe(HTML)),
    activity(acts.QuoteRequest, object=URIS, instrument=URIS),
    *(
        activity(kind, object=URIS)
        for kind in (
            acts.Like,
            acts.Dislike,
            acts.EmojiReact,
            acts.Add,
            acts.Remove,
            acts.Block,
            acts.Move,
            acts.Leave,
            acts.Ignore,
            acts.Offer,
            acts.Invite,
            acts.View,
        )
    ),
)
VALUES = OBJECTS | ACTORS | TOMBSTONES | ACTIVITIES


@given(VALUES)
@settings(max_examples=120)
def test_what_we_write_is_read_back_as_it_was(value: Value) -> None:
    body = orjson.dumps(value.document(context=True))
    assert parse(loads(body)) == value


@given(VALUES)
@settings(max_examples=80)
def test_what_we_write_is_plain(value: Value) -> None:
    written = value.document()
    assert isinstance(written["type"], str)
    for name in ("id", "actor", "attributedTo", "inReplyTo", "url"):
        assert isinstance(written.get(name, ""), str)
    if not isinstance(value, Actor | Tombstone):
        assert isinstance(written["to"], list)
        assert isinstance(written["cc"], list)
    assert None not in written.values()
    assert "bto" not in written
    assert "bcc" not in written


# ------------------------------------------------------------------- real ones, bent


def spots(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each place in a document."""
    found = [path] if path else []
    children: list[tuple[Any, Any]] = []
    if isinstance(document, dict):
        children = list(document.items())
    elif isinstance(document, list):
        children = list(enumerate(document))
    for key, inner in children:
        found += spots(inner, (*path, key))
    return found


def bent(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a document with another value in one place."""
    copied = copy.deepcopy(document)
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied


@given(st.data())
@settings(max_examples=120)
def test_c3_real_document_with_strange_parts_is_read_or_refused(data: st.DataObject) -> None:
    document = data.draw(VALUES).document(context=True)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(spots(document)))
        document = bent(document, path, data.draw(JSON))
    read(document)
    try:
        body = orjson.dumps(document)
    except TypeError:
        return
    try:
        loads(body)
    except MalformedDocument:
        return
