"""The master key and what it seals."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.core.errors import CommandFailed
from hub.core.secrets import KEY_BYTES, KEY_FILE, MasterKey, load_master_key


def test_what_was_sealed_is_opened_again_and_is_no_plain_text() -> None:
    key = MasterKey(b"k" * KEY_BYTES)
    sealed = key.seal(b"an RSA key", "row")
    assert b"RSA" not in sealed
    assert sealed != key.seal(b"an RSA key", "row")
    assert key.open(sealed, "row") == b"an RSA key"


def test_another_key_is_refused_with_a_sentence_that_says_what_to_do() -> None:
    sealed = MasterKey(b"k" * KEY_BYTES).seal(b"secret", "row")
    with pytest.raises(CommandFailed, match=r"Put the key file back that this hub was started"):
        MasterKey(b"l" * KEY_BYTES).open(sealed, "row")


def test_h1_a_sealed_secret_cannot_be_moved_to_another_row_or_changed() -> None:
    key = MasterKey(b"k" * KEY_BYTES)
    sealed = key.seal(b"secret", "row")
    for other, name in (
        (sealed, "another row"),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), "row"),
        (b"", "row"),
    ):
        with pytest.raises(CommandFailed):
            key.open(other, name)


def test_h2_the_first_start_makes_a_key_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    sealed = load_master_key(tmp_path).seal(b"secret", "row")
    path = tmp_path / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == KEY_BYTES
    assert load_master_key(tmp_path).open(sealed, "row") == b"secret"


def test_a_credential_of_systemd_counts_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials, data = tmp_path / "credentials", tmp_path / "data"
    credentials.mkdir()
    data.mkdir()
    (credentials / KEY_FILE).write_bytes(b"c" * KEY_BYTES)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    sealed = load_master_key(data).seal(b"secret", "row")
    assert MasterKey(b"c" * KEY_BYTES).open(sealed, "row") == b"secret"
    assert not (data / KEY_FILE).exists()


def test_h2_a_key_file_that_was_cut_is_refused_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(CommandFailed, match="must hold 32 bytes, it holds 5"):
        load_master_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == b"short"
