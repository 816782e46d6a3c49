"""Proofs inside documents: who said it, whoever brings it (FEP-8b32, `eddsa-jcs-2022`).

A proof survives forwarding, which an HTTP signature does not. Its bytes are the canonical JSON
of RFC 8785, so any spelling of the same values has the same proof. JSON-LD signatures
(`signature`) are neither made nor read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import rfc8785

from federation.errors import MalformedKey, ProofInvalid
from federation.signatures.keys import (
    PublicKey,
    SigningKeys,
    from_base58btc,
    to_base58btc,
)

CRYPTOSUITE = "eddsa-jcs-2022"
FUTURE = timedelta(hours=1)
"""How far ahead the clock of a signer may be. A proof has no age: old posts are forwarded."""

_CONTEXT = "@context"
_SIGNATURE_BYTES = 64


def sign_proof(document: Mapping[str, Any], keys: SigningKeys, now: datetime) -> dict[str, Any]:
    """The document with a proof by the actor's Ed25519 key; an older proof is replaced.

    Raises:
        ProofInvalid: the document holds what canonical JSON cannot.
    """
    bare = _without_proof(document)
    proof: dict[str, Any] = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "verificationMethod": keys.ed25519_id,
        "proofPurpose": "assertionMethod",
        "created": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    if _CONTEXT in bare:
        proof = {_CONTEXT: bare[_CONTEXT], **proof}
    signature = keys.ed25519.sign(_hash(proof, bare))
    return {**bare, "proof": {**proof, "proofValue": to_base58btc(signature)}}


def proof_owner_key(document: Mapping[str, Any]) -> str | None:
    """The id of the key that the proof says it is by; None where there is no proof to check.

    Says nothing of whether the proof holds, nor of whose key it is.
    """
    proof = document.get("proof")
    if not isinstance(proof, Mapping) or proof.get("cryptosuite") != CRYPTOSUITE:
        return None
    method = proof.get("verificationMethod")
    return method if isinstance(method, str) else None


def verify_proof(document: Mapping[str, Any], key: PublicKey, now: datetime) -> None:
    """Nothing, if the proof of the document is by this key.

    Whether the key's owner may speak for the document is for the caller to know.

    Raises:
        ProofInvalid: there is no proof, or it does not hold.
    """
    proof = _proof(document, key)
    _check_times(proof, now)
    signature = _signature(proof)
    config = {name: value for name, value in proof.items() if name != "proofValue"}
    bare = _without_proof(document)
    if _CONTEXT in config:
        readings = [(config, _with_leading_context(bare, config[_CONTEXT]))]
    else:
        # Without a context of its own, some sign with the document's, some with none.
        readings = [(config, bare)]
        if _CONTEXT in bare:
            readings.insert(0, ({_CONTEXT: bare[_CONTEXT], **config}, bare))
    if not any(key.verifies(signature, _hash(*reading), "ed25519") for reading in readings):
        raise ProofInvalid("the proof is of another document, or by another key")


def _proof(document: Mapping[str, Any], key: PublicKey) -> Mapping[str, Any]:
    """The one proof of the document; several at once are not read."""
    proof = document.get("proof")
    if not isinstance(proof, Mapping):
        raise ProofInvalid("the document has no proof, or several")
    expected = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "proofPurpose": "assertionMethod",
        "verificationMethod": key.id,
    }
    if any(proof.get(name) != value for name, value in expected.items()):
        raise ProofInvalid("the proof is of another kind, or by another key")
    return proof


def _check_times(proof: Mapping[str, Any], now: datetime) -> None:
    created = _moment(proof.get("created"))
    if created is None or created > now + FUTURE:
        raise ProofInvalid("the proof is undated, or of the future")
    if "expires" in proof:
        expires = _moment(proof["expires"])
        if expires is None or expires < now:
            raise ProofInvalid("the proof has expired")


def _moment(value: object) -> datetime | None:
    """A time with its zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def _signature(proof: Mapping[str, Any]) -> bytes:
    value = proof.get("proofValue")
    if not isinstance(value, str):
        raise ProofInvalid("the proof has no value")
    try:
        signature = from_base58btc(value)
    except MalformedKey as error:
        raise ProofInvalid("the value of the proof is not base58btc") from error
    if len(signature) != _SIGNATURE_BYTES:
        raise ProofInvalid("the value of the proof has another length")
    return signature


def _with_leading_context(bare: dict[str, Any], context: object) -> dict[str, Any]:
    """The document under the context of its proof, which must begin its own (VC-DI-EDDSA §3.3.2).

    So a server that adds a context of its own at the end does not break the proof.
    """
    ours, theirs = _as_list(bare.get(_CONTEXT)), _as_list(context)
    if ours[: len(theirs)] != theirs:
        raise ProofInvalid("the proof was made under another context")
    return {**bare, _CONTEXT: context}


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _without_proof(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in {"proof", "signature"}}


def _hash(config: Mapping[str, Any], bare: Mapping[str, Any]) -> bytes:
    """What is signed: 64 bytes, the proof's own members first (FEP-8b32)."""
    try:
        return sha256(rfc8785.dumps(dict(config))).digest() + sha256(rfc8785.dumps(bare)).digest()
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise ProofInvalid("the document holds what canonical JSON cannot") from error
