"""PROTOCOL §2.1–2.3: which requests are believed, and how ours are signed."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from federation.signatures import cavage, rfc9421
from federation.signatures.digest import content_digest, digest_header
from federation.signatures.http import Request, Scheme, check, read_claim, sign_request
from federation.signatures.keys import keys_of_actor
from hub.fediverse import follows
from tests.conftest import Running
from tests.integration.conformance.peer import (
    ACTIVITY,
    AS2,
    Asked,
    Document,
    Peer,
    log_of,
    post_event,
)

SCHEMES: tuple[Scheme, ...] = ("cavage", "rfc9421")


def _like(peer: Peer, **members: Any) -> Document:
    return peer.activity("Like", f"{peer.hub.url}/events/1", **members)


def _own(peer: Peer, body: bytes, covered: str, **headers: str) -> dict[str, str]:
    """Headers of a POST that ada's server signed in draft-cavage over `covered` alone."""
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    found = {"host": "hub.example", "date": date, "digest": digest_header(body), **headers}
    values = {**found, "(request-target)": "post /inbox"}
    keys = peer.keys["ada"]
    signature = cavage.sign(keys.rsa, keys.rsa_id, {name: values[name] for name in covered.split()})
    kind = {"content-type": "application/activity+json"}
    return {**found, **kind, "signature": signature}


def _own_9421(peer: Peer, body: bytes, *names: str, **params: Any) -> dict[str, str]:
    """Headers of a POST that ada's server signed by RFC 9421 over `names`, with her Ed25519 key."""
    keys = peer.keys["ada"]
    digest = content_digest(body)
    message = rfc9421.Message(
        "POST", "https", "hub.example", "/inbox", {"content-digest": (digest,)}
    )
    given = {"created": int(datetime.now(UTC).timestamp()), "keyid": keys.ed25519_id, **params}
    kept = {name: value for name, value in given.items() if value is not None}
    inputs, signature = rfc9421.sign(keys.ed25519, message, names, kept)
    return {
        "content-type": "application/activity+json",
        "content-digest": digest,
        "signature-input": inputs,
        "signature": signature,
    }


COVERED = "(request-target) host date digest"
FULL = ("@method", "@target-uri", "content-digest")


# ---------------------------------------------------------------------------- what we sign


async def test_ap_14_every_request_to_a_peer_is_signed_afresh(peer: Peer) -> None:
    hub = peer.hub
    await peer.be_followed()
    await peer.follow()
    await post_event(hub)
    thing = peer.serve(peer.event("bob"))
    await peer.tell(peer.activity("Announce", thing["id"]))
    await hub.work()
    await follows.unfollow(hub.services, peer.uri("ada"))
    await hub.work()
    methods = [each.method for each in peer.asked]
    assert methods.count("POST") >= 4
    assert methods.count("GET") >= 3
    for each in peer.asked:
        await _check_signed(hub, each)


async def _check_signed(hub: Running, asked: Asked) -> None:
    headers = asked.headers
    age = datetime.now(UTC) - parsedate_to_datetime(headers["date"])
    assert timedelta(seconds=-2) < age < timedelta(seconds=60)
    covered = cavage.parse(headers["signature"]).covered
    assert {"(request-target)", "host", "date"} <= set(covered)
    assert ("digest" in covered) == (asked.method == "POST")
    claim = read_claim(
        Request(asked.method, asked.target, tuple(headers.items()), asked.body),
        hosts={"peer.example"}.__contains__,
        now=datetime.now(UTC),
        origin="https://peer.example",
    )
    signer = (await hub.web.get(claim.key_id.partition("#")[0], headers=ACTIVITY)).json()
    (key,) = [key for key in keys_of_actor(signer) if key.id == claim.key_id]
    assert check(claim, key)
    said = asked.document["actor"] if asked.method == "POST" else f"{hub.url}/actors/relay"
    assert signer["id"] == said


# ------------------------------------------------------------------------ what is believed


@pytest.mark.parametrize("algorithm", ['algorithm="rsa-sha256",', 'algorithm="hs2019",', ""])
async def test_ap_15_the_usual_names_of_the_algorithm_are_taken(peer: Peer, algorithm: str) -> None:
    body = orjson.dumps(_like(peer))
    headers = _own(peer, body, COVERED)
    assert 'algorithm="rsa-sha256",' in headers["signature"]
    headers["signature"] = headers["signature"].replace('algorithm="rsa-sha256",', algorithm)
    assert (await peer.raw(body, headers)).status_code == 202
    assert len(await log_of(peer.hub)) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("signed", "sent"), [("?a=b", "?a=b"), ("", "?a=b"), ("", "")])
async def test_ap_15_the_query_may_be_signed_or_left_out(
    peer: Peer, scheme: Scheme, signed: str, sent: str
) -> None:
    body = orjson.dumps(_like(peer))
    headers = peer.signed(body, path=f"/inbox{signed}", scheme=scheme)
    assert (await peer.raw(body, headers, path=f"/inbox{sent}")).status_code == 202
    assert len(await log_of(peer.hub)) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("minutes", [-50, 50])
async def test_ap_15_clocks_may_be_fifty_minutes_apart(
    peer: Peer, scheme: Scheme, minutes: int
) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    assert (await peer.post(_like(peer), now=moment, scheme=scheme)).status_code == 202
    assert len(await log_of(peer.hub)) == 1


async def _refused(peer: Peer, body: bytes, headers: dict[str, str], status: int = 401) -> None:
    answer = await peer.raw(body, headers)
    assert answer.status_code == status, answer.text
    assert await log_of(peer.hub) == []


async def test_ap_16_the_digest_is_there_signed_and_of_this_body(peer: Peer) -> None:
    body = orjson.dumps(_like(peer))
    await _refused(peer, body, _own(peer, body, COVERED, digest=digest_header(b"another")))
    await _refused(peer, body, _own(peer, body, "(request-target) host date"))
    headers = _own(peer, body, COVERED)
    await _refused(peer, body + b" ", headers)
    del headers["digest"]
    await _refused(peer, body, headers)
    assert (await peer.raw(body, _own(peer, body, COVERED))).status_code == 202


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("minutes", [-61, -60 * 24, 61, 60 * 24 * 365])
async def test_ap_16_a_date_outside_the_window_is_refused(
    peer: Peer, scheme: Scheme, minutes: int
) -> None:
    body = orjson.dumps(_like(peer))
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    await _refused(peer, body, peer.signed(body, now=moment, scheme=scheme))


async def test_ap_16_a_date_that_is_missing_or_not_signed_is_refused(peer: Peer) -> None:
    body = orjson.dumps(_like(peer))
    await _refused(peer, body, _own(peer, body, "(request-target) host digest"))
    headers = _own(peer, body, COVERED)
    del headers["date"]
    await _refused(peer, body, headers)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_ap_16_what_was_signed_for_another_host_is_refused(
    peer: Peer, scheme: Scheme
) -> None:
    body = orjson.dumps(_like(peer))
    url, now = "https://other.example/inbox", datetime.now(UTC)
    headers = sign_request(peer.keys["ada"], "POST", url, body, now=now, scheme=scheme)
    await _refused(peer, body, headers)
    await _refused(peer, body, {**headers, "Host": "hub.example"})


@pytest.mark.parametrize("key_id", ["acct:ada@peer.example", "main-key", "did:key:z6Mk"])
async def test_ap_16_a_key_that_is_no_address_is_refused(peer: Peer, key_id: str) -> None:
    body = orjson.dumps(_like(peer))
    headers = peer.signed(body)
    headers["Signature"] = headers["Signature"].replace(peer.keys["ada"].rsa_id, key_id)
    await _refused(peer, body, headers)
    assert peer.hub.wire.dials == []


@cache
def _weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused


async def test_ap_16_a_key_of_less_than_2048_bits_is_refused(peer: Peer) -> None:
    weak, ada = _weak_key(), peer.uri("ada")
    pem = weak.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key_id = peer.keys["ada"].rsa_id
    peer.serve(peer.actor("ada", publicKey={"id": key_id, "owner": ada, "publicKeyPem": pem}))
    body = orjson.dumps(_like(peer))
    headers = _own(peer, body, COVERED)
    values = {**headers, "(request-target)": "post /inbox"}
    covered = {name: values[name] for name in COVERED.split()}
    await _refused(peer, body, {**headers, "signature": cavage.sign(weak, key_id, covered)})


# ------------------------------------------------------------------------------------ keys


async def test_ap_17_a_changed_key_is_fetched_once_and_then_fits(peer: Peer) -> None:
    await peer.tell(_like(peer))
    assert peer.fetches(peer.uri("ada")) == 1
    peer.person("ada", turn=2)
    await peer.tell(_like(peer))
    await peer.tell(_like(peer))
    assert peer.fetches(peer.uri("ada")) == 2
    assert len(await log_of(peer.hub)) == 3


async def test_ap_17_forgeries_do_not_make_us_ask_again_and_again(peer: Peer) -> None:
    await peer.tell(_like(peer))
    bob = peer.keys["bob"]
    for _ in range(5):
        body = orjson.dumps(_like(peer))
        headers = peer.signed(body, "bob")
        headers["Signature"] = headers["Signature"].replace(bob.rsa_id, peer.keys["ada"].rsa_id)
        assert (await peer.raw(body, headers)).status_code == 401
    assert peer.fetches(peer.uri("ada")) == 2  # to begin with, and once since it did not fit
    await peer.tell(_like(peer))
    assert len(await log_of(peer.hub)) == 2


LONE = "https://peer.example/keys/1"


def _lone_key(peer: Peer, *, context: Any, **actor: Any) -> None:
    """A key with a document of its own; `actor` is what its owner says of it."""
    peer.serve(peer.actor("ada", **actor))
    key = {
        "id": LONE,
        "type": "Key",
        "owner": peer.uri("ada"),
        "publicKeyPem": peer.keys["ada"].public_pem,
    }
    peer.serve({"@context": context, **key} if context else key)


def _by_lone_key(peer: Peer, body: bytes) -> dict[str, str]:
    headers = peer.signed(body)
    headers["Signature"] = headers["Signature"].replace(peer.keys["ada"].rsa_id, LONE)
    return headers


CONTEXTS = [AS2, "https://w3id.org/security/v1", ["https://www.w3.org/ns/cid/v1"], None]


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("listing", [LONE, [LONE], {"id": LONE}])
async def test_ap_18_a_key_of_its_own_counts_if_its_owner_lists_it(
    peer: Peer, context: Any, listing: Any
) -> None:
    _lone_key(peer, context=context, publicKey=listing)
    body = orjson.dumps(_like(peer))
    assert (await peer.raw(body, _by_lone_key(peer, body))).status_code == 202
    assert len(await log_of(peer.hub)) == 1


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("listing", [None, [], f"{LONE}0", {"id": [LONE]}])
async def test_ap_18_a_key_that_its_owner_does_not_list_counts_for_nothing(
    peer: Peer, context: Any, listing: Any
) -> None:
    _lone_key(peer, context=context, publicKey=listing)
    body = orjson.dumps(_like(peer))
    await _refused(peer, body, _by_lone_key(peer, body))


async def test_ap_18_what_is_no_activitystreams_is_no_actor(peer: Peer) -> None:
    actor = peer.actor("ada")
    del actor["@context"]
    peer.serve(actor)
    body = orjson.dumps(_like(peer))
    await _refused(peer, body, peer.signed(body))


# -------------------------------------------------------------------------------- RFC 9421


async def test_ap_19_both_algorithms_are_taken(peer: Peer) -> None:
    assert (await peer.post(_like(peer), scheme="rfc9421")).status_code == 202
    body = orjson.dumps(_like(peer))
    ahead = int(datetime.now(UTC).timestamp()) + 60
    for params in ({}, {"alg": "ed25519", "expires": ahead, "nonce": "1"}):
        body = orjson.dumps(_like(peer))
        answer = await peer.raw(body, _own_9421(peer, body, *FULL, **params))
        assert answer.status_code == 202, answer.text
    assert len(await log_of(peer.hub)) == 3


@pytest.mark.parametrize("left_out", FULL)
async def test_ap_19_what_is_needed_must_be_covered(peer: Peer, left_out: str) -> None:
    body = orjson.dumps(_like(peer))
    names = [name for name in FULL if name != left_out]
    await _refused(peer, body, _own_9421(peer, body, *names))


@pytest.mark.parametrize("left_out", ["created", "keyid"])
async def test_ap_19_what_is_needed_must_be_said(peer: Peer, left_out: str) -> None:
    body = orjson.dumps(_like(peer))
    await _refused(peer, body, _own_9421(peer, body, *FULL, **{left_out: None}))


async def test_ap_19_a_wrong_digest_or_a_passed_end_is_refused(peer: Peer) -> None:
    body = orjson.dumps(_like(peer))
    await _refused(peer, body + b" ", _own_9421(peer, body, *FULL))
    wrong = f"sha-256=:{b64encode(bytes(32)).decode()}:"
    await _refused(peer, body, {**_own_9421(peer, body, *FULL), "content-digest": wrong})
    passed = int(datetime.now(UTC).timestamp()) - 1
    await _refused(peer, body, _own_9421(peer, body, *FULL, expires=passed))
