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
    path = key_file(data_dir)
    if not path.exists():
        keep_secret(path, secrets.token_bytes(KEY_BYTES))
    return MasterKey(read_key(path))


def key_file(data_dir: Path) -> Path:
    """Where the master key is or will be: a systemd credential, else in the data folder."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials) / KEY_FILE if credentials else None
    return given if given is not None and given.exists() else data_dir / KEY_FILE


def read_key(path: Path) -> bytes:
    """The master key that a file holds.

    Raises:
        CommandFailed: it cannot be read, or is not 32 bytes long.
    """
    try:
        key = path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"The key file {path} cannot be read: {error.strerror}.") from None
    if len(key) != KEY_BYTES:
        raise CommandFailed(f"{path} must hold {KEY_BYTES} bytes, it holds {len(key)}.")
    return key


def keep_secret(path: Path, secret: bytes) -> None:
    """A new file, readable by its owner alone from its first moment.

    Raises:
        FileExistsError: there is one already.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
