"""Keys: our pairs, the public ones of others, and the forms in which actors publish them.

RSA keys stand in `publicKey` as PEM, Ed25519 keys in `assertionMethod` as Multikey (FEP-521a).
A private key is parsed once and then kept: parsing costs fifty times what signing costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import base58
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_public_key,
)

from federation.errors import MalformedKey

MIN_RSA_BITS = 2048
"""Weaker keys can be broken by those who pay for it."""
MAX_RSA_BITS = 8192
"""Longer keys make us work (a check costs the square of the length)."""
MAX_EXPONENT_BITS = 33
"""65537 is usual; a huge public exponent makes each check as dear as a signature."""
MAX_KEYS = 16
"""Keys read from one actor; real ones have one to three."""

_MAX_PEM_CHARACTERS = 8192
_MAX_MULTIBASE_CHARACTERS = 1600
_ED25519_PREFIX = b"\xed\x01"  # multicodec ed25519-pub
_RSA_PREFIX = b"\x85\x24"  # multicodec rsa-pub
_MEMBERS = ("publicKey", "assertionMethod", "authentication")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that somebody published.

    `id` is its address as written, fragment included; `owner` the actor that it speaks for.
    """

    id: str
    owner: str
    material: RSAPublicKey | Ed25519PublicKey

    @property
    def is_ed25519(self) -> bool:
        """Whether it is of the kind that signs documents (FEP-8b32)."""
        return isinstance(self.material, Ed25519PublicKey)

    def verifies(self, signature: bytes, message: bytes, algorithm: str) -> bool:
        """Whether `signature` over `message` is of this key under an RFC 9421 algorithm name.

        A name that belongs to another kind of key is False, never an error.
        """
        try:
            if isinstance(self.material, Ed25519PublicKey):
                if algorithm != "ed25519":
                    return False
                self.material.verify(signature, message)
                return True
            scheme = _RSA_SCHEMES.get(algorithm)
            if scheme is None:
                return False
            self.material.verify(signature, message, *scheme)
        except InvalidSignature:
            return False
        return True


_RSA_SCHEMES: dict[str, tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]] = {
    "rsa-v1_5-sha256": (padding.PKCS1v15(), hashes.SHA256()),
    "rsa-v1_5-sha512": (padding.PKCS1v15(), hashes.SHA512()),
    "rsa-pss-sha512": (
        padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64),
        hashes.SHA512(),
    ),
}


@dataclass(frozen=True)
class SigningKeys:
    """The private keys of one of our actors; `actor` is its uri."""

    actor: str
    rsa: RSAPrivateKey
    ed25519: Ed25519PrivateKey

    @property
    def rsa_id(self) -> str:
        """The id of the RSA key, which signs requests."""
        return f"{self.actor}#main-key"

    @property
    def ed25519_id(self) -> str:
        """The id of the Ed25519 key, which signs documents."""
        return f"{self.actor}#ed25519-key"

    @cached_property
    def public_pem(self) -> str:
        """The RSA key for `publicKeyPem`: SPKI, PEM."""
        spki = PublicFormat.SubjectPublicKeyInfo
        return self.rsa.public_key().public_bytes(Encoding.PEM, spki).decode("ascii")

    @cached_property
    def public_multibase(self) -> str:
        """The Ed25519 key for `publicKeyMultibase` (FEP-521a)."""
        return multibase_of(self.ed25519.public_key())

    @property
    def public_keys(self) -> tuple[PublicKey, PublicKey]:
        """Both public halves, RSA first."""
        return (
            PublicKey(self.rsa_id, self.actor, self.rsa.public_key()),
            PublicKey(self.ed25519_id, self.actor, self.ed25519.public_key()),
        )


def generate_keys(actor: str) -> SigningKeys:
    """New keys for one of our actors; takes about 70 ms, so call it off the event loop."""
    rsa = generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)
    return SigningKeys(actor, rsa, Ed25519PrivateKey.generate())


def to_bytes(keys: SigningKeys) -> tuple[bytes, bytes]:
    """Both private keys for safe keeping: RSA as PKCS#8 DER, Ed25519 as its 32 bytes."""
    rsa = keys.rsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return rsa, keys.ed25519.private_bytes_raw()


def from_bytes(actor: str, rsa_der: bytes, ed25519_raw: bytes) -> SigningKeys:
    """The keys that `to_bytes` wrote; keep the result, do not call this for each request.

    Raises:
        MalformedKey: these bytes are not ours.
    """
    try:
        # We made this key, so the 50 ms that check its primes would prove nothing.
        rsa = load_der_private_key(rsa_der, password=None, unsafe_skip_rsa_key_validation=True)
        ed25519 = Ed25519PrivateKey.from_private_bytes(ed25519_raw)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedKey("not a private key that we wrote") from error
    if not isinstance(rsa, RSAPrivateKey):
        raise MalformedKey("not an RSA key")
    return SigningKeys(actor, rsa, ed25519)


def public_key_from_pem(id: str, owner: str, pem: str) -> PublicKey:  # noqa: A002 - its name in AS2
    """The key in `publicKeyPem`: RSA of 2048 bits or more, or Ed25519.

    Raises:
        MalformedKey: it is no such key.
    """
    if len(pem) > _MAX_PEM_CHARACTERS:
        raise MalformedKey("the key is too long")
    try:
        material = load_pem_public_key(pem.encode("ascii"))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedKey("not a public key in PEM") from error
    return _public_key(id, owner, material)


def public_key_from_multibase(id: str, owner: str, text: str) -> PublicKey:  # noqa: A002
    """The key in `publicKeyMultibase` (FEP-521a): Ed25519, or RSA of 2048 bits or more.

    Raises:
        MalformedKey: it is no such key.
    """
    raw = from_base58btc(text)
    try:
        if raw.startswith(_ED25519_PREFIX):
            key: object = Ed25519PublicKey.from_public_bytes(raw[2:])
        elif raw.startswith(_RSA_PREFIX):
            key = load_der_public_key(raw[2:])
        else:
            raise MalformedKey("a Multikey of a kind that we do not read")
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedKey("not a public key in a Multikey") from error
    return _public_key(id, owner, key)


def multibase_of(key: Ed25519PublicKey) -> str:
    """A public key as Multikey writes it: base58btc over the multicodec form."""
    return to_base58btc(_ED25519_PREFIX + key.public_bytes_raw())


def to_base58btc(raw: bytes) -> str:
    """Bytes as multibase writes them in base58btc."""
    return "z" + base58.b58encode(raw).decode("ascii")


def from_base58btc(text: str) -> bytes:
    """The bytes in a multibase text.

    Raises:
        MalformedKey: it is not base58btc, or too long (reading it costs the square of its length).
    """
    if len(text) > _MAX_MULTIBASE_CHARACTERS or not text.startswith("z"):
        raise MalformedKey("not base58btc")
    if not text.isascii() or not text.isalnum():
        raise MalformedKey("not base58btc")
    try:
        return base58.b58decode(text[1:])
    except ValueError as error:
        raise MalformedKey("not base58btc") from error


def keys_of_actor(
    document: Mapping[str, Any], members: tuple[str, ...] = _MEMBERS
) -> tuple[PublicKey, ...]:
    """The keys that stand in an actor's own document and name it as their owner.

    One that we cannot read is passed over, so that a key of tomorrow does not hide one of
    today. `members` narrows the search: proofs count only keys in `assertionMethod` (FEP-8b32).
    """
    actor = document.get("id")
    if not isinstance(actor, str):
        return ()
    found: dict[str, PublicKey] = {}
    for entry in _entries(document, members):
        key = _readable(entry)
        if key is not None and key.owner == actor:
            found.setdefault(key.id, key)
    return tuple(found.values())


def key_of_document(document: Mapping[str, Any], key_id: str) -> PublicKey:
    """The key of this id in a document that is not its owner's; the owner has yet to confirm it.

    The document is the key itself, or a stub of the actor around it, as GoToSocial serves.

    Raises:
        MalformedKey: it holds no such key.
    """
    for entry in (document, *_entries(document, _MEMBERS)):
        key = _readable(entry)
        if key is not None and key.id == key_id:
            return key
    raise MalformedKey("the document holds no key of this id")


def lists_key(document: Mapping[str, Any], key_id: str) -> bool:
    """Whether an actor names this key as its own, by value or by reference."""
    return any(
        entry == key_id or (isinstance(entry, Mapping) and entry.get("id") == key_id)
        for entry in _entries(document, _MEMBERS)
    )


def _entries(document: Mapping[str, Any], members: tuple[str, ...]) -> Iterator[object]:
    for member in members:
        value = document.get(member)
        yield from value[:MAX_KEYS] if isinstance(value, list) else (value,)


def _readable(entry: object) -> PublicKey | None:
    if not isinstance(entry, Mapping):
        return None
    try:
        return _key(entry)
    except MalformedKey:
        return None


def _key(entry: Mapping[str, Any]) -> PublicKey:
    key_id = entry.get("id")
    owner = entry.get("owner", entry.get("controller"))
    if not isinstance(key_id, str) or not isinstance(owner, str):
        raise MalformedKey("a key without id or owner")
    pem, multibase = entry.get("publicKeyPem"), entry.get("publicKeyMultibase")
    if isinstance(pem, str):
        return public_key_from_pem(key_id, owner, pem)
    if isinstance(multibase, str):
        return public_key_from_multibase(key_id, owner, multibase)
    raise MalformedKey("a key without material")


def _public_key(key_id: str, owner: str, material: object) -> PublicKey:
    if isinstance(material, Ed25519PublicKey):
        return PublicKey(key_id, owner, material)
    if not isinstance(material, RSAPublicKey):
        raise MalformedKey("a key of a kind that we do not read")
    if not MIN_RSA_BITS <= material.key_size <= MAX_RSA_BITS:
        raise MalformedKey("an RSA key of this length is not taken")
    if material.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
        raise MalformedKey("an RSA key with this exponent is not taken")
    return PublicKey(key_id, owner, material)
