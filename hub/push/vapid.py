"""Who we are, said to push services (RFC 8292): a key of this hub, made at the first need."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import update

from federation.origins import origin
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.errors import CommandFailed
from hub.core.secrets import MasterKey, load_master_key
from hub.core.services import Services
from hub.core.settings import Settings
from hub.push.encryption import CURVE, packed, point
from hub.push.models import PushKey

log = logging.getLogger(__name__)

THE_ONE: Final = 1
NAME: Final = "push"
LASTS_S: Final = 12 * 3600  # RFC 8292 §2 allows a day
NUMBER_BYTES: Final = 32  # of the key, and of each half of a signature (RFC 7518 §3.4)


async def key(services: Services) -> ec.EllipticCurvePrivateKey:
    """The hub's key; a new one where the last was sealed with a master key that is lost.

    Browsers that allowed messages before a new key must be asked again (`models.fresh`).
    """
    master = load_master_key(services.settings.data_dir)
    async with services.db.read() as session:
        row = await session.get(PushKey, THE_ONE)
    if row is not None:
        try:
            return _read(master, row)
        except CommandFailed:
            log.warning("the key for push services was sealed with another master key: a new one")
    return _read(master, await _made(services, master, row))


async def _made(services: Services, master: MasterKey, before: PushKey | None) -> PushKey:
    """A new key, in the place of the one `before`."""
    made = ec.generate_private_key(CURVE).private_numbers().private_value
    values = {"sealed": master.seal(made.to_bytes(NUMBER_BYTES), NAME), "created_at": now()}
    async with services.db.write() as session:
        # Another process may make one in this moment: the first one counts.
        if before is not None:
            known = (PushKey.id == THE_ONE, PushKey.sealed == before.sealed)
            await session.execute(update(PushKey).where(*known).values(values))
        kept = insert_for(session, PushKey).values({"id": THE_ONE, **values})
        await session.execute(kept.on_conflict_do_nothing())
        return await session.get_one(PushKey, THE_ONE)


def _read(master: MasterKey, row: PushKey) -> ec.EllipticCurvePrivateKey:
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
