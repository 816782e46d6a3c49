"""A push service (RFC 8030), and browsers that it reaches, which read what arrives (RFC 8291).

It is an ASGI application, for the wire of the tests and for a socket alike. Like real ones it
refuses what is not said properly: no TTL, another coding, a hub that does not show who it is.
"""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.core import clock

CURVE = ec.SECP256R1()
A_DAY_S = 86_400
LARGEST = 4096


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """A subscription as a browser holds it; `shown` are the messages that it could read."""

    endpoint: str
    hub_key: str
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(CURVE)
    )
    secret: bytes = b"sixteen letters."
    shown: list[dict[str, Any]] = field(default_factory=list)

    @property
    def said(self) -> dict[str, str]:
        """What it says to the hub."""
        public = self.private.public_key()
        key = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "key": _text(key), "secret": _text(self.secret)}

    def read(self, body: bytes) -> None:
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender)
        mine = _bytes(self.said["key"])
        extracted = _hmac(self.secret, self.private.exchange(ec.ECDH(), theirs))
        material = _hmac(extracted, b"WebPush: info\0" + mine + sender + b"\1")
        prk = _hmac(salt, material)
        key = _hmac(prk, b"Content-Encoding: aes128gcm\0\1")[:16]
        nonce = _hmac(prk, b"Content-Encoding: nonce\0\1")[:12]
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert plain[-1:] == b"\2"  # the last record
        self.shown.append(json.loads(plain[:-1]))


class PushService:
    """Answers 201 to what is right; statuses in `answers` are given to the next ones instead."""

    def __init__(self, origin: str = "https://push.example") -> None:
        self.origin = origin
        self.browsers: dict[str, Browser] = {}
        self.answers: list[int] = []
        self.asked: list[dict[str, str]] = []
        self.refused: list[str] = []

    def subscribe(self, hub_key: str) -> Browser:
        """A new browser, which only the hub of this key may speak to."""
        path = f"/push/{len(self.browsers)}"
        self.browsers[path] = Browser(self.origin + path, hub_key)
        return self.browsers[path]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        status = self._answer(scope["method"], scope["path"], headers, body)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
        self.asked.append(headers)
        if self.answers:
            return self.answers.pop(0)
        browser = self.browsers.get(path)
        if browser is None:
            return 404
        try:
            assert method == "POST"
            assert 0 < int(headers["ttl"]) <= A_DAY_S
            assert headers["content-encoding"] == "aes128gcm"
            assert len(headers["topic"]) <= 32
            assert len(body) <= LARGEST
            self._check_vapid(headers["authorization"], browser)
        except (AssertionError, KeyError, ValueError, InvalidSignature) as error:
            self.refused.append(repr(error))
            return 400
        browser.read(body)
        return 201

    def _check_vapid(self, authorization: str, browser: Browser) -> None:
        """RFC 8292 §4.2: the token is signed by the key of the subscription, for this service."""
        scheme, _, rest = authorization.partition(" ")
        given = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        assert given["k"] == browser.hub_key
        head, claims, signature = given["t"].split(".")
        raw = _bytes(signature)
        halves = (int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, _bytes(given["k"]))
        key.verify(encode_dss_signature(*halves), f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        said = json.loads(_bytes(claims))
        assert json.loads(_bytes(head)) == {"typ": "JWT", "alg": "ES256"}
        assert said["aud"] == self.origin
        assert clock.now().timestamp() < said["exp"] <= clock.now().timestamp() + A_DAY_S
        assert said["sub"].startswith(("https://", "mailto:"))
