"""Secrets that people and programs carry; we keep only digests. Pure.

They are random, so a plain SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

LINK_BYTES: Final = 20  # 160 bits (SECURITY E7)
SESSION_BYTES: Final = 32
TOKEN_BYTES: Final = 32
TOKEN_PREFIX: Final = "hub_"  # noqa: S105  # so that scanners and people recognise what was leaked
LONGEST: Final = 100


def new_link() -> str:
    """A secret for a one-time link."""
    return secrets.token_urlsafe(LINK_BYTES)


def new_session() -> str:
    """A secret for a session cookie."""
    return secrets.token_urlsafe(SESSION_BYTES)


def new_token() -> str:
    """A secret for a program."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_plausible(secret: str) -> bool:
    """Whether it is worth a look into the database."""
    return 0 < len(secret) <= LONGEST and secret.isascii()
