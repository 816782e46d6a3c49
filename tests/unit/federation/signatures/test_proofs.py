"""Proofs in documents (FEP-8b32): ours reproduce, others' hold or are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import ProofInvalid
from federation.signatures.keys import PublicKey, SigningKeys, generate_keys, to_base58btc
from federation.signatures.proofs import proof_owner_key, sign_proof, verify_proof

ACTOR = "https://hub.example/actors/events"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/data-integrity/v1",
]
DOCUMENT: dict[str, Any] = {
    "@context": CONTEXT,
    "actor": ACTOR,
    "id": "https://hub.example/activities/1",
    "object": "https://peer.example/n/1",
    "type": "Like",
}
PROOF_VALUE = (
    "zVUrV2g2opaJqY3WpD9Bp29rtHUqwPPfp1ZwNMdE7Dxd3e3kE6hmsLv6fPTHejsFCHZh24XoorRLCczaJKj69o4N"
)


@cache
def keys() -> SigningKeys:
    seed = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return SigningKeys(ACTOR, generate_keys(ACTOR).rsa, seed)


def public() -> PublicKey:
    return keys().public_keys[1]


def signed(document: dict[str, Any] | None = None) -> dict[str, Any]:
    return sign_proof(document or DOCUMENT, keys(), NOW)


def with_proof(**changes: Any) -> dict[str, Any]:
    document = signed()
    proof = {**document["proof"], **changes}
    return {**document, "proof": {k: v for k, v in proof.items() if v is not None}}


def own_proof(document: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """A document with a proof of our key over the members that somebody else would take."""
    digest = sha256(rfc8785.dumps(config)).digest() + sha256(rfc8785.dumps(document)).digest()
    return {**config, "proofValue": to_base58btc(keys().ed25519.sign(digest))}


def test_ap_22_annex_a_reproduces() -> None:
    assert rfc8785.dumps(DOCUMENT).__len__() == 234
    assert sha256(rfc8785.dumps(DOCUMENT)).hexdigest() == (
        "ee12d5450e331052658159fabc217599786f3efb22dbc0ba31e173e8e84d4d20"
    )
    proof = signed()["proof"]
    assert proof["proofValue"] == PROOF_VALUE
    config = {name: value for name, value in proof.items() if name != "proofValue"}
    assert sha256(rfc8785.dumps(config)).hexdigest() == (
        "3211e880d388b9938330db1b1922d6c58a8a1df7b4821dbfb16b7f9a8b5a3a85"
    )
    verify_proof(signed(), public(), NOW)


def test_a_proof_names_its_key() -> None:
    assert proof_owner_key(signed()) == f"{ACTOR}#ed25519-key"


@pytest.mark.parametrize(
    "proof",
    [
        None,
        "x",
        [],
        [{"cryptosuite": "eddsa-jcs-2022"}],
        {},
        {"cryptosuite": "mldsa44-jcs-2024"},
        {"cryptosuite": "eddsa-jcs-2022", "verificationMethod": ["a"]},
        {"cryptosuite": ["x"]},
    ],
)
def test_what_is_no_proof_of_ours_names_nobody(proof: Any) -> None:
    assert proof_owner_key({**DOCUMENT, "proof": proof}) is None
    assert proof_owner_key(DOCUMENT) is None


def test_the_order_and_spelling_of_members_do_not_matter() -> None:
    text = json.dumps({**signed(), "content": "é", "latitude": 48.0})
    document = sign_proof(json.loads(text), keys(), NOW)
    shuffled = dict(reversed(list(document.items())))
    shuffled["latitude"] = 48
    verify_proof(json.loads(json.dumps(shuffled, ensure_ascii=False, indent=3)), public(), NOW)


@pytest.mark.parametrize(
    "value", [48.0, 6.9391, 1e-7, 1.5e-10, 1e21, -0.0, 5e-324, 123456789012345.6]
)
def test_numbers_survive_the_wire(value: float) -> None:
    document = sign_proof({**DOCUMENT, "latitude": value}, keys(), NOW)
    verify_proof(json.loads(json.dumps(document)), public(), NOW)


def test_ap_24_an_ld_signature_is_passed_over() -> None:
    verify_proof({**signed(), "signature": {"type": "RsaSignature2017"}}, public(), NOW)
    assert "signature" not in sign_proof({**DOCUMENT, "signature": {}}, keys(), NOW)


def test_an_older_proof_is_replaced() -> None:
    assert signed(with_proof(created="2020-01-01T00:00:00Z")) == signed()


@pytest.mark.parametrize("name", ["actor", "id", "object", "type", "@context"])
def test_ap_22_a_changed_value_breaks_the_proof(name: str) -> None:
    others: tuple[Any, ...] = ("https://other.example/", None, [], 1)
    for value in others:
        with pytest.raises(ProofInvalid):
            verify_proof({**signed(), name: value}, public(), NOW)
    less = {key: value for key, value in signed().items() if key != name}
    with pytest.raises(ProofInvalid):
        verify_proof(less, public(), NOW)
    with pytest.raises(ProofInvalid):
        verify_proof({**signed(), "more": 1}, public(), NOW)


def test_ap_22_another_key_does_not_fit() -> None:
    other = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(ProofInvalid):
        verify_proof(signed(), PublicKey(public().id, ACTOR, other), NOW)
    with pytest.raises(ProofInvalid):
        verify_proof(signed(), PublicKey("https://other.example/#k", ACTOR, public().material), NOW)
    with pytest.raises(ProofInvalid):
        verify_proof(signed(), PublicKey(public().id, ACTOR, keys().rsa.public_key()), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Ed25519Signature2020"},
        {"type": None},
        {"cryptosuite": "eddsa-rdfc-2022"},
        {"cryptosuite": None},
        {"proofPurpose": "authentication"},
        {"proofPurpose": None},
        {"verificationMethod": "https://other.example/#k"},
        {"verificationMethod": None},
        {"created": None},
        {"created": "2026-01-02T03:04:05"},
        {"created": "yesterday"},
        {"created": 1767323045},
        {"created": "2026-01-02T05:04:06Z"},
        {"expires": "2026-01-02T03:04:04Z"},
        {"expires": "never"},
        {"expires": 5},
        {"proofValue": None},
        {"proofValue": 1},
        {"proofValue": ""},
        {"proofValue": "z"},
        {"proofValue": "u" + PROOF_VALUE[1:]},
        {"proofValue": PROOF_VALUE[:-1]},
        {"proofValue": PROOF_VALUE + "1"},
        {"proofValue": "z" + "1" * 64},
        {"@context": []},
        {"@context": "https://www.w3.org/ns/activitystreams"},
        {"@context": list(reversed(CONTEXT))},
        {"@context": None},
        {"domain": "x"},
    ],
)
def test_ap_22_a_proof_of_another_kind_is_refused(changes: dict[str, Any]) -> None:
    document = with_proof(**changes)
    if changes == {"@context": None}:
        verify_proof(document, public(), NOW)  # the document's own context counts then
        return
    with pytest.raises(ProofInvalid):
        verify_proof(document, public(), NOW)


def test_an_expiry_ahead_is_honoured_until_then() -> None:
    config = {
        **{name: value for name, value in signed()["proof"].items() if name != "proofValue"},
        "expires": "2026-01-02T04:04:05Z",
    }
    document = {**DOCUMENT, "proof": own_proof(DOCUMENT, config)}
    verify_proof(document, public(), NOW)
    with pytest.raises(ProofInvalid):
        verify_proof(document, public(), NOW + timedelta(hours=2))


def test_an_old_proof_still_holds() -> None:
    verify_proof(signed(), public(), NOW + timedelta(days=3650))


def test_a_context_added_at_the_end_does_not_break_the_proof() -> None:
    verify_proof({**signed(), "@context": [*CONTEXT, {"x": "y"}]}, public(), NOW)
    with pytest.raises(ProofInvalid):
        verify_proof({**signed(), "@context": [{"x": "y"}, *CONTEXT]}, public(), NOW)


@pytest.mark.parametrize("context", [None, CONTEXT])
def test_a_proof_without_context_is_read_both_ways(context: list[str] | None) -> None:
    config: dict[str, Any] = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "proofPurpose": "assertionMethod",
        "verificationMethod": keys().ed25519_id,
        "created": "2026-01-02T03:04:05Z",
    }
    signed_config = config if context is None else {"@context": context, **config}
    proof = own_proof(DOCUMENT, signed_config)
    proof.pop("@context", None)
    verify_proof({**DOCUMENT, "proof": proof}, public(), NOW)


def test_a_document_without_context_can_be_signed() -> None:
    bare = {name: value for name, value in DOCUMENT.items() if name != "@context"}
    document = sign_proof(bare, keys(), NOW)
    assert "@context" not in document["proof"]
    verify_proof(document, public(), NOW)


@pytest.mark.parametrize(
    "value", [2**53, float("nan"), float("inf"), "\ud800", {"\ud800": 1}, object()]
)
def test_what_canonical_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ProofInvalid):
        sign_proof({**DOCUMENT, "value": value}, keys(), NOW)
    with pytest.raises(ProofInvalid):
        verify_proof({**signed(), "value": value}, public(), NOW)


def test_a_document_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ProofInvalid):
        verify_proof({**signed(), "value": deep}, public(), NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*signed()["proof"], "expires", "x"])


@given(st.dictionaries(MEMBERS, JSON, min_size=1, max_size=3))
def test_any_change_of_the_proof_is_refused_in_words(changes: dict[str, Any]) -> None:
    changed = {**signed(), "proof": {**signed()["proof"], **changes}}
    if changed["proof"] != signed()["proof"]:
        with pytest.raises(ProofInvalid):
            verify_proof(changed, public(), NOW)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_what_can_be_signed_holds(members: dict[str, Any]) -> None:
    try:
        document = sign_proof(members, keys(), NOW)
    except ProofInvalid:
        return
    verify_proof(json.loads(json.dumps(document)), public(), NOW)
