"""The vectors that the specifications publish: RFC 9421 appendix B.2 and FEP-8b32."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import base58
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from federation.errors import ProofInvalid
from federation.signatures import rfc9421
from federation.signatures.digest import check_content_digest
from federation.signatures.keys import (
    PublicKey,
    SigningKeys,
    generate_keys,
    public_key_from_pem,
)
from federation.signatures.proofs import sign_proof, verify_proof
from tests.vectors import (
    Rfc9421Vector,
    fep8b32_proof_value,
    rfc9421_private_pem,
    rfc9421_public_pem,
    rfc9421_request,
    rfc9421_vector,
)

REQUESTS = ["B21", "B22", "B23", "B26"]
ALGORITHMS = {"test-key-rsa-pss": "rsa-pss-sha512", "test-key-ed25519": "ed25519"}


def message() -> rfc9421.Message:
    request = rfc9421_request()
    target = request.url.removeprefix("https://example.com")
    headers = {name: (value,) for name, value in request.headers.items()}
    return rfc9421.Message("POST", "https", "example.com", target, headers)


def parameters(vector: Rfc9421Vector) -> rfc9421.Parameters:
    (found,) = rfc9421.parse(vector.signature_input, vector.signature)
    return found


def holds(vector: Rfc9421Vector, request: rfc9421.Message) -> bool:
    found = parameters(vector)
    key = public_key_from_pem(vector.key, "", rfc9421_public_pem(vector.key))
    base = rfc9421.signature_base(request, found.components, found.given)
    return key.verifies(found.signature, base, ALGORITHMS[vector.key])


@pytest.mark.parametrize("number", REQUESTS)
def test_rfc_9421_appendix_b_signatures_hold(number: str) -> None:
    assert holds(rfc9421_vector(number), message())


@pytest.mark.parametrize("number", REQUESTS[1:])
def test_rfc_9421_appendix_b_signatures_do_not_hold_for_another_request(number: str) -> None:
    other = rfc9421.Message(
        "POST", "https", "example.org", "/bar?param=Value&Pet=cat", message().headers
    )
    assert not holds(rfc9421_vector(number), other)


def test_rfc_9421_appendix_b_ed25519_signature_is_made_again() -> None:
    vector = rfc9421_vector("B26")
    key = load_pem_private_key(rfc9421_private_pem(vector.key), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    found = parameters(vector)
    names = [name for name, _ in found.components]
    signature_input, signature = rfc9421.sign(
        key, message(), names, found.given, label=vector.label
    )
    assert signature_input == vector.signature_input
    assert signature == vector.signature


@pytest.mark.parametrize("number", REQUESTS)
def test_rfc_9421_appendix_b_parameters_are_written_as_they_stand(number: str) -> None:
    vector = rfc9421_vector(number)
    found = parameters(vector)
    base = rfc9421.signature_base(message(), found.components, found.given).decode()
    written = vector.signature_input.partition("=")[2]
    assert base.endswith(f'"@signature-params": {written}')


def test_rfc_9421_appendix_b_content_digest_is_of_its_body() -> None:
    request = rfc9421_request()
    check_content_digest(request.headers["content-digest"], request.body)


# FEP-8b32, "Test vectors" (CC0): document, key and time; the proof itself is fetched.
CREATED = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)
ALICE = "https://server.example/users/alice"
SECRET = "3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
DOCUMENT = {
    "@context": [
        "https://www.w3.org/ns/activitystreams",
        "https://w3id.org/security/data-integrity/v1",
    ],
    "id": "https://server.example/activities/1",
    "type": "Create",
    "actor": ALICE,
    "object": {
        "id": "https://server.example/objects/1",
        "type": "Note",
        "attributedTo": ALICE,
        "content": "Hello world",
        "location": {"type": "Place", "longitude": -71.184902, "latitude": 25.273962},
    },
}


@cache
def alice() -> SigningKeys:
    seed = base58.b58decode(SECRET)[2:]
    return SigningKeys(ALICE, generate_keys(ALICE).rsa, Ed25519PrivateKey.from_private_bytes(seed))


def test_the_proof_of_fep_8b32_is_made_again() -> None:
    document = sign_proof(DOCUMENT, alice(), CREATED)
    assert document["proof"]["proofValue"] == fep8b32_proof_value()
    assert document["proof"]["created"] == "2023-02-24T23:36:38Z"


def test_the_proof_of_fep_8b32_holds() -> None:
    proof = {
        "@context": DOCUMENT["@context"],
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": f"{ALICE}#ed25519-key",
        "proofPurpose": "assertionMethod",
        "proofValue": fep8b32_proof_value(),
        "created": "2023-02-24T23:36:38Z",
    }
    key = alice().public_keys[1]
    assert isinstance(key, PublicKey)
    later = CREATED + timedelta(days=400)
    verify_proof({**DOCUMENT, "proof": proof}, key, later)
    with pytest.raises(ProofInvalid):
        verify_proof({**DOCUMENT, "id": "https://server.example/2", "proof": proof}, key, later)
