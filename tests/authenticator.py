"""A device with passkeys, made of software: what a browser would answer a hub (WebAuthn §6)."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Key:
    """One passkey: for whom it signs, and whose it is."""

    id: bytes
    private: EllipticCurvePrivateKey
    rp_id: str
    user: bytes
    count: int = 0


@dataclass
class Authenticator:
    """A device in a browser that stands at `origin`.

    `verifies` is whether it asks for finger or PIN, `counts` whether it counts its signatures.
    `rp_id` is whom it signs for in place of whom it was asked for; `frame` whether the browser was
    in another site's frame.
    """

    origin: str
    verifies: bool = True
    counts: bool = True
    rp_id: str = ""
    frame: bool = False
    format: str = "none"
    keys: list[Key] = field(default_factory=list)

    def create(self, options: Mapping[str, Any]) -> str:
        """Make a passkey; the answer as the page's form carries it."""
        private = ec.generate_private_key(ec.SECP256R1())
        rp_id = self.rp_id or options["rp"]["id"]
        key = Key(secrets.token_bytes(16), private, rp_id, _bytes(options["user"]["id"]))
        self.keys.append(key)
        numbers = private.public_key().public_numbers()
        public = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
        attested = bytes(16) + len(key.id).to_bytes(2, "big") + key.id + cbor(public)
        data = self._data(key, ATTESTED) + attested
        made = cbor({"fmt": self.format, "attStmt": {}, "authData": data})
        said = {"attestationObject": _text(made)}
        return self._answer(key, "webauthn.create", options["challenge"], said)

    def get(self, options: Mapping[str, Any], key: Key | None = None) -> str:
        """Sign a challenge with the last passkey, or with this one."""
        key = key or self.keys[-1]
        key.count += 1 if self.counts else 0
        data = self._data(key, 0)
        client = self._client("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(client).digest()
        said = {
            "authenticatorData": _text(data),
            "signature": _text(key.private.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": _text(key.user),
        }
        return self._answer(key, "webauthn.get", options["challenge"], said)

    def _data(self, key: Key, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        rp_id = self.rp_id or key.rp_id
        return (
            hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + key.count.to_bytes(4, "big")
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.frame,
        }
        return json.dumps(said).encode()

    def _answer(self, key: Key, kind: str, challenge: str, said: dict[str, str]) -> str:
        response = {**said, "clientDataJSON": _text(self._client(kind, challenge))}
        return json.dumps(
            {
                "id": _text(key.id),
                "rawId": _text(key.id),
                "type": "public-key",
                "response": response,
            }
        )


def cbor(value: Any) -> bytes:
    """The few kinds of CBOR that devices write (RFC 8949 §3.1)."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    assert isinstance(value, dict)
    return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = next(each for each in (1, 2, 4) if number < 256**each)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26}[size]]) + number.to_bytes(size, "big")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
