"""The archive: one zip file with all rows, pictures and keys, which says whether it is whole.

    tables/{name}.jsonl   one row a line (`tables`)
    media/…               pictures as they are
    hub.env               the settings of the data folder, sealed with the master key
    manifest.json         what the rest must be: rows and digests of tables, digests of files, and
                          the master key, sealed with the recovery phrase (`phrase`)
    manifest.hmac         that of the manifest, under the master key: nobody else can make one

A zip is whole when its end is there; whatever was changed in it afterwards, a digest does not fit.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

import orjson

from hub.core.errors import CommandFailed
from hub.core.files import make_folder
from hub.core.secrets import MasterKey
from hub.keeping.tables import AT_ONCE, Batch, Snapshot, Tally

WHAT: Final = "backup of a neighbourhood hub"
FORMAT: Final = 1
FOLDER: Final = "backups"  # in the data folder
OURS: Final = "hub-"  # what names of the hub's own backups begin with
MANIFEST, SIGNED, SETTINGS = "manifest.json", "manifest.hmac", "hub.env"
PIECE_BYTES: Final = 1024 * 1024
LARGEST_MANIFEST: Final = 256 * 1024 * 1024  # a million pictures
DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError)
LEVEL: Final = 3  # of compression: half the time of the usual 6, and a tenth bigger


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself.

    `tables` are columns, rows and digest by name; `files` SHA-256 by path. `media`: pictures were
    to be in it. `recovery` is the master key under the recovery phrase, None if there was none.
    """

    revision: str
    version: str
    url: str
    made_at: str
    media: bool
    recovery: bytes | None
    tables: dict[str, dict[str, Any]]
    files: dict[str, str]

    def document(self) -> bytes:
        """As it is written."""
        members = {**vars(self), "what": WHAT, "format": FORMAT}
        members["recovery"] = b64encode(self.recovery).decode() if self.recovery else None
        return orjson.dumps(members, option=orjson.OPT_INDENT_2)

    @classmethod
    def read(cls, document: bytes) -> Manifest:
        """One that was written.

        Raises:
            KeyError, ValueError, TypeError: it is none of ours.
        """
        members = orjson.loads(document)
        if (members.pop("what"), members.pop("format")) != (WHAT, FORMAT):
            raise ValueError("another form")
        recovery = members.pop("recovery")
        return cls(recovery=b64decode(recovery) if recovery else None, **members)


class Writer:
    """An archive being made, at `path`; it is none before `seal`."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._zip = zipfile.ZipFile(
            self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL, strict_timestamps=False
        )
        self.tables: dict[str, dict[str, Any]] = {}
        self.files: dict[str, str] = {}

    async def rows(self, snapshot: Snapshot) -> None:
        """All rows of a database."""
        member: IO[bytes] = BytesIO()
        tally = Tally()
        try:
            async for name, columns, lines in snapshot.batches():
                if name not in self.tables:
                    member.close()
                    member = self._zip.open(f"tables/{name}.jsonl", "w", force_zip64=True)
                    tally = Tally()
                    self.tables[name] = {"columns": columns}
                await asyncio.to_thread(_put, member, tally, lines)
                self.tables[name] |= {"rows": tally.rows, "digest": tally.digest}
        finally:
            member.close()

    def folder(self, folder: Path) -> None:
        """Every file in a folder; one that is deleted meanwhile is left out."""
        for path in sorted(folder.rglob("*")):
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            if not path.is_file() or path.suffix == ".part":
                continue
            try:
                source = path.open("rb")
            except FileNotFoundError:
                continue
            plain = zipfile.ZipInfo(name)  # pictures are compressed already
            with source, self._zip.open(plain, "w", force_zip64=True) as member:
                self.files[name] = _copied(source, member)

    def secret(self, name: str, content: bytes, key: MasterKey) -> None:
        """Something that only the master key opens."""
        sealed = key.seal(content, name)
        self._zip.writestr(name, sealed)
        self.files[name] = hashlib.sha256(sealed).hexdigest()

    def seal(self, manifest: Manifest, key: bytes) -> None:
        """Say what it holds, and make it last."""
        document = manifest.document()
        self._zip.writestr(MANIFEST, document)
        self._zip.writestr(SIGNED, signature(document, key))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):  # a full disk takes no end either, and it was told already
            self._zip.close()
        with suppress(OSError):
            self._file.close()


class Reader:
    """An archive that is there.

    Raises:
        CommandFailed: it is no archive, or not whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            if self._zip.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
                raise ValueError("too long")
            self._document = self._zip.read(MANIFEST)
            self._signature = self._zip.read(SIGNED)
            self.manifest = Manifest.read(self._document)
        except OSError as error:
            raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, NotImplementedError):
            raise CommandFailed(
                f"{path} is not a whole backup of a hub: it is something else, or was broken off."
            ) from None

    def check(self, key: bytes) -> None:
        """Return if the hub of this key wrote the archive, and everything that it names is there.

        Raises:
            CommandFailed: it did not, or something is missing.
        """
        if not hmac.compare_digest(self._signature, signature(self._document, key)):
            raise CommandFailed(
                f"{self.path} does not belong to this key: it is another hub's, or was changed."
            )
        expected = {MANIFEST, SIGNED, *self.manifest.files}
        expected |= {f"tables/{name}.jsonl" for name in self.manifest.tables}
        names = self._zip.namelist()
        if len(names) != len(expected) or set(names) != expected:
            raise self._changed(*sorted(expected ^ set(names))[:1])

    async def batches(self) -> AsyncIterator[Batch]:
        """The rows of all tables, each counted.

        Raises:
            CommandFailed: they are not those that were written.
        """
        for name, told in self.manifest.tables.items():
            tally = Tally()
            yield name, tuple(told["columns"]), ()
            lines = _bunches(self._lines(f"tables/{name}.jsonl"))
            while (bunch := await asyncio.to_thread(next, lines, None)) is not None:
                tally.add(bunch)
                yield name, tuple(told["columns"]), bunch
            if (tally.rows, tally.digest) != (told["rows"], told["digest"]):
                raise self._changed(f"tables/{name}.jsonl")

    def _lines(self, member: str) -> Iterator[bytes]:
        try:
            with self._zip.open(member) as file:
                for line in file:
                    yield line.removesuffix(b"\n")
        except DAMAGE:
            raise self._changed(member) from None

    def unpack(self, folder: Path) -> int:
        """Put the pictures there; how many. Those that are there already stay.

        Raises:
            CommandFailed: one is not what was written.
        """
        count = 0
        make_folder(folder)
        for name in self.manifest.files:
            if name == SETTINGS:
                continue
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise self._changed(name)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            with part.open("wb") as file:
                self._copy(name, file)
            os.replace(part, target)
            count += 1
        return count

    def _copy(self, name: str, target: IO[bytes]) -> None:
        try:
            with self._zip.open(name) as member:
                digest = _copied(member, target)
        except DAMAGE:
            raise self._changed(name) from None
        if digest != self.manifest.files[name]:
            raise self._changed(name)

    def secret(self, name: str, key: MasterKey) -> bytes | None:
        """What `Writer.secret` put in, or None."""
        if name not in self.manifest.files:
            return None
        return key.open(self._zip.read(name), name)

    def _changed(self, name: str = "") -> CommandFailed:
        return CommandFailed(f"{self.path} was damaged or changed: {name} is not as it was saved.")

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()


def signature(document: bytes, key: bytes) -> bytes:
    """What only a holder of the key can say of a manifest."""
    return hmac.digest(key, b"manifest of a backup\n" + document, "sha256").hex().encode()


def _put(member: IO[bytes], tally: Tally, lines: Sequence[bytes]) -> None:
    tally.add(lines)
    if lines:
        member.write(b"\n".join(lines) + b"\n")


def _bunches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    bunch: list[bytes] = []
    for line in lines:
        bunch.append(line)
        if len(bunch) == AT_ONCE:
            yield bunch
            bunch = []
    if bunch:
        yield bunch


def _copied(source: IO[bytes], target: IO[bytes]) -> str:
    """The SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while piece := source.read(PIECE_BYTES):
        digest.update(piece)
        target.write(piece)
    return digest.hexdigest()
