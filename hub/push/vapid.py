"""Who we are, said to push services (RFC 8292): a key of this hub, made at the first need."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from federation.origins import origin
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.secrets import load_master_key
from hub.core.services import Services
from hub.core.settings import Settings
from hub.push.encryption import CURVE, packed, point
from hub.push.models import PushKey

THE_ONE: Final = 1
NAME: Final = "push"
LASTS_S: Final = 12 * 3600  # RFC 8292 §2 allows a day
NUMBER_BYTES: Final = 32  # of the key, and of each half of a signature (RFC 7518 §3.4)


async def key(services: Services) -> ec.EllipticCurvePrivateKey:
    """The hub's key.

    Raises:
        CommandFailed: it was sealed with another master key.
    """
    master = load_master_key(services.settings.data_dir)
    async with services.db.read() as session:
        row = await session.get(PushKey, THE_ONE)
    if row is None:
        made = ec.generate_private_key(CURVE).private_numbers().private_value
        sealed = master.seal(made.to_bytes(NUMBER_BYTES), NAME)
        values = {"id": THE_ONE, "sealed": sealed, "created_at": now()}
        async with services.db.write() as session:
            # Another process may make one in this moment: the first one counts.
            made_first = insert_for(session, PushKey).values(values).on_conflict_do_nothing()
            await session.execute(made_first)
            row = await session.get_one(PushKey, THE_ONE)
    return ec.derive_private_key(int.from_bytes(master.open(row.sealed, NAME)), CURVE)


def public(ours: ec.EllipticCurvePrivateKey) -> str:
    """The public key, as browsers and push services want it."""
    return packed(point(ours.public_key()))


def authorization(
    ours: ec.EllipticCurvePrivateKey, endpoint: str, settings: Settings, moment: datetime
) -> str:
    """The header that lets a push service know this hub and how to reach its stewards."""
    contact = settings.url if settings.secure else f"mailto:{settings.mail_address}"
    claims = {
        "aud": origin(endpoint),
        "exp": int(moment.timestamp()) + LASTS_S,
        "sub": contact,
    }
    parts = (orjson.dumps({"typ": "JWT", "alg": "ES256"}), orjson.dumps(claims))
    said = ".".join(map(packed, parts))
    halves = decode_dss_signature(ours.sign(said.encode(), ec.ECDSA(SHA256())))
    signature = b"".join(half.to_bytes(NUMBER_BYTES) for half in halves)
    return f"vapid t={said}.{packed(signature)}, k={public(ours)}"
