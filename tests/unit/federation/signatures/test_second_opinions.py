"""Two libraries of others read what we sign, and we what they sign."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from apsig import ProofSigner, ProofVerifier
from apsig.draft import Signer as DraftSigner
from apsig.draft import Verifier as DraftVerifier
from apsig.rfc9421 import RFC9421Signer, RFC9421Verifier
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.algorithms import ED25519, RSA_V1_5_SHA256

from federation.signatures import rfc9421
from federation.signatures.digest import content_digest
from federation.signatures.http import Request, check, read_claim, sign_request
from federation.signatures.keys import SigningKeys, generate_keys
from federation.signatures.proofs import sign_proof, verify_proof

ACTOR = "https://hub.example/actors/events"
INBOX = "https://peer.example/inbox"
BODY = b'{"type":"Like"}'
DOCUMENT = {
    "@context": ["https://www.w3.org/ns/activitystreams"],
    "id": "https://hub.example/activities/1",
    "type": "Like",
    "latitude": 48.0,
    "name": "Repair caf\u00e9",
}


@cache
def keys() -> SigningKeys:
    return generate_keys(ACTOR)


def now() -> datetime:
    return datetime.now(UTC)


def holds(headers: dict[str, str], method: str = "POST", body: bytes = BODY) -> bool:
    lowered = tuple((name.lower(), value) for name, value in headers.items())
    claim = read_claim(
        Request(method, "/inbox", lowered, body),
        hosts=lambda host: host == "peer.example",
        now=now(),
        origin="https://peer.example",
    )
    return any(check(claim, key) for key in keys().public_keys if key.id == claim.key_id)


@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", b"")])
def test_apsig_reads_our_draft_cavage(method: str, body: bytes) -> None:
    headers = sign_request(keys(), method, INBOX, body or None, now=now())
    verifier = DraftVerifier(keys().public_pem, method, INBOX, headers, body)
    assert verifier.verify(raise_on_fail=True) == keys().rsa_id
    headers["Date"] = "Fri, 02 Jan 2026 03:04:05 GMT"
    assert DraftVerifier(keys().public_pem, method, INBOX, headers, body).verify() is None


@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", b"")])
def test_we_read_apsigs_draft_cavage(method: str, body: bytes) -> None:
    signer = DraftSigner({}, keys().rsa, method, INBOX, keys().rsa_id, body)
    assert holds(signer.sign(), method, body)


def test_apsig_reads_our_rfc_9421() -> None:
    headers = {
        "date": "Fri, 02 Jan 2026 03:04:05 GMT",
        "content-type": "application/activity+json",
        "content-length": str(len(BODY)),
    }
    message = rfc9421.Message(
        "POST", "https", "peer.example", "/inbox", {name: (v,) for name, v in headers.items()}
    )
    given: dict[str, rfc9421.Bare] = {
        "created": int(now().timestamp()),
        "alg": "rsa-v1_5-sha256",
        "keyid": keys().rsa_id,
    }
    names = ["@method", "@path", "@authority", *headers]
    inputs, signature = rfc9421.sign(keys().rsa, message, names, given)
    headers |= {"signature-input": inputs, "signature": signature}
    for path, expected in (("/inbox", keys().rsa_id), ("/other", None)):
        verifier = RFC9421Verifier(
            keys().rsa.public_key(), "POST", path, "peer.example", headers, BODY
        )
        assert verifier.verify() == expected


def test_we_read_apsigs_rfc_9421() -> None:
    signer = RFC9421Signer(keys().rsa, keys().rsa_id)
    headers = signer.sign("POST", "/inbox", "peer.example", {"Content-Type": "a/b"}, BODY)
    (found,) = rfc9421.parse(headers["Signature-Input"], headers["Signature"])
    values = {name.lower(): (value,) for name, value in headers.items()}
    for path in ("/inbox", "/other"):
        message = rfc9421.Message("POST", "https", "peer.example", path, values)
        base = rfc9421.signature_base(message, found.components, found.given)
        key = keys().public_keys[0]
        assert key.verifies(found.signature, base, found.algorithms[0]) is (path == "/inbox")


class Ring(HTTPSignatureKeyResolver):
    """Our keys, as http_message_signatures asks for them."""

    def resolve_public_key(self, key_id: str) -> Any:
        return {key.id: key.material for key in keys().public_keys}[key_id]

    def resolve_private_key(self, key_id: str) -> Any:
        return {keys().rsa_id: keys().rsa, keys().ed25519_id: keys().ed25519}[key_id]


@dataclass
class Message:
    """A request, as http_message_signatures takes it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", None)])
def test_http_message_signatures_reads_ours(method: str, body: bytes | None) -> None:
    url = f"{INBOX}?a=b%20c"
    headers = sign_request(keys(), method, url, body, scheme="rfc9421", now=now())
    verifier = HTTPMessageVerifier(signature_algorithm=RSA_V1_5_SHA256, key_resolver=Ring())
    (result,) = verifier.verify(Message(method, url, dict(headers)))
    assert result.parameters["keyid"] == keys().rsa_id
    with pytest.raises(InvalidSignature):
        verifier.verify(Message(method, f"{url}d", dict(headers)))


@pytest.mark.parametrize(
    ("algorithm", "key_id"),
    [(RSA_V1_5_SHA256, f"{ACTOR}#main-key"), (ED25519, f"{ACTOR}#ed25519-key")],
)
@pytest.mark.parametrize("include_alg", [True, False])
def test_we_read_those_of_http_message_signatures(
    algorithm: Any, key_id: str, include_alg: bool
) -> None:
    headers = {"Host": "peer.example", "Content-Digest": content_digest(BODY), "X-Note": "a, b"}
    message = Message("POST", INBOX, headers)
    signer = HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=Ring())
    covered = ("@method", "@target-uri", "@authority", "@path", "@query", "@request-target", "host")
    signer.sign(
        message,
        key_id=key_id,
        covered_component_ids=(*covered, "content-digest", "x-note"),
        nonce='a"\\b',
        tag="x",
        label="other",
        include_alg=include_alg,
        use_existing_digest=True,
    )
    assert holds(message.headers)
    assert not holds({**message.headers, "X-Note": "a,b"})


def test_apsig_reads_our_proofs() -> None:
    document = sign_proof(DOCUMENT, keys(), now())
    verifier = ProofVerifier(keys().public_multibase)
    assert verifier.verify(copy.deepcopy(document)) == keys().ed25519_id
    assert verifier.verify({**copy.deepcopy(document), "type": "Dislike"}) is None


def test_we_read_apsigs_proofs() -> None:
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "proofPurpose": "assertionMethod",
        "verificationMethod": keys().ed25519_id,
        "created": f"{now():%Y-%m-%dT%H:%M:%SZ}",
    }
    document = ProofSigner(keys().ed25519).sign(DOCUMENT, options)
    verify_proof(document, keys().public_keys[1], now())
