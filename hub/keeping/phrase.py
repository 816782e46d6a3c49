"""The recovery phrase: what opens a backup on a machine that does not have the hub's key file.

Eight words of five letters that can be said aloud in most languages, 16 random bits each
(proquints, arXiv:0901.4016). The master key is sealed with them in `recovery.key` in the data
folder, and each backup has a copy of that file; the words themselves are kept nowhere.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.core.errors import CommandFailed
from hub.core.secrets import KEY_BYTES, MasterKey, keep_secret, key_file, read_key

FILE: Final = "recovery.key"
WORDS: Final = 8  # 128 bits: no machine guesses them, so no slow function has to stand before them
CONSONANTS: Final = "bdfghjklmnprstvz"
VOWELS: Final = "aiou"
WORD: Final = re.compile(f"(?:[{CONSONANTS}][{VOWELS}]){{2}}[{CONSONANTS}]")
LABEL: Final = "recovery"


def make(data_dir: Path) -> str:
    """A new phrase for this hub's key; the one before opens no later backup.

    Raises:
        CommandFailed: there is no key yet.
    """
    key = read_key(key_file(data_dir))
    phrase = " ".join(_word(secrets.randbits(16)) for _ in range(WORDS))
    made = data_dir / f"{FILE}.new"
    made.unlink(missing_ok=True)
    keep_secret(made, _cipher(phrase).seal(key, LABEL))
    os.replace(made, data_dir / FILE)
    return phrase


def sealed(data_dir: Path) -> bytes | None:
    """The master key, sealed with the phrase; None while there is no phrase."""
    path = data_dir / FILE
    return path.read_bytes() if path.exists() else None


def open_with(phrase: str, sealed_key: bytes) -> bytes:
    """The master key.

    Raises:
        CommandFailed: it is another phrase, or none.
    """
    words = re.findall(r"\w+", phrase.lower())
    if len(words) != WORDS or not all(WORD.fullmatch(word) for word in words):
        raise CommandFailed(f"A recovery phrase has {WORDS} words such as lusab or babad.")
    try:
        return _cipher(" ".join(words)).open(sealed_key, LABEL)
    except CommandFailed:
        raise CommandFailed("This is not the recovery phrase of this backup.") from None


def master_key(
    sealed_key: bytes | None,
    data_dir: Path,
    *,
    key_file_given: Path | None,
    phrase_file: Path | None,
    ask: Callable[[], str] | None,
) -> bytes:
    """The master key of a backup: of the file given, of the data folder, or by the phrase.

    `ask` asks for the phrase; None where nobody is there to answer.

    Raises:
        CommandFailed: none of them says it.
    """
    own = key_file(data_dir)
    if key_file_given is not None:
        return read_key(key_file_given)
    if phrase_file is None and own.exists():
        return read_key(own)
    if sealed_key is None:
        raise CommandFailed(
            "When this backup was made, the hub had no recovery phrase. It opens only with the "
            "hub's file secret.key: give that as --key-file."
        )
    if phrase_file is not None:
        try:
            return open_with(phrase_file.read_text(encoding="utf-8"), sealed_key)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandFailed(f"{phrase_file} cannot be read: {error}.") from None
    if ask is None:
        raise CommandFailed(
            "Give the recovery phrase as --phrase-file, or the hub's file secret.key as --key-file."
        )
    return open_with(ask(), sealed_key)


def _cipher(phrase: str) -> MasterKey:
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"hub recovery phrase")
    return MasterKey(derived.derive(phrase.encode()))


def _word(bits: int) -> str:
    return (
        CONSONANTS[bits >> 12]
        + VOWELS[bits >> 10 & 3]
        + CONSONANTS[bits >> 6 & 15]
        + VOWELS[bits >> 4 & 3]
        + CONSONANTS[bits & 15]
    )
