"""From a raw request to an activity of which we know who said it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federation import asking
from federation.client import Answer
from federation.errors import (
    FederationError,
    KeyUnavailable,
    MalformedDocument,
    SignatureInvalid,
    SignatureMissing,
    Unreachable,
)
from federation.fetching import Fetcher
from federation.guard import Guard
from federation.signatures import rfc9421
from federation.signatures.digest import content_digest
from federation.signatures.http import Request, Scheme, sign_request
from federation.signatures.keys import PublicKey, SigningKeys, generate_keys
from federation.signatures.proofs import sign_proof
from federation.verification import (
    COOL_OFF,
    KEY_LIFE,
    Ignored,
    KeyGone,
    KeyRing,
    VerifiedActivity,
    Verifier,
)

ORIGIN = "https://hub.example"
INBOX = f"{ORIGIN}/inbox"
ALICE = "https://alice.example/users/alice"
BOB = "https://bob.example/users/bob"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v1"]
TYPES = (
    "Create", "Update", "Delete", "Follow", "Accept", "Reject", "Undo", "Announce", "Like", "Add",
    "Remove", "Block", "Flag", "Move", "Join", "Leave",
)  # fmt: skip


@cache
def _pair(actor: str, generation: int) -> SigningKeys:
    assert generation > 0
    return generate_keys(actor)


def keys(actor: str, generation: int = 1) -> SigningKeys:
    return _pair(actor, generation)


def actor_document(actor: str = ALICE, generation: int = 1, **members: Any) -> dict[str, Any]:
    own = keys(actor, generation)
    return {
        "@context": [CONTEXT[0], "https://w3id.org/security/v1"],
        "id": actor,
        "type": "Person",
        "preferredUsername": "alice",
        "inbox": f"{actor}/inbox",
        "outbox": f"{actor}/outbox",
        "publicKey": {"id": own.rsa_id, "owner": actor, "publicKeyPem": own.public_pem},
        "assertionMethod": [
            {
                "id": own.ed25519_id,
                "type": "Multikey",
                "controller": actor,
                "publicKeyMultibase": own.public_multibase,
            }
        ],
        **members,
    }


@dataclass
class Web:
    """The rest of the network: documents or statuses by URL, and what was asked for."""

    pages: dict[str, Mapping[str, Any] | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def get(
        self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
    ) -> Answer:
        assert headers
        assert limit_bytes > 0
        assert deadline_s > 0
        self.asked.append(url)
        page = self.pages.get(url, 404)
        if page == 0:
            raise Unreachable("nobody there")
        if isinstance(page, int):
            return Answer(page, {}, b"", url)
        return Answer(200, {"content-type": "application/activity+json"}, orjson.dumps(page), url)


@dataclass
class Hub:
    """Our server, as far as verification goes."""

    web: Web = field(default_factory=Web)
    now: datetime = NOW
    known: set[str] = field(default_factory=set)
    relays: set[str] = field(default_factory=set)
    own: dict[str, PublicKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web.pages.setdefault(ALICE, actor_document(ALICE))
        self.web.pages.setdefault(BOB, actor_document(BOB))
        guard = Guard(own_hosts=frozenset({"hub.example"}))
        fetcher = Fetcher(self.web, guard, None, "test/1 (+https://hub.example/)", self.clock)
        self.ring = KeyRing(fetcher, self.clock, local=self._local)
        self.verifier = Verifier(
            self.ring,
            origin=ORIGIN,
            hosts={"hub.example"}.__contains__,
            clock=self.clock,
            is_known_actor=self._is_known,
            is_relay=self._is_relay,
        )

    def clock(self) -> datetime:
        return self.now

    async def _local(self, key_id: str) -> PublicKey | None:
        return self.own.get(key_id)

    async def _is_known(self, actor: str) -> bool:
        return actor in self.known

    async def _is_relay(self, host: str) -> bool:
        return host in self.relays

    async def take(self, request: Request) -> VerifiedActivity | Ignored:
        return await self.verifier.verify(request)

    async def verified(self, request: Request) -> VerifiedActivity:
        found = await self.verifier.verify(request)
        assert isinstance(found, VerifiedActivity), found
        return found


def activity(actor: str = ALICE, type_: str = "Like", **members: Any) -> dict[str, Any]:
    host = actor.partition("/users/")[0]
    return {
        "@context": CONTEXT,
        "id": f"{host}/activities/1",
        "type": type_,
        "actor": actor,
        "object": f"{ORIGIN}/events/1",
        **members,
    }


def posted(
    document: Any,
    signer: SigningKeys | None = None,
    scheme: Scheme = "cavage",
    now: datetime = NOW,
    key_id: str | None = None,
) -> Request:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    own = signer or keys(ALICE)
    headers = sign_request(own, "POST", INBOX, body, scheme=scheme, now=now)
    if key_id is not None:  # the id is not among what draft-cavage signs
        headers["Signature"] = headers["Signature"].replace(own.rsa_id, key_id)
    lowered = tuple((name.lower(), value) for name, value in headers.items())
    return Request("POST", "/inbox", lowered, body)


# The signer is the actor ---------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_an_actor_who_signs_is_believed(scheme: Scheme) -> None:
    hub = Hub()
    found = await hub.verified(posted(activity(), scheme=scheme))
    assert (found.actor, found.signer, found.host) == (ALICE, ALICE, "alice.example")
    assert (found.trust, found.scheme) == ("signer", scheme)
    assert found.activity.type == "Like"
    assert found.document == activity()
    assert orjson.loads(found.body) == activity()
    assert found.actor_document == actor_document()
    assert hub.web.asked == [ALICE]


async def test_a_key_is_fetched_once_for_many_requests() -> None:
    hub = Hub()
    for number in range(5):
        await hub.verified(posted(activity(id=f"https://alice.example/{number}")))
    assert hub.web.asked == [ALICE]


async def test_a_key_is_fetched_again_after_a_day() -> None:
    hub = Hub()
    await hub.verified(posted(activity()))
    hub.now = NOW + KEY_LIFE + timedelta(seconds=1)
    await hub.verified(posted(activity(), now=hub.now))
    assert hub.web.asked == [ALICE, ALICE]


async def test_ap_19_an_ed25519_key_may_sign_requests() -> None:
    hub = Hub()
    body = orjson.dumps(activity())
    headers = {"host": ("hub.example",), "content-digest": (content_digest(body),)}
    message = rfc9421.Message("POST", "https", "hub.example", "/inbox", headers)
    parameters: dict[str, rfc9421.Bare] = {
        "created": int(NOW.timestamp()),
        "keyid": keys(ALICE).ed25519_id,
    }
    inputs, signature = rfc9421.sign(
        keys(ALICE).ed25519, message, ("@method", "@target-uri", "content-digest"), parameters
    )
    lines = [(name, values[0]) for name, values in headers.items()]
    lines += [("signature-input", inputs), ("signature", signature)]
    found = await hub.verified(Request("POST", "/inbox", tuple(lines), body))
    assert found.trust == "signer"


@pytest.mark.parametrize(
    ("actor", "key_id", "page"),
    [
        ("https://a.example/users/b", "https://a.example/users/b/main-key", "stub"),
        ("https://a.example/users/b", "https://a.example/users/b/main-key", "actor"),
        ("https://a.example/?author=1", "https://a.example/?author=1#main-key", "actor"),
        ("https://a.example", "https://a.example#main-key", "actor"),
        ("https://a.example/@b/", "https://a.example/@b/#main-key", "actor"),
        ("https://a.example/b", "https://a.example/b?key", "alone"),
    ],
)
async def test_m6_actors_and_keys_have_every_shape(actor: str, key_id: str, page: str) -> None:
    hub = Hub()
    own = generate_keys(actor)
    key = {"id": key_id, "owner": actor, "publicKeyPem": own.public_pem}
    hub.web.pages[actor] = actor_document(ALICE) | {"id": actor, "publicKey": key}
    if actor == "https://a.example":
        hub.web.pages["https://a.example/"] = hub.web.pages[actor]
    url = key_id.partition("#")[0]
    if page == "stub":  # as GoToSocial serves it to those who do not sign
        hub.web.pages[url] = {"@context": CONTEXT[0], "id": key_id, "publicKey": key}
    elif page == "alone":
        hub.web.pages[url] = {"@context": CONTEXT[0], **key}
    elif url != actor:
        hub.web.pages[url] = hub.web.pages[actor]
    like = activity() | {"actor": actor, "id": "https://a.example/activities/1"}
    found = await hub.verified(posted(like, own, key_id=key_id))
    assert (found.actor, found.trust) == (actor, "signer")


# Keys that change, are gone, or are not what they seem -----------------------------------


async def test_ap_17_a_changed_key_is_fetched_once_and_then_fits() -> None:
    hub = Hub()
    await hub.verified(posted(activity()))
    hub.web.pages[ALICE] = actor_document(generation=2)
    changed = activity(id="https://alice.example/activities/2")
    await hub.verified(posted(changed, keys(ALICE, 2)))
    assert hub.web.asked == [ALICE, ALICE]
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(activity(), keys(ALICE, 1)))
    assert hub.web.asked == [ALICE, ALICE]


async def test_ap_17_forgeries_do_not_make_us_ask_again_within_the_cool_off() -> None:
    hub = Hub()
    await hub.verified(posted(activity()))
    for _ in range(20):
        with pytest.raises(SignatureInvalid):
            await hub.take(posted(activity(), keys(ALICE, 3)))
    assert len(hub.web.asked) == 2
    hub.now = NOW + COOL_OFF
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(activity(), keys(ALICE, 3)))
    assert len(hub.web.asked) == 3


async def test_all_that_wait_for_a_changed_key_get_it_by_one_fetch() -> None:
    hub = Hub()
    await hub.verified(posted(activity()))
    hub.web.pages[ALICE] = actor_document(generation=2)
    requests = [
        posted(activity(id=f"https://alice.example/{number}"), keys(ALICE, 2))
        for number in range(8)
    ]
    await asyncio.gather(*(hub.verified(request) for request in requests))
    assert hub.web.asked == [ALICE, ALICE]


async def test_a14_a_forged_first_request_costs_one_fetch() -> None:
    hub = Hub()
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(activity(), keys(ALICE, 3)))
    assert hub.web.asked == [ALICE]


async def test_a14_unsigned_requests_cost_no_fetch() -> None:
    hub = Hub()
    request = posted(activity())
    bare = replace(request, headers=tuple(h for h in request.headers if h[0] != "signature"))
    for type_ in ("Like", "Delete"):
        body = orjson.dumps(activity(type_=type_, object=ALICE))
        with pytest.raises(SignatureMissing):
            await hub.take(replace(bare, body=body))
    with pytest.raises(SignatureInvalid):
        await hub.take(replace(request, body=orjson.dumps(activity(type_="Delete", object=ALICE))))
    assert hub.web.asked == []


async def test_a_key_that_is_no_longer_listed_stops_counting_with_the_next_fetch() -> None:
    hub = Hub()
    await hub.verified(posted(activity()))
    new = PublicKey(f"{ALICE}#second", ALICE, keys(ALICE, 2).rsa.public_key())
    hub.web.pages[ALICE] = actor_document(
        publicKey={"id": new.id, "owner": ALICE, "publicKeyPem": keys(ALICE, 2).public_pem}
    )
    await hub.verified(posted(activity(), keys(ALICE, 2), key_id=new.id))
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(activity(), keys(ALICE)))


async def test_a_key_that_is_not_to_be_had_is_not_asked_for_again_at_once() -> None:
    hub = Hub()
    hub.web.pages[ALICE] = 0
    for _ in range(5):
        with pytest.raises(KeyUnavailable):
            await hub.take(posted(activity()))
    assert len(hub.web.asked) == 1
    hub.web.pages[ALICE] = actor_document()
    hub.now = NOW + timedelta(minutes=1)
    await hub.verified(posted(activity(), now=hub.now))


@pytest.mark.parametrize("status", [404, 410])
async def test_a_key_that_is_gone_is_told_apart(status: int) -> None:
    hub = Hub()
    hub.web.pages[ALICE] = status
    for _ in range(2):
        with pytest.raises(KeyGone) as caught:
            await hub.take(posted(activity()))
        assert caught.value.status == status
    assert len(hub.web.asked) == 1


LONE_KEY = "https://alice.example/keys/1"


@pytest.mark.parametrize("listing", [LONE_KEY, [LONE_KEY], {"id": LONE_KEY}])
async def test_ap_18_a_key_of_its_own_counts_if_its_owner_lists_it(listing: Any) -> None:
    hub = Hub()
    _lone_key(hub, publicKey=listing)
    found = await hub.verified(posted(activity(), key_id=LONE_KEY))
    assert found.signer == ALICE
    assert hub.web.asked == [LONE_KEY, ALICE]


@pytest.mark.parametrize("listing", [None, [], "https://alice.example/keys/2", {"id": [LONE_KEY]}])
async def test_ap_18_a_key_that_its_owner_does_not_list_counts_for_nothing(listing: Any) -> None:
    hub = Hub()
    _lone_key(hub, publicKey=listing)
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(activity(), key_id=LONE_KEY))


def _lone_key(hub: Hub, **members: Any) -> None:
    own = keys(ALICE)
    hub.web.pages[ALICE] = actor_document(**members)
    hub.web.pages[LONE_KEY] = {
        "@context": CONTEXT[0],
        "id": LONE_KEY,
        "owner": ALICE,
        "publicKeyPem": own.public_pem,
    }


async def test_a1_a_key_of_another_server_than_its_owner_counts_for_nothing() -> None:
    hub = Hub()
    key_id = "https://evil.example/key"
    own = generate_keys(ALICE)
    key = {"id": key_id, "owner": ALICE, "publicKeyPem": own.public_pem}
    hub.web.pages[key_id] = {"@context": CONTEXT[0], **key}
    hub.web.pages[ALICE] = actor_document(publicKey=[key])
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(activity(), own, key_id=key_id))
    assert hub.web.asked == [key_id]


async def test_ap_16_weak_keys_count_for_nothing() -> None:
    hub = Hub()
    hub.web.pages[ALICE] = actor_document(
        publicKey={"id": keys(ALICE).rsa_id, "owner": ALICE, "publicKeyPem": _weak_pem()}
    )
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(activity()))


@cache
def _weak_pem() -> str:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused
    spki = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, spki).decode()


async def test_our_own_keys_are_never_fetched() -> None:
    hub = Hub()
    own = generate_keys(f"{ORIGIN}/actors/events")
    document = activity() | {"actor": own.actor, "id": f"{ORIGIN}/activities/1"}
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(document, own))
    hub = Hub(own={key.id: key for key in own.public_keys})
    assert (await hub.verified(posted(document, own))).actor == own.actor
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(document, keys(ALICE), key_id=own.rsa_id))
    assert hub.web.asked == []


async def test_keys_are_forgotten_when_their_actor_is() -> None:
    hub = Hub()
    await hub.verified(posted(activity()))
    hub.ring.forget(ALICE)
    await hub.verified(posted(activity()))
    assert hub.web.asked == [ALICE, ALICE]


async def test_the_ring_gives_a_key_and_its_owners_document() -> None:
    hub = Hub()
    key, document = await hub.ring.key(keys(ALICE).rsa_id)
    assert key.owner == ALICE
    assert document == actor_document()


async def test_a_large_actor_document_is_given_once_and_not_kept() -> None:
    hub = Hub()
    hub.web.pages[ALICE] = actor_document(summary="a" * 40_000)
    assert (await hub.verified(posted(activity()))).actor_document is not None
    assert (await hub.verified(posted(activity()))).actor_document is None


async def test_b9_the_ring_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.verification.MAX_KEYS", 4)
    hub = Hub()
    for number in range(10):
        with pytest.raises(KeyUnavailable):
            await hub.ring.key(f"https://h{number}.example/#k")
    assert len(hub.ring._refused) == 4


# The signer is not the actor -------------------------------------------------------------


async def test_b8_a_flood_of_invented_keys_costs_their_server_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = Hub()
    await hub.verified(posted(activity()))
    hub.web.asked.clear()
    for number in range(10_000):
        with pytest.raises(KeyUnavailable):
            await hub.ring.key(f"https://alice.example/invented/{number}#main-key")
    assert len(hub.web.asked) == asking.BURST
    # Whom we know goes on being heard, other servers too, and all are a minute later.
    await hub.verified(posted(activity(id="https://alice.example/2")))
    await hub.verified(posted(activity(BOB), keys(BOB)))
    hub.now += timedelta(minutes=1)
    with pytest.raises(KeyUnavailable):
        await hub.ring.key("https://alice.example/one-more")
    assert len(hub.web.asked) == asking.BURST + 2


async def test_b8_keys_that_are_good_do_not_count_as_a_flood() -> None:
    hub = Hub()
    for number in range(3 * asking.BURST):
        actor = f"https://alice.example/people/{number}"
        key = {"id": f"{actor}#k", "owner": actor, "publicKeyPem": keys(ALICE).public_pem}
        hub.web.pages[actor] = actor_document(id=actor, publicKey=key)
        await hub.ring.key(f"{actor}#k")
    assert len(hub.web.asked) == 3 * asking.BURST


async def test_ap_21_a_stranger_who_speaks_for_another_is_refused() -> None:
    hub = Hub()
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(activity(BOB), keys(ALICE)))


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(
    "actor",
    [
        BOB,
        f"{ALICE}/",
        f"{ALICE}#main-key",
        f"{ALICE}?",
        ALICE.upper(),
        ALICE.replace("https", "http"),
        ALICE.replace("alice.example", "alice.example:443"),
        ALICE.replace("alice.example", "Alice.example"),
        ALICE.replace("alice.example", "alice.example."),
        ALICE.replace("//", "//user@"),
        f"{ALICE}%20",
        "https://alice.example/users/mallory",
    ],
)
async def test_a1_the_key_must_be_of_exactly_the_actor(actor: str, type_: str) -> None:
    hub = Hub()
    hub.known = {actor}
    with pytest.raises((SignatureInvalid, MalformedDocument)):
        await hub.take(posted(activity(type_=type_) | {"actor": actor}, keys(ALICE)))


@pytest.mark.parametrize(
    "actor",
    [None, [], {}, 1, True, "", "alice", [ALICE, BOB], [[ALICE]], {"id": [ALICE]}, {"id": None},
     "did:key:z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd"],
)  # fmt: skip
async def test_a4_an_actor_of_doubtful_shape_is_refused(actor: Any) -> None:
    hub = Hub()
    with pytest.raises((MalformedDocument, SignatureInvalid)):
        await hub.take(posted(activity() | {"actor": actor}))


async def test_a_proof_of_the_actor_outranks_the_signer() -> None:
    hub = Hub()
    document = sign_proof(activity(BOB), keys(BOB), NOW - timedelta(days=9))
    found = await hub.verified(posted(document, keys(ALICE)))
    assert (found.actor, found.signer, found.host) == (BOB, ALICE, "alice.example")
    assert found.trust == "proof"
    assert found.actor_document == actor_document(BOB)


async def test_a_proof_by_a_changed_key_is_found_after_fetching_it_anew() -> None:
    hub = Hub()
    first = sign_proof(activity(BOB), keys(BOB), NOW)
    await hub.verified(posted(first, keys(ALICE)))
    hub.web.pages[BOB] = actor_document(BOB, 2)
    second = sign_proof(activity(BOB, id="https://bob.example/2"), keys(BOB, 2), NOW)
    assert (await hub.verified(posted(second, keys(ALICE)))).trust == "proof"
    assert hub.web.asked.count(BOB) == 2


def _forged_proofs() -> dict[str, dict[str, Any]]:
    good = sign_proof(activity(BOB), keys(BOB), NOW)
    by_alice = replace(keys(ALICE), actor=BOB)
    return {
        "changed": good | {"object": f"{ORIGIN}/events/2"},
        "by the signer": sign_proof(activity(BOB), keys(ALICE), NOW),
        "by the signer in another's name": sign_proof(activity(BOB), by_alice, NOW),
        "several": good | {"proof": [good["proof"]]},
        "none": good | {"proof": None},
        "of the future": sign_proof(activity(BOB), keys(BOB), NOW + timedelta(hours=2)),
        "LD signature": activity(BOB, signature={"type": "RsaSignature2017"}),
    }


@pytest.mark.parametrize("kind", sorted(_forged_proofs()))
async def test_ap_21_a_proof_that_does_not_hold_proves_nothing(kind: str) -> None:
    hub = Hub()
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(_forged_proofs()[kind], keys(ALICE)))


async def test_ap_22_a_key_that_may_not_assert_proves_nothing() -> None:
    hub = Hub()
    document = actor_document(BOB)
    document["authentication"] = document.pop("assertionMethod")
    hub.web.pages[BOB] = document
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(sign_proof(activity(BOB), keys(BOB), NOW), keys(ALICE)))


async def test_a_proof_whose_key_is_not_to_be_had_proves_nothing() -> None:
    hub = Hub()
    hub.web.pages[BOB] = 0
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(sign_proof(activity(BOB), keys(BOB), NOW), keys(ALICE)))


async def test_ap_24_an_ld_signature_does_no_harm() -> None:
    hub = Hub()
    found = await hub.verified(posted(activity(signature={"type": "RsaSignature2017"})))
    assert found.trust == "signer"


async def test_a_bad_proof_does_not_harm_the_actors_own_request() -> None:
    hub = Hub()
    document = sign_proof(activity(), keys(ALICE), NOW) | {"object": f"{ORIGIN}/events/2"}
    assert (await hub.verified(posted(document))).trust == "signer"


@pytest.mark.parametrize("kind", ["none", "changed", "LD signature"])
async def test_what_a_followed_server_passes_on_is_a_hint(kind: str) -> None:
    hub = Hub(relays={"alice.example"})
    found = await hub.verified(posted(_forged_proofs()[kind], keys(ALICE)))
    assert (found.trust, found.actor, found.signer) == ("refetch", BOB, ALICE)
    assert found.actor_document is None


async def test_a9_what_comes_back_of_our_own_has_no_effect() -> None:
    hub = Hub(relays={"alice.example"})
    own = generate_keys(f"{ORIGIN}/actors/events")
    document = activity() | {"actor": own.actor, "id": f"{ORIGIN}/activities/1"}
    assert isinstance(await hub.take(posted(document, keys(ALICE))), Ignored)
    proven = sign_proof(document, own, NOW)
    assert isinstance(await hub.take(posted(proven, keys(ALICE))), Ignored)
    assert hub.web.asked == [ALICE]


@pytest.mark.parametrize("trust", ["signer", "proof", "refetch"])
async def test_a2_an_activity_has_an_id_of_its_actors_server(trust: str) -> None:
    actor = ALICE if trust == "signer" else BOB
    hub = Hub(relays={"alice.example"} if trust == "refetch" else set())
    document = activity(actor, id="https://victim.example/activities/1")
    if trust == "proof":
        document = sign_proof(document, keys(BOB), NOW)
    with pytest.raises(SignatureInvalid):
        await hub.take(posted(document, keys(ALICE)))


async def test_an_activity_without_id_is_for_the_caller_to_judge() -> None:
    hub = Hub()
    document = activity()
    del document["id"]
    assert (await hub.verified(posted(document))).activity.id is None


# Farewells -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "thing", [ALICE, {"id": ALICE, "type": "Person"}, {"id": ALICE, "type": "Tombstone"}]
)
async def test_ap_26_the_end_of_an_unknown_actor_is_passed_over_without_a_fetch(thing: Any) -> None:
    hub = Hub()
    found = await hub.take(posted(activity(type_="Delete", object=thing)))
    assert isinstance(found, Ignored)
    assert hub.web.asked == []


async def test_the_end_of_a_known_actor_is_verified() -> None:
    hub = Hub(known={ALICE})
    found = await hub.verified(posted(activity(type_="Delete", object=ALICE)))
    assert found.trust == "signer"


async def test_the_end_of_a_known_actor_whose_key_is_gone_is_a_hint() -> None:
    hub = Hub(known={ALICE})
    hub.web.pages[ALICE] = 410
    found = await hub.verified(posted(activity(type_="Delete", object=ALICE)))
    assert (found.trust, found.actor) == ("refetch", ALICE)


async def test_a_missing_actor_is_no_gone_actor() -> None:
    hub = Hub(known={ALICE})
    hub.web.pages[ALICE] = 404
    assert isinstance(await hub.take(posted(activity(type_="Delete", object=ALICE))), Ignored)


async def test_the_end_of_an_actor_is_not_told_by_another_server() -> None:
    hub = Hub(known={BOB})
    hub.web.pages[ALICE] = 410
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(activity(BOB, type_="Delete", object=BOB), keys(ALICE)))


async def test_the_end_of_a_post_whose_actor_is_gone_is_not_believed() -> None:
    hub = Hub(known={ALICE})
    hub.web.pages[ALICE] = 410
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(activity(type_="Delete", object="https://alice.example/1")))


# Replays, other requests, other documents ------------------------------------------------


async def test_ap_25_the_same_request_once_more_has_no_effect() -> None:
    hub = Hub()
    request = posted(activity())
    hub.verifier.remember(await hub.verified(request))
    for _ in range(1000):
        assert isinstance(await hub.take(request), Ignored)
    later = posted(activity(), now=NOW + timedelta(seconds=1))
    assert isinstance(await hub.take(later), VerifiedActivity)


async def test_a_request_that_could_not_be_kept_may_come_again() -> None:
    hub = Hub()
    request = posted(activity())
    await hub.verified(request)
    await hub.verified(request)


async def test_a12_a_replay_after_the_window_is_too_old() -> None:
    hub = Hub()
    request = posted(activity())
    hub.verifier.remember(await hub.verified(request))
    hub.now = NOW + timedelta(hours=2, seconds=1)
    with pytest.raises(SignatureInvalid):
        await hub.take(request)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"a"', b"\xff", b"{}", b'{"a":NaN}'])
async def test_ap_27_a_body_that_is_no_document_is_told_apart(body: bytes) -> None:
    hub = Hub()
    with pytest.raises(MalformedDocument):
        await hub.take(posted(body))
    with pytest.raises(MalformedDocument):
        await hub.take(Request("POST", "/inbox", (), body))
    assert hub.web.asked == []


@pytest.mark.parametrize(
    "document",
    [
        {"type": "Note", "id": "https://alice.example/1", "attributedTo": ALICE, "content": "a"},
        actor_document(),
        {"type": "Tombstone", "id": "https://alice.example/1"},
        {"type": []},
        {"actor": ALICE},
    ],
)
async def test_a_document_that_is_no_activity_is_refused(document: dict[str, Any]) -> None:
    hub = Hub()
    with pytest.raises(MalformedDocument):
        await hub.take(posted({"@context": CONTEXT, **document}))


async def test_ap_43_activities_of_unknown_types_are_no_errors() -> None:
    hub = Hub()
    found = await hub.take(posted(activity(type_="Frobnicate")))
    assert isinstance(found, (VerifiedActivity, Ignored))


async def test_the_cheap_half_asks_nobody_and_names_the_keys_host() -> None:
    hub = Hub()
    unverified = hub.verifier.read(posted(activity()))
    assert unverified.host == "alice.example"
    assert unverified.claim.key_id == keys(ALICE).rsa_id
    assert hub.web.asked == []
    assert isinstance(await hub.verifier.judge(unverified), VerifiedActivity)


@pytest.mark.parametrize(
    "key_id",
    ["https://", "https://a@b.example/", "https://127.1/#k", "http://[::1/", "https://b.example./"],
)
async def test_a10_a_key_with_a_doubtful_address_is_refused(key_id: str) -> None:
    hub = Hub()
    with pytest.raises(SignatureInvalid):
        hub.verifier.read(posted(activity(), key_id=key_id))
    assert hub.web.asked == []


@pytest.mark.parametrize("key_id", ["https://10.0.0.1/#k", "http://a.example/#k", "https://a/#k"])
async def test_a_key_at_a_forbidden_address_is_not_fetched(key_id: str) -> None:
    hub = Hub()
    with pytest.raises(KeyUnavailable):
        await hub.take(posted(activity(), key_id=key_id))
    assert hub.web.asked == []


async def test_the_signer_of_a_fetch_is_known() -> None:
    hub = Hub()
    url = f"{ORIGIN}/events/1?page=2"
    headers = sign_request(keys(ALICE), "GET", url, None, now=NOW)
    lowered = tuple((name.lower(), value) for name, value in headers.items())
    request = Request("GET", "/events/1?page=2", lowered, b"")
    assert await hub.verifier.signer(request) == ALICE
    with pytest.raises(SignatureMissing):
        await hub.verifier.signer(replace(request, headers=(("host", "hub.example"),)))
    with pytest.raises(SignatureInvalid):
        await hub.verifier.signer(replace(request, target="/events/2"))


# Whatever comes --------------------------------------------------------------------------

SLOW = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.sampled_from(
    ["", "a", ALICE, BOB, ORIGIN, "Delete", "Create", "Note", "https://", "\ud800", "\x00", "z6Mk"]
) | st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
MEMBERS = st.sampled_from(
    ["@context", "id", "type", "actor", "object", "to", "cc", "proof", "signature", "published",
     "attributedTo", "target", "tag", "publicKey", "assertionMethod", "owner", "controller"]
)  # fmt: skip


async def _outcome(hub: Hub, request: Request) -> None:
    """Nothing but a result or an error of ours may come of a request."""
    try:
        found = await hub.take(request)
    except FederationError:
        return
    assert isinstance(found, (VerifiedActivity, Ignored))


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@SLOW
@given(st.binary(max_size=200))
async def test_any_bytes_are_judged(body: bytes) -> None:
    await _outcome(Hub(), posted(body))


@SLOW
@given(st.dictionaries(MEMBERS, VALUES, max_size=5))
async def test_any_members_are_judged(members: dict[str, Any]) -> None:
    hub = Hub(known={ALICE, BOB})
    await _outcome(hub, posted(_bytes(activity() | members)))


@SLOW
@given(st.dictionaries(MEMBERS, VALUES, max_size=3), VALUES)
async def test_any_proof_is_judged(members: dict[str, Any], value: Any) -> None:
    hub = Hub()
    document = sign_proof(activity(BOB), keys(BOB), NOW)
    proof = document["proof"] | members
    await _outcome(hub, posted(_bytes(document | {"proof": proof}), keys(ALICE)))
    await _outcome(hub, posted(_bytes(document | {"proof": value}), keys(ALICE)))


@SLOW
@given(st.dictionaries(MEMBERS, VALUES, max_size=4), VALUES)
async def test_any_actor_document_is_judged(members: dict[str, Any], value: Any) -> None:
    class Odd(Web):
        async def get(
            self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
        ) -> Answer:
            answer = await super().get(url, headers, limit_bytes=limit_bytes, deadline_s=deadline_s)
            return replace(answer, body=_bytes(actor_document() | members | {"publicKey": value}))

    await _outcome(Hub(web=Odd()), posted(activity()))


@SLOW
@given(
    st.text(max_size=30),
    st.lists(
        st.tuples(
            st.sampled_from(["host", "date", "digest", "signature", "signature-input", "x"]),
            st.text(max_size=60) | st.text('keyIdsgnatureh="(),;@: =1', max_size=120),
        ),
        max_size=6,
    ),
)
async def test_any_request_line_and_headers_are_judged(
    target: str, headers: list[tuple[str, str]]
) -> None:
    good = posted(activity())
    await _outcome(Hub(), Request("POST", target, tuple(headers), good.body))
    names = {name for name, _ in headers}
    rest = tuple(pair for pair in good.headers if pair[0] not in names)
    await _outcome(Hub(), replace(good, headers=(*headers, *rest)))
