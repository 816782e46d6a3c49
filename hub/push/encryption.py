"""Web Push encryption (RFC 8291): a message that only the browser reads, one record long. Pure."""

from __future__ import annotations

import base64
import binascii
import os
import struct
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE: Final = ec.SECP256R1()
SALT_BYTES: Final = 16
SECRET_BYTES: Final = 16  # of what RFC 8291 calls the authentication secret
RECORD_BYTES: Final = 4096  # what every push service takes (RFC 8030 §7.2)
LAST_RECORD: Final = b"\x02"  # RFC 8188 §2
# Head, key, tag and the mark of the last record: what is left of a record is the message's.
MOST_BYTES: Final = RECORD_BYTES - (SALT_BYTES + 4 + 1 + 65) - 16 - 1


def encrypt(
    message: bytes,
    theirs: ec.EllipticCurvePublicKey,
    secret: bytes,
    *,
    ours: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push message in the content coding aes128gcm (RFC 8188).

    `theirs` and `secret` are what the browser gave; `ours` and `salt` are new each time, unless a
    test gives them.

    Raises:
        ValueError: the message is longer than a record holds.
    """
    if len(message) > MOST_BYTES:
        raise ValueError(f"a push message has at most {MOST_BYTES} bytes")
    ours = ours or ec.generate_private_key(CURVE)
    salt = salt or os.urandom(SALT_BYTES)
    sender, reader = point(ours.public_key()), point(theirs)
    # RFC 8291 §3.4: from the agreed secret to the input of RFC 8188's derivation.
    shared = ours.exchange(ec.ECDH(), theirs)
    material = _derive(shared, secret, b"WebPush: info\0" + reader + sender, 32)
    key = _derive(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(material, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + struct.pack(">IB", RECORD_BYTES, len(sender)) + sender
    return head + AESGCM(key).encrypt(nonce, message + LAST_RECORD, None)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as browsers write it: the uncompressed point, 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def reader_key(text: str) -> ec.EllipticCurvePublicKey:
    """The key that a browser gave as `p256dh`.

    Raises:
        ValueError: it is none.
    """
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, unpacked(text))


def packed(data: bytes) -> str:
    """Bytes in base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    """The bytes again.

    Raises:
        ValueError: it is no such text.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
