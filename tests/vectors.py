"""Test vectors of others, fetched once and never committed.

They lie in source packages on the Python package index: RFC 9421 appendix B in that of
`http-message-signatures`, the published proof of FEP-8b32 in that of `apsig`. pip fetches them
into `.cache/`, and the tests read them from there.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

CACHE = Path(__file__).parent.parent / ".cache" / "vectors"
HTTP_MESSAGE_SIGNATURES = ("http-message-signatures", "3.0.0")
APSIG = ("apsig", "0.6.0")
_SECONDS = 300


@dataclass(frozen=True)
class Rfc9421Vector:
    """One example of appendix B.2, as the headers of the RFC have it."""

    label: str
    key: str
    signature_input: str
    signature: str


@dataclass(frozen=True)
class Rfc9421Request:
    """The request of appendix B.2 that all its examples sign."""

    url: str
    headers: dict[str, str]
    body: bytes = b'{"hello": "world"}'


@cache
def source_package(name: str, version: str) -> Path:
    """The unpacked source package; the test fails in words if it cannot be fetched."""
    folder = CACHE / f"{name.replace('-', '_')}-{version}"
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            _unpack(_download(name, version, Path(scratch)), Path(scratch))
            _move(Path(scratch) / folder.name, folder)
    return folder


def rfc9421_request() -> Rfc9421Request:
    """The request of RFC 9421 appendix B.2."""
    texts = _texts(_method("setUp", "test_http_message_signatures_B21"))
    url = next(text for text in texts if text.startswith("https://"))
    digest = next(text for text in texts if text.startswith("sha-512=:"))
    body = Rfc9421Request.body
    headers = {
        "host": "example.com",
        "date": next(text for text in texts if text.endswith("02:07:55 GMT")),
        "content-type": "application/json",
        "content-digest": digest,
        "content-length": str(len(body)),
    }
    return Rfc9421Request(url, headers, body)


def rfc9421_vector(number: str) -> Rfc9421Vector:
    """An example of RFC 9421 appendix B.2 by its number, such as `B26`."""
    texts = _texts(_method(f"test_http_message_signatures_{number}"))
    label = f"sig-{number.lower()}"
    return Rfc9421Vector(
        label=label,
        key=next(text for text in texts if text.startswith("test-key-")),
        signature_input=next(text for text in texts if text.startswith(f"{label}=(")),
        signature=next(text for text in texts if text.startswith(f"{label}=:")),
    )


def rfc9421_public_pem(key: str) -> str:
    """A public key of RFC 9421 appendix B.1."""
    return (source_package(*HTTP_MESSAGE_SIGNATURES) / "test" / f"{key}.pem").read_text()


def rfc9421_private_pem(key: str) -> bytes:
    """A private key of RFC 9421 appendix B.1."""
    return (source_package(*HTTP_MESSAGE_SIGNATURES) / "test" / f"{key}.key").read_bytes()


def fep8b32_proof_value() -> str:
    """The value of the proof that FEP-8b32 publishes as its test vector."""
    source = (source_package(*APSIG) / "tests" / "test_proof.py").read_text()
    found = re.search(r'"(z[1-9A-HJ-NP-Za-km-z]{80,90})"', source)
    if found is None:
        pytest.fail("The source package of apsig no longer holds the proof of FEP-8b32.")
    return found.group(1)


def _download(name: str, version: str, folder: Path) -> Path:
    command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", ":all:", "--dest", str(folder), f"{name}=={version}"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()
        pytest.fail(
            f"These tests need the source package of {name} {version}, and pip could not fetch it"
            f" from the package index: {said[-1] if said else 'it did not say why'}",
            pytrace=False,
        )
    return next(folder.glob("*.tar.gz"))


def _pip() -> list[str]:
    """pip as it can be had: of this environment, through uv, or of the system."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip") or shutil.which("pip3")
    if found is not None:
        return [found]
    return [sys.executable, "-m", "uv", "tool", "run", "pip"]


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


def _move(unpacked: Path, folder: Path) -> None:
    try:
        unpacked.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another worker was faster
            raise


def _method(name: str, beside: str | None = None) -> ast.FunctionDef:
    """The method of a test case of the package, in the class that also has `beside`."""
    source = source_package(*HTTP_MESSAGE_SIGNATURES) / "test" / "test.py"
    for case in ast.walk(ast.parse(source.read_text())):
        if not isinstance(case, ast.ClassDef):
            continue
        methods = {each.name: each for each in case.body if isinstance(each, ast.FunctionDef)}
        if name in methods and (beside is None or beside in methods):
            return methods[name]
    pytest.fail(f"The source package of http-message-signatures no longer has {name}.")


def _texts(method: ast.FunctionDef) -> list[str]:
    """The string constants of a method, in the order of the source."""
    nodes = [node for node in ast.walk(method) if isinstance(node, ast.Constant)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return [node.value for node in nodes if isinstance(node.value, str)]
