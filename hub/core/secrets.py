"""The master key, and what is sealed with it.

32 random bytes in `secret.key` (mode 0600) in the data folder, or a systemd credential of that
name. Sealed: AES-256-GCM, a version byte, a 12-byte nonce, and the row's name as associated data,
so that a sealed key cannot be moved to another row (SECURITY H1, H2).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.core.errors import CommandFailed

KEY_FILE = "secret.key"
KEY_BYTES = 32
VERSION = b"\x01"
NONCE_BYTES = 12


class MasterKey:
    """Seals and opens small secrets."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, name: str) -> bytes:
        """The secret, unreadable without the master key and this `name`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """The secret again.

        Raises:
            CommandFailed: it was sealed with another master key, or for another name.
        """
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, name.encode())
        except (InvalidTag, ValueError):
            raise CommandFailed(
                f"The keys in the database do not belong to {KEY_FILE}. "
                "Put the key file back that this hub was started with."
            ) from None


def load_master_key(data_dir: Path) -> MasterKey:
    """The hub's master key; made on the first start.

    Raises:
        CommandFailed: the file is not 32 bytes long.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials) / KEY_FILE if credentials else None
    path = given if given is not None and given.exists() else data_dir / KEY_FILE
    if not path.exists():
        _create(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise CommandFailed(f"{path} must hold {KEY_BYTES} bytes, it holds {len(key)}.")
    return MasterKey(key)


def _create(path: Path) -> None:
    """A new key, readable by its owner alone from its first moment."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
